"""Compare a query's statement with the same exact SQL without register or caps.

python bench/records.py [households]
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from bench.population import fill
from node.records import schema, tally
from node.records.connect import Kind, Place, create_key
from node.records.store import Reader, RecordStore
from node.register.book import Register
from privacy import catalogue
from privacy.expression import (
    EVERYBODY,
    All,
    ByField,
    ByHolds,
    Compare,
    Comparison,
    Count,
    Instant,
    Not,
    OneOf,
    SpellDays,
    Window,
)
from privacy.period import Period
from privacy.query import Query
from tests.record_site import ask_for, moment

YEAR = Period("FY2024")
HALF = Period("FY2024-H2")
ENTRY = ("FY2023", "FY2024", "FY2025")
_DURING = Window(Instant("period_start", 0), Instant("period_end", 0))
_HEARING = OneOf("obligation_event.kind", ("hearing_individual", "hearing_master"))


def _hearings(*results: str) -> Compare:
    result = OneOf("obligation_event.result", results)
    count = Count("obligation_event", All((_HEARING, result)), _DURING)
    return Compare(count, Comparison.AT_LEAST, 1)


ENROLLED_BY_CHANNEL = ask_for(
    HALF.label,
    anchor="enrolment",
    entry=ENTRY,
    by=(ByField("pool_entry.channel", "full"),),
)
NO_MISSED_HEARING = ask_for(
    YEAR.label,
    entry=ENTRY,
    population=_hearings("met", "missed"),
    by=(ByHolds("no missed hearing", Not(_hearings("missed"))),),
)
SERVED_NO_MISSED_HEARING = ask_for(
    YEAR.label,
    entry=ENTRY,
    population=All(
        (
            Compare(SpellDays("enrolment", EVERYBODY, _DURING), Comparison.AT_LEAST, 1),
            _hearings("met", "missed"),
        )
    ),
    by=(ByHolds("no missed hearing", Not(_hearings("missed"))),),
)
_CONSENT = """household NOT IN (SELECT household FROM participant
    WHERE consent_stats <> 'yes' AND household IS NOT NULL)"""
_MISSED = f"""SELECT household,
    max(CASE WHEN result = 'missed' THEN 1 ELSE 0 END) AS missed
    FROM obligation_event WHERE kind IN ('hearing_master', 'hearing_individual')
    AND result IN ('met', 'missed') AND due_on BETWEEN {YEAR.start} AND {YEAR.end}
    AND {_CONSENT}"""
NATURAL = {
    "households enrolled in a half-year, by channel": (
        ENROLLED_BY_CHANNEL,
        f"""SELECT channel, count(*) FROM pool_entry JOIN
        (SELECT household, min(enrolled_on) AS first FROM enrolment GROUP BY household)
        USING (household) WHERE first BETWEEN {HALF.start} AND {HALF.end}
        AND {_CONSENT} GROUP BY channel""",
    ),
    "households with a hearing due, by none missed": (
        NO_MISSED_HEARING,
        f"""SELECT missed, count(*) FROM ({_MISSED} GROUP BY household)
        GROUP BY missed""",
    ),
    "served households with a hearing due, by none missed (M29)": (
        SERVED_NO_MISSED_HEARING,
        f"""SELECT missed, count(*) FROM ({_MISSED} AND household IN
        (SELECT household FROM enrolment WHERE enrolled_on <= {YEAR.end}
        AND (exited_on IS NULL OR exited_on > {YEAR.start})) GROUP BY household)
        GROUP BY missed""",
    ),
}


def seconds(run: Callable[[], object], times: int = 9) -> float:
    """Return the median time of a few runs."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def build(folder: Path, households: int) -> RecordStore:
    """Make an encrypted store with a closed register over the population."""
    made = schema.build(catalogue.load().dictionary)
    create_key(folder / "key")
    place = Place(
        kind=Kind.DUCKDB, directory=folder / "records", key_file=folder / "key"
    )
    store = RecordStore.create(place, made)
    register = Register.create(
        f"sqlite:///{folder}/register.sqlite", first=Period("FY2023-Q1")
    )
    start = time.perf_counter()
    with store.writer() as writer:
        with writer.transaction() as connection:
            fill(connection, made, households=households)
        print(f"  rows made in {time.perf_counter() - start:.1f} s")
        register.materialise(writer)
        store.publish(writer)
    print(f"  published after {time.perf_counter() - start:.1f} s")
    start = time.perf_counter()
    last = Period("FY2025-Q4")
    register.close(last, store, now=moment(last.closes))
    print(f"  {last} closed in {time.perf_counter() - start:.1f} s")
    start = time.perf_counter()
    register.reader(store)
    print(f"  opened in {time.perf_counter() - start:.1f} s")
    return store


def compare(reader: Reader, query: Query, natural: str) -> tuple[float, float]:
    """Time both, one after the other, on the same store."""

    def exact() -> None:
        with reader.transaction() as connection:
            connection.execute(text(natural)).all()

    return seconds(lambda: tally.read(reader, query)), seconds(exact)


def main() -> None:
    households = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        print(f"{households} households, encrypted DuckDB")
        store = build(Path(folder), households)
        reader = store.open_current()
        for name, (query, natural) in NATURAL.items():
            ours, exact = compare(reader, query, natural)
            ratio = ours / exact
            print(f"  {name}: {ours:.3f} s / {exact:.3f} s = {ratio:.2f}")
        store.close()


if __name__ == "__main__":
    main()
