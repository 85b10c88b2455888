"""A metric written in TOML today is answered by a node that was started yesterday.

The node is a process of its own at a home made by its own commands. It is never
stopped: the edition and its mandate come over the wire, the officers decide with
their commands' own means, and the next question is answered.
"""

import datetime as dt
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from coordinator.witnessing import Witnessing
from node.charter import Charter
from node.ledger import Ledger, Scope
from privacy import edition
from privacy.catalogue import Programme
from privacy.chain import Kind
from privacy.period import Period
from privacy.query import cells
from privacy.signing import Document
from proto.client import NodeClient
from proto.wire import Answer, Ask, Refusal, RefusalCode
from tests import governed, liar, real_node
from tests import signed_samples as samples
from tests.programme_samples import UNSHIPPED, shipped
from tests.real_node import RealNode

SITE = "NYC"
PERIOD = Period("FY2024-H2")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[tuple[RealNode, dict[str, NodeClient]]]:
    """Give a running node with a roster, a policy and no mandate, and its peers."""
    home = tmp_path / "laid-out"
    real_node.lay_out(home, SITE, opens=[])
    with liar.network(tmp_path / "peers", without=SITE) as net:
        own = Path(shutil.copytree(home, tmp_path / SITE))
        running = RealNode(own, SITE, net.centre)
        ports = {name: member.port for name, member in net.liar.members.items()}
        ports[SITE] = running.port
        lines = {
            name: NodeClient(f"127.0.0.1:{port}", site=name, identity=net.liar.identity)
            for name, port in ports.items()
        }
        running.start()
        try:
            yield running, lines
        finally:
            for line in lines.values():
                line.close()
            running.stop()


def test_a_new_metric_is_answered_without_a_restart(
    node: tuple[RealNode, dict[str, NodeClient]],
) -> None:
    running, lines = node
    made = samples.signed(
        edition.draft(shipped() | {"new.toml": UNSHIPPED}, network="cmpp", number=1),
        "ana",
        "ben",
    )
    programme = edition.parse(made).programme
    opens = governed.mandate(
        now=real_node.now(),
        programme=f'"{programme.version}"',
        metrics='["M61"]',
        periods='["FY2024-H2"]',
    )
    assert lines[SITE].deliver(made) == "waiting"
    assert lines[SITE].deliver(opens) == "waiting"
    asked = question(programme, opens)
    assert refused(lines, asked) is RefusalCode.WRONG_PROGRAMME

    office(running, made, opens, allow=(*governed.RUNNING, "M61"))
    answer = put(lines, asked)
    assert isinstance(answer, Answer)
    assert len(answer.values) == 1
    assert answer.charged_pico == 10**10
    # Only the two entry years the new metric may touch have paid.
    running.stop()
    ledger = Ledger.open(f"sqlite:///{running.ledger_file}")
    paid = {key.name for key in ledger.remaining() if key.scope is Scope.LIFETIME}
    assert paid == {"FY2023", "FY2024"}
    kinds = [entry.kind for entry in ledger.entries()]
    ledger.close()
    assert kinds.count(Kind.BOOTED) == 1


def question(programme: Programme, opens: Document) -> Ask:
    """Ask for the metric that no software shipped with."""
    asked = programme.queries(programme.metric("M61"), PERIOD)["lately"]
    later = real_node.now() + dt.timedelta(hours=1)
    return Ask(
        query=asked.canonical_form,
        metric="M61",
        query_name="lately",
        catalogue_version=programme.version,
        rho=Fraction(1, 100),
        purpose="oversight",
        cells=len(cells(asked, programme.dictionary)),
        site=SITE,
        mandate=opens.digest,
        asked_by="ana",
        not_after=int(later.timestamp()),
    ).signed_by(samples.key("coordinator"))


def office(running: RealNode, *accepted: Document, allow: tuple[str, ...]) -> None:
    """Do what the officers' commands do, beside the node that runs."""
    ledger = Ledger.open(f"sqlite:///{running.ledger_file}")
    charter = Charter(ledger, site=SITE)
    now = real_node.now()
    policy = governed.policy(
        SITE, now=now, version=2, allow=governed.listed(allow), reason='"M61 is new."'
    )
    charter.enact(Kind.POLICY, policy, now=now)
    for document in accepted:
        governed.accept(charter, document, now=now)
    ledger.close()


def refused(lines: dict[str, NodeClient], asked: Ask) -> RefusalCode | None:
    said = put(lines, asked)
    return said.code if isinstance(said, Refusal) else None


def put(lines: dict[str, NodeClient], asked: Ask) -> Answer | Refusal:
    """Ask while the coordinator carries statements."""
    with Witnessing([SITE], lines, list(lines)):
        return lines[SITE].answer(asked, deadline_seconds=60)
