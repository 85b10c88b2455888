"""Ledgers that are restored, cloned, cut and flipped, under a coordinator that helps.

Each case lets a site answer for a while, tampers with its ledger once, and goes on.
The coordinator is against it: it picks which peers see which head, holds back what
would give the ledger away, brings old attestations again, and up to the tolerated
number of peers lies for it. An answer that leaves must come from a ledger that holds
every answer that left before. The same cases are played with one rule of the defence
taken out, and then answers are lost: the harness can fail.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from node import answer as story
from node.charter import Charter
from node.ledger import Ledger
from privacy import statement
from privacy.statement import Head
from tests import members
from tests import signed_samples as samples
from tests.living_site import MANDATE
from tests.own_records import NOW
from tests.rollback_game import NETWORKS, SITE, play

CASES = 16
CASES_MANY = 1_000


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "WITNESS_SECONDS", 0.0)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], Path]:
    """Give ledgers of sites that have rules and never answered anything."""
    found = {}
    for sites, tolerated in NETWORKS.items():
        path = tmp_path_factory.mktemp("base") / "ledger.sqlite"
        ledger = Ledger.create(f"sqlite:///{path}", site=SITE, now=NOW)
        members.govern(
            Charter(ledger, site=SITE),
            opens=[MANDATE],
            roster=samples.roster(sites=sites),
            tolerated_colluders=tolerated,
        )
        ledger.close()
        found[sites] = path
    return found


def total(
    seeds: Sequence[int], folder: Path, bases: dict[tuple[str, ...], Path]
) -> Counter[str]:
    """Play many cases, and count what happened in all of them."""
    found: Counter[str] = Counter()
    for seed in seeds:
        found += play(seed, folder / str(seed), bases)
    return found


def test_no_answer_leaves_after_a_rollback(
    tmp_path: Path, bases: dict[tuple[str, ...], Path]
) -> None:
    found = total(range(CASES), tmp_path, bases)
    assert found["lost"] == 0, found
    assert min(found["answered"], found["found out"], found["held back"]) > 0
    assert found["did not open"] > 0


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_no_answer_leaves_after_any_of_a_thousand_rollbacks(
    tmp_path: Path, bases: dict[tuple[str, ...], Path]
) -> None:
    found = total(range(CASES_MANY), tmp_path, bases)
    print(f"{CASES_MANY} ledgers tampered with: {dict(found)}")  # noqa: T201
    assert found["lost"] == 0, found


def _everything(_kept: Head | None, _shown: Head) -> bool:
    return True


def _no_chain(kept: Head | None, shown: Head) -> bool:
    """Take what is newer, whether or not it follows: a plain counter."""
    return kept is None or shown.sequence >= kept.sequence


def _one_honest(_sites: int, tolerated: int) -> int:
    return tolerated + 1


WITHOUT: dict[str, tuple[str, Callable[..., object], int]] = {
    "peers take everything": ("takes", _everything, 0),
    "peers compare counters only": ("takes", _no_chain, 16),
    "one honest peer is enough": ("quorum", _one_honest, 4),
}
"""What is taken out, what takes its place, and which cases are tried first."""


@pytest.mark.parametrize(("rule", "instead", "first"), WITHOUT.values(), ids=WITHOUT)
def test_with_a_rule_taken_out_answers_are_lost(
    tmp_path: Path,
    bases: dict[tuple[str, ...], Path],
    monkeypatch: pytest.MonkeyPatch,
    rule: str,
    instead: Callable[..., object],
    first: int,
) -> None:
    monkeypatch.setattr(statement, rule, instead)
    for seed in range(first, first + 20 * CASES):
        if play(seed, tmp_path / str(seed), bases)["lost"]:
            return
    raise AssertionError("the harness would not notice a rollback")


def test_every_case_replays_from_its_number(
    tmp_path: Path, bases: dict[tuple[str, ...], Path]
) -> None:
    first, again = (play(3, tmp_path / name, bases) for name in ("a", "b"))
    assert first == again
