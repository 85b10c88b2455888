"""What goes wrong at one site is named, costs nothing, and leaves the rest alone."""

import datetime as dt
import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from coordinator import ask
from coordinator.order import Order
from coordinator.result import EVERYWHERE, Result
from node.ledger import Ledger
from node.ledger.read import Head, checksum
from privacy import signing
from privacy.errors import BadConfiguration, BadSignature
from privacy.period import Period
from privacy.signing import Document
from proto.wire import Answer, Refusal, RefusalCode
from tests import signed_samples as samples
from tests.end_to_end.exchange import (
    PROGRAMME,
    Centre,
    NodeProcess,
    ask_for,
    node,
    rewrite,
)
from tests.end_to_end.papers import medium
from tests.end_to_end.witnesses import Witnesses

NewSite = Callable[..., NodeProcess]

CAPS = ("lifetime", "fiscal_year", "per_mandate", "per_release")
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
    spent = new_site("DCA", **dict.fromkeys(CAPS, "0.002"))
    sites = (well, down, slow, expired, spent)
    for site in sites:
        site.start()
    with Witnesses(centre, *sites):
        check_outcomes(centre, sites, down, slow)


def check_outcomes(
    centre: Centre,
    sites: tuple[NodeProcess, ...],
    down: NodeProcess,
    slow: NodeProcess,
) -> None:
    """Ask while one is down and one frozen, and again when both are back."""
    down.kill()
    slow.freeze()
    result = asked(centre, sites, name="first", seconds=12)
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
    site = new_site("DCA", **dict.fromkeys(CAPS, "0.015"))
    site.start()
    with Witnesses(centre, site), centre.client(site) as client:
        within = ask_for("M08", PERIOD, "enrolled", rho=CENT, site="DCA")
        first = client.answer(within, deadline_seconds=20)
        before = head(site)
        past = ask_for("M09", PERIOD, "active", rho=CENT, site="DCA")
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
        fits = ask_for("M09", PERIOD, "active", rho=CENT / 2, site="DCA")
        assert isinstance(client.answer(fits, deadline_seconds=20), Answer)


def raised(home: Path) -> None:
    """Draft the next policy with larger caps, as anybody with root there could."""
    node(home, "policy", "draft", "--again")
    rewrite(home / "policy.toml", **dict.fromkeys(CAPS, "50"))


def test_a_policy_its_officers_did_not_sign_is_never_in_force(
    new_site: NewSite, centre: Centre, tmp_path: Path
) -> None:
    site = new_site("DCA", **dict.fromkeys(CAPS, "0.002"))
    site.start()
    before = head(site)
    raised(site.home)
    olga, stranger = (
        ("--key", str(medium(tmp_path / "media", name)), "--no-passphrase")
        for name in ("olga", "stranger")
    )
    with pytest.raises(BadConfiguration, match=r"no policy\.cmpp"):
        node(site.home, "policy", "adopt")
    with pytest.raises(BadSignature, match="not one of an officer"):
        node(site.home, "policy", "sign", *stranger)
    node(site.home, "policy", "sign", *olga)
    with pytest.raises(BadSignature, match="1 of the 2"):
        node(site.home, "policy", "adopt")
    rewrite(site.home / "policy.toml", lifetime="60")
    with pytest.raises(BadSignature, match="changed after it was signed"):
        node(site.home, "policy", "adopt")
    assert head(site) == before
    with Witnesses(centre, site), centre.client(site) as client:
        dear = ask_for("M08", PERIOD, "enrolled", rho=CENT, site="DCA")
        said = client.answer(dear, deadline_seconds=20)
    assert isinstance(said, Refusal)
    assert (said.code, said.left_pico) == (RefusalCode.BUDGET_EXHAUSTED, 2 * 10**9)


def plant(home: Path, change: Callable[[Document], Document]) -> None:
    """Put another policy in the place of the signed one, in the ledger's own file."""
    with closing(sqlite3.connect(home / "ledger.sqlite")) as database, database:
        ((digest,),) = database.execute(
            "SELECT document FROM ledger_entries WHERE kind = 'policy'"
        )
        ((content,),) = database.execute(
            "SELECT content FROM ledger_documents WHERE digest = ?", (digest,)
        )
        planted = change(signing.read(content, signing.Kind.POLICY)).file()
        database.execute(
            "UPDATE ledger_documents SET content = ?, checksum = ? WHERE digest = ?",
            (planted, checksum(planted), digest),
        )


def test_a_node_whose_policy_was_replaced_in_its_ledger_does_not_start(
    new_site: NewSite,
) -> None:
    site = new_site("BAL")
    ledger, kept = site.home / "ledger.sqlite", site.home.with_name("kept")
    shutil.copy(ledger, kept)
    strangers = ("stranger", "another")
    for change in (
        lambda policy: replace(policy, signatures=()),
        lambda policy: samples.signed(replace(policy, signatures=()), *strangers),
        lambda policy: replace(policy, content=policy.content.replace(b"90", b"99")),
    ):
        plant(site.home, change)
        site.spawn()
        assert site.ended() in (1, 4), site.log()
        assert not listens(site)
        shutil.copy(kept, ledger)
    site.start()
    assert listens(site)
