"""One answer for ever: the same run again is the same to the byte, and free."""

import csv
import datetime as dt
import itertools
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from coordinator import ask
from coordinator.ask import Outcome
from coordinator.desk import Desk
from coordinator.order import Order
from node.cli.home import Home
from node.ledger import Scope
from node.records import tally
from privacy import pack
from privacy.period import Period
from tests.end_to_end.exchange import PROGRAMME, Centre, NodeProcess, node

NewSite = Callable[..., NodeProcess]

SITES = ("HOU", "LAX", "NYC")
"""The whole roster: each witnesses the others, and none can be missing."""

FIRST_CLOSED = "FY2024-Q4"
LATER = Period("FY2025-Q1")


def the_pack() -> list[Order]:
    """Return the orders of the half-year pack, all twelve metrics."""
    shipped = pack.load("half-year", PROGRAMME)
    return [
        Order(
            metric=PROGRAMME.metric(planned.line.metric),
            period=planned.period,
            rho=dict(planned.line.losses),
        )
        for planned in shipped.lines_for(Period("FY2024-H2"))
    ]


def run(desk: Desk, orders: list[Order]) -> tuple[bytes, Outcome]:
    """Ask the sites; return the published bytes and the outcome."""
    outcome = ask.ask(orders, desk=desk, now=dt.datetime.now(dt.UTC))
    assert all(result.answered == len(SITES) for result in outcome.results)
    assert not outcome.conflicts
    published = [result.content() for result in outcome.results]
    return json.dumps(published, indent=2).encode(), outcome


def exact(home: Path, orders: list[Order]) -> list[tuple[int, ...]]:
    """Read what a site would answer exactly, from the records it holds now."""
    site = Home(home)
    reader = site.register.reader(site.records)
    found = [
        tally.read(reader, query).exact()
        for order in orders
        for query in PROGRAMME.queries(order.metric, order.period).values()
    ]
    site.records.close()
    return found


def spent(process: NodeProcess) -> dict[str, int]:
    """Return what each entry year has been charged."""
    site = Home(process.home)
    accounts = site.ledger.accounts()
    site.ledger.verify()
    site.ledger.close()
    return {
        account.name: account.spent.model
        for account in accounts
        if account.scope is Scope.LIFETIME
    }


def edit(folder: Path) -> None:
    """Change a site's own files: people gone, days moved, outcomes turned over."""
    rows = {path: found for path in folder.glob("*.csv") if (found := _rows(path))}
    gone = {row["household_key"] for row in rows[folder / "household.csv"][::3]}
    people = {
        row["person_key"]
        for row in rows[folder / "participant.csv"]
        if row["household_key"] in gone
    }
    for path, found in rows.items():
        kept = [
            row
            for row in found
            if row.get("household_key") not in gone
            and row.get("person_key") not in people
        ]
        for row in kept:
            _change(path.stem, row)
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(found[0]))
            writer.writeheader()
            writer.writerows(kept)


def _rows(path: Path) -> list[dict[str, str]]:
    """Read one file."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _change(table: str, row: dict[str, str]) -> None:
    """Turn one row into another history."""
    if table == "enrolment":
        moved = dt.date.fromisoformat(row["enrolled_on"]) - dt.timedelta(days=100)
        row["enrolled_on"] = moved.isoformat()
    elif table == "pool_entry":
        row["channel"] = "other"
        row["selected"] = "1" if row["selected"] == "0" else "0"
    elif table == "obligation_event":
        row["result"] = "missed"
    elif table == "service_event":
        row["type"] = "other"


def restart(sites: list[NodeProcess]) -> None:
    """Kill every node as a power cut would, and start them again."""
    for site in sites:
        site.kill()
    for site in sites:
        site.start()


def edit_and_import(sites: list[NodeProcess], records: Path) -> None:
    """Edit every site's records, import them, and close one more quarter."""
    for site in sites:
        folder = records / f"{site.site}.records"
        edit(folder)
        node(site.home, "import", str(folder), "--accept-serious")
        node(site.home, "close", LATER.label)


def test_the_same_run_again_is_the_same_and_free_whatever_happened(
    new_site: NewSite, centre: Centre, tmp_path: Path
) -> None:
    sites = [new_site(name, closed_through=FIRST_CLOSED, sites=SITES) for name in SITES]
    for site in sites:
        site.start()
    orders = the_pack()
    names = itertools.count()

    def asked(what: list[Order]) -> tuple[bytes, Outcome]:
        # An empty store each time, so that every number comes from the sites.
        desk = centre.desk(sites, name=f"desk{next(names)}", deadline_seconds=60)
        return run(desk, what)

    first, outcome = asked(orders)
    assert all(outcome.charged_pico.values())
    charged = [spent(site) for site in sites]

    def same_and_free() -> bool:
        again, outcome = asked(orders)
        free = not any(outcome.charged_pico.values())
        return again == first and free and [spent(site) for site in sites] == charged

    assert same_and_free()
    restart(sites)
    assert same_and_free()
    before = [exact(site.home, orders) for site in sites]
    edit_and_import(sites, tmp_path)
    # The edits were large: what an honest count gives now is something else.
    after = [exact(site.home, orders) for site in sites]
    assert all(a != b for a, b in zip(after, before, strict=True))
    assert same_and_free()
    restart(sites)
    assert same_and_free()

    # The serving nodes do read the new records: the later quarter is open now.
    later = Order(
        metric=PROGRAMME.metric("M01"), period=LATER, rho={"pool": Fraction(1, 100)}
    )
    _, outcome = asked([later])
    assert set(outcome.charged_pico.values()) == {10**10}
