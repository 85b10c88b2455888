"""The roster: nobody joins, leaves or changes a key unless the sites agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import roster as rosters
from privacy import signing
from privacy.errors import BadSignature, InvalidProgramme
from privacy.roster import Standing
from privacy.signing import Document
from tests.signed_samples import (
    SEATS,
    SITES,
    mandate,
    public,
    roster,
    roster_lines,
    signed,
    text,
)


def follow(document: Document, before: Document | None = None) -> None:
    old = rosters.parse(before) if before else None
    rosters.parse(document).check_follows(document, old)


def named(number: int) -> list[str]:
    return [f"S{n:02d}" for n in range(number)]


def test_a_roster_says_who_takes_part() -> None:
    found = rosters.parse(roster())
    assert list(found.members) == sorted(SITES)
    assert found.members["NYC"].key == public("NYC")
    assert found.members["NYC"].mask_key == public("mask NYC")
    assert found.members["NYC"].provider == "Provider of NYC"
    assert found.coordinator == public("coordinator")
    assert (found.network, found.version, found.previous) == ("cmpp", 1, "")
    assert {s.name: s.standing for s in found.board}["dirk"] is Standing.CHAIR
    assert found.digest == roster().digest


def test_the_first_roster_takes_every_site() -> None:
    follow(roster())
    with pytest.raises(BadSignature, match="2 sites signed the roster and 3 must"):
        follow(roster("HOU", "LAX"))


def test_signatures_of_the_board_and_the_coordinator_do_not_stand_for_a_site() -> None:
    with pytest.raises(BadSignature, match="2 sites signed"):
        follow(roster("HOU", "LAX", "ana", "ben", "dirk", "coordinator"))


def test_a_roster_changed_after_it_was_signed_is_not_believed() -> None:
    before = roster()
    changed = before.content.replace(b"Provider of NYC", b"Provider of nyc")
    forged = Document(kind=before.kind, content=changed, signatures=before.signatures)
    with pytest.raises(BadSignature, match="0 sites signed"):
        follow(forged)


@pytest.mark.parametrize(
    ("number", "needed"), [(3, 3), (10, 10), (11, 8), (12, 8), (30, 20)]
)
def test_how_many_sites_must_sign(number: int, needed: int) -> None:
    sites = named(number)
    follow(roster(*sites[:needed], sites=sites))
    assert rosters.parse(roster(sites=sites)).site_signatures == needed
    with pytest.raises(BadSignature):
        follow(roster(*sites[: needed - 1], sites=sites))


def test_the_next_roster_names_the_one_before() -> None:
    before = roster()
    follow(roster(version=2, previous=before, sites=(*SITES, "SEA")), before)


@pytest.mark.parametrize(
    "made",
    [
        lambda _: roster(),
        lambda before: roster(version=3, previous=before),
        lambda _: roster(version=2, previous=mandate()),
        lambda before: roster(version=2, previous=before, network='"other"'),
    ],
    ids=["an old one", "one too far", "of another line", "of another network"],
)
def test_only_the_next_roster_follows(made: object) -> None:
    before = roster()
    with pytest.raises(BadSignature, match="does not follow roster 1"):
        follow(made(before), before)


def test_a_key_is_replaced_only_with_the_old_one() -> None:
    before = roster()
    keys = {name: name for name in SITES} | {"NYC": "NYC again"}
    made = {"version": 2, "previous": before, "sites": keys}
    follow(roster("HOU", "LAX", "NYC", "NYC again", **made), before)
    with pytest.raises(BadSignature, match="with the keys they had, and 3 must"):
        follow(roster("HOU", "LAX", "NYC again", **made), before)
    with pytest.raises(BadSignature, match="2 sites signed"):
        follow(roster("HOU", "LAX", "NYC", **made), before)


def test_a_site_leaves_when_all_that_stay_agree() -> None:
    before = roster(sites=(*SITES, "SEA"))
    follow(roster(version=2, previous=before), before)
    with pytest.raises(BadSignature):
        follow(roster("HOU", "LAX", version=2, previous=before), before)


def test_the_sites_cannot_be_swapped_for_others() -> None:
    before = roster(sites=(*SITES, "SEA"))
    invented = ("HOU", "LAX", "FAKE1", "FAKE2")
    with pytest.raises(BadSignature, match="more than half of them must stay"):
        follow(roster(version=2, previous=before, sites=invented), before)


def test_invented_sites_do_not_outvote_a_large_network() -> None:
    old, invented = named(12), [f"X{n:02d}" for n in range(24)]
    before = roster(sites=old)
    made = {"version": 2, "previous": before, "sites": [*old, *invented]}
    with pytest.raises(BadSignature, match="7 sites of roster 1 agreed"):
        follow(roster(*invented, *old[:7], **made), before)
    follow(roster(*invented, *old[:8], **made), before)


@given(signers=st.sets(st.sampled_from([*SEATS, *SITES, "coordinator"])))
def test_a_mandate_takes_two_organisations_and_no_chair(signers: set[str]) -> None:
    document = signed(text(signing.Kind.MANDATE, ["x = 1"]), *signers)
    list_ = rosters.parse(roster())
    if len(signers & {"ana", "ben", "cleo"}) >= 2:
        list_.check_board(document)
    else:
        with pytest.raises(BadSignature, match="signatures of board members"):
            list_.check_board(document)


def test_two_seats_of_one_organisation_count_once() -> None:
    seats = SEATS | {"anton": ("Shelter Alliance", "member")}
    found = rosters.parse(roster(seats=seats))
    document = mandate("ana", "anton")
    assert found.by_board(document) == {"Shelter Alliance"}
    with pytest.raises(BadSignature, match="carries 1 of the 2"):
        found.check_board(document)


def replaced(old: str, new: str) -> Document:
    content = roster().content.decode()
    assert old in content
    return text(signing.Kind.ROSTER, [content.replace(old, new)])


WRONG = {
    "network": ('network = "cmpp"', 'network = "Not A Name"'),
    "version": ("version = 1\n", "version = 0\n"),
    "version is text": ("version = 1\n", 'version = "1"\n'),
    "a first with a previous": ("version = 1\n", 'version = 1\nprevious = "00"\n'),
    "a later without": ("version = 1\n", "version = 2\n"),
    "an unknown key": ("version = 1\n", "version = 1\nspare = 1\n"),
    "one signature": ("board_signatures = 2", "board_signatures = 1"),
    "more than there are": ("board_signatures = 2", "board_signatures = 4"),
    "standing": ('standing = "chair"', 'standing = "king"'),
    "a key used twice": (
        signing.key_text(public("NYC")),
        signing.key_text(public("ana")),
    ),
    "the coordinator on the Board": (
        signing.key_text(public("ana")),
        signing.key_text(public("coordinator")),
    ),
    "a mask used twice": (
        signing.key_text(public("mask NYC"), label=signing.MASKING),
        signing.key_text(public("mask HOU"), label=signing.MASKING),
    ),
    "site name": ("[sites.NYC]", "[sites.nyc]"),
    "an unknown key of a site": ("[sites.NYC]", "[sites.NYC]\nspare = 1"),
    "an unknown key of a seat": ("[board.ana]", "[board.ana]\nspare = 1"),
}


@pytest.mark.parametrize(("old", "new"), WRONG.values(), ids=WRONG)
def test_a_roster_that_could_not_do_its_work_is_refused(old: str, new: str) -> None:
    with pytest.raises(InvalidProgramme):
        rosters.parse(replaced(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (signing.key_text(public("NYC")), "ed25519:AAAA"),
        (signing.key_text(public("mask NYC"), label=signing.MASKING), "x25519:AAAA"),
    ],
)
def test_what_is_no_key_is_not_in_a_roster(old: str, new: str) -> None:
    with pytest.raises(BadSignature):
        rosters.parse(replaced(old, new))


def test_below_three_sites_nobody_could_witness() -> None:
    two = text(signing.Kind.ROSTER, roster_lines(sites=("HOU", "NYC")))
    with pytest.raises(InvalidProgramme, match="at least 3 sites"):
        rosters.parse(two)


def test_another_kind_of_document_is_no_roster() -> None:
    with pytest.raises(BadSignature):
        rosters.parse(mandate())
