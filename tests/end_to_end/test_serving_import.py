"""A serving node answers throughout an import and a closing, each its own process.

The node is `cmpp-node serve` on the record engine that sites use by default; the
imports are `cmpp-node import`, as a nightly run does them. The coordinator is honest.
Every answer is checked against the records that may be in use: the old ones until the
new ones are, the new ones from then on, and one that was given before for ever.
"""

import csv
import datetime as dt
import itertools
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import pytest

from coordinator.witnessing import Witnessing
from privacy.errors import ExchangeError
from privacy.period import Period
from proto.client import NodeClient
from proto.wire import Answer, Ask, Refusal
from tests import governed, liar, living_site, real_node
from tests.liar import Network
from tests.real_node import ROOT, RealNode

SITE = "NYC"
QUARTER = 60
QUARTER_LARGE = 12_000
"""Households that enrol each quarter."""

ALL, SOME = 1, 5
"""Every household says yes to being counted, or every fifth."""

PARTS = ("", "-H1", "-H2", "-Q1", "-Q2", "-Q3", "-Q4")
EARLY = tuple(f"FY{year}{part}" for year in (2023, 2024) for part in PARTS)
LATE = tuple(f"FY2025{part}" for part in PARTS)
RHO = Fraction(1, 20)
DEVIATIONS = 7
"""A right answer lies farther off once in 10**11 times (noise of variance 1/2 rho)."""

OTHERS = ("M04", "M07", "M09", "M14", "M18")

FRESH = 3
"""Questions left for each import and for the closing."""

MANDATE = governed.mandate(now=real_node.now())


def first_days() -> Iterator[dt.date]:
    """Yield the first day of every quarter in which households enrol."""
    for month in range(9, 9 + 36, 3):
        yield dt.date(2022 + month // 12, month % 12 + 1, 1)


def write_export(folder: Path, *, quarter: int, every: int) -> Path:
    """Write an export in which so many consent, and everybody is there."""
    folder.mkdir()
    homes = [
        (f"TRAINING-{day}-{n}", "yes" if n % every == 0 else "no", day)
        for day in first_days()
        for n in range(quarter)
    ]
    sheets = {
        "household": [("household_key", "type")]
        + [(home, "single_adult") for home, _, _ in homes],
        "participant": [("person_key", "household_key", "consent_stats")]
        + [(f"{home}-a", home, said) for home, said, _ in homes],
        "enrolment": [("person_key", "enrolled_on")]
        + [(f"{home}-a", day.isoformat()) for home, _, day in homes],
    }
    for name, rows in sheets.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return folder


def question(
    period: str, metric: str = "M08", name: str | None = None, rho: Fraction = RHO
) -> Ask:
    """Ask how many households enrolled, or something else."""
    later = int((real_node.now() + dt.timedelta(hours=1)).timestamp())
    return living_site.ask(
        *(metric, period, name, str(rho)), mandate=MANDATE.digest, not_after=later
    )


def other_questions() -> Iterator[Ask]:
    """Yield questions that each read the records, for next to nothing."""
    known = set()
    for metric, period in itertools.product(OTHERS, EARLY):
        if Period(period).kind in governed.PROGRAMME.metric(metric).periods:
            for name in living_site.queries(metric, period):
                asked = question(period, metric, name, Fraction(1, 1000))
                if asked.query not in known:
                    known.add(asked.query)
                    yield asked


@dataclass
class Asking:
    """An honest coordinator that asks without a pause, and checks what it hears."""

    net: Network
    node: RealNode
    quarter: int
    given: dict[str, Answer] = field(default_factory=dict)
    others: Iterator[Ask] = field(default_factory=other_questions)
    seen: list[int] = field(default_factory=list)
    """Which export each new answer came from, in the order of asking."""

    def put(self, question: Ask) -> Answer | Refusal | str:
        """Ask once, while statements are carried."""
        nodes = {
            name: NodeClient(
                f"127.0.0.1:{member.port}", site=name, identity=self.net.liar.identity
            )
            for name, member in self.net.liar.members.items()
        }
        try:
            with Witnessing([SITE], nodes, list(nodes)):
                return nodes[SITE].answer(question, deadline_seconds=60)
        except ExchangeError as error:
            return error.code
        finally:
            for each in nodes.values():
                each.close()

    def unasked(self) -> list[str]:
        """Return what was not asked yet."""
        return [period for period in EARLY if period not in self.given]

    def new(self, period: str) -> None:
        """Ask what was never asked, and find out which export the answer is of."""
        said = self.put(question(period))
        assert isinstance(said, Answer), (period, said, self.node.log())
        assert not said.free
        (value,) = said.values
        quarters = len(Period(period).quarters)
        reach = DEVIATIONS * float(said.variance) ** 0.5
        found = [
            every
            for every in (ALL, SOME)
            if abs(value - quarters * self.quarter // every) < reach
        ]
        assert len(found) == 1, (period, value)
        self.seen += found
        self.given[period] = said

    def another(self) -> None:
        """Ask something else that was never asked, so that records are read."""
        asked = next(self.others, None)
        if asked is not None:
            said = self.put(asked)
            assert isinstance(said, Answer), (asked.metric, said, self.node.log())
            assert not said.free

    def again(self) -> None:
        """Ask for what was answered first: the same numbers come, and are free."""
        period, before = next(iter(self.given.items()))
        said = self.put(question(period))
        assert isinstance(said, Answer), (period, said, self.node.log())
        assert said.free
        for name in ("values", "variance", "sequence", "release_key"):
            assert getattr(said, name) == getattr(before, name)

    def while_runs(self, *words: str, keep: int) -> None:
        """Run a command at the site, and ask until it ends.

        Args:
            words: The command.
            keep: How many questions are kept for later.
        """
        command = [sys.executable, "-m", "node", "--home", str(self.node.home), *words]
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            assert process.stdout is not None
            while process.poll() is None:
                if len(self.unasked()) > keep:
                    self.new(self.unasked()[0])
                else:
                    self.another()
                self.again()
            assert process.returncode == 0, process.stdout.read().decode()


def prove(folder: Path, quarter: int, *, imports: int) -> None:
    """Ask throughout imports and a closing of one site."""
    exports = {
        every: write_export(folder / f"export-{every}", quarter=quarter, every=every)
        for every in (ALL, SOME)
    }
    home = folder / SITE
    real_node.begin(home, SITE)
    assert 'kind = "duckdb"' in (home / "node.toml").read_text()
    real_node.command(home, "import", str(exports[ALL]))
    real_node.command(home, "close", "FY2024-Q4")
    real_node.rule(home, SITE, opens=[MANDATE])
    with liar.network(folder / "peers", without=SITE) as net:
        node = RealNode(home, SITE, net.centre)
        net.liar.members[SITE] = node  # type: ignore[assignment]
        asking = Asking(net, node, quarter)
        node.start()
        try:
            follow(asking, exports, imports=imports)
        finally:
            node.stop()


def follow(asking: Asking, exports: dict[int, Path], *, imports: int) -> None:
    """Ask before, during and after each import, then during and after a closing."""
    asking.new(EARLY[0])
    assert asking.seen == [ALL]
    now, following = ALL, SOME
    for coming in reversed(range(imports)):
        asking.seen.clear()
        words = ("import", str(exports[following]), "--accept-serious")
        asking.while_runs(*words, keep=(coming + 1) * FRESH)
        turns = [one != other for one, other in itertools.pairwise(asking.seen)]
        assert asking.seen[0] == now
        assert sum(turns) <= 1
        asking.new(asking.unasked()[0])
        assert asking.seen[-1] == following
        now, following = following, now
    asking.seen.clear()
    asking.while_runs("close", LATE[0], keep=0)
    for period in LATE[:FRESH]:
        asking.new(period)
    assert set(asking.seen) == {now}
    assert "kind=" not in asking.node.log()


def test_a_serving_node_answers_throughout_an_import(tmp_path: Path) -> None:
    prove(tmp_path, QUARTER, imports=1)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_serving_node_answers_throughout_large_imports(tmp_path: Path) -> None:
    prove(tmp_path, QUARTER_LARGE, imports=3)
