"""When the disk takes no more, nothing leaves that was not charged and stored."""

import random
from pathlib import Path

import pytest

from node.ledger import Ledger, Stored
from tests.ledger_samples import LATER, NOW, charge_for, ready
from tests.ledger_spender import context, write_until_full

PAGE = 4096
ROOMS = [PAGE * pages + extra for pages in (14, 18) for extra in (0, 512, 2049)]


def fill(url: str, room: int) -> list[tuple[str, object, object]]:
    """Return what a process reported before and after its disk was full."""
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=write_until_full, args=(url, room, there))
    process.start()
    there.close()
    steps = []
    try:
        while True:
            steps.append(here.recv())
    except EOFError:
        pass
    process.join(timeout=30)
    assert process.exitcode == 0
    process.close()
    return steps


@pytest.mark.parametrize("room", ROOMS)
def test_a_full_disk_stops_the_ledger_and_loses_nothing(
    tmp_path: Path, room: int
) -> None:
    url = f"sqlite:///{tmp_path}/ledger.sqlite"
    ledger = Ledger.create(url, site="NYC", now=NOW)
    ready(ledger)
    ledger.close()
    size = (tmp_path / "ledger.sqlite").stat().st_size
    *steps, last = fill(url, max(room, size))
    assert last == ("dead", True, None)
    reopened = Ledger.open(url)
    keys = {entry.release_key for entry in reopened.entries()}
    for kind, name, values in random.Random(1).sample(steps, min(len(steps), 40)):
        asked = charge_for(str(name))
        assert asked.release_key.hex() in keys
        if kind == "sent":
            again = reopened.charge(asked, now=LATER)
            assert isinstance(again, Stored)
            assert again.values == values
    reopened.close()
