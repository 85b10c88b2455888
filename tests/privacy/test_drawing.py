"""The algorithm of a draw: known answers, and that chance alone decides.

The statistical tests draw with fixed nonces, so they give the same answer every time;
their false-alarm rate is the chance that a right algorithm would have failed when the
nonces were chosen.
"""

import datetime as dt
import hashlib
import hmac
import itertools
import json
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from privacy import drawing
from privacy.drawing import ClosedList, Household, Stratum, Terms
from privacy.errors import BadRecords, InvalidProgramme
from tests import draw_samples as sample

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "draws.json").read_text()
)
FALSE_ALARM = 1e-6
DRAWS = 4_800
LONG = 60_000


def nonce_of(number: int) -> bytes:
    """Return the nonce of a numbered trial."""
    return hashlib.sha256(f"trial {number}".encode()).digest()


def read(case: dict) -> ClosedList:
    """Return the closed list of a vector."""
    return ClosedList(
        terms=Terms(
            site=case["site"],
            phase=case["phase"],
            closed_on=dt.date.fromisoformat(case["closed_on"]),
            number=case["number"],
            slots={Stratum(name): n for name, n in case["slots"].items()},
        ),
        salt=bytes.fromhex(case["salt"]),
        households=tuple(Household(Stratum(s), c) for s, c in case["households"]),
    )


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["about"])
def test_a_draw_gives_the_known_answer(case: dict) -> None:
    closed = read(case)
    assert closed.commitment.hex() == case["commitment"]
    drawn = drawing.draw(closed, bytes.fromhex(case["nonce"]))
    assert drawn.digest.hex() == case["outcome"]
    assert [
        [p.household.case, p.selected, p.waitlist_rank, p.selection_permille]
        for p in drawn.places
    ] == case["places"]


def reference(case: dict) -> tuple[str, list[str], str]:
    """Draw as an auditor's own program would: from the text of the rules alone."""

    def written(*parts: object) -> bytes:
        out = b""
        for part in parts:
            tag = {str: b"\1", int: b"\2", bytes: b"\3"}[type(part)]
            data = part if isinstance(part, bytes) else str(part).encode()
            out += tag + len(data).to_bytes(8) + data
        return out

    def leaf(stratum: str, case_number: str) -> bytes:
        name = case_number.casefold().replace(" ", "")
        mask = b"cmpp.exchange draw household v1\0" + written(name)
        mask = hmac.digest(salt, mask, "sha256")
        return hashlib.sha256(b"\0" + written(mask, stratum, name)).digest()

    def root(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return leaves[0]
        half = 1 << (len(leaves) - 1).bit_length() - 1
        both = root(leaves[:half]) + root(leaves[half:])
        return hashlib.sha256(b"\1" + both).digest()

    salt = bytes.fromhex(case["salt"])
    rows = sorted(
        case["households"], key=lambda r: (r[0], r[1].casefold().replace(" ", ""))
    )
    title = f"{case['site']}-{case['phase']}-{case['quarter']}-{case['number']}"
    slots = [part for each in sorted(case["slots"].items()) for part in each]
    terms = written(title, case["closed_on"], "cmpp-draw-1", *slots)
    over = written(salt, terms, root([leaf(*row) for row in rows]))
    commitment = hashlib.sha256(b"cmpp.exchange draw commitment v1\0" + over).digest()
    over = written(salt, commitment, bytes.fromhex(case["nonce"]))
    seed = hashlib.sha256(b"cmpp.exchange draw seed v1\0" + over).digest()
    ranked = sorted(rows, key=lambda r: (r[0], hmac.digest(seed, leaf(*r), "sha256")))
    told: list[object] = []
    for stratum in sorted(case["slots"]):
        those = [leaf(*row) for row in ranked if row[0] == stratum]
        told += [stratum, len(those), *those]
    over = written(salt, commitment, bytes.fromhex(case["nonce"]), *told)
    outcome = hashlib.sha256(b"cmpp.exchange draw outcome v1\0" + over).hexdigest()
    return commitment.hex(), [row[1] for row in ranked], outcome


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["about"])
def test_a_program_written_from_the_rules_alone_draws_the_same(case: dict) -> None:
    commitment, order, outcome = reference(case)
    assert (commitment, outcome) == (case["commitment"], case["outcome"])
    assert order == [place[0] for place in case["places"]]


def test_a_nonce_is_the_hash_its_description_says() -> None:
    draw, one, two = bytes(32), bytes([1]) * 32, bytes([2]) * 32
    parts = b"".join(
        b"\3" + (32).to_bytes(8) + part for part in (draw, one, two, two, one)
    )
    said = hashlib.sha256(b"cmpp.exchange draw nonce v1\0" + parts).digest()
    assert drawing.nonce(draw, {two: one, one: two}) == said


def test_the_order_of_the_file_changes_nothing() -> None:
    first = sample.closed()
    for households in (
        first.households[::-1],
        sample.households()[3:] + sample.households()[:3],
    ):
        other = ClosedList(terms=first.terms, salt=first.salt, households=households)
        assert other.commitment == first.commitment
        assert drawing.draw(other, bytes(32)) == drawing.draw(first, bytes(32))


@given(data=st.data())
def test_any_change_to_the_list_is_another_commitment(data: st.DataObject) -> None:
    cases = st.text("abc123", min_size=1, max_size=3)
    rows = st.lists(
        st.builds(Household, st.sampled_from((Stratum.FAMILY, Stratum.SINGLE)), cases),
        min_size=1,
        max_size=6,
        unique_by=lambda each: each.identity,
    )
    one, two = data.draw(rows), data.draw(rows)
    made = [
        ClosedList(terms=sample.terms(), salt=sample.SALT, households=tuple(each))
        for each in (one, two)
    ]
    assert (made[0].commitment == made[1].commitment) == (set(one) == set(two))


@pytest.mark.parametrize(
    "change",
    [
        {"site": "HOU"},
        {"phase": "P1"},
        {"number": 2},
        {"closed_on": dt.date(2026, 11, 23)},
        {"slots": {Stratum.FAMILY: 3, Stratum.SINGLE: 3}},
        {"slots": {Stratum.FAMILY: 3, Stratum.SINGLE: 2}},
    ],
)
def test_the_commitment_fixes_every_term(change: dict) -> None:
    assert sample.closed(**change).commitment != sample.closed().commitment


def test_another_salt_is_another_commitment_and_another_draw() -> None:
    one, two = sample.closed(), sample.closed(salt=bytes(32))
    assert one.commitment != two.commitment
    order = [
        [p.household for p in drawing.draw(c, bytes(32)).places] for c in (one, two)
    ]
    assert order[0] != order[1]


def test_every_household_has_one_place_and_waiting_is_in_the_order_of_the_draw() -> (
    None
):
    closed = sample.closed()
    drawn = drawing.draw(closed, bytes(32))
    assert sorted(p.household for p in drawn.places) == sorted(closed.households)
    for stratum, slots in closed.terms.slots.items():
        those = [p for p in drawn.places if p.household.stratum is stratum]
        assert [p.selected for p in those] == [True] * slots + [False] * (6 - slots)
        assert [p.waitlist_rank for p in those[slots:]] == list(range(1, 7 - slots))
        assert {p.probability for p in those} == {Fraction(slots, 6)}


def test_with_enough_places_everybody_is_selected_with_certainty() -> None:
    slots = {Stratum.FAMILY: 6, Stratum.SINGLE: 100}
    places = drawing.draw(sample.closed(slots=slots), bytes(32)).places
    said = {
        (
            p.selected,
            p.waitlist_rank,
            p.selection_permille,
            p.inverse_probability_percent,
        )
        for p in places
    }
    assert said == {(True, None, 1000, 100)}


@given(size=st.integers(1, 40), slots=st.integers(1, 50))
def test_weights_are_one_over_the_chance_of_what_happened(
    size: int, slots: int
) -> None:
    households = tuple(Household(Stratum.ALL, f"{n}") for n in range(size))
    terms = sample.terms(slots={Stratum.ALL: slots})
    closed = ClosedList(terms=terms, salt=sample.SALT, households=households)
    for place in drawing.draw(closed, bytes(32)).places:
        chance = Fraction(min(slots, size), size)
        mine = chance if place.selected else 1 - chance
        assert abs(place.inverse_probability_percent - 100 / mine) <= Fraction(1, 2)
        assert 1 <= place.selection_permille <= 1000
        assert abs(place.selection_permille - 1000 * chance) <= Fraction(1, 2)


def orders(draw: object, count: int) -> Counter:
    """Count the orders that many draws of four households give."""
    return Counter(draw(nonce_of(number)) for number in range(count))


def of_four() -> ClosedList:
    """Return a list of four households in one stratum."""
    households = tuple(Household(Stratum.ALL, case) for case in "abcd")
    terms = sample.terms(slots={Stratum.ALL: 1})
    return ClosedList(terms=terms, salt=sample.SALT, households=households)


def is_even(counted: Counter) -> bool:
    """Tell whether the 24 orders came equally often: chi-square, 1e-6 false alarms."""
    seen = [counted[order] for order in map("".join, itertools.permutations("abcd"))]
    return bool(stats.chisquare(seen).pvalue > FALSE_ALARM)


def test_every_order_of_a_few_households_comes_equally_often() -> None:
    closed = of_four()

    def order(nonce: bytes) -> str:
        return "".join(p.household.case for p in drawing.draw(closed, nonce).places)

    counted = orders(order, DRAWS)
    assert len(counted) == 24
    assert is_even(counted)


@pytest.mark.soak
def test_every_order_of_five_households_comes_equally_often() -> None:
    households = tuple(Household(Stratum.ALL, case) for case in "abcde")
    terms = sample.terms(slots={Stratum.ALL: 1})
    closed = ClosedList(terms=terms, salt=sample.SALT, households=households)

    def order(nonce: bytes) -> str:
        return "".join(p.household.case for p in drawing.draw(closed, nonce).places)

    counted = orders(order, LONG)
    seen = [counted[each] for each in map("".join, itertools.permutations("abcde"))]
    assert stats.chisquare(seen).pvalue > FALSE_ALARM


def test_the_same_check_finds_a_shuffle_that_is_slightly_uneven() -> None:
    def naive(nonce: bytes) -> str:
        """Swap each place with any place: the textbook mistake, 256 ways for 24."""
        cards = list("abcd")
        for at in range(4):
            other = nonce[at] % 4
            cards[at], cards[other] = cards[other], cards[at]
        return "".join(cards)

    assert not is_even(orders(naive, DRAWS))


def test_the_same_check_finds_a_favourite() -> None:
    def favours(nonce: bytes) -> str:
        """Move one household to the front in one draw of twenty."""
        cards = sorted(
            "abcd", key=lambda c: hashlib.sha256(nonce + c.encode()).digest()
        )
        if nonce[0] < 13:
            cards.sort(key=lambda card: card != "a")
        return "".join(cards)

    assert not is_even(orders(favours, 4 * DRAWS))


def test_each_household_of_a_long_list_is_selected_equally_often() -> None:
    households = tuple(Household(Stratum.ALL, f"{n}") for n in range(40))
    terms = sample.terms(slots={Stratum.ALL: 10})
    closed = ClosedList(terms=terms, salt=sample.SALT, households=households)
    counted = Counter(
        place.household
        for number in range(400)
        for place in drawing.draw(closed, nonce_of(number)).places
        if place.selected
    )
    # Selected together, so counts vary less than apart: the test is on the safe side.
    assert stats.chisquare([counted[each] for each in households]).pvalue > FALSE_ALARM


@pytest.mark.parametrize("other", ["C-001", "c-001", " C-001", "C- 001", "\uff23-001"])
def test_a_household_that_is_there_twice_is_refused(other: str) -> None:
    twice = (*sample.households(), Household(Stratum.FAMILY, other))
    with pytest.raises(BadRecords, match="twice"):
        ClosedList(terms=sample.terms(), salt=sample.SALT, households=twice)


@pytest.mark.parametrize("case", ["", "x" * 65, "a\tb", "a\x00", "a\u202eb"])
def test_what_is_no_case_number_is_refused(case: str) -> None:
    with pytest.raises(BadRecords, match="case number"):
        Household(Stratum.ALL, case)


def test_a_stratum_without_places_is_refused() -> None:
    with pytest.raises(BadRecords, match="no places"):
        sample.closed(slots={Stratum.FAMILY: 2})


@pytest.mark.parametrize(
    "slots",
    [
        {},
        {Stratum.ALL: 0},
        {Stratum.ALL: 10_001},
        {Stratum.ALL: 1, Stratum.FAMILY: 1},
    ],
)
def test_places_nobody_could_mean_are_refused(slots: dict) -> None:
    with pytest.raises(InvalidProgramme, match="places"):
        sample.terms(slots=slots)


def test_a_list_a_household_and_an_outcome_do_not_print_who_is_in_them() -> None:
    closed = sample.closed()
    drawn = drawing.draw(closed, bytes(32))
    for each in (closed, closed.households[0], drawn, drawn.places[0]):
        assert "C-0" not in repr(each)
        assert repr(sample.SALT) not in repr(each)
