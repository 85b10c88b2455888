"""A decision: one act of an officer, for one place of one ledger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import decision, strict
from privacy.decision import REASON_MAX, SIGNATURES, Act, Decision
from privacy.errors import BadSignature, InvalidProgramme
from privacy.signing import Document, Kind
from tests.signed_samples import NOW

SUBJECT = "ab" * 32
FOLLOWS = "cd" * 32
ON_SUBJECT = {Act.ACCEPT, Act.DECLINE}


def decided(act: Act = Act.ACCEPT, **changes: object) -> Decision:
    """Return a decision."""
    known = {
        "site": "NYC",
        "act": act,
        "subject": SUBJECT if act in ON_SUBJECT else None,
        "reason": "Read it.",
        "follows": FOLLOWS,
        "at": NOW,
    }
    return Decision(**known | changes)


@pytest.mark.parametrize("act", Act)
def test_a_decision_is_read_as_it_was_written(act: Act) -> None:
    made = decided(act)
    assert decision.parse(made.document()) == made


SHOWN = st.text(min_size=1, max_size=REASON_MAX).filter(str.strip)


@given(SHOWN.filter(str.isprintable))
def test_any_reason_that_can_be_read_survives(reason: str) -> None:
    assert decision.parse(decided(reason=reason).document()).reason == reason


@pytest.mark.parametrize("hidden", ["\b", "\u202e", "\u200b", "\x1b[2J", "\r"])
def test_letters_that_hide_something_are_refused(hidden: str) -> None:
    with pytest.raises(InvalidProgramme, match="letters that show"):
        decided(reason=f"Read{hidden}it.")
    content = TEXT.replace("Read it.", strict.quoted(f"Read{hidden}it.")[1:-1])
    with pytest.raises(InvalidProgramme, match="do not show"):
        decision.parse(Document(kind=Kind.DECISION, content=content.encode()))


@pytest.mark.parametrize("act", Act)
def test_a_decision_has_a_subject_only_where_one_is_needed(act: Act) -> None:
    wrong = None if act in ON_SUBJECT else SUBJECT
    with pytest.raises(InvalidProgramme, match="say what"):
        decided(act, subject=wrong)


def test_a_reason_is_short() -> None:
    with pytest.raises(InvalidProgramme, match="400 letters"):
        decided(reason="a" * (REASON_MAX + 1))


def test_two_officers_reopen_and_one_does_everything_else() -> None:
    assert {act for act, needed in SIGNATURES.items() if needed == 2} == {Act.REOPEN}
    assert set(SIGNATURES.values()) == {1, 2}


TEXT = decided().document().content.decode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('decides = "accept"', 'decides = "hold"'),
        ('decides = "accept"', 'decides = "raise"'),
        (f'subject = "{SUBJECT}"', 'subject = "none"'),
        (f'subject = "{SUBJECT}"', ""),
        ("reason", "also = 1\nreason"),
        ('reason = "Read it."', 'reason = ""'),
        ("+00:00", ""),
        ("+00:00", "+01:00"),
        (f'follows = "{FOLLOWS}"', "follows = 7"),
    ],
)
def test_a_text_that_is_no_decision_is_refused(old: str, new: str) -> None:
    assert old in TEXT
    content = TEXT.replace(old, new).encode()
    with pytest.raises(InvalidProgramme):
        decision.parse(Document(kind=Kind.DECISION, content=content))


def test_another_kind_of_document_is_no_decision() -> None:
    with pytest.raises(BadSignature, match="not a decision"):
        decision.parse(Document(kind=Kind.POLICY, content=TEXT.encode()))
