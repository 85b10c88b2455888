"""The four calls by which the coordinator carries, as bytes in and bytes out."""

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from node import carrier as carriers
from node.carrier import Carrier
from node.charter import Charter
from node.ledger import Ledger
from node.witness import Standing, Witness
from privacy import statement
from privacy.chain import Kind
from privacy.errors import BadSignature, UnknownPeer
from privacy.signing import Document
from privacy.statement import BOOT_BYTES, Verdict
from proto import relay
from proto.canonical import Malformed
from proto.client import DELIVER, PRESENT, STANDING, WITNESS
from tests import governed
from tests import signed_samples as samples
from tests.ledger_samples import NOW
from tests.signed_samples import mandate, order, revocation, signed

Methods = Mapping[str, Callable[[bytes], bytes]]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carriers, "LOOK_SECONDS", 0.0)


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[dict[str, Methods]]:
    """Give what five sites do for the coordinator."""
    made, ledgers = {}, []
    for site in governed.SITES:
        ledger = Ledger.create(
            f"sqlite:///{tmp_path}/{site}.sqlite", site=site, now=NOW
        )
        charter = governed.govern(ledger, site, now=NOW)
        ledger.boot(secrets.token_bytes(BOOT_BYTES), now=NOW)
        key, law = samples.key(site), charter.law
        made[site] = Carrier(
            charter=charter,
            standing=Standing(ledger, site=site, key=key, law=law),
            witness=Witness(ledger, site=site, key=key, law=law),
            clock=lambda: NOW,
        ).methods()
        ledgers.append(ledger)
    yield made
    for ledger in ledgers:
        ledger.close()


def bring(methods: Methods, document: Document) -> str:
    """Bring a document in parts; return the last word."""
    word = ""
    for part in relay.parts(document.kind, document.file()):
        said = methods[DELIVER](relay.part_to_bytes(part))
        word = relay.delivery_from_bytes(said)
    return word


def test_there_are_four_calls(sites: dict[str, Methods]) -> None:
    assert set(sites["NYC"]) == {STANDING, WITNESS, PRESENT, DELIVER}


def test_statements_go_round_until_it_is_enough(sites: dict[str, Methods]) -> None:
    nyc, peers = sites["NYC"], [name for name in governed.SITES if name != "NYC"]
    asked = relay.peers_to_bytes(peers)
    heads = relay.heads_from_bytes(nyc[STANDING](asked), peers=len(peers))
    enough = []
    for peer, head in zip(peers, heads, strict=True):
        data = sites[peer][WITNESS](relay.head_to_bytes(head))
        attested = relay.attestation_from_bytes(data)
        found = statement.read_attestation(attested, key=samples.public(peer))
        assert (found.verdict, found.kept) == (Verdict.TAKEN, head)
        said = nyc[PRESENT](relay.attestations_to_bytes([attested]))
        enough.append(relay.enough_from_bytes(said))
    assert enough == [False, False, True, True]
    assert relay.heads_from_bytes(nyc[STANDING](asked), peers=len(peers)) == ()


def test_what_is_not_believed_is_an_error_for_the_door(
    sites: dict[str, Methods],
) -> None:
    with pytest.raises(UnknownPeer):
        sites["NYC"][STANDING](relay.peers_to_bytes(["SFO"]))
    with pytest.raises(BadSignature):
        sites["NYC"][WITNESS](relay.head_to_bytes(bytes(statement.HEAD_BYTES)))
    nothing = relay.attestations_to_bytes([bytes(statement.ATTESTATION_BYTES)])
    with pytest.raises(BadSignature):
        sites["NYC"][PRESENT](nothing)


@pytest.mark.parametrize("method", [STANDING, WITNESS, PRESENT, DELIVER])
@pytest.mark.parametrize("data", [b"", b"\xff", b"\x0a\x00"], ids=repr)
def test_nonsense_is_malformed(
    sites: dict[str, Methods], method: str, data: bytes
) -> None:
    with pytest.raises(Malformed):
        sites["NYC"][method](data)


def test_each_word_for_a_document(sites: dict[str, Methods]) -> None:
    nyc, made = sites["NYC"], mandate()
    assert bring(nyc, made) == "waiting"
    assert bring(nyc, made) == "known"
    assert bring(nyc, revocation(made)) == "adopted"
    assert bring(nyc, mandate("ana", number='"2026-02"')) == "refused"
    first, *_ = relay.parts(made.kind, bytes(2 * relay.PART_BYTES))
    said = nyc[DELIVER](relay.part_to_bytes(first))
    assert relay.delivery_from_bytes(said) == "more"


NOT_BELIEVED = {
    "no document": None,
    "badly signed": mandate("dirk"),
    "not definite": signed(samples.text(mandate().kind, ["a = 1"]), "ana", "ben"),
    "not for this site": mandate(sites='["HOU"]'),
    "of another network": mandate(network='"other"'),
    "an officer's": samples.policy(),
    "an order replayed": order("freeze", 0),
    "not agreed to": samples.roster(version=2, previous=governed.roster()),
}


@pytest.mark.parametrize("document", NOT_BELIEVED.values(), ids=NOT_BELIEVED)
def test_whatever_the_reason_it_is_refused_and_nothing_changes(
    sites: dict[str, Methods],
    tmp_path: Path,
    document: Document | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And the log keeps only the kind and the word, never what was brought."""
    ledger = Ledger.open(f"sqlite:///{tmp_path}/NYC.sqlite")
    before = ledger.law_mark()
    with caplog.at_level(logging.DEBUG):
        if document is None:
            (part,) = relay.parts(mandate().kind, b"a canary no log may show")
            said = sites["NYC"][DELIVER](relay.part_to_bytes(part))
            assert relay.delivery_from_bytes(said) == "refused"
        else:
            assert bring(sites["NYC"], document) == "refused"
    assert ledger.law_mark() == before
    ledger.close()
    (line,) = [r.getMessage() for r in caplog.records if r.name == "node.carrier"]
    kind = "mandate" if document is None else document.kind.value
    assert line == f"delivered kind={kind} word=refused"


def test_a_document_of_a_stopped_site_is_refused(
    sites: dict[str, Methods], tmp_path: Path
) -> None:
    nyc = sites["NYC"]
    assert bring(nyc, order("terminate", 1)) == "adopted"
    assert bring(nyc, mandate()) == "refused"
    ledger = Ledger.open(f"sqlite:///{tmp_path}/NYC.sqlite")
    kinds = {entry.kind for entry, _ in ledger.law()}
    assert Kind.MANDATE not in kinds
    assert not Charter(ledger, site="NYC").law().sent
    ledger.close()
