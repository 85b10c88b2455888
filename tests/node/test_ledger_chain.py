"""The hash chain: one fixed form, injective, every link checked."""

import itertools
import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import chain
from privacy.errors import ChainBroken
from tests.ledger_samples import NOW, charge_for

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "ledger.json").read_text()
)


def entries() -> list[chain.Entry]:
    opened = chain.Event(kind=chain.Kind.OPENED, at=NOW.isoformat(), detail="NYC")
    events = [opened, charge_for("a").event(NOW.isoformat())]
    events.append(charge_for("b", anchor=None).event(NOW.isoformat()))
    placed: list[chain.Entry] = []
    for event in events:
        previous = placed[-1].hash if placed else chain.GENESIS
        sequence = len(placed) + 1
        placed.append(chain.place(event, sequence=sequence, previous_hash=previous))
    return placed


def test_the_hashes_never_change() -> None:
    assert [asdict(entry) for entry in entries()] == VECTORS["entries"]
    digest = chain.release_digest(
        release_key="ab" * 32,
        values="cd" * 32,
        size=2,
        variance="81/4",
        l2_squared="4",
        released_at=NOW.isoformat(),
    )
    assert digest == VECTORS["release_digest"]


def test_a_true_chain_is_followed() -> None:
    for before, entry in itertools.pairwise([None, *entries()]):
        chain.check_link(entry, after=before)


def test_every_changed_field_breaks_the_chain() -> None:
    first, second, _ = entries()
    for field in fields(chain.Entry):
        old = getattr(second, field.name)
        new = old + 1 if isinstance(old, int) else f"{old}x"
        with pytest.raises(ChainBroken):
            chain.check_link(replace(second, **{field.name: new}), after=first)


def test_removed_and_reordered_entries_break_the_chain() -> None:
    first, second, third = entries()
    for entry, before in ((third, first), (second, None), (first, second)):
        with pytest.raises(ChainBroken):
            chain.check_link(entry, after=before)


parts = st.one_of(
    st.none(), st.text(max_size=4), st.integers(-300, 300), st.binary(max_size=4)
)


@given(st.lists(parts, max_size=4), st.lists(parts, max_size=4))
def test_different_values_are_never_written_alike(
    one: list[str | int | bytes | None], other: list[str | int | bytes | None]
) -> None:
    assert (chain.injective(*one) == chain.injective(*other)) == (one == other)


def test_nothing_and_empty_and_neighbours_differ() -> None:
    forms = [(None,), ("",), (b"",), (0,), ("0",), (), (None, None), ("a", "b")]
    forms += [("ab", ""), ("", "ab"), ("ab",)]
    assert len({chain.injective(*form) for form in forms}) == len(forms)
