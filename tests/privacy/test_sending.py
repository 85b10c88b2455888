"""What the Board sends is judged by the roster, the policy and the day."""

import dataclasses
import datetime as dt

import pytest

from privacy import edition
from privacy.chain import Kind
from privacy.decision import Act
from privacy.errors import (
    BadSignature,
    NotAllowed,
)
from privacy.law import INBOX_DAYS
from privacy.mandate import Turn
from tests import signed_samples as sample
from tests.programme_samples import edition as an_edition
from tests.signed_samples import NOW, Site, agreed, refuse

LATE = NOW + dt.timedelta(days=INBOX_DAYS, seconds=1)


def test_a_mandate_waits_until_an_officer_accepts_it() -> None:
    site, document = agreed(), sample.mandate()
    site.enact(Kind.MANDATE, document)
    (sent,) = site.law.inbox(NOW).values()
    assert (sent.fate, sent.at) == (None, NOW)
    site.accept(document)
    assert site.law.inbox(NOW) == {}
    assert site.law.permit(document.digest).number == "2026-01"


FORGED = {
    "one signature": sample.mandate("ana"),
    "the chair and one": sample.mandate("ana", "dirk"),
    "the chair alone": sample.mandate("dirk"),
    "sites and coordinator": sample.mandate("ana", "coordinator", "NYC", "HOU"),
    "nobody": dataclasses.replace(sample.mandate(), signatures=()),
    "widened": dataclasses.replace(
        sample.mandate(),
        content=sample.mandate().content.replace(b'["M08", "M09"]', b'["M08", "M29"]'),
    ),
    "another network": sample.mandate(network='"other"'),
}


@pytest.mark.parametrize("document", FORGED.values(), ids=FORGED)
def test_a_mandate_the_board_did_not_sign_is_refused(document: object) -> None:
    refuse(agreed(), BadSignature, None, Kind.MANDATE, document)


def test_a_mandate_for_other_sites_is_refused() -> None:
    document = sample.mandate(sites='["HOU", "LAX"]')
    refuse(agreed(), NotAllowed, "not about site NYC", Kind.MANDATE, document)


def test_the_policy_may_ask_for_more_of_the_board() -> None:
    site = agreed()
    site.enact(Kind.POLICY, sample.policy(version=2, board_signatures=3))
    refuse(site, BadSignature, "asks for 3 board", Kind.MANDATE, sample.mandate())
    site.enact(Kind.MANDATE, sample.mandate("ana", "ben", "cleo"))


@pytest.mark.parametrize(
    "document", [sample.mandate(), an_edition(1), sample.order("freeze", 1)]
)
def test_without_a_roster_nobody_speaks_for_the_board(document: object) -> None:
    kinds = {
        "mandate": Kind.MANDATE,
        "edition": Kind.EDITION,
        "standing-down": Kind.STOOD_DOWN,
    }
    refuse(Site(), NotAllowed, "no roster", kinds[document.kind], document)
    withdrawn = sample.revocation(sample.mandate())
    refuse(Site(), NotAllowed, "no roster", Kind.REVOKED, withdrawn)


def test_a_mandate_comes_once() -> None:
    site, document = agreed(), sample.mandate()
    site.enact(Kind.MANDATE, document)
    more = sample.mandate("ana", "ben", "cleo")
    refuse(site, NotAllowed, "here already", Kind.MANDATE, more)
    site.accept(document)
    refuse(site, NotAllowed, "here already", Kind.MANDATE, document, now=LATE)


def test_what_was_not_decided_in_time_is_over_and_may_come_again() -> None:
    site, document = agreed(), sample.mandate()
    site.enact(Kind.MANDATE, document)
    decided = site.decide(Act.ACCEPT, document)
    refuse(
        site,
        NotAllowed,
        "longer than an officer",
        Kind.ACCEPTED,
        decided,
        subject=document.digest.hex(),
        now=LATE,
    )
    site.enact(Kind.MANDATE, document, now=LATE)
    site.accept(document, now=LATE)
    site.law.permit(document.digest)


def test_an_edition_is_newer_than_every_other() -> None:
    site = agreed()
    site.enact(Kind.EDITION, an_edition(2))
    refuse(site, BadSignature, "not newer", Kind.EDITION, an_edition(1))
    refuse(site, NotAllowed, "here already", Kind.EDITION, an_edition(2))
    site.enact(Kind.EDITION, an_edition(2), now=LATE)
    site.accept(an_edition(2), now=LATE)
    found = site.law.editions
    assert [each.number for each in found] == [2]


def test_an_edition_the_board_did_not_sign_is_refused() -> None:
    made = dataclasses.replace(an_edition(1), signatures=())
    chair = sample.signed(made, "ana", "dirk")
    refuse(agreed(), BadSignature, "1 of the 2", Kind.EDITION, chair)


def test_two_editions_never_go_by_one_version() -> None:
    site, first = agreed(), an_edition(1)
    site.enact(Kind.EDITION, first)
    content = first.content.replace(b"number = 1\n", b"number = 2\n")
    made = dataclasses.replace(first, content=content, signatures=())
    twin = sample.signed(made, "ana", "ben")
    assert edition.parse(twin).programme.version == (
        edition.parse(first).programme.version
    )
    refuse(site, BadSignature, "another edition that goes by", Kind.EDITION, twin)


def test_one_member_withdraws_a_mandate_for_good() -> None:
    site, document = agreed(), sample.mandate()
    site.enact(Kind.MANDATE, document)
    site.accept(document)
    site.enact(Kind.REVOKED, sample.revocation(document))
    with pytest.raises(NotAllowed, match="revoked"):
        site.law.permit(document.digest)
    for act, kind in ((Act.ACCEPT, Kind.ACCEPTED), (Act.DECLINE, Kind.DECLINED)):
        refuse(
            site,
            NotAllowed,
            "nothing of this name",
            kind,
            site.decide(act, document),
            subject=document.digest.hex(),
        )
    refuse(site, NotAllowed, "was withdrawn", Kind.MANDATE, document)
    site.enact(Kind.REVOKED, sample.revocation(document, "ben"))


def test_a_mandate_withdrawn_before_it_came_is_never_taken() -> None:
    site, document = agreed(), sample.mandate()
    site.enact(Kind.REVOKED, sample.revocation(document))
    refuse(site, NotAllowed, "was withdrawn", Kind.MANDATE, document)
    site.enact(Kind.MANDATE, sample.mandate(number='"2026-02"'))


@pytest.mark.parametrize("signers", [("dirk",), ("NYC",), ("olga", "omar")])
def test_only_a_counting_member_withdraws(signers: tuple[str, ...]) -> None:
    site, document = agreed(), sample.mandate()
    site.enact(Kind.MANDATE, document)
    wrong = sample.revocation(document, *signers)
    refuse(site, BadSignature, "no member", Kind.REVOKED, wrong)
    foreign = sample.revocation(document, network="other")
    refuse(site, BadSignature, "for the network", Kind.REVOKED, foreign)


def test_one_member_cannot_withdraw_an_edition() -> None:
    site = agreed()
    site.enact(Kind.EDITION, an_edition(1))
    refuse(
        site,
        NotAllowed,
        "a mandate and nothing else",
        Kind.REVOKED,
        sample.revocation(an_edition(1)),
    )


def test_the_board_freezes_resumes_and_ends_the_programme() -> None:
    site = agreed()
    site.enact(Kind.STOOD_DOWN, sample.order("freeze", 1))
    assert site.law.turn is Turn.FREEZE
    replayed = sample.order("freeze", 1)
    refuse(site, BadSignature, "given before", Kind.STOOD_DOWN, replayed)
    site.enact(Kind.STOOD_DOWN, sample.order("resume", 2))
    site.law.check_answering()
    site.enact(Kind.STOOD_DOWN, sample.order("terminate", 3))
    for kind, document in (
        (Kind.STOOD_DOWN, sample.order("resume", 4)),
        (Kind.MANDATE, sample.mandate()),
        (Kind.POLICY, sample.policy(version=2)),
        (Kind.PAUSED, None),
    ):
        refuse(site, NotAllowed, "stopped for good", kind, document)
    site.enact(Kind.HELD, site.decide(Act.HOLD))
    site.enact(Kind.LIFTED, site.decide(Act.LIFT))
    site.enact(Kind.SEALED, site.decide(Act.SEAL))
    assert site.law.sealed


@pytest.mark.parametrize("signers", [("ana",), ("ana", "dirk"), ("olga", "omar")])
def test_fewer_than_two_members_order_nothing(signers: tuple[str, ...]) -> None:
    wrong = sample.order("freeze", 1, *signers)
    refuse(agreed(), BadSignature, "signatures of board", Kind.STOOD_DOWN, wrong)
    foreign = sample.order("freeze", 1, network="other")
    refuse(agreed(), BadSignature, "for the network", Kind.STOOD_DOWN, foreign)
