"""Somebody wants another outcome of a draw: a site, a member, the coordinator."""

import hashlib

import pytest

from node import draw as own
from privacy import drawing
from privacy.chain import Kind
from privacy.drawing import ClosedList, Household, Stratum
from privacy.errors import BadConfiguration, BadSignature, Corrupt, NotAllowed
from privacy.signing import Document
from tests import draw_samples as sample
from tests import signed_samples as people
from tests.signed_samples import Site, agreed, refuse


def ready() -> tuple[Site, Document, ClosedList, bytes]:
    """Return a site that can draw, its list, and the nonce."""
    site, closed = agreed(), sample.closed()
    paper = sample.listed(closed)
    sample.enact(site, paper, *sample.nonce_papers(paper))
    nonce = sample.draw_at(site, paper).nonce
    assert nonce is not None
    return site, paper, closed, nonce


def test_a_second_commitment_for_the_same_draw_is_refused() -> None:
    site, paper, closed, nonce = ready()
    other = sample.listed(sample.closed(salt=b"liked better".ljust(32)))
    refuse(site, NotAllowed, "closed once", Kind.DRAW, other)
    digest = drawing.draw(closed, nonce).digest
    sample.enact(site, sample.outcome(paper, nonce, digest))
    refuse(site, NotAllowed, "no second commitment", Kind.DRAW, other)
    refuse(site, NotAllowed, "no second commitment", Kind.DRAW, paper)


def test_a_run_after_a_run_is_refused() -> None:
    site, paper, closed, nonce = ready()
    digest = drawing.draw(closed, nonce).digest
    sample.enact(site, sample.outcome(paper, nonce, digest))
    again = sample.outcome(paper, nonce, hashlib.sha256(b"liked better").digest())
    refuse(site, NotAllowed, "nothing is drawn again", Kind.DRAW, again)
    for late in (sample.pledge(paper, "cleo"), sample.abandoned(paper, "NYC", "olga")):
        refuse(site, NotAllowed, "is over", Kind.DRAW, late)


def test_a_draw_without_a_nonce_is_refused() -> None:
    site, paper = agreed(), sample.listed()
    sample.enact(site, paper, *sample.nonce_papers(paper)[:3])
    for nonce in (bytes(32), hashlib.sha256(b"mine").digest()):
        refuse(
            site, NotAllowed, "no nonce", Kind.DRAW, sample.outcome(paper, nonce, nonce)
        )


def test_a_draw_with_another_nonce_is_refused() -> None:
    site, paper, closed, _ = ready()
    mine = hashlib.sha256(b"mine").digest()
    digest = drawing.draw(closed, mine).digest
    refuse(
        site, NotAllowed, "another one", Kind.DRAW, sample.outcome(paper, mine, digest)
    )


def test_an_edited_pool_does_not_open_the_commitment(tmp_path) -> None:
    _, _, closed, nonce = ready()
    keeper = own.Keeper(tmp_path)
    keeper.keep(closed)
    assert keeper.open(closed.commitment) == closed
    friend = Household(Stratum.FAMILY, "C-friend")
    for edited in (
        (*closed.households, friend),
        closed.households[1:],
        (*closed.households[1:], friend),
    ):
        other = ClosedList(terms=closed.terms, salt=closed.salt, households=edited)
        assert other.commitment != closed.commitment
        assert drawing.draw(other, nonce).digest != drawing.draw(closed, nonce).digest
        keeper.keep(other)
        keeper.file(other.commitment).replace(keeper.file(closed.commitment))
        with pytest.raises(Corrupt, match="not the one that was committed to"):
            keeper.open(closed.commitment)


def test_every_changed_byte_of_a_kept_list_shows(tmp_path) -> None:
    closed, keeper = sample.closed(), own.Keeper(tmp_path)
    path = keeper.keep(closed)
    whole = path.read_bytes()
    assert b"C-0" not in whole
    for at in range(0, len(whole), 37):
        changed = bytearray(whole)
        changed[at] ^= 1
        path.write_bytes(bytes(changed))
        with pytest.raises(Corrupt):
            keeper.open(closed.commitment)
    path.write_bytes(whole[:-1])
    with pytest.raises(Corrupt):
        keeper.open(closed.commitment)


def test_a_lost_list_stops_the_draw_and_is_never_replaced(tmp_path) -> None:
    closed, keeper = sample.closed(), own.Keeper(tmp_path)
    keeper.keep(closed)
    keeper.file(closed.commitment).unlink()
    with pytest.raises(BadConfiguration, match="only be abandoned"):
        keeper.open(closed.commitment)
    keeper.keep(closed)
    with pytest.raises(BadConfiguration, match="never overwritten"):
        keeper.keep(closed)
    (tmp_path / own.KEY).unlink()
    with pytest.raises(BadConfiguration, match="key"):
        keeper.open(closed.commitment)
    with pytest.raises(BadConfiguration, match="key is missing"):
        keeper.keep(sample.closed(2))


def test_the_chair_alone_or_with_one_member_makes_no_nonce() -> None:
    site, paper = agreed(), sample.listed()
    sample.enact(site, paper)
    refuse(site, BadSignature, "chair", Kind.DRAW, sample.pledge(paper, "dirk"))
    sample.enact(site, sample.pledge(paper, "ana"))
    with_chair = sample.share(paper, "ana", among=("ana", "dirk"))
    refuse(site, BadSignature, "takes 2", Kind.DRAW, with_chair)
    alone = sample.share(paper, "ana", among=("ana",))
    refuse(site, BadSignature, "takes 2", Kind.DRAW, alone)


def test_two_seats_of_one_organisation_are_one() -> None:
    seats = people.SEATS | {"ann": ("Shelter Alliance", "member")}
    site = agreed(first=people.roster(seats=seats))
    paper = sample.listed()
    *pledges, first, _ = sample.nonce_papers(paper, ("ana", "ann"))
    sample.enact(site, paper, *pledges)
    refuse(site, BadSignature, "1 organisations", Kind.DRAW, first)


def test_the_coordinator_and_the_site_cannot_sign_for_the_board() -> None:
    site, paper = agreed(), sample.listed()
    sample.enact(site, paper)
    for name in ("coordinator", "NYC", "HOU", "olga"):
        refuse(site, BadSignature, "member", Kind.DRAW, sample.pledge(paper, name))
    both = people.signed(sample.pledge(paper, "ana"), "ben")
    refuse(site, BadSignature, "one member", Kind.DRAW, both)


def test_another_sites_nonce_is_worth_nothing_here() -> None:
    site, paper, _, _ = ready()
    elsewhere = sample.closed(site="HOU")
    theirs = sample.listed(elsewhere)
    assert theirs.digest != paper.digest
    other = agreed()
    mine = sample.listed(sample.closed(phase="P1"))
    sample.enact(other, mine)
    for replayed in (*sample.nonce_papers(theirs), *sample.nonce_papers(paper)):
        refuse(other, NotAllowed, "not known here", Kind.DRAW, replayed)
    refuse(site, NotAllowed, "another site", Kind.DRAW, theirs)


def test_a_nonce_of_an_earlier_draw_is_not_used_again() -> None:
    site, paper, closed, nonce = ready()
    digest = drawing.draw(closed, nonce).digest
    sample.enact(site, sample.outcome(paper, nonce, digest))
    second = sample.listed(sample.closed(2))
    sample.enact(site, second)
    for old in sample.nonce_papers(paper):
        refuse(site, NotAllowed, None, Kind.DRAW, old)
    reused = sample.outcome(second, nonce, digest)
    refuse(site, NotAllowed, "no nonce yet", Kind.DRAW, reused)


def test_a_member_cannot_fit_a_value_to_the_others() -> None:
    """The last to share works with the site: the pledge holds the value fast."""
    site, paper = agreed(), sample.listed()
    *pledges, first, _ = sample.nonce_papers(paper)
    sample.enact(site, paper, *pledges, first)
    fitted = hashlib.sha256(b"selects my friend").digest()
    refuse(
        site,
        BadSignature,
        "not what its signer pledged",
        Kind.DRAW,
        sample.share(paper, "ben", value=fitted),
    )
    refuse(site, NotAllowed, "fitted", Kind.DRAW, sample.pledge(paper, "cleo"))


def test_a_member_cannot_pledge_twice() -> None:
    site, paper = agreed(), sample.listed()
    sample.enact(site, paper, sample.pledge(paper, "ben"))
    again = sample.pledge(paper, "ben", value=bytes(32))
    refuse(site, NotAllowed, "has pledged", Kind.DRAW, again)


def test_the_members_are_fixed_by_the_first_share() -> None:
    """A coordinator that dislikes the result cannot leave one of them out."""
    site, paper = agreed(), sample.listed()
    three = ("ana", "ben", "cleo")
    sample.enact(site, paper, *(sample.pledge(paper, each) for each in three))
    sample.enact(site, sample.share(paper, "ana", among=three))
    sample.enact(site, sample.share(paper, "ben", among=three))
    assert sample.draw_at(site, paper).nonce is None
    for member in ("ana", "ben"):
        fewer = sample.share(paper, member, among=("ana", "ben"))
        refuse(site, NotAllowed, "fixed by the first", Kind.DRAW, fewer)
    sample.enact(site, sample.share(paper, "cleo", among=three))
    assert sample.draw_at(site, paper).nonce is not None


def test_a_share_before_the_pledges_it_goes_with_is_refused() -> None:
    site, paper = agreed(), sample.listed()
    sample.enact(site, paper, sample.pledge(paper, "ana"))
    refuse(site, NotAllowed, "pledges first", Kind.DRAW, sample.share(paper, "ana"))


def test_another_site_cannot_speak_for_this_one() -> None:
    site = agreed()
    paper = sample.listed(None, "HOU")
    refuse(site, BadSignature, "not signed by site NYC", Kind.DRAW, paper)
    site, paper, closed, nonce = ready()
    digest = drawing.draw(closed, nonce).digest
    forged = sample.outcome(paper, nonce, digest, by="HOU")
    refuse(site, BadSignature, "not signed by site NYC", Kind.DRAW, forged)
    over = sample.abandoned(paper, "HOU", "olga")
    refuse(site, BadSignature, "not signed by site NYC", Kind.DRAW, over)
