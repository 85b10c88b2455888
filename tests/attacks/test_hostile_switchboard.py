"""Put something else at the coordinator's end of a link; the node must not care.

Whoever answers there may have any certificate, may send anything, and may send it
as often as it likes. What it cannot do is be answered without being the coordinator,
make a question run twice, or learn more than one word.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from node.dial import NodeDial, Pace
from node.door import CALLS_MAX, Door
from privacy import errors
from proto import link, wire
from proto.client import ANSWER, DESCRIBE
from proto.link import Frame, Kind
from proto.mtls import COORDINATOR_URI, Identity, Trust
from proto.status import Status
from tests import dialled, doors
from tests.raw_links import FalseSwitchboard

QUESTION = wire.ask_to_bytes(doors.ask())
CALL = Frame(kind=Kind.CALL, id=7, method=ANSWER, payload=QUESTION)
OUTCOMES = (
    doors.answer(values=(0, 0, 0), free=True, charged_pico=0, worst_pico=0),
    doors.answer(values=(2**62, -(2**62), 1)),
    errors.NotAllowed("x"),
    errors.BudgetExhausted(left_pico_rho=2**60, asked_pico_rho=2**61),
    errors.Pending("x"),
)
QUICK = Pace(first_seconds=0.1, most_seconds=0.2)


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> doors.Centre:
    return doors.Centre(tmp_path_factory.mktemp("centre"))


@pytest.fixture(scope="module")
def own(centre: doors.Centre, tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return centre.node(tmp_path_factory.mktemp("node"))


class _Site:
    """A node that dials, and the levers of a test."""

    def __init__(self, centre: doors.Centre, own: Identity, address: str) -> None:
        self.story = doors.Steady()
        self.revoked: set[bytes] = set()
        door = Door(
            address=address,
            identity=lambda: own,
            trust=lambda: Trust(
                allowed=frozenset({COORDINATOR_URI}),
                authority=centre.authority.pem,
                revoked=frozenset(self.revoked),
            ),
            timetable=doors.Immediate(),
            clock=doors.now,
        )
        self.node = NodeDial(self.story, carried={}, door=door, pace=QUICK)


Dial = Callable[[FalseSwitchboard], _Site]


@pytest.fixture
def dial(centre: doors.Centre, own: Identity) -> Iterator[Dial]:
    made: list[_Site] = []

    def start(switchboard: FalseSwitchboard) -> _Site:
        made.append(_Site(centre, own, switchboard.address))
        made[-1].node.start()
        return made[-1]

    yield start
    for site in made:
        site.story.gate.set()
        site.node.drain(1.0)


@contextmanager
def _false(centre: doors.Centre, choices: doors.Forged) -> Iterator[FalseSwitchboard]:
    """Stand at the coordinator's address with a certificate of one's own."""
    identity = doors.forge(
        centre.certificate, centre.key, choices, trusted=centre.authority.pem
    )
    with FalseSwitchboard(identity) as switchboard:
        yield switchboard


# The transport compares name and authority; the rest is for the proof to show.
WRONG = {
    "no extended key usage": doors.Forged(purposes=None),
    "server use only": doors.Forged(purposes=(ExtendedKeyUsageOID.SERVER_AUTH,)),
    "an authority": doors.Forged(ca=True),
    "not marked as a leaf": doors.Forged(ca=None),
    "no URI": doors.Forged(uris=()),
    "two URIs": doors.Forged(uris=(COORDINATOR_URI, "spiffe://cmpp.exchange/b")),
    "a site": doors.Forged(uris=("spiffe://cmpp.exchange/site/LAX",)),
    "another trust domain": doors.Forged(uris=("spiffe://other/coordinator",)),
    "another name": doors.Forged(dns=("lax.site.cmpp.exchange",)),
    "no name": doors.Forged(dns=()),
    "expired": doors.Forged(begins=timedelta(days=-2), ends=timedelta(days=-1)),
    "not yet valid": doors.Forged(begins=timedelta(days=1), ends=timedelta(days=2)),
}


def _is_ignored(switchboard: FalseSwitchboard, site: _Site) -> None:
    """Whatever is sent, it ends the link, and nobody hears of it."""
    try:
        end = switchboard.links.get(timeout=1.5)
    except Exception:  # noqa: BLE001 - it was not even dialled
        return
    hello = end.next(Kind.HELLO)
    proof = switchboard.proofs(hello.payload, end.who)  # type: ignore[attr-defined]
    end.say(Frame(kind=Kind.PROOF, payload=proof), CALL)
    end.ended()
    assert site.story.calls == 0
    assert not site.node.linked


@pytest.mark.parametrize("kind", WRONG)
def test_a_switchboard_with_a_wrong_certificate_is_ignored(
    kind: str, centre: doors.Centre, dial: Dial
) -> None:
    with _false(centre, WRONG[kind]) as switchboard:
        _is_ignored(switchboard, dial(switchboard))


def test_a_switchboard_with_the_right_certificate_is_answered(
    centre: doors.Centre, dial: Dial
) -> None:
    with _false(centre, doors.Forged()) as switchboard:
        site = dial(switchboard)
        end = switchboard.link()
        end.say(CALL)
        said = end.next(Kind.END)
        outcome = wire.reply_from_bytes(said.payload, cells=3)
        assert (said.id, outcome) == (7, doors.answer())
        assert site.node.linked


def test_another_authority_of_the_same_name_is_ignored(
    centre: doors.Centre, dial: Dial
) -> None:
    certificate, key = doors.other_authority()
    foreign = doors.forge(
        certificate, key, doors.Forged(), trusted=centre.authority.pem
    )
    with FalseSwitchboard(foreign) as switchboard:
        _is_ignored(switchboard, dial(switchboard))


def test_a_revoked_coordinator_is_cut_off_on_the_link_it_has(
    centre: doors.Centre, dial: Dial
) -> None:
    with _false(centre, doors.Forged()) as switchboard:
        site = dial(switchboard)
        end = switchboard.link()
        end.say(CALL)
        assert end.next(Kind.END).status is None
        site.revoked.add(doors.fingerprint(switchboard.identity))
        end.say(Frame(kind=Kind.CALL, id=8, method=DESCRIBE))
        assert end.next(Kind.END).status is Status.DENIED


def test_a_revoked_coordinator_cannot_open_a_link(
    centre: doors.Centre, dial: Dial
) -> None:
    with _false(centre, doors.Forged()) as switchboard:
        site = dial(switchboard)
        site.revoked.add(doors.fingerprint(switchboard.identity))
        _is_ignored(switchboard, site)


def test_a_proof_made_for_another_node_or_with_another_key_is_refused(
    centre: doors.Centre, dial: Dial
) -> None:
    stolen = doors.forge(
        centre.certificate, centre.key, doors.Forged(), trusted=centre.authority.pem
    )
    mixed = Identity(
        key=stolen.key, chain=centre.coordinator.chain, authority=centre.authority.pem
    )
    proofs: list[Callable[[bytes, bytes], bytes]] = [
        # Relayed: the true coordinator signed, for the node that asked it.
        lambda nonce, _: link.prove(
            centre.coordinator, nonce=nonce, dialled_with=bytes(32)
        ),
        lambda _, who: link.prove(
            centre.coordinator, nonce=bytes(32), dialled_with=who
        ),
        lambda nonce, who: link.prove(mixed, nonce=nonce, dialled_with=who),
        lambda _nonce, _who: b"\xff",
    ]
    for proof in proofs:
        with FalseSwitchboard(stolen, proof) as switchboard:
            _is_ignored(switchboard, dial(switchboard))


def test_a_call_before_the_proof_is_not_made(centre: doors.Centre, dial: Dial) -> None:
    with _false(centre, doors.Forged()) as switchboard:
        site = dial(switchboard)
        end = switchboard.link(proved=False)
        end.say(CALL)
        end.ended()
        assert site.story.calls == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 40,
        CALL.to_bytes() + b"\x00",
        CALL.to_bytes()[:-1],
        Frame(kind=Kind.HELLO, payload=bytes(32)).to_bytes(),
        Frame(kind=Kind.PROOF, payload=b"again").to_bytes(),
        link.end(7, b"an end").to_bytes(),
        link.LEAVE.to_bytes(),
    ],
    ids=["nothing", "bytes", "more", "less", "hello", "proof", "end", "leave"],
)
def test_what_has_no_place_on_a_link_ends_it_and_the_next_one_works(
    data: bytes, centre: doors.Centre, dial: Dial
) -> None:
    with _false(centre, doors.Forged()) as switchboard:
        site = dial(switchboard)
        end = switchboard.link()
        end.out.put(data)
        end.ended()
        assert site.story.calls == 0
        again = switchboard.link()
        again.say(CALL)
        assert again.next(Kind.END).status is None


def test_two_calls_of_one_number_are_made_once(
    centre: doors.Centre, dial: Dial
) -> None:
    with _false(centre, doors.Forged()) as switchboard:
        site = dial(switchboard)
        site.story.gate.clear()
        end = switchboard.link()
        end.say(CALL, CALL)
        end.ended()
        site.story.gate.set()
        again = switchboard.link()
        again.say(CALL)
        assert again.next(Kind.END).status is None
        # The one under way, and at most one more given again for nothing.
        assert site.story.calls <= 2


def test_an_unknown_method_brings_back_one_word(
    centre: doors.Centre, dial: Dial
) -> None:
    with _false(centre, doors.Forged()) as switchboard:
        dial(switchboard)
        end = switchboard.link()
        for number, method in enumerate(("/", "/cmpp.v1.Node/Other", link.LINK), 1):
            end.say(Frame(kind=Kind.CALL, id=number, method=method, payload=QUESTION))
            said = end.next(Kind.END)
            assert (said.id, said.ending) == (number, Status.MALFORMED)


def test_a_flood_of_calls_is_busy_beyond_the_room_there_is(
    centre: doors.Centre, dial: Dial
) -> None:
    with _false(centre, doors.Forged()) as switchboard:
        site = dial(switchboard)
        site.story.gate.clear()
        end = switchboard.link()
        many = 3 * CALLS_MAX
        end.say(
            *(
                Frame(kind=Kind.CALL, id=number, method=ANSWER, payload=QUESTION)
                for number in range(1, many + 1)
            )
        )
        busy = [end.next(Kind.END) for _ in range(many - CALLS_MAX)]
        assert {each.ending for each in busy} == {Status.BUSY}
        site.story.gate.set()
        rest = [end.next(Kind.END) for _ in range(CALLS_MAX)]
        assert {each.id for each in (*busy, *rest)} == set(range(1, many + 1))
        # One question, however often: worked on once while it is under way.
        assert site.story.calls <= 3


def test_a_flood_of_pings_is_answered_one_for_one(
    centre: doors.Centre, dial: Dial
) -> None:
    with _false(centre, doors.Forged()) as switchboard:
        site = dial(switchboard)
        end = switchboard.link()
        dialled.until(lambda: site.node.linked)
        end.say(*(link.PING for _ in range(5_000)), CALL)
        pongs = 0
        while (frame := end.next(Kind.PONG, Kind.END)).kind is Kind.PONG:
            pongs += 1
        assert frame.status is None
        assert pongs == 5_000


def test_every_outcome_of_a_question_is_one_frame_of_one_length(
    centre: doors.Centre, dial: Dial
) -> None:
    with _false(centre, doors.Forged()) as switchboard:
        site = dial(switchboard)
        end = switchboard.link()
        lengths = set()
        for number, outcome in enumerate(OUTCOMES, 1):
            site.story.outcome = outcome
            end.say(Frame(kind=Kind.CALL, id=number, method=ANSWER, payload=QUESTION))
            said = end.next(Kind.END)
            assert said.status is None
            lengths.add(len(said.to_bytes()))
        assert len(lengths) == 1
