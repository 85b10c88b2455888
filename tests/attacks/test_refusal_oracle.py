"""Ask three sites that differ in one household, or hold nobody; compare every byte.

A refusal, or a reply to nonsense, that depended on a record would be a free oracle:
it costs nothing, so it could be asked without end.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from proto import wire
from proto.client import ANSWER, DESCRIBE
from proto.wire import Ask, RefusalCode
from tests import doors, frames, living_site, own_records, wiretap
from tests.living_site import LivingSite, ask
from tests.own_records import OwnRecords

# The kinds of refusal that no question can reach in this version: the general one,
# and the one for a question addressed to another site.
UNREACHED = {RefusalCode.REFUSED, RefusalCode.WRONG_SITE}
LIFETIME = "1"


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


@pytest.fixture(scope="module")
def open_worlds(
    worlds: dict[str, OwnRecords], tmp_path_factory: pytest.TempPathFactory
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
                metrics=[m for m in living_site.RUNNING if m != "M32"],
                last_entry_year="FY2026",
                lifetime_rho=LIFETIME,
                per_release_rho="0.95",
                not_before=own_records.NOW - dt.timedelta(days=400),
                days_valid=800,
            )
            serving = stack.enter_context(doors.serving(centre, home, site))
            tls = frames.context(centre.coordinator, folder)
            raw = wiretap.TappedConnection(serving.port, tls)
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
    return replace(ask(), query=replace(asked, revision=1).canonical_form)


def _days(days: int) -> dt.timedelta:
    return dt.timedelta(days=days)


REFUSED = {
    "a metric not allowed": No(RefusalCode.NOT_ALLOWED, ask("M32", "FY2024")),
    "a revision": No(RefusalCode.NOT_ALLOWED, _revised()),
    "later entry years": No(RefusalCode.NOT_ALLOWED, ask(period="FY2027-H1")),
    "before the policy": No(RefusalCode.NOT_ALLOWED, ask(), _days(-500)),
    "after the policy": No(RefusalCode.EXPIRED, ask(), _days(500)),
    "too dear": No(RefusalCode.BUDGET_EXHAUSTED, ask(rho="0.96")),
    "too much in all": No(RefusalCode.BUDGET_EXHAUSTED, ask("M09", rho="0.7")),
    "an open period": No(RefusalCode.PERIOD_NOT_CLOSED, ask(period="FY2026-H1")),
    "an unripe period": No(
        RefusalCode.NOT_MATURE, ask("M43", "FY2025", "represented"), _days(-300)
    ),
    "a draft": No(RefusalCode.UNKNOWN_METRIC, replace(ask(), metric="M02")),
    "no metric at all": No(RefusalCode.UNKNOWN_METRIC, replace(ask(), metric="M999")),
    "another catalogue": No(
        RefusalCode.WRONG_PROGRAMME, replace(ask(), catalogue_version="0.0.1")
    ),
}

GOOD = wire.ask_to_bytes(ask())
OTHER = ask("M01").query
NONSENSE = {
    "nothing": b"",
    "one byte": b"\xff",
    "half a question": GOOD[: len(GOOD) // 2],
    "an unknown field": GOOD + b"\xa0\x06\x01",
    "a field twice": GOOD + GOOD[-5:],
    "another query's bytes": wire.ask_to_bytes(replace(ask(), query=OTHER)),
    "no query": wire.ask_to_bytes(replace(ask(), query=b"{}")),
    "a query with a word more": wire.ask_to_bytes(
        replace(ask(), query=ask().query + b" ")
    ),
    "another name": wire.ask_to_bytes(replace(ask(), query_name="pool")),
    "cells miscounted": wire.ask_to_bytes(replace(ask(), cells=ask().cells + 1)),
    "a period too long": wire.ask_to_bytes(
        replace(ask(), metric="M12", query_name="family")
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


@pytest.mark.parametrize("path", [ANSWER, DESCRIBE, "/cmpp.v1.Node/Other"])
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
