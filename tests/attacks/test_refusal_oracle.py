"""Ask three sites that differ in one household, or hold nobody; compare every byte.

A refusal, or a reply to nonsense, that depended on a record would be a free oracle:
it costs nothing, so it could be asked without end.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from privacy.signing import Document
from privacy.statement import NONE, Head
from proto import relay, wire
from proto.client import ANSWER, DELIVER, DESCRIBE, PRESENT, STANDING, WITNESS
from proto.wire import Ask, RefusalCode
from tests import doors, frames, governed, living_site, own_records, wiretap
from tests import signed_samples as samples
from tests.living_site import LivingSite, ask, restated
from tests.own_records import OwnRecords

# The kind of refusal that no question can reach: the general one.
UNREACHED = {RefusalCode.REFUSED}
LIFETIME = "1"


def _at(days: int) -> dt.datetime:
    return own_records.NOW + dt.timedelta(days=days)


def _moment(days: int) -> str:
    return _at(days).isoformat(timespec="seconds")


RULED = _at(-400)
"""The sites' rules are old, so that a question can come before and after them."""

EARLY = governed.mandate(
    now=RULED, number='"2025-01"', not_before=_moment(-399), not_after=_moment(0)
)
NARROW = governed.mandate(
    now=own_records.NOW,
    number='"2026-02"',
    metrics='["M08"]',
    purposes='["evaluation"]',
    periods='["FY2024-Q4"]',
)
UNSENT = governed.mandate(now=own_records.NOW, number='"2026-03"')


@dataclass
class World:
    """One site behind its door, and the connection to it."""

    site: LivingSite
    raw: wiretap.TappedConnection

    def say(self, path: str, message: bytes) -> tuple[wiretap.Frame, ...]:
        """Make a call, and return the frames that came back for it."""
        _, seen = wiretap.call(self.raw, path, message)
        kept = {"HeadersFrame", "DataFrame", "RstStreamFrame", "GoAwayFrame"}
        return tuple(frame for frame in seen if frame.kind in kept)


Worlds = dict[str, World]


@pytest.fixture(scope="module", params=doors.WAYS)
def open_worlds(
    worlds: dict[str, OwnRecords],
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Worlds]:
    folder = tmp_path_factory.mktemp("open")
    centre = doors.Centre(folder)
    with ExitStack() as stack:
        opened = {}
        for name, records in worlds.items():
            home = folder / name
            site = LivingSite(
                home,
                records,
                ruled=RULED,
                opens=(living_site.MANDATE, EARLY, NARROW),
                allow=governed.listed(m for m in living_site.RUNNING if m != "M32"),
                last_entry_year='"FY2026"',
                caps=LIFETIME,
                per_release="0.95",
                not_before=_moment(-350),
                not_after=_moment(300),
            )
            door = doors.serving(
                centre, home, site, carried=site.carried(), way=request.param
            )
            serving = stack.enter_context(door)
            tls = frames.context(centre.coordinator, folder)
            raw = serving.raw(tls, wiretap.TappedConnection)
            opened[name] = World(site, stack.enter_context(raw))
        yield opened


@dataclass(frozen=True)
class No:
    """A question that is refused, when it is asked, and the code it is refused with."""

    code: RefusalCode
    question: Ask
    shift: dt.timedelta = dt.timedelta(0)


def _revised() -> Ask:
    (asked,) = living_site.queries("M08", "FY2024-H2").values()
    return ask(query=replace(asked, revision=1).canonical_form)


def _under(mandate: Document, **changes: str) -> Ask:
    return ask(mandate=mandate.digest, **changes)  # type: ignore[arg-type]


def _narrow(metric: str) -> Ask:
    return ask(metric, mandate=NARROW.digest, purpose="evaluation")


def _days(days: int) -> dt.timedelta:
    return dt.timedelta(days=days)


REFUSED = {
    "a metric not allowed": No(RefusalCode.NOT_ALLOWED, ask("M32", "FY2024")),
    "a revision": No(RefusalCode.NOT_ALLOWED, _revised()),
    "later entry years": No(RefusalCode.NOT_ALLOWED, ask(period="FY2027-H1")),
    "before the policy": No(RefusalCode.NOT_ALLOWED, _under(EARLY), _days(-360)),
    "after the policy": No(RefusalCode.EXPIRED, ask(), _days(310)),
    "before the mandate": No(RefusalCode.NOT_ALLOWED, ask(), _days(-10)),
    "after the mandate": No(RefusalCode.EXPIRED, ask(), _days(370)),
    "before the last rule": No(RefusalCode.EXPIRED, _under(EARLY), _days(-401)),
    "after the asker stopped waiting": No(
        RefusalCode.EXPIRED, ask(not_after=int(_at(-1).timestamp()))
    ),
    "a mandate never sent": No(RefusalCode.NOT_ALLOWED, _under(UNSENT)),
    "a mandate for another metric": No(RefusalCode.NOT_ALLOWED, _narrow("M09")),
    "a mandate for another period": No(RefusalCode.NOT_ALLOWED, _narrow("M08")),
    "a mandate for another purpose": No(
        RefusalCode.NOT_ALLOWED, _under(NARROW, period="FY2024-Q4")
    ),
    "another site": No(RefusalCode.WRONG_SITE, ask(site="LAX")),
    "too dear": No(RefusalCode.BUDGET_EXHAUSTED, ask(rho="0.96")),
    "too much in all": No(RefusalCode.BUDGET_EXHAUSTED, ask("M09", rho="0.7")),
    "an open period": No(RefusalCode.PERIOD_NOT_CLOSED, ask(period="FY2026-H1")),
    "an unripe period": No(
        RefusalCode.NOT_MATURE,
        ask("M43", "FY2025", "represented", mandate=EARLY.digest),
        _days(-300),
    ),
    "one of the network only": No(
        RefusalCode.NOT_ALLOWED, restated(ask(), metric="M23")
    ),
    "an effect nobody planned": No(
        RefusalCode.NOT_ALLOWED, ask("M35", "FY2023", "effect")
    ),
    "no metric at all": No(RefusalCode.UNKNOWN_METRIC, restated(ask(), metric="M999")),
    "another catalogue": No(
        RefusalCode.WRONG_PROGRAMME, ask(catalogue_version="0.0.1")
    ),
}

GOOD = wire.ask_to_bytes(ask())
SIGNATURE = 2 + 64
"""Bytes of the last field: its number, its length and the signature."""

OTHER = ask("M01").query
NONSENSE = {
    "nothing": b"",
    "one byte": b"\xff",
    "half a question": GOOD[: len(GOOD) // 2],
    "an unknown field": GOOD + b"\xa0\x06\x01",
    "a field twice": GOOD + GOOD[-SIGNATURE:],
    "an altered signature": GOOD[:-1] + bytes([GOOD[-1] ^ 1]),
    "an unsigned question": GOOD[:-64] + bytes(64),
    "another query's bytes": wire.ask_to_bytes(ask(query=OTHER)),
    "no query": wire.ask_to_bytes(ask(query=b"{}")),
    "a query with a word more": wire.ask_to_bytes(ask(query=ask().query + b" ")),
    "another name": wire.ask_to_bytes(restated(ask(), query_name="pool")),
    "cells miscounted": wire.ask_to_bytes(ask(cells=ask().cells + 1)),
    "a period too long": wire.ask_to_bytes(
        restated(ask(), metric="M12", query_name="family")
    ),
}


def test_every_refusal_is_the_same_to_the_byte_whoever_is_in_the_records(
    open_worlds: Worlds,
) -> None:
    released = {w: world.say(ANSWER, _spent()) for w, world in open_worlds.items()}
    assert {_outcome(seen) for seen in released.values()} == {"Answer"}
    heads = {name: world.site.head() for name, world in open_worlds.items()}
    spent = {name: world.site.spent() for name, world in open_worlds.items()}
    assert len({tuple(sorted(amounts.items())) for amounts in spent.values()}) == 1
    assert all(spent.values())
    reached = set()
    for what, no in REFUSED.items():
        said = {}
        for name, world in open_worlds.items():
            world.site.shift = no.shift
            said[name] = world.say(ANSWER, wire.ask_to_bytes(no.question))
            world.site.shift = dt.timedelta(0)
        assert said["with"] == said["without"] == said["empty"], what
        refusal = wire.reply_from_bytes(
            _data(said["with"])[5:], cells=no.question.cells
        )
        assert isinstance(refusal, wire.Refusal), what
        assert refusal.code is no.code, what
        reached.add(refusal.code)
    assert reached == set(RefusalCode) - UNREACHED
    assert {name: world.site.head() for name, world in open_worlds.items()} == heads


PATHS = (
    ANSWER,
    DESCRIBE,
    STANDING,
    WITNESS,
    PRESENT,
    DELIVER,
    "/cmpp.v1.Node/Other",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_brings_back_the_same_bytes_whoever_is_in_the_records(
    open_worlds: Worlds, what: str, path: str
) -> None:
    heads = {name: world.site.head() for name, world in open_worlds.items()}
    said = {w: world.say(path, NONSENSE[what]) for w, world in open_worlds.items()}
    assert said["with"] == said["without"] == said["empty"]
    assert _data(said["with"]) == b"" or path == DESCRIBE
    assert {name: world.site.head() for name, world in open_worlds.items()} == heads


def test_a_release_differs_in_nothing_but_its_numbers(open_worlds: Worlds) -> None:
    for question in (ask("M01", rho="0.001"), ask("M09", rho="0.001")):
        said = [
            world.say(ANSWER, wire.ask_to_bytes(question))
            for world in open_worlds.values()
        ]
        assert len({tuple(map(_shape, seen)) for seen in said}) == 1
        answers = [
            wire.reply_from_bytes(_data(seen)[5:], cells=question.cells)
            for seen in said
        ]
        assert all(isinstance(answer, wire.Answer) for answer in answers)
        public = {
            (a.release_key, len(a.values), a.variance, a.rho, a.charged_pico, a.free)
            for a in answers
            if isinstance(a, wire.Answer)
        }
        assert len(public) == 1


def test_what_a_site_says_of_itself_does_not_depend_on_its_records(
    open_worlds: Worlds,
) -> None:
    assert len({world.say(DESCRIBE, b"") for world in open_worlds.values()}) == 1


def test_what_a_site_carries_does_not_depend_on_its_records(
    open_worlds: Worlds,
) -> None:
    head = Head(
        site="LAX",
        epoch=1,
        boot=bytes(32),
        follows_sequence=0,
        follows_hash=NONE,
        sequence=7,
        hash=bytes(range(32)),
    ).signed(samples.key("LAX"))
    (part,) = relay.parts(UNSENT.kind, UNSENT.file())
    for path, message in (
        (WITNESS, relay.head_to_bytes(head)),
        (WITNESS, relay.head_to_bytes(head[:-1] + bytes([head[-1] ^ 1]))),
        (DELIVER, relay.part_to_bytes(part)),
        (DELIVER, relay.part_to_bytes(part)),
    ):
        assert len({world.say(path, message) for world in open_worlds.values()}) == 1


def test_the_comparison_would_show_a_difference(open_worlds: Worlds) -> None:
    world = open_worlds["with"]
    dear, dearer = (
        world.say(ANSWER, wire.ask_to_bytes(ask("M09", rho=rho)))
        for rho in ("0.96", "0.97")
    )
    assert dear != dearer


def _spent() -> bytes:
    return wire.ask_to_bytes(ask(rho="0.9"))


def _data(seen: tuple[wiretap.Frame, ...]) -> bytes:
    return b"".join(frame.payload for frame in seen if frame.kind == "DataFrame")


def _outcome(seen: tuple[wiretap.Frame, ...]) -> str:
    outcome = wire.reply_from_bytes(_data(seen)[5:], cells=ask().cells)
    return type(outcome).__name__


def _shape(frame: wiretap.Frame) -> tuple[object, ...]:
    payload = b"" if frame.kind == "DataFrame" else frame.payload
    return frame.kind, frame.flags, frame.length, frame.fields, payload
