"""Hang up on the node at every moment; it charges once, and tells one answer.

A caller's deadline ends the call and not the work, so whoever cut a call short finds
the same release later, and cannot buy a second one by being impatient.
"""

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from privacy import loss
from privacy.chain import Kind
from privacy.errors import Busy, Unreachable
from proto import wire
from proto.client import NodeClient
from tests import doors, living_site
from tests.living_site import LivingSite
from tests.own_records import OwnRecords

QUESTIONS = living_site.all_questions("FY2024-Q4", "FY2024-H2", "FY2024")
IMPATIENT_SECONDS = (0.001, 0.06)


@pytest.fixture
def open_door(
    worlds: dict[str, OwnRecords], tmp_path: Path
) -> Iterator[tuple[LivingSite, NodeClient]]:
    site = LivingSite(tmp_path / "site", worlds["with"])
    centre = doors.Centre(tmp_path)
    with (
        doors.serving(centre, tmp_path, site) as serving,
        serving.client(centre.coordinator) as client,
    ):
        yield site, client


def test_hanging_up_and_asking_again_is_charged_once_and_told_one_answer(
    open_door: tuple[LivingSite, NodeClient],
) -> None:
    site, client = open_door
    chance = random.Random(20_261_122)
    cut = 0
    told: dict[bytes, set[tuple[int, ...]]] = {}
    for question in QUESTIONS:
        # Hardly any time at all, twice some moment on the way, and all the time.
        some = (chance.uniform(*IMPATIENT_SECONDS) for _ in range(2))
        for patience in (IMPATIENT_SECONDS[0], *some, 20):
            with suppress(Unreachable, Busy):
                said = client.answer(question, deadline_seconds=patience)
                assert isinstance(said, wire.Answer)
                told.setdefault(question.query, set()).add(said.values)
                continue
            cut += 1
    assert cut > len(QUESTIONS) / 4, "nobody was impatient enough to prove anything"
    distinct = {question.query for question in QUESTIONS}
    assert told.keys() == distinct
    assert {len(answers) for answers in told.values()} == {1}
    charges = [e for e in site.node.ledger.entries() if e.kind is Kind.CHARGE]
    assert len(charges) == len({e.release_key for e in charges}) == len(distinct)
    site.node.ledger.verify()
    each = loss.pico(QUESTIONS[0].rho)
    assert max(site.spent().values()) <= each * len(distinct)
