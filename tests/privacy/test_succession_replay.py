"""The law read back from a ledger is the law that was made, or none."""

import dataclasses

import pytest

from privacy import chain, succession
from privacy.chain import Kind
from privacy.decision import Act
from privacy.errors import (
    BadSignature,
    LedgerInconsistent,
)
from tests import signed_samples as sample
from tests.programme_samples import edition as an_edition
from tests.signed_samples import Site, agreed, ruled


def busy() -> Site:
    """Return a site to which much has happened."""
    site = ruled()
    site.enact(Kind.MANDATE, sample.mandate())
    site.enact(Kind.ACCEPTED, subject=sample.mandate().digest.hex())
    other = sample.mandate(number='"2026-02"', loss_rho='"0.06"', worst_rho='"0.07"')
    site.enact(Kind.MANDATE, other)
    declined = site.decide(Act.DECLINE, other)
    site.enact(Kind.DECLINED, declined, subject=other.digest.hex())
    site.enact(Kind.EDITION, an_edition(2))
    site.accept(an_edition(2))
    site.enact(Kind.REVOKED, sample.revocation(sample.mandate()))
    site.enact(Kind.STOOD_DOWN, sample.order("freeze", 1))
    site.enact(Kind.PAUSED)
    site.enact(Kind.RESUMED, site.decide(Act.RESUME))
    site.enact(Kind.REOPENED, site.decide(Act.REOPEN, None, "olga", "omar"))
    return site


def test_the_law_replays_from_the_ledger() -> None:
    site = busy()
    assert succession.replay("NYC", site.kept) == site.law
    last, _ = site.kept[-1]
    assert (site.law.mark, site.law.mark_hash) == (last.sequence, last.hash)


def test_no_entry_can_be_left_out_of_a_replay_that_others_rest_on() -> None:
    kept = busy().kept
    fail = []
    for gone in range(len(kept)):
        try:
            succession.replay("NYC", kept[:gone] + kept[gone + 1 :])
        except LedgerInconsistent:
            fail.append(kept[gone][0].kind)
    # The chain notices every gap; the law by itself those that decisions rest on.
    assert set(fail) >= {Kind.AGREED, Kind.ROSTER, Kind.POLICY, Kind.MANDATE}


def forged(site: Site, at: int, **changes: object) -> list[object]:
    """Return the entries with one rewritten, in a chain that holds."""
    kept, last = [], None
    for number, (entry, kept_file) in enumerate(site.kept):
        event = {
            f.name: getattr(entry, f.name) for f in dataclasses.fields(chain.Event)
        }
        file = kept_file
        if number == at:
            event |= {name: said for name, said in changes.items() if name != "file"}
            file = changes.get("file", kept_file)
        last = chain.place(
            chain.Event(**event),
            sequence=last.sequence + 1 if last else 1,
            previous_hash=last.hash if last else chain.GENESIS,
        )
        kept.append((last, file))
    return kept


REWRITTEN = {
    "a larger limit": (5, {"detail": "90000000000 90000000000"}),
    "more than it says": (2, {"detail": None}),
    "another mandate": (5, {"file": sample.mandate(title='"Other"').file()}),
    "another digest": (5, {"document": "00" * 32}),
    "accepted by nobody": (8, {"detail": f"nobody {an_edition(2).digest.hex()}"}),
    "no document": (1, {"file": None}),
    "a document where none belongs": (0, {"file": sample.roster().file()}),
    "accepted by rule, they say": (
        8,
        {
            "file": None,
            "document": None,
            "detail": f"rule {an_edition(2).digest.hex()}",
        },
    ),
}


@pytest.mark.parametrize(("at", "change"), REWRITTEN.values(), ids=REWRITTEN)
def test_an_entry_without_right_stops_the_replay(
    at: int, change: dict[str, object]
) -> None:
    site = busy()
    with pytest.raises(LedgerInconsistent, match=f"Ledger entry {at + 1} "):
        succession.replay("NYC", forged(site, at, **change))


def test_a_ledger_replays_for_its_own_site_only() -> None:
    with pytest.raises(LedgerInconsistent):
        succession.replay("HOU", busy().kept)


@pytest.mark.parametrize("kind", [Kind.ROSTER, Kind.RESUMED, Kind.SEALED])
def test_a_rule_without_its_document_is_none(kind: Kind) -> None:
    site = agreed()
    with pytest.raises(BadSignature, match="another kind of document"):
        succession.after(site.law, site.entry(kind), None)


def test_a_document_of_another_kind_carries_nothing() -> None:
    site, document = agreed(), sample.mandate()
    wrong = site.entry(Kind.PAUSED)
    with pytest.raises(BadSignature):
        succession.after(site.law, wrong, document)
    with pytest.raises(BadSignature):
        succession.note(Kind.MANDATE, sample.roster())
