"""The law of a running site: read from its ledger, changed only by who may."""

import datetime as dt
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.charter import ADOPTED, KNOWN, WAITING, Charter
from node.ledger import Ledger
from privacy import succession
from privacy.chain import Event, Kind
from privacy.decision import Act
from privacy.errors import (
    BadConfiguration,
    BadSignature,
    Busy,
    ExchangeError,
    InvalidProgramme,
    LedgerInconsistent,
    NotAllowed,
)
from privacy.law import INBOX_DAYS
from privacy.signing import Document
from tests import governed, programme_samples
from tests import signed_samples as samples
from tests.governed import accept, govern, policy
from tests.ledger_samples import NOW
from tests.signed_samples import AUTO, mandate, order, revocation, signed

SITE = "NYC"
LATE = NOW + dt.timedelta(days=INBOX_DAYS + 1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger.create(f"sqlite:///{tmp_path}/ledger.sqlite", site=SITE, now=NOW)
    yield made
    made.close()


@pytest.fixture
def charter(ledger: Ledger) -> Charter:
    """Give a site with a roster and a policy."""
    return govern(ledger, SITE, now=NOW)


def auto(charter: Charter) -> None:
    """Have the officers accept small mandates and additions by rule."""
    looser = policy(SITE, now=NOW, version=2, auto_accept=AUTO)
    charter.enact(Kind.POLICY, looser, now=NOW)


def refused(
    charter: Charter, document: Document, error: type[ExchangeError] = BadSignature
) -> None:
    """Check that a document is not believed and changes nothing."""
    before = charter.law()
    with pytest.raises(error):
        charter.deliver(document, now=NOW)
    assert charter.law() == before


# ---- the law ------------------------------------------------------------------


def test_a_new_ledger_has_no_law(ledger: Ledger) -> None:
    law = Charter(ledger, site=SITE).law()
    assert (law.mark, law.roster, law.policy, dict(law.sent)) == (0, None, None, {})


def test_the_law_is_what_a_replay_of_the_ledger_gives(
    charter: Charter, ledger: Ledger
) -> None:
    made = mandate()
    charter.deliver(made, now=NOW)
    accept(charter, made, now=NOW)
    charter.deliver(order("freeze", 1), now=NOW)
    replayed = succession.replay(SITE, ledger.law())
    assert charter.law() == replayed == Charter(ledger, site=SITE).law()
    assert charter.law().mark == ledger.law_mark()


def test_a_rule_made_through_another_charter_holds_at_the_next_look(
    charter: Charter, tmp_path: Path
) -> None:
    """As by the command line while the node serves."""
    assert not charter.law().paused
    other = Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite")
    Charter(other, site=SITE).enact(Kind.PAUSED, now=NOW)
    other.close()
    assert charter.law().paused


def test_the_law_is_read_again_only_when_it_changed(charter: Charter) -> None:
    assert charter.law() is charter.law()


def test_the_moment_of_the_last_rule_is_known(charter: Charter) -> None:
    later = NOW + dt.timedelta(hours=1)
    charter.enact(Kind.PAUSED, now=later)
    charter.law()
    assert charter.last_moment == later


def test_an_entry_nobody_had_the_right_to_make_stops_the_site(
    charter: Charter, ledger: Ledger
) -> None:
    """Somebody with the database, and no officer's key, resumes a paused site."""
    charter.enact(Kind.PAUSED, now=NOW)
    drafted = charter.decide(Act.RESUME, reason="Go on.", now=NOW)
    event = Event(kind=Kind.RESUMED, at="", document=drafted.digest.hex())
    ledger.enact(event, document=drafted.file(), after=ledger.law_mark(), now=NOW)
    with pytest.raises(LedgerInconsistent, match="no right to be there"):
        charter.law()


# ---- enact ---------------------------------------------------------------------


def test_what_may_not_be_made_leaves_the_ledger_as_it_was(
    charter: Charter, ledger: Ledger
) -> None:
    before = ledger.entries()
    looser = policy(SITE, now=NOW, version=2, caps="9")
    one = replace(looser, signatures=looser.signatures[:1])
    with pytest.raises(BadSignature):
        charter.enact(Kind.POLICY, one, now=NOW)
    with pytest.raises(BadConfiguration):
        charter.enact(Kind.POLICY, policy("HOU", now=NOW, version=2), now=NOW)
    drafted = charter.decide(Act.REOPEN, reason="Restored.", now=NOW)
    with pytest.raises(BadSignature):
        charter.enact(Kind.REOPENED, signed(drafted, "olga"), now=NOW)
    assert ledger.entries() == before


def test_whoever_must_know_is_told_of_each_rule(ledger: Ledger) -> None:
    told: list[Kind] = []
    govern(ledger, SITE, now=NOW)
    charter = Charter(ledger, site=SITE, changed=told.append)
    charter.enact(Kind.PAUSED, now=NOW)
    charter.deliver(mandate(), now=NOW)
    assert charter.deliver(mandate(), now=NOW) == KNOWN
    with pytest.raises(BadSignature):
        charter.deliver(mandate("ana", number='"2026-02"'), now=NOW)
    assert told == [Kind.PAUSED, Kind.MANDATE]


def test_rules_made_at_once_all_come_in_and_each_follows_the_other(
    charter: Charter, ledger: Ledger, tmp_path: Path
) -> None:
    documents = [mandate(number=f'"2026-{n}"') for n in range(1, 9)]
    url = f"sqlite:///{tmp_path}/ledger.sqlite"
    charters = [Charter(Ledger.open(url), site=SITE) for _ in range(2)]
    failed: list[Document] = []

    def bring(which: int) -> None:
        for document in documents[which::2]:
            try:
                charters[which].deliver(document, now=NOW)
            except Busy:
                failed.append(document)

    threads = [threading.Thread(target=bring, args=(n,)) for n in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(charter.law().sent) == len(documents) - len(failed)
    assert len(failed) < len(documents)
    assert ledger.verify()


def test_a_decision_fits_one_place_of_one_ledger(charter: Charter) -> None:
    charter.enact(Kind.PAUSED, now=NOW)
    drafted = charter.decide(Act.RESUME, reason="Go on.", now=NOW)
    resume = signed(drafted, "olga")
    charter.enact(Kind.RESUMED, resume, now=NOW)
    charter.enact(Kind.PAUSED, now=NOW)
    with pytest.raises(BadSignature, match="before the last change"):
        charter.enact(Kind.RESUMED, resume, now=NOW)
    assert charter.law().paused


# ---- deliver -------------------------------------------------------------------


def test_a_mandate_waits_until_an_officer_decides(charter: Charter) -> None:
    made = mandate()
    assert charter.deliver(made, now=NOW) == WAITING
    assert list(charter.law().inbox(NOW)) == [made.digest.hex()]
    assert charter.deliver(made, now=NOW) == KNOWN
    accept(charter, made, now=NOW)
    assert not charter.law().inbox(NOW)
    assert charter.deliver(made, now=NOW) == KNOWN
    assert charter.law().permit(made.digest).number == "2026-01"


def test_a_small_mandate_is_accepted_by_rule_and_a_large_one_waits(
    charter: Charter, ledger: Ledger
) -> None:
    auto(charter)
    assert charter.deliver(mandate(), now=NOW) == ADOPTED
    large = mandate(number='"2026-02"', loss_rho='"0.06"', worst_rho='"0.06"')
    assert charter.deliver(large, now=NOW) == WAITING
    other = mandate(number='"2026-03"', purposes='["evaluation"]')
    assert charter.deliver(other, now=NOW) == WAITING
    last = [e.detail for e in ledger.entries() if e.kind is Kind.ACCEPTED]
    assert last == [f"rule {mandate().digest.hex()}"]


def test_an_edition_that_only_adds_is_accepted_by_rule(charter: Charter) -> None:
    auto(charter)
    assert charter.deliver(programme_samples.edition(1), now=NOW) == ADOPTED
    added = programme_samples.edition(2)
    assert charter.deliver(added, now=NOW) == ADOPTED
    newest = charter.law().newest
    assert newest is not None
    assert "M99" in newest.metrics


def test_an_edition_waits_where_no_rule_takes_it(charter: Charter) -> None:
    assert charter.deliver(programme_samples.edition(1), now=NOW) == WAITING
    assert charter.deliver(programme_samples.edition(1), now=NOW) == KNOWN


def test_what_was_not_decided_in_time_can_come_again(charter: Charter) -> None:
    made = mandate()
    assert charter.deliver(made, now=NOW) == WAITING
    assert charter.deliver(made, now=LATE) == WAITING
    assert list(charter.law().inbox(LATE)) == [made.digest.hex()]
    accept(charter, made, now=LATE)
    assert charter.deliver(made, now=LATE + (LATE - NOW)) == KNOWN


def test_what_was_declined_does_not_come_again(charter: Charter) -> None:
    made = mandate()
    charter.deliver(made, now=NOW)
    subject = made.digest.hex()
    drafted = charter.decide(Act.DECLINE, subject=subject, reason="No.", now=NOW)
    charter.enact(Kind.DECLINED, signed(drafted, "omar"), subject=subject, now=NOW)
    assert charter.deliver(made, now=LATE) == KNOWN
    with pytest.raises(NotAllowed):
        charter.law().permit(made.digest)


def test_a_withdrawal_is_taken_once_before_or_after_its_mandate(
    charter: Charter, ledger: Ledger
) -> None:
    first, second = mandate(), mandate(number='"2026-02"')
    charter.deliver(first, now=NOW)
    accept(charter, first, now=NOW)
    for made in (first, second):
        assert charter.deliver(revocation(made), now=NOW) == ADOPTED
        mark = ledger.law_mark()
        assert charter.deliver(revocation(made, "ana"), now=NOW) == KNOWN
        assert ledger.law_mark() == mark
        with pytest.raises(NotAllowed):
            charter.law().permit(made.digest)
    refused(charter, second, NotAllowed)


def test_an_order_of_the_board_is_obeyed_once(charter: Charter) -> None:
    assert charter.deliver(order("freeze", 1), now=NOW) == ADOPTED
    with pytest.raises(NotAllowed, match="froze"):
        charter.law().check_answering()
    assert charter.deliver(order("resume", 2), now=NOW) == ADOPTED
    charter.law().check_answering()
    refused(charter, order("freeze", 1))
    assert charter.deliver(order("resume", 2), now=NOW) == KNOWN


def test_a_roster_comes_into_force_once_its_operator_agreed(charter: Charter) -> None:
    known = governed.roster()
    assert charter.deliver(known, now=NOW) == KNOWN
    new = samples.roster(sites=governed.SITES, version=2, previous=known)
    refused(charter, new, NotAllowed)
    charter.enact(Kind.AGREED, subject=new.digest.hex(), now=NOW)
    assert charter.deliver(new, now=NOW) == ADOPTED
    assert charter.deliver(new, now=NOW) == KNOWN
    refused(charter, known)


def test_a_site_without_a_roster_believes_nobody(ledger: Ledger) -> None:
    charter = Charter(ledger, site=SITE)
    for document in (mandate(), revocation(mandate()), order("freeze", 1)):
        refused(charter, document, NotAllowed)


def test_what_is_made_at_the_site_is_never_brought(charter: Charter) -> None:
    charter.enact(Kind.PAUSED, now=NOW)
    drafted = charter.decide(Act.RESUME, reason="Go on.", now=NOW)
    refused(charter, signed(drafted, "olga", "omar"), NotAllowed)
    stricter = policy(SITE, now=NOW, version=2, caps="0.1", per_release="0.1")
    refused(charter, stricter, NotAllowed)


@pytest.mark.parametrize("content", [b"", b"network = ", b"\xff", b"a = 1\n" * 3])
def test_what_says_nothing_definite_changes_nothing(
    charter: Charter, content: bytes
) -> None:
    for made in (mandate(), revocation(mandate()), order("freeze", 1)):
        nonsense = signed(replace(made, content=content, signatures=()), "ana", "ben")
        before = charter.law()
        with pytest.raises((InvalidProgramme, BadSignature)):
            charter.deliver(nonsense, now=NOW)
        assert charter.law() == before
