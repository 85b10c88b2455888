"""The synthetic population: reproducible, shaped like the dictionary, as configured.

Every share is compared with its parameter at five standard errors: a correct
generator fails one such comparison in 1.7 million seeds, and the seeds are fixed.
"""

import decimal
import hashlib
import math
import re
from collections import Counter, defaultdict
from importlib import resources
from pathlib import Path

import pytest

from node import synthetic
from node.synthetic import parameters
from node.synthetic.row import Row
from node.synthetic.stream import Stream
from privacy import dictionary as public
from privacy.dictionary import Dictionary, Kind
from privacy.errors import InvalidProgramme

GOLDEN = "15b710f7e7f9adcbf642edc1b526c7bf4ab2f66ff3ca81e4e893393d1244d314"
STANDARD_ERRORS = 5
NOBODY = re.compile(
    r"name|phone|mail|birth|address|street|zip|ssn|alien|receipt|note|photo|gps_"
)

Tables = dict[str, list[Row]]


def make(**arguments: object) -> Tables:
    tables: Tables = defaultdict(list)
    for table, row in synthetic.generate(**arguments):
        tables[table].append(row)
    return tables


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    programme = resources.files("privacy") / "programme" / "dictionary.toml"
    return public.parse(programme.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def small() -> Tables:
    return make(site="NYC", seed=7, scale=0.2)


@pytest.fixture(scope="module")
def large() -> Tables:
    return make(site="LAX", seed=7, scale=5)


def assert_share(hits: int, total: int, expected: float) -> None:
    tolerance = STANDARD_ERRORS * math.sqrt(expected * (1 - expected) / total)
    assert total > 0
    assert abs(hits / total - expected) <= tolerance


def digest(folder: Path) -> str:
    content = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        content.update(path.name.encode() + b"\0" + path.read_bytes())
    return content.hexdigest()


# --- the same bytes --------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes(
    tmp_path: Path, dictionary: Dictionary
) -> None:
    synthetic.write_folder(
        tmp_path / "NYC", dictionary=dictionary, site="NYC", seed=7, scale=0.05
    )
    assert digest(tmp_path / "NYC") == GOLDEN


def test_the_callers_decimal_arithmetic_does_not_matter(small: Tables) -> None:
    parameters.load.cache_clear()
    with decimal.localcontext(decimal.Context(prec=3)):
        again = make(site="NYC", seed=7, scale=0.2)
    assert small == again


def test_two_seeds_differ_in_every_table(small: Tables) -> None:
    other = make(site="NYC", seed=8, scale=0.2)
    assert set(small) == set(other)
    assert [table for table in small if small[table] == other[table]] == []


def test_two_sites_differ_in_more_than_their_keys() -> None:
    one, other = (make(site=site, seed=7, scale=0.2) for site in ("BAL", "DCA"))
    for table in ("service_event", "obligation_event"):
        days = [
            Counter(value for row in tables[table] for value in row.values())
            for tables in (one, other)
        ]
        assert days[0] != days[1]


def test_a_stream_depends_on_each_part_of_its_label() -> None:
    labels = [(1, "a", 1), (2, "a", 1), (1, "b", 1), (1, "a", 2), (1, "a", "1", "")]
    words = [tuple(Stream(*label).word() for _ in range(4)) for label in labels]
    assert len(set(words)) == len(labels)


# --- the dictionary's shape ------------------------------------------------


def test_every_table_of_the_dictionary_has_rows(
    small: Tables, dictionary: Dictionary
) -> None:
    assert set(dictionary.tables) == set(small)


def test_every_value_is_one_the_dictionary_lists(
    small: Tables, dictionary: Dictionary
) -> None:
    odd = [
        (table, name, value)
        for table, rows in small.items()
        for row in rows
        for name, value in row.items()
        if not name.endswith("_key") and value is not None
        if not is_listed(dictionary, f"{table}.{name}", value)
    ]
    assert odd == []


def is_listed(dictionary: Dictionary, path: str, value: str | int) -> bool:
    field = dictionary.field(path)
    match field.kind:
        case Kind.CODE:
            return value in dictionary.codes_of(field).codes
        case Kind.FLAG:
            return value in {0, 1}
        case Kind.INTEGER:
            return isinstance(value, int) and field.low <= value <= field.high
        case Kind.DAY:
            return bool(re.fullmatch(r"(19|20)\d\d-[01]\d-[0-3]\d", str(value)))


def test_no_column_could_identify_anybody(small: Tables) -> None:
    columns = {name for rows in small.values() for row in rows for name in row}
    assert [name for name in columns if NOBODY.search(name)] == []


def test_keys_are_plainly_invented(small: Tables) -> None:
    for rows in small.values():
        for row in rows:
            assert re.fullmatch(
                r"TRAINING-NYC-H\d{7}",
                str(row.get("household_key", "TRAINING-NYC-H0000000")),
            )
            assert re.fullmatch(
                r"TRAINING-NYC-P\d{7}[ABC]",
                str(row.get("person_key", "TRAINING-NYC-P0000000A")),
            )


def test_a_household_comes_before_its_adults_and_they_before_the_rest() -> None:
    households, persons = set(), set()
    for table, row in synthetic.generate(site="DCA", seed=7, scale=0.3):
        if table == "household":
            assert row["household_key"] not in households
            households.add(row["household_key"])
        elif table == "participant":
            assert row["household_key"] in households
            assert row["person_key"] not in persons
            persons.add(row["person_key"])
        else:
            assert row.get("household_key", None) in {None, *households}
            assert row.get("person_key", None) in {None, *persons}


def test_nothing_is_recorded_after_the_last_day(small: Tables) -> None:
    latest = max(
        str(value)
        for rows in small.values()
        for row in rows
        for name, value in row.items()
        if name.endswith("_on") and value is not None
    )
    assert latest <= "2025-12-31"


def test_nobody_leaves_before_they_came(small: Tables) -> None:
    for table, start, end in (
        ("enrolment", "enrolled_on", "exited_on"),
        ("monitoring_spell", "started_on", "ended_on"),
    ):
        spells = [(row[start], row[end] or "9999") for row in small[table]]
        assert [spell for spell in spells if spell[0] > spell[1]] == []


def test_pool_draw_and_enrolment_are_in_order(small: Tables) -> None:
    for row in small["pool_entry"]:
        days = [row.get(k) for k in ("entered_on", "drawn_on", "offer_resolved_on")]
        known = [day for day in days if day is not None]
        assert known == sorted(known)


# --- as configured ---------------------------------------------------------


def weights(*path: str) -> dict[str, float]:
    content = parameters.load_toml(parameters.text())
    for part in path:
        content = content[part]
    total = sum(content.values())
    return {name: value / total for name, value in content.items()}


@pytest.mark.parametrize(
    ("table", "field", "path"),
    [
        ("household", "type", ("intake", "household_type")),
        ("pool_entry", "channel", ("sites", "LAX", "channel")),
        ("participant", "age_band", ("people", "age_band")),
        ("plan_goal", "chosen_by", ("needs", "chosen_by")),
        ("participant", "protection_sought", ("people", "protection_sought")),
    ],
)
def test_shares_are_those_of_the_parameters(
    large: Tables, table: str, field: str, path: tuple[str, ...]
) -> None:
    rows = [row[field] for row in large[table] if row.get(field) is not None]
    seen = Counter(rows)
    for code, expected in weights(*path).items():
        assert_share(seen[code], len(rows), expected)


def test_selection_keeps_its_recorded_probability(large: Tables) -> None:
    for draw in {row.get("drawn_on") for row in large["pool_entry"]} - {None}:
        for stratum in ("family", "single"):
            drawn = [
                row
                for row in large["pool_entry"]
                if (row.get("drawn_on"), row.get("draw_stratum")) == (draw, stratum)
            ]
            selected = [row for row in drawn if row["selected"]]
            # Re-entries take part in the later draws too: allow for their share.
            promised = drawn[0]["selection_permille"] / 1000
            assert_share(len(selected), len(drawn), promised)
            for row in drawn:
                own = promised if row["selected"] else 1 - promised
                assert row["inverse_probability_percent"] == pytest.approx(
                    100 / own, rel=0.01
                )


def test_take_up_is_that_of_the_parameters(large: Tables) -> None:
    selected = [row for row in large["pool_entry"] if row.get("selected")]
    outcomes = Counter(row["offer_outcome"] for row in selected)
    for outcome, expected in weights("draw", "offer_outcome").items():
        assert_share(outcomes[outcome], len(selected), expected)


def test_scale_multiplies_the_households() -> None:
    sizes = [
        len(make(site="BAL", seed=1, scale=scale)["household"]) for scale in (0.5, 1, 2)
    ]
    assert sizes[2] == pytest.approx(2 * sizes[1], rel=0.02)
    assert sizes[1] == pytest.approx(2 * sizes[0], rel=0.02)


def test_any_of_many_sites_has_a_size_of_its_own() -> None:
    sizes = {
        len(make(site=f"S{number:02d}", seed=1, scale=0.2)["household"])
        for number in range(1, 5)
    }
    assert len(sizes) >= 3
    assert max(sizes) > 1.5 * min(sizes)


# --- what cannot be made ---------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"site": "ATL"}, "ATL"),
        ({"site": "NYC", "preset": "wonderful"}, "wonderful"),
        ({"site": "NYC", "scale": 0}, "scale"),
        ({"site": "NYC", "scale": float("nan")}, "scale"),
    ],
)
def test_what_is_not_in_the_parameters_is_refused(
    arguments: dict[str, object], word: str
) -> None:
    with pytest.raises(InvalidProgramme, match=word):
        make(seed=1, **arguments)
