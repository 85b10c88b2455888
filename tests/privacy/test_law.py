"""The law: what a site may answer, and what waits for its officer."""

import dataclasses
import datetime as dt

import pytest

from privacy import catalogue, mandate, sending
from privacy.chain import Kind
from privacy.errors import NotAllowed, WrongProgramme
from privacy.law import INBOX_DAYS, Law
from privacy.mandate import Turn
from tests import signed_samples as sample
from tests.programme_samples import edition

LATE = sample.NOW + dt.timedelta(days=INBOX_DAYS, seconds=1)


def test_a_site_with_roster_and_policy_answers() -> None:
    sample.agreed().law.check_answering()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"roster": None}, "no roster"),
        ({"policy": None}, "no signed policy"),
        ({"paused": True}, "paused"),
        ({"sealed": True}, "for good"),
        ({"turn": Turn.FREEZE}, "froze"),
        ({"turn": Turn.TERMINATE}, "ended"),
    ],
)
def test_whatever_stands_still_answers_nothing(
    change: dict[str, object], why: str
) -> None:
    law = dataclasses.replace(sample.agreed().law, **change)
    with pytest.raises(NotAllowed, match=why):
        law.check_answering()


@pytest.mark.parametrize("change", [{"held": True}, {"turn": Turn.RESUME}])
def test_a_hold_and_a_resumed_programme_stop_nothing(change: object) -> None:
    dataclasses.replace(sample.agreed().law, **change).check_answering()


def test_only_an_accepted_mandate_opens_anything() -> None:
    site, document = sample.agreed(), sample.mandate()
    with pytest.raises(NotAllowed, match="deliver it first"):
        site.law.permit(document.digest)
    site.enact(Kind.MANDATE, document)
    with pytest.raises(NotAllowed, match="not yet accepted"):
        site.law.permit(document.digest)
    site.accept(document)
    assert site.law.permit(document.digest) == mandate.parse(document)


@pytest.mark.parametrize("fate", [Kind.DECLINED, Kind.REVOKED])
def test_a_mandate_taken_back_opens_nothing(fate: Kind) -> None:
    site, document = sample.agreed(), sample.mandate()
    site.enact(Kind.MANDATE, document)
    site.accept(document)
    law = sending.with_fate(site.law, document.digest.hex(), fate)
    with pytest.raises(NotAllowed, match=fate.value):
        law.permit(document.digest)


def test_an_edition_is_no_mandate() -> None:
    site, document = sample.agreed(), edition(1)
    site.enact(Kind.EDITION, document)
    site.accept(document)
    with pytest.raises(NotAllowed, match="no such mandate"):
        site.law.permit(document.digest)


def test_the_inbox_is_what_waits() -> None:
    site = sample.agreed()
    first, second = sample.mandate(), sample.mandate(number='"2026-02"')
    site.enact(Kind.MANDATE, first)
    site.enact(Kind.EDITION, edition(1), now=LATE)
    site.enact(Kind.MANDATE, second, now=LATE)
    assert list(site.law.inbox(sample.NOW)) == [
        first.digest.hex(),
        edition(1).digest.hex(),
        second.digest.hex(),
    ]
    assert first.digest.hex() not in site.law.inbox(LATE)
    site.accept(second, now=LATE)
    assert list(site.law.inbox(LATE)) == [edition(1).digest.hex()]


def test_a_site_knows_the_programme_its_policy_names() -> None:
    shipped = catalogue.load()
    law = sample.agreed().law
    assert law.newest == shipped
    assert law.programme(shipped.version) == shipped
    other = dataclasses.replace(law.policy, programme="another")
    assert dataclasses.replace(law, policy=other).newest is None
    with pytest.raises(WrongProgramme):
        dataclasses.replace(law, policy=other).programme(shipped.version)
    assert Law(site="NYC").newest is None


def test_accepted_editions_stay_known() -> None:
    site = sample.agreed()
    for number in (1, 2):
        site.enact(Kind.EDITION, edition(number))
    site.accept(edition(2))
    assert [each.number for each in site.law.editions] == [2]
    site.accept(edition(1))
    assert [each.number for each in site.law.editions] == [1, 2]
    newest = site.law.newest
    assert newest is not None
    assert "M99" in newest.metrics
    for each in site.law.editions:
        assert site.law.programme(each.programme.version) == each.programme
    with pytest.raises(WrongProgramme, match="accepted no programme"):
        site.law.programme("1+000000000000")
