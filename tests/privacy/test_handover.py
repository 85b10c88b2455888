"""One roster follows another only if no quorum of the old one misses the new one's."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy import statement
from privacy.errors import BadSignature

NAMES = [f"S{number:02}" for number in range(12)]


@pytest.mark.parametrize("sites", range(3, 12))
def test_sites_join_and_leave_one_at_a_time(sites: int) -> None:
    fewer, more = NAMES[:sites], NAMES[: sites + 1]
    for before, after in ((fewer, more), (more, fewer), (more, more)):
        statement.check_handover(before, after, 1)


@pytest.mark.parametrize(
    ("before", "after", "tolerated"),
    [(3, 5, 1), (5, 7, 1), (7, 5, 1), (6, 9, 2), (4, 10, 1)],
)
def test_two_that_come_or_go_at_once_are_too_many(
    before: int, after: int, tolerated: int
) -> None:
    with pytest.raises(BadSignature, match="one at a time"):
        statement.check_handover(NAMES[:before], NAMES[:after], tolerated)


@settings(max_examples=300)
@given(
    before=st.sets(st.sampled_from(NAMES[1:8]), min_size=2),
    after=st.sets(st.sampled_from(NAMES[1:8]), min_size=2),
    tolerated=st.integers(1, 3),
)
def test_a_handover_is_let_through_if_every_two_quorums_share_an_honest_peer(
    before: set[str], after: set[str], tolerated: int
) -> None:
    """Compare with the smallest overlap of any two quorums, one by one."""
    rosters = ({NAMES[0], *before}, {NAMES[0], *after})
    try:
        sizes = [statement.quorum(len(each), tolerated) for each in rosters]
    except BadSignature:
        return
    overlap = min(
        len(set(one) & set(other))
        for one in itertools.combinations(before, sizes[0])
        for other in itertools.combinations(after, sizes[1])
    )
    try:
        statement.check_handover(*rosters, tolerated)
        let_through = True
    except BadSignature:
        let_through = False
    assert not let_through or overlap > tolerated
    # Where nobody is spare on either side the count is exact.
    assert let_through or overlap <= tolerated
