"""Flood a whole node with nonsense; it says one word, spends nothing and lives on.

The door alone is tried elsewhere with a stand-in behind it. Here the nonsense goes
as deep as it can: much of it is well-formed on the wire and only wrong as a question.
Every message carries a planted word, so that an echo would be found as well.
"""

import random
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from privacy import errors
from privacy.canonical import encode
from privacy.period import Period
from proto import wire
from proto.canonical import Malformed
from proto.client import ANSWER
from tests import canaries, doors, frames, living_site, wiretap
from tests import signed_samples as samples
from tests.living_site import LivingSite, ask, restated
from tests.own_records import OwnRecords

MESSAGES = {"serve": 10_000, "dial": 1_000}
"""Fewer where each goes through two doors; the one behind is the same."""
GROWTH_KIB = 48 * 1024
WORDS = {b"3": b"malformed", b"7": b"denied"}
NO_REPLY, LOST_MOST = b"none", 5
ASK = ask()
GOOD = wire.ask_to_bytes(ASK)
WORD = canaries.WORD.encode()
KNOWN = {q.query for q in living_site.all_questions("FY2024-Q4", "FY2024-H2", "FY2024")}


def _mutated(chance: random.Random, plain: bytes) -> bytes:
    """Change, add, drop or repeat bytes at a place or two."""
    data = bytearray(plain)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data))
        match chance.randrange(5):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at:at] = chance.randbytes(chance.randint(1, 9))
            case 2:
                del data[at : at + chance.randint(1, 9)]
            case 3:
                data[at:at] = data[: chance.randint(1, 60)]
            case _:
                data[at:at] = WORD
    return bytes(data)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _field(chance: random.Random, depth: int = 0) -> bytes:
    """One field of any number and type, with any content."""
    number = chance.choice([1, 2, 5, 7, 8, 9, 15, 16, 2**20, 2**29 - 1])
    kind = chance.choice([0, 1, 2, 5])
    head = _varint(number << 3 | kind)
    if kind == 0:
        # Up to eleven bytes of "there is more", which is one too many.
        return head + b"\xff" * chance.randint(0, 11) + b"\x7f"
    if kind != 2:
        return head + chance.randbytes(8 if kind == 1 else 4)
    body = WORD if depth > chance.randint(0, 120) else _field(chance, depth + 1)
    return head + _varint(len(body)) + body


def _fields(chance: random.Random) -> bytes:
    own = b"".join(_field(chance) for _ in range(chance.randint(1, 4)))
    return GOOD + own if chance.random() < 0.5 else own


def _second_encoding(chance: random.Random) -> bytes:
    """The same question, written in a way that a second reader could read otherwise."""
    cut = 2 + 64  # the signature: a key, a length and its bytes
    tail = GOOD[-cut:]
    return chance.choice(
        [
            tail + GOOD[:-cut],
            GOOD + tail,
            GOOD[:-cut] + b"\xea\x00" + tail[1:],
            b"\x0a\x00" + GOOD,
            GOOD + b"\x12" + _varint(len(WORD)) + WORD,
        ]
    )


def _hostile_query(chance: random.Random) -> bytes:
    """A well-formed and signed question whose query is anything at all."""
    plain = ASK.query
    return wire.ask_to_bytes(
        restated(
            ASK,
            query=chance.choice(
                [
                    lambda: _mutated(chance, plain),
                    lambda: chance.randbytes(chance.randint(1, 300)),
                    lambda: plain.replace(b"enrolment", WORD),
                    lambda: plain.replace(b"2024", b"9" * chance.randint(1, 4000)),
                    lambda: b"[" * chance.randint(1, 20_000),
                    lambda: b'{"a":' * chance.randint(1, 5_000),
                    lambda: plain[: chance.randrange(1, len(plain))],
                    lambda: b"'; DROP TABLE household; --" + WORD,
                    lambda: plain + b"\x00" + WORD,
                    lambda: b"\xed\xa0\x80" + plain,
                    lambda: encode(chance.choice([1e308, None, -(2**70), WORD])),
                ]
            )(),
        )
    )


def _misplaced_query(chance: random.Random) -> bytes:
    """A query the node would understand, under another name or changed a little."""
    (asked,) = living_site.queries("M08", "FY2024-H2").values()
    year = Period(f"FY{chance.randint(2000, 2090)}")
    changed = chance.choice(
        [
            replace(asked, entry_years=(year,)),
            replace(asked, revision=chance.randint(1, 1000)),
            replace(asked, anchor=None),
            replace(asked, code_lists=()),
        ]
    )
    return wire.ask_to_bytes(restated(ASK, query=changed.canonical_form))


KINDS: tuple[Callable[[random.Random], bytes], ...] = (
    lambda chance: _mutated(chance, GOOD),
    lambda chance: chance.randbytes(chance.randint(0, 400)) + WORD,
    _fields,
    _second_encoding,
    _hostile_query,
    _misplaced_query,
)


def _is_honest(message: bytes) -> bool:
    """Tell whether chance made a question that anybody might ask."""
    try:
        asked = wire.ask_from_bytes(message)
        return asked.query in KNOWN and asked.is_signed_by(
            samples.public("coordinator")
        )
    except Malformed:
        return False


def _nonsense(count: int) -> Iterator[bytes]:
    chance = random.Random(20_261_122)
    while count:
        kind = KINDS[count % len(KINDS)]
        try:
            message = kind(chance)
        except errors.ExchangeError:
            continue  # our own writer would not write it
        if not _is_honest(message):
            count -= 1
            yield message


def _flood(
    connect: Callable[[], wiretap.TappedConnection], messages: int
) -> set[tuple[str, bytes]]:
    """Send it all, check every reply, and return whatever was said in any place.

    A machine too busy to answer a keepalive in time loses its connection, as it
    should; the same message is then sent again over a new one, and must be answered.
    """
    said: set[tuple[str, bytes]] = set()
    endings: Counter[bytes] = Counter()
    raw, lost = connect(), 0
    for message in _nonsense(messages):
        heard, seen = wiretap.call(raw, ANSWER, message)
        said.update(wiretap.places(seen))
        if heard.status == NO_REPLY:
            raw.close()
            raw, lost = connect(), lost + 1
            assert lost <= LOST_MOST
            heard, seen = wiretap.call(raw, ANSWER, message)
            said.update(wiretap.places(seen))
        endings[heard.status] += 1
        if heard.status in WORDS:
            assert (heard.message, heard.data) == (WORDS[heard.status], b"")
        else:
            assert heard.status == b"0"
            cells = wire.ask_from_bytes(message).cells
            outcome = wire.reply_from_bytes(heard.data[5:], cells=cells)
            assert isinstance(outcome, wire.Refusal)
    assert endings[b"3"] > 0.9 * messages
    assert endings[b"7"] > 0
    raw.close()
    return said


@pytest.mark.parametrize("way", doors.WAYS)
def test_malformed_questions_cost_nothing_and_say_nothing(
    encrypted_records: OwnRecords,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    way: str,
) -> None:
    site = LivingSite(tmp_path / "site", encrypted_records)
    centre = doors.Centre(tmp_path)
    tls = frames.context(centre.coordinator, tmp_path)
    with (
        wiretap.every_log() as log,
        doors.serving(centre, tmp_path, site, way=way) as serving,
        serving.raw(tls, wiretap.TappedConnection) as raw,
    ):
        assert raw.call(ANSWER, GOOD).status == b"0"
        before, spent = site.head(), site.spent()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        said = _flood(lambda: serving.raw(tls, wiretap.TappedConnection), MESSAGES[way])
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
        assert grown < GROWTH_KIB
        assert (site.head(), site.spent()) == (before, spent)
        with serving.raw(tls, wiretap.TappedConnection) as after:
            again = after.call(ANSWER, wire.ask_to_bytes(ask("M09")))
        assert again.status == b"0"
        assert site.spent() != spent
    out, err = capfd.readouterr()
    said |= {("log", log.taken()), ("out", out.encode()), ("err", err.encode())}
    assert wiretap.found(canaries.WORD, said) == []
    assert wiretap.found(canaries.CORE, said) == []
