"""A coordinator that lies about what sites attest lets nothing leave, charged or not.

It carries every statement between the sites, so it can hold them back, show them to
whom it likes, bring them late, twice or to another site, and sign what it likes with
its own key. For each lie: nothing leaves, nothing is charged but what was rightly
charged, what is heard is one of the closed statuses, and carried honestly it works.
"""

from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from privacy.statement import (
    ATTESTATION_BYTES,
    HEAD_BYTES,
    NONE,
    Attestation,
    Head,
    Verdict,
    read_attestation,
)
from proto import relay, wire
from proto.client import ANSWER, PRESENT, STANDING, WITNESS
from proto.cmpp.v1 import node_pb2
from proto.wire import Answer, NotReady, Refusal, RefusalCode
from tests import doors, frames, governed, liar, living_site
from tests import signed_samples as samples
from tests.liar import DENIED, MALFORMED, QUORUM, Network
from tests.living_site import MANDATE
from tests.own_records import NOW

TAKEN = Verdict.TAKEN
_KEY = samples.key("coordinator")


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with liar.network(tmp_path_factory.mktemp("network")) as opened:
        yield opened


# ---- statements -----------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """What a lie about statements is played with.

    Attributes:
        net: The network; NYC waits for witnesses of its newest entry.
        heads: What NYC stated, for each peer.
        good: What its peers attested, honestly, peer by peer.
    """

    net: Network
    heads: dict[str, bytes]
    good: dict[str, bytes]

    def tell(self, *attestations: bytes) -> set[bool | str]:
        """Present attestations one by one, and together."""
        found = {self.net.liar.present("NYC", [each]) for each in attestations}
        return found | {self.net.liar.present("NYC", attestations)}


def _forged(case: Case, name: str, **changes: object) -> bytes:
    """Sign with the coordinator's key what only a peer may sign."""
    parts = {
        "witness": name,
        "about": "NYC",
        "boot": case.net.nyc.ledger.head().boot,
        "verdict": Verdict.TAKEN,
        "kept": case.heads[name],
    }
    return Attestation(**parts | changes).signed(case.net.liar.key)


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 3]) + data[at + 1 :]


def _withheld(_: Case) -> set[bool | str]:
    return {False}


def _too_few(case: Case) -> set[bool | str]:
    return case.tell(*list(case.good.values())[: QUORUM - 1])


def _one_many_times(case: Case) -> set[bool | str]:
    return case.tell(*[case.good["HOU"]] * 8)


def _by_itself(case: Case) -> set[bool | str]:
    own = case.net.liar.show(case.heads["HOU"], to="NYC")
    assert own == DENIED
    return case.tell(_forged(case, "HOU", witness="NYC"))


def _by_a_stranger(case: Case) -> set[bool | str]:
    return case.tell(_forged(case, "HOU", witness="SFO"))


def _by_the_coordinator(case: Case) -> set[bool | str]:
    return case.tell(*(_forged(case, name) for name in case.good))


def _about_another(case: Case) -> set[bool | str]:
    lax = case.net.members["LAX"]
    lax.restart()
    attested = case.net.liar.collect("LAX", ["BAL", "DCA", "HOU"])
    return case.tell(*attested)


def _refusals_turned(case: Case) -> set[bool | str]:
    verdict = 16 + 16 + 32
    return case.tell(*(_flipped(each, verdict) for each in case.good.values()))


def _another_boot(case: Case) -> set[bool | str]:
    return case.tell(*(_flipped(each, 32) for each in case.good.values()))


def _made_up_head(case: Case) -> set[bool | str]:
    """Have peers shown a head that NYC never signed; none attests it."""
    head = Head(
        site="NYC",
        epoch=9,
        boot=bytes(32),
        follows_sequence=0,
        follows_hash=NONE,
        sequence=99,
        hash=bytes(32),
    ).signed(case.net.liar.key)
    return {case.net.liar.show(head, to=peer) for peer in case.good}


def _changed_head(case: Case) -> set[bool | str]:
    """Have peers shown a head of a later entry than NYC signed."""
    changed = [_flipped(head, 16 + 8 + 32 + 8 + 32 + 7) for head in case.heads.values()]
    return {case.net.liar.show(head, to="HOU") for head in changed}


def _strangers(case: Case) -> set[bool | str]:
    heads = case.net.liar.heads("NYC", ["BAL", "DCA", "SFO"])
    own = case.net.liar.heads("NYC", ["HOU", "NYC"])
    assert isinstance(heads, str)
    assert isinstance(own, str)
    return {heads, own}


def _wrong_sizes(case: Case) -> set[bool | str]:
    def said(method: str, message: object) -> bool | str:
        heard = case.net.liar.call("NYC", method, message.SerializeToString())
        assert isinstance(heard, str)
        return heard

    good = case.good["HOU"]
    present, show = node_pb2.PresentRequest, node_pb2.WitnessRequest
    stand = node_pb2.StandingRequest
    return {
        said(PRESENT, present(attestations=[])),
        said(PRESENT, present(attestations=[good] * (relay.PEERS_MAX + 1))),
        said(PRESENT, present(attestations=[good[: ATTESTATION_BYTES - 1]])),
        said(PRESENT, present(attestations=[good + b"\x00"])),
        said(WITNESS, show(head=bytes(HEAD_BYTES - 1))),
        said(STANDING, stand(peers=[])),
        said(STANDING, stand(peers=["LAX", "HOU"])),
        said(STANDING, stand(peers=["HOU", "HOU"])),
        said(STANDING, stand(peers=["../NYC"])),
    }


STATEMENTS: dict[str, tuple[Callable[[Case], set[bool | str]], set[bool | str]]] = {
    "withheld": (_withheld, {False}),
    "from too few peers": (_too_few, {False}),
    "from one peer many times": (_one_many_times, {False}),
    "from the site itself": (_by_itself, {DENIED}),
    "from a site nobody knows": (_by_a_stranger, {DENIED}),
    "signed by the coordinator": (_by_the_coordinator, {DENIED}),
    "about another site": (_about_another, {DENIED}),
    "with the verdict turned": (_refusals_turned, {DENIED}),
    "with another start's name": (_another_boot, {DENIED}),
    "asked of peers for a head it made up": (_made_up_head, {DENIED}),
    "asked of peers for a head it changed": (_changed_head, {DENIED}),
    "asked for strangers": (_strangers, {DENIED}),
    "too many, too long, or none": (_wrong_sizes, {MALFORMED}),
}


@pytest.mark.parametrize(("lie", "heard"), STATEMENTS.values(), ids=STATEMENTS)
def test_no_lie_about_a_start_lets_it_charge_or_answer(
    net: Network,
    lie: Callable[[Case], set[bool | str]],
    heard: set[bool | str],
) -> None:
    net.nyc.restart()
    question, before = net.fresh(), net.state()
    assert net.liar.put(question) == NotReady()
    case = _case(net)
    assert lie(case) <= heard
    assert net.liar.put(question) == NotReady()
    # Not even charged: nobody knows yet whether this ledger is the newest.
    assert net.state() == before
    net.liar.carry("NYC")
    assert isinstance(net.liar.ask(question), Answer)


@pytest.mark.parametrize(("lie", "heard"), STATEMENTS.values(), ids=STATEMENTS)
def test_no_lie_about_a_release_lets_it_leave(
    net: Network,
    lie: Callable[[Case], set[bool | str]],
    heard: set[bool | str],
) -> None:
    net.liar.carry("NYC")
    question, before = net.fresh(), net.state()
    assert net.liar.put(question) == NotReady()
    charged = net.state()
    assert len(charged["NYC"]) == len(before["NYC"]) + 2
    case = _case(net)
    assert lie(case) <= heard
    assert net.liar.put(question) == NotReady()
    assert net.state() == charged
    said = net.liar.ask(question)
    assert isinstance(said, Answer)
    assert net.state() == charged


def _case(net: Network) -> Case:
    """Have NYC state where it is and its peers attest it, and keep that from NYC.

    A peer that keeps another head hands it back first. NYC is brought that, which
    counts for nothing, so that in the end every peer takes the head it is shown.
    """
    heads: dict[str, bytes] = {}
    good: dict[str, bytes] = {}
    for _ in range(2):
        wanted = [peer for peer in net.liar.peers("NYC") if peer not in good]
        shown = net.liar.heads("NYC", wanted) if wanted else {}
        assert isinstance(shown, dict)
        for peer, head in shown.items():
            attested = net.liar.show(head, to=peer)
            assert isinstance(attested, bytes)
            if read_attestation(attested, key=samples.public(peer)).verdict is TAKEN:
                heads[peer], good[peer] = head, attested
            else:
                assert net.liar.present("NYC", [attested]) is False
    assert len(good) == len(net.liar.peers("NYC"))
    return Case(net, heads, good)


def test_attestations_of_an_earlier_start_are_worth_nothing(net: Network) -> None:
    net.nyc.restart()
    net.liar.carry("NYC")
    assert isinstance(net.liar.ask(net.fresh()), Answer)
    earlier = net.liar.collect("NYC") or _all_taken(net)
    net.nyc.restart()
    question, before = net.fresh(), net.state()
    assert net.liar.put(question) == NotReady()
    for each in earlier:
        assert net.liar.present("NYC", [each]) == DENIED
    assert net.liar.put(question) == NotReady()
    assert net.state() == before
    assert isinstance(net.liar.ask(question), Answer)


def _all_taken(net: Network) -> list[bytes]:
    """Have the newest head attested by every peer, and keep what they say."""
    question = net.fresh()
    assert net.liar.put(question) == NotReady()
    attested = net.liar.collect("NYC")
    assert net.liar.present("NYC", attested) in {True, False}
    return attested


def test_attestations_of_an_older_entry_let_no_newer_answer_leave(net: Network) -> None:
    net.liar.carry("NYC")
    older = _all_taken(net)
    net.liar.carry("NYC")
    question = net.fresh()
    assert net.liar.put(question) == NotReady()
    assert net.liar.present("NYC", older) is False
    assert net.liar.put(question) == NotReady()
    assert isinstance(net.liar.ask(question), Answer)


def test_an_answer_held_until_its_mandate_was_revoked_never_leaves(
    tmp_path: Path,
) -> None:
    with liar.network(tmp_path / "network") as net:
        mandate = governed.mandate(now=NOW, number='"2026-77"')
        assert net.liar.deliver(mandate) == "waiting"
        governed.accept(net.nyc.charter, mandate, now=NOW)
        first = living_site.ask("M08", "FY2024-Q1", mandate=mandate.digest)
        held = living_site.ask("M08", "FY2024-Q2", mandate=mandate.digest)
        assert isinstance(net.liar.ask(first), Answer)
        # The work is done and charged; the coordinator withholds the witnesses.
        assert net.liar.put(held) == NotReady()
        before = net.nyc.ledger.accounts()
        assert net.liar.deliver(samples.revocation(mandate)) == "adopted"
        net.liar.carry("NYC")
        said = net.liar.put(held)
        assert isinstance(said, Refusal)
        assert said.code is RefusalCode.NOT_ALLOWED
        # Under a mandate that stands, the one answer is there, and free.
        again = net.liar.ask(replace(held, mandate=MANDATE.digest).signed_by(_KEY))
        assert isinstance(again, Answer)
        assert again.free
        assert net.nyc.ledger.accounts() == before


# ---- moments ----------------------------------------------------------------------


class _Unseen(doors.Steady):
    """A story whose answers no witness ever sees."""

    def show(self, answer: Answer) -> bool:
        del answer
        return False


class _JustLate:
    """Lets work end between the door's first look at it and its next."""

    def hold(self, work: futures.Future[object] | None, **_: object) -> None:
        if work is None:
            return
        futures.wait([work], timeout=20)
        looks = iter([False])
        really = work.done
        work.done = lambda: next(looks, True) and really()  # type: ignore[method-assign]


def test_work_that_ends_while_its_reply_leaves_is_not_sent_unseen(
    tmp_path: Path,
) -> None:
    centre = doors.Centre(tmp_path)
    with doors.serving(centre, tmp_path, _Unseen(), _JustLate()) as serving:
        question = wire.ask_to_bytes(doors.ask())
        tls = frames.context(centre.coordinator, tmp_path)
        with frames.RawConnection(serving.port, tls) as raw:
            for _ in range(3):
                heard = raw.call(ANSWER, question).data[5:]
                assert wire.reply_from_bytes(heard, cells=3) == NotReady()
