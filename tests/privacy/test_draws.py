"""In which order, and from whom, the papers of a draw are believed."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy import draw_papers, drawing, signing, succession
from privacy.chain import Kind
from privacy.draw_papers import Step
from privacy.drawing import ClosedList
from privacy.errors import (
    BadSignature,
    ExchangeError,
    InvalidProgramme,
    LedgerInconsistent,
    NotAllowed,
)
from tests import draw_samples as sample
from tests import signed_samples as people
from tests.signed_samples import Site, agreed, refuse


def ready(number: int = 1) -> tuple[Site, signing.Document, ClosedList]:
    """Return a site whose list is closed and whose nonce is made."""
    site, closed = agreed(), sample.closed(number)
    paper = sample.listed(closed)
    sample.enact(site, paper, *sample.nonce_papers(paper))
    return site, paper, closed


def finish(site: Site, paper: signing.Document, closed: ClosedList) -> None:
    """Draw."""
    nonce = sample.draw_at(site, paper).nonce
    assert nonce is not None
    digest = drawing.draw(closed, nonce).digest
    sample.enact(site, sample.outcome(paper, nonce, digest))


def test_a_draw_goes_through_its_steps() -> None:
    site, closed = agreed(), sample.closed()
    paper = sample.listed(closed)
    states = []
    for each in (paper, *sample.nonce_papers(paper)):
        sample.enact(site, each)
        states.append(sample.draw_at(site, paper).state)
    finish(site, paper, closed)
    states.append(sample.draw_at(site, paper).state)
    assert states == [
        *("0 have pledged", "1 have pledged", "2 have pledged"),
        *("1 of 2 have shared", "waits for the site to draw", "drawn"),
    ]
    assert len(sample.draw_at(site, paper).papers) == 6
    assert succession.replay("NYC", site.kept) == site.law


def test_the_ledger_tells_step_and_draw() -> None:
    site, paper, closed = ready()
    finish(site, paper, closed)
    told = [(entry.detail or "").split(" ") for entry, _ in site.kept[-6:]]
    steps = ["list", "pledge", "pledge", "share", "share", "outcome"]
    assert told == [[step, paper.digest.hex()] for step in steps]


def test_an_altered_note_is_found() -> None:
    site, _, _ = ready()
    entry, file = site.kept[-1]
    site.kept[-1] = (replace(entry, detail=f"outcome {'0' * 64}"), file)
    with pytest.raises(LedgerInconsistent):
        succession.replay("NYC", site.kept)


def test_each_paper_is_read_as_it_was_written() -> None:
    site, paper, closed = ready()
    finish(site, paper, closed)
    for _, file in site.kept[-6:]:
        document = signing.read(file or b"", signing.Kind.DRAW)
        assert draw_papers.parse(document).document().content == document.content


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('step = "list"', 'step = "lists"'),
        ("number = 1", "number = 0"),
        ("number = 1", "number = true"),
        ('closed_on = "2026-11-22"', 'closed_on = "22 November"'),
        ("cmpp-draw-1", "cmpp-draw-2"),
        ("family = 2", "families = 2"),
        ("family = 2", "family = 02"),
        ('phase = "P2"', 'phase = "P 2"'),
        ('site = "NYC"', 'site = "nyc"'),
        ("[slots]", "extra = 1\n[slots]"),
        ("[slots]\n", "[slots] \n"),
        ('commitment = "', 'commitment = "0'),
    ],
)
def test_a_paper_that_is_not_in_its_one_form_is_refused(old: str, new: str) -> None:
    content = sample.listed().content.decode()
    assert old in content
    changed = signing.Document(
        kind=signing.Kind.DRAW, content=content.replace(old, new).encode()
    )
    with pytest.raises(InvalidProgramme):
        draw_papers.parse(changed)


def test_papers_of_lists_of_any_length_look_alike() -> None:
    lengths = set()
    for count in (6, 12, 400):
        closed = ClosedList(
            terms=sample.terms(),
            salt=sample.SALT,
            households=sample.households(count),
        )
        drawn = drawing.draw(closed, bytes(32))
        paper = sample.listed(closed)
        over = sample.outcome(paper, bytes(32), drawn.digest)
        lengths.add((len(paper.file()), len(over.file())))
    assert len(lengths) == 1


def test_what_a_member_gives_follows_from_key_and_draw_alone() -> None:
    key = people.key("ana")
    one, two = bytes(32), bytes([1]) * 32
    assert draw_papers.value_for(key, one) == draw_papers.value_for(key, one)
    others = {
        draw_papers.value_for(key, one),
        draw_papers.value_for(key, two),
        draw_papers.value_for(people.key("ben"), one),
    }
    assert len(others) == 3


def test_the_nonce_does_not_depend_on_who_came_first() -> None:
    paper, nonces = sample.listed(), set()
    for members in (("ana", "ben"), ("ben", "ana")):
        site = agreed()
        sample.enact(site, paper, *sample.nonce_papers(paper, members))
        nonces.add(sample.draw_at(site, paper).nonce)
    assert len(nonces) == 1


def test_only_the_next_number_is_taken_and_one_draw_at_a_time() -> None:
    site, paper, closed = ready()
    second = sample.listed(sample.closed(2))
    refuse(site, NotAllowed, "not finished", Kind.DRAW, second)
    finish(site, paper, closed)
    refuse(site, NotAllowed, "number 2", Kind.DRAW, sample.listed(sample.closed(3)))
    sample.enact(site, second)


def test_draws_of_two_phases_go_on_side_by_side() -> None:
    site, _, _ = ready()
    sample.enact(site, sample.listed(sample.closed(phase="P1")))
    assert len(site.law.draws) == 2


def test_a_list_and_a_draw_are_entered_on_their_day() -> None:
    site = agreed()
    yesterday = sample.closed(closed_on=sample.TODAY - dt.timedelta(days=1))
    refuse(site, NotAllowed, "on the day", Kind.DRAW, sample.listed(yesterday))
    site, paper, closed = ready()
    nonce = sample.draw_at(site, paper).nonce or b""
    digest = drawing.draw(closed, nonce).digest
    late = sample.outcome(paper, nonce, digest, day=sample.TODAY + dt.timedelta(days=1))
    refuse(site, NotAllowed, "on the day", Kind.DRAW, late)


def test_nothing_is_drawn_while_the_board_has_frozen_the_programme() -> None:
    site, paper, closed = ready()
    site.enact(Kind.STOOD_DOWN, people.order("freeze", 1))
    nonce = sample.draw_at(site, paper).nonce or b""
    over = sample.outcome(paper, nonce, drawing.draw(closed, nonce).digest)
    refuse(site, NotAllowed, "froze", Kind.DRAW, over)
    other = sample.listed(sample.closed(phase="P1"))
    refuse(site, NotAllowed, "froze", Kind.DRAW, other)
    site.enact(Kind.STOOD_DOWN, people.order("resume", 2))
    sample.enact(site, over)


def test_a_draw_given_up_before_its_nonce_takes_the_site_alone() -> None:
    site, paper = agreed(), sample.listed()
    sample.enact(site, paper, *sample.nonce_papers(paper)[:2], sample.abandoned(paper))
    assert sample.draw_at(site, paper).state == "abandoned"
    last = sample.nonce_papers(paper)[2]
    refuse(site, NotAllowed, "is over", Kind.DRAW, last)


def test_a_draw_given_up_after_its_nonce_takes_an_officer_and_says_so() -> None:
    site, paper, _ = ready()
    refuse(site, BadSignature, "officer", Kind.DRAW, sample.abandoned(paper))
    sample.enact(site, sample.abandoned(paper, "NYC", "olga"))
    assert sample.draw_at(site, paper).state == "abandoned after its nonce was known"


def test_a_draw_given_up_between_shares_takes_an_officer_and_says_so() -> None:
    """The last member may have told the site alone, and neither liked the outcome."""
    site, paper = agreed(), sample.listed()
    sample.enact(site, paper, *sample.nonce_papers(paper)[:3])
    refuse(site, BadSignature, "officer", Kind.DRAW, sample.abandoned(paper))
    sample.enact(site, sample.abandoned(paper, "NYC", "omar"))
    assert sample.draw_at(site, paper).state == "abandoned after members had shared"


def test_the_policy_can_ask_for_more_members() -> None:
    site = agreed()
    site.enact(Kind.POLICY, people.policy(version=2, board_signatures=3))
    paper = sample.listed()
    *pledges, first, _ = sample.nonce_papers(paper)
    sample.enact(site, paper, *pledges)
    refuse(site, BadSignature, "takes 3", Kind.DRAW, first)


@pytest.mark.parametrize("step", list(Step))
def test_papers_of_another_network_are_refused(step: Step) -> None:
    site, paper, _ = ready()
    documents = {
        Step.LIST: sample.listed(sample.closed(phase="P1")),
        Step.PLEDGE: sample.pledge(paper, "cleo"),
        Step.SHARE: sample.share(paper, "cleo"),
        Step.OUTCOME: sample.outcome(paper, bytes(32), bytes(32)),
        Step.ABANDONED: sample.abandoned(paper, "NYC", "olga"),
    }
    found = documents[step]
    content = found.content.replace(b'network = "cmpp"', b'network = "other"')
    names = {Step.PLEDGE: ("cleo",), Step.SHARE: ("cleo",)}.get(step, ("NYC",))
    moved = people.signed(
        signing.Document(kind=signing.Kind.DRAW, content=content), *names
    )
    refuse(site, BadSignature, "network", Kind.DRAW, moved)


def test_a_site_that_changed_its_key_goes_on_with_the_new_one() -> None:
    site, paper, closed = ready()
    owners = {"HOU": "HOU", "LAX": "LAX", "NYC": "NYC later"}
    first = people.roster()
    second = people.roster(
        *("HOU", "LAX", "NYC", "NYC later"), version=2, previous=first, sites=owners
    )
    site.enact(Kind.AGREED, subject=second.digest.hex())
    site.enact(Kind.ROSTER, second)
    nonce = sample.draw_at(site, paper).nonce or b""
    digest = drawing.draw(closed, nonce).digest
    old = sample.outcome(paper, nonce, digest)
    refuse(site, BadSignature, "key in the roster", Kind.DRAW, old)
    sample.enact(site, sample.outcome(paper, nonce, digest, by="NYC later"))


def everything() -> Iterator[signing.Document]:
    """Yield honest and dishonest papers of three draws."""
    value = bytes([7]) * 32
    for closed in (sample.closed(), sample.closed(salt=bytes(32)), sample.closed(2)):
        paper = sample.listed(closed)
        yield from (paper, sample.abandoned(paper), sample.abandoned(paper, "HOU"))
        yield sample.abandoned(paper, "NYC", "olga")
        for member in ("ana", "ben", "cleo", "dirk"):
            yield sample.pledge(paper, member)
            yield sample.pledge(paper, member, value=value)
            for among in (("ana", "ben"), ("ana", "ben", "cleo"), ("ana", "dirk")):
                yield sample.share(paper, member, among=among)
                yield sample.share(paper, member, among=among, value=value)
        for among in (("ana", "ben"), ("ana", "ben", "cleo")):
            values = {
                people.public(each): draw_papers.value_for(
                    people.key(each), paper.digest
                )
                for each in among
            }
            nonce = drawing.nonce(paper.digest, values)
            yield sample.outcome(paper, nonce, drawing.draw(closed, nonce).digest)
            yield sample.outcome(paper, nonce, value)


def honest() -> Iterator[signing.Document]:
    """Yield the papers of two draws as they should come."""
    for closed in (sample.closed(), sample.closed(2)):
        paper = sample.listed(closed)
        values = {
            people.public(each): draw_papers.value_for(people.key(each), paper.digest)
            for each in sample.MEMBERS
        }
        nonce = drawing.nonce(paper.digest, values)
        yield from (paper, *sample.nonce_papers(paper))
        yield sample.outcome(paper, nonce, drawing.draw(closed, nonce).digest)


PAPERS, HONEST = tuple(everything()), tuple(honest())


@settings(max_examples=40, deadline=None)
@given(
    between=st.lists(
        st.lists(st.sampled_from(PAPERS), max_size=5),
        min_size=len(HONEST),
        max_size=len(HONEST),
    )
)
def test_whatever_comes_in_between_a_draw_is_held_once(
    between: list[list[signing.Document]],
) -> None:
    site, nonces, outcomes = agreed(), {}, {}
    for others, paper in zip(between, HONEST, strict=True):
        for each in (*others, paper):
            try:
                sample.enact(site, each)
            except ExchangeError:
                continue
            for digest, draw in site.law.draws.items():
                if draw.nonce is not None:
                    # Once made, a nonce never changes, and outlives the draw.
                    assert nonces.setdefault(digest, draw.nonce) == draw.nonce
                if draw.outcome is not None:
                    assert outcomes.setdefault(digest, draw.outcome) is draw.outcome
                    assert draw.outcome.nonce == draw.nonce
                    assert draw.abandoned is None
            open_ = [draw for draw in site.law.draws.values() if draw.is_open]
            assert len(open_) <= 1
            names = [draw.name for draw in site.law.draws.values()]
            assert len(set(names)) == len(names)
    assert succession.replay("NYC", site.kept) == site.law


def test_nothing_in_between_is_needed() -> None:
    site = agreed()
    sample.enact(site, *HONEST)
    assert [draw.state for draw in site.law.draws.values()] == ["drawn", "drawn"]
