"""An export tells an auditor everything but noisy values, and shows every change."""

import hashlib
import json
import random

import pytest

from node.ledger import Ledger
from privacy import export
from privacy.errors import Corrupt
from privacy.walk import Walk
from tests.ledger_samples import (
    LATER,
    MANDATE,
    NOW,
    VALUES,
    boot_name,
    charge_for,
    reopen,
    revoke,
    store,
)

FLIPS = 400


@pytest.fixture
def lines(ledger: Ledger) -> list[str]:
    """Give an export with something of everything in it."""
    ledger.boot(boot_name(1), now=NOW)
    for name in "abc":
        ledger.charge(charge_for(name), now=NOW)
    for name in "ab":
        store(ledger, charge_for(name).release_key)
    reopen(ledger)
    revoke(ledger)
    ledger.boot(boot_name(2), now=LATER)
    return list(ledger.export())


def test_an_export_says_what_the_ledger_says(ledger: Ledger, lines: list[str]) -> None:
    read, head = export.read(lines), ledger.head()
    assert read.site == "NYC"
    assert read.entries == ledger.entries()
    assert read.law() == ledger.law()
    assert read.walk.head == (head.sequence, head.hash)
    assert (read.walk.epoch, read.walk.boot) == (head.epoch, head.boot)
    assert read.walk.accounts == ledger.verify().accounts
    assert read.documents[MANDATE.digest.hex()] == MANDATE.file()
    assert len(read.releases) == 2


def test_an_export_can_be_read_off_a_file(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    assert export.read(text.splitlines(keepends=True)).site == "NYC"


def test_an_export_holds_no_noisy_value_but_can_be_compared_with_one(
    lines: list[str],
) -> None:
    text = "\n".join(lines)
    assert str(VALUES[2]) not in text
    answer = b"".join(value.to_bytes(8, signed=True) for value in VALUES)
    key = charge_for("a").release_key.hex()
    release = export.read(lines).releases[key]
    assert release.values == hashlib.sha256(answer).hexdigest()
    assert (release.size, release.variance, release.l2_squared) == (4, "81/4", "4")


def test_a_new_ledger_has_an_export_too(ledger_url: str) -> None:
    ledger = Ledger.create(ledger_url, site="HOU", now=NOW)
    read = export.read(ledger.export())
    assert (read.site, len(read.entries), read.law()) == ("HOU", 1, ())
    ledger.close()


def test_every_changed_letter_shows(lines: list[str]) -> None:
    dice = random.Random(3)
    text = "\n".join(lines)
    for position in dice.sample(range(len(text)), FLIPS):
        flipped = chr(ord(text[position]) ^ 1 << dice.randrange(7))
        changed = text[:position] + flipped + text[position + 1 :]
        with pytest.raises(Corrupt):
            export.read(changed.split("\n"))


def test_every_missing_doubled_or_moved_line_shows(lines: list[str]) -> None:
    for at in range(len(lines)):
        without, doubled = list(lines), list(lines)
        del without[at]
        doubled.insert(at, lines[at])
        for changed in (without, doubled, [*lines[at:], *lines[:at]][: len(lines)]):
            if changed == lines:
                continue
            with pytest.raises(Corrupt):
                export.read(changed)


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        [""],
        ["null"],
        ["[]"],
        ["{}"],
        ['{"cmpp_ledger_export":2}'],
        ['{"cmpp_ledger_export":1,"created_at":1,"site":2}'],
        ["[" * 100_000],
        ["x" * (export.LINE_MAX + 1)],
    ],
)
def test_what_is_no_export_is_refused(wrong: list[str]) -> None:
    with pytest.raises(Corrupt):
        export.read(wrong)


def test_a_line_of_another_type_is_refused(lines: list[str]) -> None:
    for number, line in enumerate(lines):
        content = json.loads(line)
        for value in (None, 3, "x", [], {}, {"kind": "charge"}):
            changed = dict.fromkeys(content, value)
            text = json.dumps(changed, sort_keys=True, separators=(",", ":"))
            with pytest.raises(Corrupt):
                export.read([*lines[:number], text, *lines[number + 1 :]])


def test_a_walk_over_nothing_stands_nowhere() -> None:
    assert Walk().head == (0, "0" * 64)
