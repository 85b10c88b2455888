"""A site that is away is brought everything later; what is withdrawn stays so."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.charter import Charter
from privacy import mandate as signed
from privacy import signing
from privacy.chain import Kind
from privacy.errors import NotAllowed
from privacy.mandate import Mandate, Purpose, Turn
from privacy.period import Period
from privacy.signing import Document
from tests import signed_samples as sample
from tests.coordinator.governed import SITES, Governed, governed, with_policy

PERIOD = Period("FY2024-H2")


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Governed]:
    """Give a network with a roster of a test's own."""
    with governed(tmp_path) as made:
        made.found()
        yield made


def read(file: Path) -> Mandate:
    return signed.parse(signing.read(file.read_bytes(), signing.Kind.MANDATE))


def charter(network: Governed, site: str) -> Charter:
    return network.sites[site].charter


def test_a_site_that_is_away_gets_it_later(network: Governed) -> None:
    network.cmpp("site", "add", "NYC", "--address", "127.0.0.1:9")
    file = network.signed(network.mandate("m.cmpp"), "ana", "ben")
    done = network.cmpp("mandate", "submit", file, "--json")
    assert (done.code, done.json["sites"]["NYC"]) == (3, "unreachable")
    again = network.cmpp("mandate", "deliver", "--json")
    assert again.code == 3
    assert again.json[0]["sites"] == {"NYC": "unreachable"}
    back = network.sites["NYC"].address
    network.cmpp("site", "add", "NYC", "--address", back)
    again = network.cmpp("mandate", "deliver", "--json")
    (line,) = again.json
    assert (again.code, line["document"]) == (0, "mandate 2026-01")
    assert line["sites"] == {"NYC": "waiting"}
    assert network.cmpp("mandate", "deliver").out.strip() == (
        "Every site has every document."
    )


def accepted(network: Governed, site: str, document: Document) -> None:
    """Have the sample officers accept a mandate at a site."""
    held = charter(network, site)
    with_policy(network.sites[site])
    decided = held.decide(
        sample.Act.ACCEPT,
        subject=document.digest.hex(),
        reason="Read it.",
        now=dt.datetime.now(dt.UTC),
    )
    held.enact(
        Kind.ACCEPTED,
        sample.signed(decided, "olga"),
        subject=document.digest.hex(),
        now=dt.datetime.now(dt.UTC),
    )


def test_one_member_withdraws_a_mandate_at_once(network: Governed) -> None:
    file = network.signed(network.mandate("m.cmpp"), "ana", "ben")
    network.cmpp("mandate", "submit", file)
    document = signing.read(file.read_bytes(), signing.Kind.MANDATE)
    accepted(network, "NYC", document)
    charter(network, "NYC").law().permit(document.digest)
    network.cmpp("site", "add", "LAX", "--address", "127.0.0.1:9")
    words = ("--reason", "A mistake.", "--no-passphrase", "--json")
    chair = network.cmpp(
        "mandate", "revoke", "2026-01", "--key", network.key("dirk"), *words
    )
    assert (chair.code, "no member of the Board" in chair.err) == (1, True)
    done = network.cmpp(
        "mandate", "revoke", "2026-01", "--key", network.key("cleo"), *words
    )
    assert done.code == 3
    assert done.json["sites"] == {
        "HOU": "adopted",
        "LAX": "unreachable",
        "NYC": "adopted",
    }
    with pytest.raises(NotAllowed, match="revoked"):
        charter(network, "NYC").law().permit(document.digest)
    (line,) = network.cmpp("mandate", "list", "--json").json
    assert line["state"] == "withdrawn"
    assert [each["kind"] for each in network.told()] == [
        "roster",
        "mandate",
        "revocation",
    ]
    network.cmpp("site", "add", "LAX", "--address", network.sites["LAX"].address)
    assert network.cmpp("mandate", "deliver").code == 0
    assert charter(network, "LAX").law().withdrawn == {document.digest.hex()}


def test_a_withdrawal_is_signed_elsewhere(network: Governed) -> None:
    network.cmpp(
        "mandate", "submit", network.signed(network.mandate("m.cmpp"), "ana", "ben")
    )
    file = network.file("withdrawn.cmpp")
    words = ("2026-01", "--reason", "A mistake.", "--output", file)
    assert network.cmpp("mandate", "revoke", *words).code == 0
    shown = network.cmpp("mandate", "show", file)
    assert "Withdraws mandate" in shown.out
    assert network.cmpp("mandate", "submit", file).code == 1
    done = network.cmpp("mandate", "submit", network.signed(file, "ben"))
    assert done.code == 0, done.err
    both = ("--output", network.file("x"), "--key", network.key("ben"))
    for options in ((), both):
        done = network.cmpp("mandate", "revoke", "2026-01", "--reason", "x", *options)
        assert (done.code, "Name the member's --key" in done.err) == (2, True)


def test_a_withdrawn_mandate_is_not_brought_any_more(network: Governed) -> None:
    network.cmpp("site", "add", "NYC", "--address", "127.0.0.1:9")
    file = network.signed(network.mandate("m.cmpp"), "ana", "ben")
    network.cmpp("mandate", "submit", file)
    key = ("--key", network.key("ana"), "--no-passphrase")
    network.cmpp("mandate", "revoke", "2026-01", "--reason", "x", *key)
    network.cmpp("site", "add", "NYC", "--address", network.sites["NYC"].address)
    again = network.cmpp("mandate", "deliver", "--json").json
    assert [each["document"] for each in again] == ["revocation 2026-01"]
    law = charter(network, "NYC").law()
    assert (law.sent, law.withdrawn) == ({}, {read(file).digest.hex()})


def test_a_mandate_nobody_knows_is_not_withdrawn(network: Governed) -> None:
    key = ("--key", network.key("ana"), "--no-passphrase")
    for name in ("2026-99", "abc", "000000"):
        done = network.cmpp("mandate", "revoke", name, "--reason", "x", *key)
        assert (done.code, "There is no mandate" in done.err) == (2, True)


def ordered(network: Governed, turn: str, *names: str) -> Path:
    file = network.file(f"{turn}.cmpp")
    done = network.cmpp("programme", turn, file, "--reason", "The Board met.")
    assert done.code == 0, done.err
    assert f": {turn}." in network.cmpp("programme", "show", file).out
    return network.signed(file, *names, kind="programme")


def test_the_board_freezes_resumes_and_ends_the_programme(network: Governed) -> None:
    few = ordered(network, "freeze", "ana")
    assert network.cmpp("programme", "submit", few).code == 1
    done = network.cmpp(
        "programme", "submit", network.signed(few, "cleo", kind="programme"), "--json"
    )
    assert done.json["sites"] == dict.fromkeys(SITES, "adopted")
    assert charter(network, "NYC").law().turn is Turn.FREEZE
    wanted = [("M08", PERIOD)]
    with pytest.raises(NotAllowed, match="ordered the programme to freeze"):
        network.centre().mandate_for(wanted, purpose=Purpose.OVERSIGHT)
    done = network.cmpp(
        "programme", "submit", ordered(network, "resume", "ana", "ben"), "--json"
    )
    assert done.json["sites"] == dict.fromkeys(SITES, "adopted")
    again = network.cmpp("programme", "submit", few)
    assert (again.code, "given already" in again.err) == (2, True)
    with pytest.raises(NotAllowed, match="no mandate"):
        network.centre().mandate_for(wanted, purpose=Purpose.OVERSIGHT)
    network.cmpp("programme", "submit", ordered(network, "terminate", "ana", "ben"))
    assert {charter(network, site).law().turn for site in SITES} == {Turn.TERMINATE}
    kinds = [(each["kind"], each.get("what")) for each in network.told()]
    assert kinds[1:] == [
        ("standing-down", what) for what in ("freeze", "resume", "terminate")
    ]
