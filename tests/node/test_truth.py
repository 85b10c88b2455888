"""The truth beside invented records, and that the draw recovers it without bias.

The soak runs hold the whole generator against its parameters; their sizes are
constants, so that they can be tried small.
"""

import json
import math
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path

import pytest

from node import synthetic
from node.synthetic import Planted, parameters, truth
from node.synthetic.row import Row, day_of
from node.synthetic.truth import Told, told_twice

SEEDS = 200
POOL_SCALE = 20.0
"""About 5,300 drawn households a seed. The mean error of 200 seeds then has a standard
error of 0.054 points, so seeds of a fair generator miss 0.1 points once in 15 choices;
it takes about eight minutes for each preset."""

MANY = 60.0
"""About 53,000 households of one site."""

POINTS = 0.001
STANDARD_ERRORS = 5
Tables = dict[str, list[Row]]


def estimate(told: list[Told]) -> float:
    """Compare the arms within each draw and stratum, as an evaluator would."""
    arms: dict[tuple[int, str], dict[bool, list[bool]]] = defaultdict(
        lambda: {True: [], False: []}
    )
    for each in told:
        arms[each.draw][each.selected].append(each.seen)
    weight = total = 0.0
    for both in arms.values():
        if both[True] and both[False]:
            size = len(both[True]) + len(both[False])
            shares = [sum(both[arm]) / len(both[arm]) for arm in (True, False)]
            total += size * (shares[0] - shares[1])
            weight += size
    return total / weight


def known(told: list[Told]) -> float:
    """The effect of being selected, known because each household is told twice."""
    return sum(each.missed[1] - each.missed[0] for each in told) / len(told)


def errors(preset: str, *, seeds: int, scale: float) -> tuple[float, float]:
    """Return the mean error over seeds, and its standard error."""
    found = []
    for seed in range(seeds):
        told = list(told_twice(site="BAL", seed=seed, scale=scale, preset=preset))
        found.append(estimate(told) - known(told))
    mean = sum(found) / len(found)
    spread = math.sqrt(sum((each - mean) ** 2 for each in found) / (len(found) - 1))
    return mean, spread / math.sqrt(len(found))


def test_what_really_happened_is_one_of_the_two_stories() -> None:
    made = {"site": "BAL", "seed": 4, "scale": 2.0}
    told = {each.key: each for each in told_twice(**made)}
    home, recorded = {}, set()
    for table, row in synthetic.generate(**made):
        if table == "participant":
            home[row["person_key"]] = str(row["household_key"])
        elif table == "obligation_event" and str(row["kind"]).startswith("hearing"):
            each = told.get(home[row["person_key"]])
            if each is not None and row["result"] == "missed":
                after = day_of(str(row["due_on"])) - each.draw[0]
                recorded |= {each.key} if after <= 365 else set()
    seen = {key for key, each in told.items() if each.seen}
    assert len(told) > 500
    assert recorded <= seen
    # The site does not learn of all that happened.
    assert len(recorded) > 0.4 * len(seen) > 5


def test_without_an_effect_being_selected_hardly_changes_a_story() -> None:
    # Enrolment may still bring a lawyer's day forward; nothing else.
    told = list(told_twice(site="BAL", seed=4, scale=4.0, preset="null"))
    assert abs(known(told)) < 3 * POINTS


def test_the_default_effect_is_the_configured_one() -> None:
    told = list(told_twice(site="BAL", seed=4, scale=8.0))
    assert -0.07 < known(told) < -0.02


@pytest.mark.parametrize("preset", ["default", "null"])
def test_comparing_the_arms_recovers_the_effect(preset: str) -> None:
    # Five standard errors: a fair generator fails once in 1.7 million.
    mean, error = errors(preset, seeds=6, scale=1.0)
    assert abs(mean) < STANDARD_ERRORS * error + POINTS


def test_the_comparison_would_notice_a_biased_draw() -> None:
    told = list(told_twice(site="BAL", seed=4, scale=8.0))
    biased = [
        each for each in told if each.selected or not each.seen or each.draw[0] % 2
    ]
    assert abs(estimate(biased) - known(told)) > 5 * POINTS


def test_the_truth_lists_what_was_made_and_what_was_planted(tmp_path: Path) -> None:
    made = {"site": "DCA", "seed": 2, "scale": 0.5, "preset": "default"}
    planted = Planted()
    rows = Counter(table for table, _ in synthetic.generate(**made, planted=planted))
    file = tmp_path / "truth.json"
    truth.write(file, made=made, rows=rows, planted=planted)
    content = json.loads(file.read_text())
    assert content["made_with"] == made
    assert content["rows"] == dict(rows)
    assert len(content["canaries"]) == 20
    assert sum(each["count"] for each in content["planted"]) == sum(
        planted.defects.values()
    )
    assert set(content["vault"]) == planted.vault
    effect = content["missed_a_hearing_within_a_year"]
    assert float(effect["effect_points"]) == pytest.approx(
        float(effect["selected"]) - float(effect["not_selected"]), abs=0.001
    )
    assert content["parameters"]["presets"]["default"]["missed_check_in"] == 3


# --- acceptance ------------------------------------------------------------------


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("preset", ["default", "null"])
def test_the_effect_is_recovered_without_bias_over_many_seeds(preset: str) -> None:
    mean, error = errors(preset, seeds=SEEDS, scale=POOL_SCALE)
    assert error < POINTS * 0.6
    assert abs(mean) < POINTS


@pytest.fixture(scope="module")
def many() -> Tables:
    wanted = {"household", "participant", "pool_entry", "plan_goal", "screening"}
    tables: Tables = defaultdict(list)
    for table, row in synthetic.generate(site="LAX", seed=1, scale=MANY):
        if table in wanted:
            tables[table].append(row)
    return tables


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("table", "field", "path"),
    [
        ("household", "type", ("intake", "household_type")),
        ("pool_entry", "channel", ("sites", "LAX", "channel")),
        ("participant", "age_band", ("people", "age_band")),
        ("participant", "language_group", ("sites", "LAX", "language")),
        ("participant", "protection_sought", ("people", "protection_sought")),
        ("participant", "consent_stats", ("people", "consent_stats")),
        ("plan_goal", "chosen_by", ("needs", "chosen_by")),
    ],
)
def test_marginals_are_within_two_percent(
    many: Tables, table: str, field: str, path: tuple[str, ...]
) -> None:
    assert len(many["household"]) >= 50_000
    content = parameters.load_toml(parameters.text())
    for part in path:
        content = content[part]
    rows = [row[field] for row in many[table] if row.get(field) is not None]
    seen, whole = Counter(rows), sum(content.values())
    for code, weight in content.items():
        assert seen[code] / len(rows) == pytest.approx(weight / whole, abs=0.02)


@pytest.mark.soak
def test_two_seeds_differ_in_every_table_at_every_site() -> None:
    for site in ("NYC", "HOU", "LAX", "BAL", "DCA", "S01", "S60"):
        one, other = (
            list(islice(synthetic.generate(site=site, seed=seed, scale=0.3), 10**6))
            for seed in (1, 2)
        )
        for table in {name for name, _ in one}:
            assert [r for t, r in one if t == table] != [
                r for t, r in other if t == table
            ]
