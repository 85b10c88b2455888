"""Notes of rules have one form, and say what may be charged now."""

from fractions import Fraction

import pytest

from privacy.amount import Amount, Caps
from privacy.chain import GENESIS, Entry, Event, Kind, place
from privacy.errors import LedgerInconsistent, NotAllowed
from privacy.notes import (
    Notes,
    PolicyNote,
    mandate_limit,
    mandate_note,
    policy_note,
)
from tests.account_samples import caps_of

DIGEST = "ab" * 32
CAPS = Caps(
    lifetime=Amount(8, 9),
    fiscal_year=Amount(6, 7),
    per_mandate=Amount(4, 5),
    per_release=Amount(2, 3),
)


def entry(kind: Kind, detail: str | None = None, document: str | None = None) -> Entry:
    event = Event(kind=kind, at="", document=document, detail=detail)
    return place(event, sequence=1, previous_hash=GENESIS)


def test_a_policys_note_reads_back_as_written() -> None:
    text = policy_note(3, bytes.fromhex(DIGEST), CAPS)
    assert text == f"3 {DIGEST} 8 9 6 7 4 5 2 3"
    assert PolicyNote.parse(text) == PolicyNote(version=3, digest=DIGEST, caps=CAPS)


def test_a_mandates_limit_is_rounded_down() -> None:
    text = mandate_note(Fraction(1, 3), Fraction(2, 3))
    assert text == "333333333333 666666666666"
    assert mandate_limit(text) == Amount(333_333_333_333, 666_666_666_666)


@pytest.mark.parametrize(
    "detail",
    [
        None,
        "",
        f"3 {DIGEST} 8 9 6 7 4 5 2",
        f"3 {DIGEST} 8 9 6 7 4 5 2 3 4",
        f"3 {DIGEST} 8 9 6 7 4 5  2 3",
        f"03 {DIGEST} 8 9 6 7 4 5 2 3",
        f"+3 {DIGEST} 8 9 6 7 4 5 2 3",
        f"3 {DIGEST} 8 9 6 7 4 5 2 \u0663",
        f"3 {DIGEST.upper()} 8 9 6 7 4 5 2 3",
        f"3 {DIGEST} 9 8 6 7 4 5 2 3",
        f"3 {DIGEST} 8 9 6 7 4 5 0 3",
        f"3 {DIGEST} 8 9 6 7 4 5 2 3\n",
    ],
)
def test_a_note_with_a_second_form_is_none(detail: str | None) -> None:
    with pytest.raises(LedgerInconsistent):
        PolicyNote.parse(detail)


@pytest.mark.parametrize("detail", [None, "", "5", "5 4", "5 6 7", "-1 4", "1 1e9"])
def test_a_mandate_without_a_limit_is_none(detail: str | None) -> None:
    with pytest.raises(LedgerInconsistent):
        mandate_limit(detail)


def test_without_a_policy_there_are_no_caps() -> None:
    with pytest.raises(NotAllowed, match="no signed policy"):
        Notes().caps()


def test_a_later_policy_replaces_the_caps() -> None:
    notes = Notes()
    for version, caps in ((1, CAPS), (2, caps_of(9, 9, 9, 9))):
        text = policy_note(version, bytes.fromhex(DIGEST), caps)
        notes = notes.after(entry(Kind.POLICY, text, DIGEST))
        assert notes.caps() == caps


def test_what_is_no_rule_changes_no_notes() -> None:
    notes = Notes()
    for kind in (Kind.OPENED, Kind.BOOTED, Kind.ROSTER, Kind.HELD, Kind.AGREED):
        assert notes.after(entry(kind, "anything")) == notes


def test_an_edition_that_was_accepted_is_no_mandate() -> None:
    notes = Notes().after(entry(Kind.ACCEPTED, f"officer {DIGEST}"))
    with pytest.raises(NotAllowed, match="No such mandate"):
        notes.limit(DIGEST)
