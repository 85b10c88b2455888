"""A ledger file with a flipped bit is refused, or says exactly what it said before."""

import random
from pathlib import Path
from typing import Any

import pytest

from node.ledger import Ledger
from privacy.errors import BadConfiguration, Corrupt
from tests.ledger_samples import LATER, NOW, boot_name, charge_for, ready, store

HEADER_BYTES = 100
SAMPLE, SAMPLE_SOAK = 150, 4_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger.create(f"sqlite:///{path}", site="NYC", now=NOW)
    ready(ledger)
    for name in "abc":
        ledger.charge(charge_for(name), now=NOW)
        store(ledger, charge_for(name).release_key)
    ledger.boot(boot_name(1), now=NOW)
    ledger.witness("HOU", lambda _: b"a signed head")
    ledger.close()
    return path


def content(path: Path) -> Any:
    """Return everything a ledger says, or None if it is refused."""
    try:
        ledger = Ledger.open(f"sqlite:///{path}")
    except (Corrupt, BadConfiguration):
        return None
    repeats = [ledger.charge(charge_for(n), now=LATER) for n in "abc"]
    said = (ledger.site, ledger.entries(), ledger.accounts(), repeats, ledger.law())
    said += (ledger.witnessed("HOU"), list(ledger.export()))
    ledger.close()
    return said


def flip_and_look(path: Path, positions: list[int], seed: int) -> int:
    """Flip one bit at each position in turn; return how many were refused."""
    good, expected = path.read_bytes(), content(path)
    bits, refused = random.Random(seed), 0
    for position in positions:
        flipped = bytearray(good)
        flipped[position] ^= 1 << bits.randrange(8)
        path.write_bytes(flipped)
        said = content(path)
        refused += said is None
        assert said in (None, expected), position
    return refused


def test_no_flipped_bit_changes_what_the_ledger_says(path: Path) -> None:
    size = path.stat().st_size
    some = random.Random(5).sample(range(HEADER_BYTES, size), SAMPLE)
    # Most of a small file is empty space, where a flip changes nothing.
    assert flip_and_look(path, [*range(HEADER_BYTES), *some], seed=5) > 20


def test_a_flipped_bit_inside_a_stored_fact_is_always_refused(path: Path) -> None:
    data = path.read_bytes()
    facts = [
        b"charge",
        b"booted",
        b"M08",
        b"FY2025 FY2026",
        b"enrolment",
        b"1/50",
        b"opened",
    ]
    facts += [
        b"FY2025",
        b"NYC",
        b"81/4",
        b"a signed head",
        bytes(7) + b"\x03" + b"\xff" * 8,
        b"CHECK (spent_model",
        b"the sample mandate",
        b"rule ",
    ]
    starts = [data.index(fact) for fact in facts]
    assert flip_and_look(path, starts, seed=6) == len(facts)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_thousands_of_flipped_bits_change_nothing_unseen(path: Path) -> None:
    size = path.stat().st_size
    positions = random.Random(8).choices(range(size), k=SAMPLE_SOAK)
    assert flip_and_look(path, positions, seed=8) > SAMPLE_SOAK // 20
