"""Three commands take an HMIS zip to an answered metric: import, close, ask."""

import datetime as dt
from fractions import Fraction
from pathlib import Path

import pytest

from coordinator import ask
from coordinator.order import Order
from node.cli.home import Home
from node.records import tally
from privacy.period import Period
from tests import hmis_samples as hmis
from tests.end_to_end.exchange import PROGRAMME, Centre, NodeProcess, node, settle

SITES = ("HOU", "LAX", "NYC")
YEARS = ("2021", "2024", "2026")
"""Each site's HMIS is of another year, and the first of an odd vendor."""

BEGINS = dt.date(2023, 10, 1)
PERIOD = Period("FY2024")
RHO = Fraction(1, 2)
ERRORS = 7
"""A true estimate is further away than this less than once in 10**11 runs."""


def exact(home: Path, order: Order) -> int:
    """Read what a site would answer exactly."""
    site = Home(home)
    reader = site.register.reader(site.records)
    (query,) = PROGRAMME.queries(order.metric, order.period).values()
    (count,) = tally.read(reader, query).exact()
    site.records.close()
    return count


@pytest.mark.timeout(300)
def test_an_hmis_zip_is_answered_after_import_close_and_ask(
    tmp_path: Path, centre: Centre
) -> None:
    running = []
    for site, year in zip(SITES, YEARS, strict=True):
        home = tmp_path / site
        settle(home, site, sites=SITES)
        centre.certify(home, site)
        vendor = hmis.ODD if year == YEARS[0] else hmis.PLAIN
        files = hmis.invent(year, seed=int(year), begins=BEGINS)
        export = hmis.pack(tmp_path / f"{site}.zip", files, vendor)
        node(home, "import", str(export))
        node(home, "close", "FY2024-Q4")
        running.append(NodeProcess(home, site, SITES))
    order = Order(metric=PROGRAMME.metric("M08"), period=PERIOD, rho={"enrolled": RHO})
    counts = {process.site: exact(process.home, order) for process in running}
    try:
        for process in running:
            process.start()
        desk = centre.desk(running, name="hmis", deadline_seconds=60)
        outcome = ask.ask([order], desk=desk, now=dt.datetime.now(dt.UTC))
    finally:
        for process in running:
            process.close()
    (result,) = outcome.results
    cells = {cell["labels"]["site"]: cell for cell in result.content()["cells"]}
    assert min(counts.values()) > 20
    for site, count in counts.items():
        error = abs(cells[site]["value"] - count)
        assert error <= ERRORS * cells[site]["standard_error"] < 10
