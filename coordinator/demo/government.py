"""Give the network its law: a roster every site agrees to, and a mandate of the Board.

What people do by hand in a real network, each at their own desk, is typed here by one
program: comparing a digest by telephone, carrying a file, deciding. No signature is
given by anybody but the holder of its key.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coordinator.demo import network
from coordinator.demo.network import BY_HAND, PLAIN, SITES, Plan
from coordinator.demo.processes import Typed
from privacy.errors import BadConfiguration

SEATS: Final = {
    "ana": ("Shelter Alliance", "member"),
    "ben": ("Legal Aid Union", "member"),
    "cleo": ("Faith Council", "member"),
    "dirk": ("Department", "chair"),
}
_ROSTER: Final = "roster.cmpp"


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of a mandate.

    Attributes:
        number: What people call it.
        alone: What the centre said to it with the chair's and one member's signature.
        sites: Site -> what became of it there.
        card: What an officer reads before deciding.
    """

    number: str
    alone: str
    sites: dict[str, str]
    card: str


def agree_on_roster(plan: Plan) -> str:
    """Make the Board's keys, have every site sign the roster, and put it in force.

    Returns:
        The roster's digest, which operators read to each other.
    """
    drafted, signed = plan.papers / _ROSTER, plan.papers / f"signed-{_ROSTER}"
    keys = [("board", "init", str(_board(plan)), "--name", n, PLAIN) for n in SEATS]
    seats = [word for name in SEATS for word in ("--seat", _seat(plan, name))]
    *_, said = network.cmpp_all(
        plan,
        [
            *map(Typed, keys),
            Typed(("roster", "draft", str(drafted), *seats)),
            Typed(("roster", "show", str(drafted), "--json")),
        ],
    )
    digest: str = json.loads(said)["digest"]
    # Each operator works on a copy of the file, and sends it back signed.
    copies = {site: plan.papers / f"{site}-{_ROSTER}" for site in SITES}
    for copy in copies.values():
        copy.write_bytes(drafted.read_bytes())
    accept = {
        site: [Typed(("roster", "accept", str(copy), "--fingerprint", digest))]
        for site, copy in copies.items()
    }
    network.at_every(plan, accept)
    back = [str(copy.with_name(f"{copy.name}.signed")) for copy in copies.values()]
    *_, published = network.cmpp_all(
        plan,
        [
            Typed(("roster", "gather", str(signed), *back)),
            Typed(("roster", "publish", str(signed), "--json")),
        ],
    )
    _check_all(json.loads(published)["sites"], {"adopted", "known"})
    return digest


def open_questions(plan: Plan, *words: str) -> Opened:
    """Have the Board sign a mandate, and the officers who read each accept it.

    Args:
        plan: Where everything is.
        words: What it is to permit, as `cmpp mandate draft` takes it.
    """
    file = _next(plan)
    sign = {
        name: ("mandate", "sign", str(file), "--key", str(_key(plan, name)), PLAIN)
        for name in SEATS
    }
    submit = ("mandate", "submit", str(file), "--json")
    said = network.cmpp_all(
        plan,
        [
            Typed(("mandate", "draft", str(file), *words, "--json")),
            Typed(sign["dirk"]),
            Typed(sign["ana"]),
            # The chair's signature never counts, so one is missing.
            Typed(submit, refused=True),
            Typed(sign["ben"]),
            Typed(submit),
        ],
    )
    number: str = json.loads(said[0])["number"]
    sites: dict[str, str] = json.loads(said[5])["sites"]
    _check_all(sites, {"adopted", "waiting"})
    decide = {
        site: [
            Typed(("inbox", "show", number)),
            Typed(("inbox", "accept", number, "--key", str(plan.officer(site)), PLAIN)),
        ]
        for site in BY_HAND
        if sites[site] == "waiting"
    }
    cards = network.at_every(plan, decide)
    return Opened(number, said[3], sites, next(iter(cards.values()))[0])


def _board(plan: Plan) -> Path:
    return plan.directory / "board"


def _key(plan: Plan, name: str) -> Path:
    """Return a board member's private key, on a medium of their own."""
    return _board(plan) / f"{name}.key"


def _seat(plan: Plan, name: str) -> str:
    """Write a seat as `cmpp roster draft` takes it."""
    organisation, standing = SEATS[name]
    return f"{name},{organisation},{standing},{_key(plan, name).with_suffix('.pub')}"


def _next(plan: Plan) -> Path:
    """Name the file of the next mandate."""
    drafted = len(list(plan.papers.glob("mandate-*.cmpp")))
    return plan.papers / f"mandate-{drafted + 1}.cmpp"


def _check_all(sites: dict[str, str], wanted: set[str]) -> None:
    """Stop if a document did not arrive somewhere.

    Raises:
        BadConfiguration: it did not.
    """
    missing = [f"{site}: {what}" for site, what in sites.items() if what not in wanted]
    if missing or set(sites) != set(SITES):
        raise BadConfiguration(
            f"A signed document did not arrive everywhere ({', '.join(missing)}); "
            "read the nodes' logs."
        )
