"""What goes wrong at one site is named, costs nothing, and leaves the rest alone."""

import datetime as dt
import shutil
import socket
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from coordinator import ask
from coordinator.order import Order
from coordinator.result import EVERYWHERE, Result
from node.ledger import Ledger
from node.ledger.read import Head
from node.policy import officer
from privacy.period import Period
from proto.wire import Answer, Refusal, RefusalCode
from tests.end_to_end.exchange import (
    PROGRAMME,
    Centre,
    NodeProcess,
    ask_for,
    rewrite,
    sign,
)

NewSite = Callable[..., NodeProcess]

CENT = Fraction(1, 100)
PERIOD = "FY2024-H2"
ENROLLED = Order(
    metric=PROGRAMME.metric("M08"), period=Period(PERIOD), rho={"enrolled": CENT}
)


def head(process: NodeProcess) -> Head:
    """Return where a site's ledger stands."""
    ledger = Ledger.open(f"sqlite:///{process.home / 'ledger.sqlite'}")
    found = ledger.head()
    ledger.close()
    return found


def listens(process: NodeProcess) -> bool:
    """Tell whether anybody listens where a site should."""
    host, _, port = process.address.partition(":")
    with socket.socket() as knock:
        knock.settimeout(1)
        return knock.connect_ex((host, int(port))) == 0


def values(result: Result) -> dict[str, float]:
    """Return the published value of every place."""
    return {cell.site: cell.estimate.value for cell in result.cells}


def asked(
    centre: Centre, sites: tuple[NodeProcess, ...], *, name: str, seconds: float
) -> Result:
    """Ask every site how many households enrolled."""
    desk = centre.desk(sites, name=name, deadline_seconds=seconds)
    (result,) = ask.ask([ENROLLED], desk=desk, now=dt.datetime.now(dt.UTC)).results
    return result


def test_a_site_that_is_down_slow_expired_or_spent_is_named_and_the_rest_stands(
    new_site: NewSite, centre: Centre
) -> None:
    well = new_site("NYC")
    down = new_site("HOU")
    slow = new_site("LAX")
    expired = new_site("BAL", certified_days_ago=31)
    spent = new_site("DCA", lifetime_rho='"0.002"', per_release_rho='"0.002"')
    sites = (well, down, slow, expired, spent)
    for site in sites:
        site.start()
    down.kill()
    slow.freeze()
    result = asked(centre, sites, name="first", seconds=8)
    content = result.content()
    outcomes = {each["site"]: each for each in content["sites"]}
    statuses = {name: each["status"] for name, each in outcomes.items()}
    assert statuses.pop("LAX") in ("pending", "unreachable")
    assert statuses == {
        "NYC": "answered",
        "HOU": "unreachable",
        "BAL": "certificate",
        "DCA": "refused",
    }
    assert outcomes["DCA"]["loss_left"] == "1/500"
    assert outcomes["DCA"]["loss_asked"] == "1/100"
    assert (content["sites_answered"], content["sites_total"]) == (1, 5)
    alone = values(result)
    assert alone.keys() == {EVERYWHERE, "NYC"}
    assert alone[EVERYWHERE] == alone["NYC"]

    slow.thaw()
    down.start()
    later = values(asked(centre, sites, name="later", seconds=30))
    assert later.keys() == {EVERYWHERE, "NYC", "HOU", "LAX"}
    assert later["NYC"] == alone["NYC"]
    assert later[EVERYWHERE] == later["NYC"] + later["HOU"] + later["LAX"]


def test_a_question_past_a_cap_is_refused_with_what_is_left_and_costs_nothing(
    new_site: NewSite, centre: Centre
) -> None:
    site = new_site("DCA", lifetime_rho='"0.015"', per_release_rho='"0.015"')
    site.start()
    with centre.client(site) as client:
        within = ask_for("M08", PERIOD, "enrolled", rho=CENT)
        first = client.answer(within, deadline_seconds=20)
        before = head(site)
        past = ask_for("M09", PERIOD, "active", rho=CENT)
        for _ in range(3):
            said = client.answer(past, deadline_seconds=20)
            assert isinstance(said, Refusal)
            assert said.code is RefusalCode.BUDGET_EXHAUSTED
            assert (said.left_pico, said.asked_pico) == (5 * 10**9, 10**10)
        assert head(site) == before
        # What was answered before is still answered, and what fits still fits.
        assert isinstance(first, Answer)
        again = client.answer(within, deadline_seconds=20)
        assert isinstance(again, Answer)
        assert again.values == first.values
        fits = ask_for("M09", PERIOD, "active", rho=CENT / 2)
        assert isinstance(client.answer(fits, deadline_seconds=20), Answer)


def raised(home: Path) -> None:
    """Raise the cap in a policy, as somebody with root at the site could."""
    rewrite(home / "policy.toml", lifetime_rho='"50"')


def signed_by_another(home: Path) -> None:
    """Raise the cap and sign with a key of one's own."""
    raised(home)
    office = home.with_name("another.officer")
    officer.init(office, passphrase=None)
    sign(home, office)


def unsigned(home: Path) -> None:
    """Take the signature away."""
    (home / "policy.sig").unlink()


def test_a_node_whose_policy_is_not_signed_by_its_officer_does_not_start(
    new_site: NewSite,
) -> None:
    site = new_site("BAL")
    kept = site.home.with_name("kept")
    kept.mkdir()
    for name in ("policy.toml", "policy.sig"):
        shutil.copy(site.home / name, kept)
    before = head(site)
    for tamper in (raised, signed_by_another, unsigned):
        tamper(site.home)
        site.spawn()
        assert site.ended() not in (0, 4), tamper
        assert "sig" in site.log().splitlines()[-1]
        assert not listens(site)
        assert head(site) == before
        shutil.copytree(kept, site.home, dirs_exist_ok=True)
    site.start()
    assert listens(site)
