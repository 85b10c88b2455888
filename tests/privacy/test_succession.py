"""The law changes only by those who may change it."""

import dataclasses

import pytest

from privacy import policy, roster
from privacy.chain import Kind
from privacy.decision import Act
from privacy.errors import (
    BadConfiguration,
    BadSignature,
    NotAllowed,
)
from tests import signed_samples as sample
from tests.programme_samples import edition as an_edition
from tests.signed_samples import Site, agreed, refuse, ruled


def test_a_roster_the_operator_did_not_agree_to_is_not_taken() -> None:
    refuse(Site(), NotAllowed, "not agreed", Kind.ROSTER, sample.roster())


def test_agreeing_does_not_stand_for_the_other_sites() -> None:
    site, under = Site(), sample.roster("NYC", "HOU")
    site.enact(Kind.AGREED, subject=under.digest.hex())
    refuse(site, BadSignature, "2 sites signed", Kind.ROSTER, under)


def test_a_roster_that_leaves_the_site_out_is_not_taken() -> None:
    site, other = Site("SEA"), sample.roster()
    site.enact(Kind.AGREED, subject=other.digest.hex())
    refuse(site, NotAllowed, "leaves out site SEA", Kind.ROSTER, other)


def test_an_old_roster_is_never_obeyed_again() -> None:
    site, first = agreed(), sample.roster()
    second = sample.roster(version=2, previous=first, sites=(*sample.SITES, "SEA"))
    site.enact(Kind.AGREED, subject=second.digest.hex())
    site.enact(Kind.ROSTER, second)
    assert site.law.roster == roster.parse(second)
    refuse(site, BadSignature, "does not follow", Kind.ROSTER, first)


def test_roster_and_policy_are_of_one_network() -> None:
    other = sample.roster(network='"other"')
    site = Site()
    site.enact(Kind.POLICY, sample.policy())
    site.enact(Kind.AGREED, subject=other.digest.hex())
    refuse(site, BadSignature, "for the network 'other'", Kind.ROSTER, other)
    site = Site()
    site.enact(Kind.AGREED, subject=sample.roster().digest.hex())
    site.enact(Kind.ROSTER, sample.roster())
    strange = sample.policy(network='"other"')
    refuse(site, BadSignature, "for the network 'other'", Kind.POLICY, strange)


def test_a_policy_is_for_one_site() -> None:
    refuse(
        Site("HOU"),
        BadConfiguration,
        "policy is for site NYC",
        Kind.POLICY,
        sample.policy(),
    )


def test_the_first_policy_takes_two_officers() -> None:
    one = sample.policy("olga")
    refuse(Site(), BadSignature, "1 of the 2 officers'", Kind.POLICY, one)
    neither = sample.policy("ana", "ben", "NYC")
    refuse(Site(), BadSignature, "0 of the 2 officers'", Kind.POLICY, neither)


def test_loosening_takes_two_officers_and_tightening_one() -> None:
    site = agreed()
    looser = sample.policy("olga", version=2, caps="0.6")
    refuse(site, BadSignature, "loosens lifetime", Kind.POLICY, looser)
    site.enact(Kind.POLICY, sample.policy("olga", version=2, caps="0.4"))
    site.enact(Kind.POLICY, sample.policy(version=3, caps="0.6"))
    assert site.law.policy == policy.parse(sample.policy(version=3, caps="0.6"))


def test_new_officers_take_the_old_ones_signatures() -> None:
    site = agreed()
    coup = sample.policy("eve", "mallory", version=2, officers=("eve", "mallory"))
    refuse(site, BadSignature, "0 of the 2 officers'", Kind.POLICY, coup)
    handed = sample.policy(version=2, officers=("olga", "pia"))
    site.enact(Kind.POLICY, handed)
    by_former = sample.policy("omar", version=3, officers=("olga", "pia"))
    refuse(site, BadSignature, "0 of the 1", Kind.POLICY, by_former)


def test_an_old_policy_does_not_come_back() -> None:
    site = agreed()
    site.enact(Kind.POLICY, sample.policy(version=2, caps="0.4"))
    refuse(site, BadConfiguration, "version 2", Kind.POLICY, sample.policy())


def test_an_officer_declines_and_may_think_again() -> None:
    site, document = agreed(), sample.mandate()
    digest = document.digest.hex()
    site.enact(Kind.MANDATE, document)
    site.enact(Kind.DECLINED, site.decide(Act.DECLINE, document), subject=digest)
    assert site.law.sent[digest].fate is Kind.DECLINED
    site.accept(document)
    assert site.law.sent[digest].fate is Kind.ACCEPTED


def test_nothing_can_be_decided_that_did_not_come() -> None:
    site, document = agreed(), sample.mandate()
    for act, kind in ((Act.ACCEPT, Kind.ACCEPTED), (Act.DECLINE, Kind.DECLINED)):
        refuse(
            site,
            NotAllowed,
            "nothing of this name",
            kind,
            site.decide(act, document),
            subject=document.digest.hex(),
        )


WRONG_DECISIONS = {
    "site IT": lambda site, it: site.decide(Act.ACCEPT, it, "NYC"),
    "the Board": lambda site, it: site.decide(Act.ACCEPT, it, "ana", "ben"),
    "another site": lambda site, it: site.decide(Act.ACCEPT, it, site="HOU"),
    "another act": lambda site, it: site.decide(Act.DECLINE, it),
    "another thing": lambda site, _: site.decide(Act.ACCEPT, an_edition(1)),
    "another moment": lambda site, it: site.decide(
        Act.ACCEPT, it, follows=site.kept[0][0].hash
    ),
}


@pytest.mark.parametrize("wrong", WRONG_DECISIONS.values(), ids=WRONG_DECISIONS)
def test_a_decision_fits_one_act_of_one_officer(wrong: object) -> None:
    site, document = agreed(), sample.mandate()
    site.enact(Kind.MANDATE, document)
    made = wrong(site, document)
    digest = document.digest.hex()
    refuse(site, BadSignature, None, Kind.ACCEPTED, made, subject=digest)


def test_a_decision_is_used_once() -> None:
    site, document = agreed(), sample.mandate()
    digest = document.digest.hex()
    site.enact(Kind.MANDATE, document)
    accepted = site.decide(Act.ACCEPT, document)
    site.enact(Kind.ACCEPTED, accepted, subject=digest)
    site.enact(Kind.DECLINED, site.decide(Act.DECLINE, document), subject=digest)
    refuse(
        site,
        BadSignature,
        "before the last change",
        Kind.ACCEPTED,
        accepted,
        subject=digest,
    )


def test_nobody_decides_before_there_are_officers() -> None:
    site, first = Site(), sample.roster()
    site.enact(Kind.AGREED, subject=first.digest.hex())
    site.enact(Kind.ROSTER, first)
    refuse(site, NotAllowed, "no officers yet", Kind.HELD, site.decide(Act.HOLD))
    site.enact(Kind.MANDATE, sample.mandate())
    digest = sample.mandate().digest.hex()
    refuse(site, NotAllowed, "nothing of this", Kind.ACCEPTED, subject=digest)


def test_a_rule_accepts_what_its_officers_described() -> None:
    site = ruled()
    site.enact(Kind.MANDATE, sample.mandate())
    site.enact(Kind.EDITION, an_edition(2))
    for document in (sample.mandate(), an_edition(2)):
        site.enact(Kind.ACCEPTED, subject=document.digest.hex())
    site.law.permit(sample.mandate().digest)
    assert [each.number for each in site.law.editions] == [2]


@pytest.mark.parametrize(
    "document",
    [
        sample.mandate(purposes='["oversight", "evaluation"]'),
        sample.mandate(loss_rho='"0.06"', worst_rho='"0.06"'),
        sample.mandate(worst_rho='"0.06"'),
    ],
)
def test_a_rule_accepts_nothing_wider(document: object) -> None:
    site = ruled()
    site.enact(Kind.MANDATE, document)
    digest = document.digest.hex()
    refuse(site, NotAllowed, "No rule", Kind.ACCEPTED, subject=digest)


def test_a_rule_accepts_no_edition_that_changes_a_meaning() -> None:
    site = ruled()
    site.enact(Kind.EDITION, an_edition(2))
    site.accept(an_edition(2))
    files = an_edition(1)
    older = dataclasses.replace(
        files,
        content=files.content.replace(b"number = 1\n", b"number = 3\n").replace(
            b"# edition 1", b"# edition 3"
        ),
        signatures=(),
    )
    third = sample.signed(older, "ana", "ben")
    site.enact(Kind.EDITION, third)
    refuse(site, NotAllowed, "No rule", Kind.ACCEPTED, subject=third.digest.hex())


def test_without_rules_nothing_is_accepted_by_rule() -> None:
    site, document = agreed(), sample.mandate()
    site.enact(Kind.MANDATE, document)
    digest = document.digest.hex()
    refuse(site, NotAllowed, "No rule", Kind.ACCEPTED, subject=digest)


def test_whoever_else_accepts_needs_an_officers_decision() -> None:
    site, document = ruled(), sample.mandate()
    site.enact(Kind.MANDATE, document)
    said = {"detail": f"nobody {document.digest.hex()}"}
    refuse(site, NotAllowed, "no officers yet", Kind.ACCEPTED, **said)


def test_a_rule_does_not_overrule_an_officer() -> None:
    site, document = ruled(), sample.mandate()
    digest = document.digest.hex()
    site.enact(Kind.MANDATE, document)
    site.enact(Kind.DECLINED, site.decide(Act.DECLINE, document), subject=digest)
    refuse(site, NotAllowed, "No rule", Kind.ACCEPTED, subject=digest)


def test_an_officer_and_no_other_ends_a_pause() -> None:
    site = agreed()
    site.enact(Kind.PAUSED)
    assert site.law.paused
    by_it = site.decide(Act.RESUME, None, "NYC")
    refuse(site, BadSignature, "takes 1 of the officers", Kind.RESUMED, by_it)
    site.enact(Kind.RESUMED, site.decide(Act.RESUME))
    assert not site.law.paused


def test_a_ledger_is_reopened_by_two() -> None:
    site = agreed()
    one = site.decide(Act.REOPEN)
    refuse(site, BadSignature, "takes 2 of the officers", Kind.REOPENED, one)
    site.enact(Kind.REOPENED, site.decide(Act.REOPEN, None, "olga", "omar"))
    assert site.law.epoch == 2


def test_a_sealed_site_changes_no_more_but_its_hold() -> None:
    site = agreed()
    site.enact(Kind.SEALED, site.decide(Act.SEAL))
    refuse(site, NotAllowed, "for good", Kind.SEALED, site.decide(Act.SEAL))
    refuse(site, NotAllowed, "for good", Kind.AGREED, subject="00")
    site.enact(Kind.HELD, site.decide(Act.HOLD))
    assert site.law.held
    site.enact(Kind.LIFTED, site.decide(Act.LIFT))
    assert not site.law.held
