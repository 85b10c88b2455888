"""Plant one inconsistency after another in a good audit pack; each must be found.

Each is planted as well as whoever is behind it could: the coordinator signs its
rewritten log, a site and its officers sign the site's rewritten ledger. So what finds
it is not a broken signature, unless breaking one is the plant itself.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coordinator.audit import pack as packs
from coordinator.audit import verify
from coordinator.audit.pack import Pack
from coordinator.audit.papers import Anchor
from coordinator.audit.report import Report
from tests import (
    audit_network,
    planted_draws,
    planted_figures,
    planted_ledgers,
    planted_log,
    planted_papers,
    planted_traffic,
)

ALL = (
    planted_papers.PAPERS
    | planted_log.LOG
    | planted_traffic.TRAFFIC
    | planted_ledgers.LEDGERS
    | planted_figures.FIGURES
    | planted_draws.DRAWS
)
NUMBER_MIN = 30


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pack]:
    """Give the pack of a network that lived through everything."""
    network = audit_network.lived(tmp_path_factory.mktemp("network"))
    yield network.pack()
    network.close()


def verified(pack: Pack, anchor: Anchor) -> Report:
    """Check a pack that was read."""
    report = Report()
    verify.content(pack, anchor, report)
    return report


def anchor_of(pack: Pack) -> Anchor:
    """Return what an auditor who asked two sites would know."""
    return Anchor(roster=pack.rosters[-1].digest.hex())


def test_the_untouched_pack_is_right(good: Pack, tmp_path: Path) -> None:
    packs.write(good, tmp_path / "pack", keys="")
    report = verify.folder(tmp_path / "pack", anchor_of(good))
    assert report.failures == ()
    assert all(check.count for check in report.checks)


def test_enough_is_planted() -> None:
    assert len(ALL) >= NUMBER_MIN


@pytest.mark.parametrize("name", ALL)
def test_it_is_found(name: str, good: Pack) -> None:
    plant, sentence = ALL[name]
    report = verified(plant(good), anchor_of(good))
    found = [failure for failure in report.failures if re.search(sentence, failure)]
    assert found, report.failures


def rewritten_file(folder: Path) -> None:
    path = folder / packs.README
    path.write_text(path.read_text() + "\n")


def cut_file(folder: Path) -> None:
    path = folder / packs.ANSWERS
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (rewritten_file, "README.md: it is not the file the manifest lists"),
        (cut_file, "answers.jsonl: it is cut off"),
        (lambda f: (f / packs.HEAD).unlink(), "head.json: it is in the manifest and"),
        (lambda f: (f / "note").write_text(""), "note: it is in the folder and not"),
        (lambda f: (f / packs.ASKS).write_text("x\n"), "asks.jsonl, line 1: it is no"),
        (lambda f: (f / packs.RESULTS).write_text("[]\n"), "results.jsonl, line 1"),
        (lambda f: (f / "rosters/0001.cmpp").write_text("?"), "rosters/0001.cmpp: it"),
    ],
)
def test_a_spoilt_folder_is_found(
    spoil: Callable[[Path], object], sentence: str, good: Pack, tmp_path: Path
) -> None:
    packs.write(good, tmp_path / "pack", keys="")
    spoil(tmp_path / "pack")
    report = verify.folder(tmp_path / "pack", anchor_of(good))
    assert any(sentence in failure for failure in report.failures), report.failures
