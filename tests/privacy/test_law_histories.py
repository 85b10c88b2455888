"""Random histories by honest and dishonest hands: a mandate opens what it should.

An independent model remembers, for each mandate, who signed what and when. Whatever
is tried in whatever order, the law opens a mandate exactly when the model does.
"""

import contextlib
import random
from dataclasses import dataclass, field

import pytest

from privacy import succession
from privacy.chain import Kind
from privacy.decision import Act
from privacy.errors import ExchangeError
from tests import signed_samples as sample
from tests.signed_samples import Site, ruled

HANDS = ("ana", "ben", "cleo", "dirk", "olga", "omar", "NYC", "coordinator", "eve")
MEMBERS = {"ana", "ben", "cleo"}
MANDATES = [
    # The second is too dear for the rule, the third is for other sites.
    {"number": '"2026-01"'},
    {"number": '"2026-02"', "loss_rho": '"0.2"', "worst_rho": '"0.2"'},
    {"number": '"2026-03"', "sites": '["HOU", "LAX"]'},
]
RULED = {0}
FOR_US = {0, 1}


@dataclass
class Model:
    """What the people decided, remembered without any law."""

    came: set[int] = field(default_factory=set)
    fate: dict[int, str] = field(default_factory=dict)
    withdrawn: set[int] = field(default_factory=set)
    ended: bool = False

    def tried(self, what: str, n: int, hands: set[str]) -> bool:
        """Note an attempt; say whether it should have worked."""
        allowed = not self.ended and getattr(self, f"_{what}")(n, hands)
        if allowed:
            getattr(self, f"_after_{what}")(n)
        return allowed

    def opens(self) -> set[int]:
        return {n for n, fate in self.fate.items() if fate == "accepted"}

    def _send(self, n: int, hands: set[str]) -> bool:
        fresh = n in FOR_US and n not in self.came | self.withdrawn
        return fresh and len(hands & MEMBERS) >= 2

    def _after_send(self, n: int) -> None:
        self.came.add(n)

    def _revoke(self, _: int, hands: set[str]) -> bool:
        return bool(hands & MEMBERS)

    def _after_revoke(self, n: int) -> None:
        self.withdrawn.add(n)
        if n in self.came:
            self.fate[n] = "revoked"

    def _accept(self, n: int, hands: set[str]) -> bool:
        return self._open_to_officers(n) and bool(hands & {"olga", "omar"})

    def _after_accept(self, n: int) -> None:
        self.fate[n] = "accepted"

    def _decline(self, n: int, hands: set[str]) -> bool:
        return self._accept(n, hands)

    def _after_decline(self, n: int) -> None:
        self.fate[n] = "declined"

    def _rule(self, n: int, _: set[str]) -> bool:
        return n in self.came and n not in self.fate and n in RULED

    _after_rule = _after_accept

    def _terminate(self, _: int, hands: set[str]) -> bool:
        return len(hands & MEMBERS) >= 2

    def _after_terminate(self, _: int) -> None:
        self.ended = True

    def _open_to_officers(self, n: int) -> bool:
        return n in self.came and self.fate.get(n) != "revoked"


def attempt(site: Site, what: str, n: int, hands: set[str]) -> bool:
    """Try something at the site; say whether it worked."""
    chosen = sample.signed(sample.text(sample.signing.Kind.MANDATE, lines(n)), *hands)
    digest = chosen.digest.hex()
    try:
        match what:
            case "send":
                site.enact(Kind.MANDATE, chosen)
            case "revoke":
                site.enact(Kind.REVOKED, sample.revocation(chosen, *hands))
            case "accept" | "decline":
                kind = Kind.ACCEPTED if what == "accept" else Kind.DECLINED
                decided = site.decide(Act(what), chosen, *hands)
                site.enact(kind, decided, subject=digest)
            case "rule":
                site.enact(Kind.ACCEPTED, subject=digest)
            case _:
                number = site.law.turn_number + 1
                site.enact(Kind.STOOD_DOWN, sample.order("terminate", number, *hands))
    except ExchangeError:
        return False
    return True


def lines(n: int) -> list[str]:
    return [f"{k} = {v}" for k, v in (sample.MANDATE | MANDATES[n]).items()]


def opens(site: Site) -> set[int]:
    found: set[int] = set()
    for n in range(len(MANDATES)):
        document = sample.text(sample.signing.Kind.MANDATE, lines(n))
        with contextlib.suppress(ExchangeError):
            site.law.permit(document.digest)
            found.add(n)
    return found


def history(seed: int, steps: int) -> None:
    """Try many things at one site, and compare with the model after each."""
    chance, site, model = random.Random(seed), ruled(), Model()
    acts = ["send", "revoke", "accept", "decline", "rule"] * 6 + ["terminate"]
    for _ in range(steps):
        what, n = chance.choice(acts), chance.randrange(len(MANDATES))
        hands = set(chance.sample(HANDS, chance.randint(1, 4)))
        done = attempt(site, what, n, hands)
        assert done == model.tried(what, n, hands), (what, n, hands)
        assert opens(site) == model.opens()
    assert succession.replay("NYC", site.kept) == site.law


@pytest.mark.parametrize("seed", range(12))
def test_a_mandate_opens_exactly_what_people_decided(seed: int) -> None:
    history(seed, steps=40)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1400))
def test_a_mandate_opens_exactly_what_people_decided_long(seed: int) -> None:
    history(seed, steps=120)
