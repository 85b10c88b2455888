"""Give one household what nobody else has; the reply must not grow a cell for it.

Groups named by what is found in the data would tell that somebody is in them.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.records.connect import Kind
from privacy.query import cells
from proto import wire
from tests import living_site, own_records
from tests.living_site import LivingSite, ask
from tests.own_records import NOW, PROGRAMME, OwnRecords, Row

CHANNELS = PROGRAMME.dictionary.codes_of(
    PROGRAMME.dictionary.field("pool_entry.channel")
)
QUESTIONS = (
    ask("M01", "FY2024-H2"),
    *living_site.all_questions("FY2024"),
)


@pytest.fixture(scope="module")
def sites(
    people: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, LivingSite]]:
    """Give sites alike but for one household's way in: common, rare, or unheard of."""
    folder = tmp_path_factory.mktemp("rare")
    start, end = (day.isoformat() for day in own_records.days("FY2024-H2"))
    entries = own_records.rows(people, "pool_entry")
    someone = next(e for e in entries if start <= e["entered_on"] <= end)
    who = someone["household_key"]
    common = {entry["channel"] for entry in entries}
    ways = {
        "common": someone["channel"],
        "rare": next((c for c in CHANNELS.codes if c not in common), "none is rare"),
        "unheard of": "a way only one household ever came",
        "empty": "",
        "number": "9" * 400,
        "strange": "\U0001f600\x7f'; DROP TABLE household; --",
    }
    made = {}
    for name, way in ways.items():

        def change(table: str, row: Row, way: str = way) -> Row:
            if table == "pool_entry" and row["household_key"] == who:
                row["channel"] = way
            return row

        home = folder / name.replace(" ", "-")
        records = OwnRecords(home / "records", Kind.SQLITE)
        records.take(own_records.rewrite(people, home / "csv", change))
        made[name] = LivingSite(home / "site", records)
    yield made
    for site in made.values():
        site.node.ledger.close()
        site.records.close()


@pytest.mark.parametrize(
    "question", QUESTIONS, ids=lambda q: f"{q.metric} {q.query_name}"
)
def test_a_rare_value_changes_no_cell_order_or_length(
    sites: dict[str, LivingSite], question: wire.Ask
) -> None:
    answers = [site.answer(question, now=NOW) for site in sites.values()]
    (asked,) = [
        query
        for query in living_site.queries(
            question.metric, "FY2024-H2" if question is QUESTIONS[0] else "FY2024"
        ).values()
        if query.canonical_form == question.query
    ]
    public = len(cells(asked, PROGRAMME.dictionary))
    assert {len(answer.values) for answer in answers} == {public}
    written = [wire.reply_to_bytes(a, cells=question.cells) for a in answers]
    assert len({len(reply) for reply in written}) == 1


def test_the_rare_household_is_counted_in_a_public_cell(
    sites: dict[str, LivingSite],
) -> None:
    (asked,) = living_site.queries("M01", "FY2024-H2").values()
    exact = {name: site.records.read(asked).exact() for name, site in sites.items()}
    # It moves between cells that were always there, and the total stays.
    assert len({sum(values) for values in exact.values()}) == 1
    assert exact["unheard of"] == exact["number"] == exact["strange"]
    assert exact["unheard of"] != exact["common"]
