"""Check the frames of a link, the proof of who keeps it, and its beat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import CertificateRefused
from proto import link
from proto.canonical import MESSAGE_BYTES_MAX, Malformed
from proto.cmpp.v1 import coordinator_pb2
from proto.link import Beat, Frame, Kind
from proto.mtls import Identity
from proto.status import Status
from tests import doors

NONCE = bytes(range(32))
WHO = bytes(32)
GOOD = [
    Frame(kind=Kind.HELLO, payload=NONCE),
    Frame(kind=Kind.PROOF, payload=b"a proof"),
    Frame(kind=Kind.CALL, id=1, method="/cmpp.v1.Node/Answer", payload=b"question"),
    Frame(kind=Kind.CALL, id=link.ID_MAX, method="/", payload=b""),
    link.end(7, b"reply"),
    link.end(7, b""),
    link.PING,
    link.PONG,
    link.LEAVE,
    *(link.end(7, status) for status in Status),
]


@pytest.mark.parametrize("frame", GOOD, ids=lambda frame: frame.kind.name)
def test_a_frame_is_read_back_as_it_was_written(frame: Frame) -> None:
    assert Frame.from_bytes(frame.to_bytes()) == frame


@given(size=st.integers(0, 700), number=st.integers(1, link.ID_MAX))
def test_a_frame_is_a_multiple_of_the_step_long(size: int, number: int) -> None:
    data = link.end(number, bytes(size)).to_bytes()
    assert len(data) % link.FRAME_STEP == 0
    assert len(data) - size < 2 * link.FRAME_STEP
    assert Frame.from_bytes(data).payload == bytes(size)


def test_every_frame_without_a_message_has_one_length() -> None:
    bare = [link.PING, link.PONG, link.LEAVE, *(link.end(9, s) for s in Status)]
    assert {len(frame.to_bytes()) for frame in bare} == {link.FRAME_STEP}


def test_the_largest_message_fits() -> None:
    frame = Frame(
        kind=Kind.CALL,
        id=link.ID_MAX,
        method="/" + "m" * 127,
        payload=bytes(MESSAGE_BYTES_MAX),
    )
    data = frame.to_bytes()
    assert len(data) <= link.FRAME_BYTES_MAX
    assert Frame.from_bytes(data) == frame


@pytest.mark.parametrize(
    "parts",
    [
        {"kind": Kind.CALL, "method": "/a"},
        {"kind": Kind.CALL, "id": 1},
        {"kind": Kind.CALL, "id": 1, "method": "a"},
        {"kind": Kind.CALL, "id": 1, "method": "/" + "m" * 128},
        {"kind": Kind.CALL, "id": 2**63, "method": "/a"},
        {"kind": Kind.CALL, "id": 1, "method": "/a", "status": Status.BUSY},
        {"kind": Kind.CALL, "id": 1, "method": "/a", "payload": bytes(2**16 + 1)},
        {"kind": Kind.END, "id": 1, "method": "/a"},
        {"kind": Kind.END, "id": 1, "status": Status.BUSY, "payload": b"x"},
        {"kind": Kind.END},
        {"kind": Kind.PING, "id": 1},
        {"kind": Kind.PONG, "payload": b"x"},
        {"kind": Kind.HELLO},
        {"kind": Kind.HELLO, "payload": bytes(31)},
    ],
)
def test_a_frame_has_what_its_kind_has_and_nothing_else(
    parts: dict[str, object],
) -> None:
    with pytest.raises(Malformed):
        Frame(**parts)  # type: ignore[arg-type]


def _messages() -> dict[str, bytes]:
    """Write frames that no honest end writes."""
    good = GOOD[2].to_bytes()
    made = {
        "nothing": b"",
        "one byte": b"\xff",
        "half": good[: len(good) // 2],
        "a field more": good + b"\xa0\x06\x01",
        "a step more": good + bytes(link.FRAME_STEP),
        "too long": bytes(link.FRAME_BYTES_MAX + 1),
    }
    changes: dict[str, dict[str, object]] = {
        "no kind": {"kind": 0},
        "an unknown kind": {"kind": 99},
        "an unknown status": {"status": 5},
        "a status on a call": {"status": 8},
        "padding that says something": {"padding": b"x" * 50},
        "padding too short": {"padding": b""},
    }
    for name, change in changes.items():
        message = coordinator_pb2.Frame.FromString(good)
        for field, value in change.items():
            setattr(message, field, value)
        made[name] = message.SerializeToString(deterministic=True)
    return made


@pytest.mark.parametrize("what", _messages())
def test_a_frame_is_taken_in_one_encoding_only(what: str) -> None:
    with pytest.raises(Malformed):
        Frame.from_bytes(_messages()[what])


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> doors.Centre:
    return doors.Centre(tmp_path_factory.mktemp("centre"))


def _proved(proof: bytes, *, nonce: bytes = NONCE, who: bytes = WHO) -> int:
    return link.proved(proof, nonce=nonce, dialled_with=who).serial_number


def test_a_proof_gives_the_certificate_of_whoever_made_it(
    centre: doors.Centre,
) -> None:
    proof = link.prove(centre.coordinator, nonce=NONCE, dialled_with=WHO)
    certificate = link.proved(proof, nonce=NONCE, dialled_with=WHO)
    assert link.fingerprint(centre.coordinator.chain) == doors.fingerprint(
        centre.coordinator
    )
    assert certificate.fingerprint(doors.hashes.SHA256()) == doors.fingerprint(
        centre.coordinator
    )


def test_a_proof_is_for_one_nonce_and_one_node(centre: doors.Centre) -> None:
    proof = link.prove(centre.coordinator, nonce=NONCE, dialled_with=WHO)
    assert _proved(proof)
    with pytest.raises(CertificateRefused, match="coordinator_address"):
        _proved(proof, nonce=bytes(32))
    with pytest.raises(CertificateRefused):
        _proved(proof, who=bytes([1] * 32))


def test_a_proof_with_somebody_elses_certificate_is_refused(
    centre: doors.Centre,
) -> None:
    other = doors.forge(
        centre.certificate, centre.key, doors.Forged(), trusted=centre.authority.pem
    )
    mixed = Identity(
        key=other.key, chain=centre.coordinator.chain, authority=centre.authority.pem
    )
    with pytest.raises(CertificateRefused):
        _proved(link.prove(mixed, nonce=NONCE, dialled_with=WHO))


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x0a\x01x", b"\x0a\x01x\x12\x01y"])
def test_what_is_no_proof_is_refused(data: bytes) -> None:
    with pytest.raises((Malformed, CertificateRefused)):
        _proved(data)


def _look(pulse: link.Pulse, until: float, *, start: float, busy: bool) -> list[str]:
    """Look five times a second; say when there was something to do."""
    said, now = [], start
    while now < until:
        beat = pulse.look(now, busy=busy)
        if beat is not Beat.NOTHING:
            said.append(f"{beat.value} {now:.0f}")
        if beat is Beat.DEAD:
            break
        now += 0.2
    return said


def test_a_silent_link_with_somebody_waiting_is_dead_after_four_seconds() -> None:
    pulse = link.Pulse(0.0)
    assert _look(pulse, 30, start=0.0, busy=True)[-1] == "dead 4"


def test_a_silent_link_with_nobody_waiting_is_dead_after_ten_seconds() -> None:
    pulse = link.Pulse(0.0)
    said = _look(pulse, 30, start=0.0, busy=False)
    assert said == ["ping 0", "ping 5", "dead 10"]


def test_silence_counts_from_when_somebody_begins_to_wait() -> None:
    pulse = link.Pulse(0.0)
    _look(pulse, 8, start=0.0, busy=False)
    assert _look(pulse, 30, start=8.0, busy=True)[-1] == "dead 12"


def test_a_link_on_which_anything_arrives_lives() -> None:
    pulse = link.Pulse(0.0)
    for second in range(60):
        pulse.heard(float(second))
        beat = pulse.look(second + 0.5, busy=True)
        assert beat is not Beat.DEAD


def test_a_process_that_slept_gives_the_other_end_its_time() -> None:
    pulse = link.Pulse(0.0)
    pulse.look(0.1, busy=True)
    assert pulse.look(60.0, busy=True) is not Beat.DEAD
    assert _look(pulse, 90, start=60.2, busy=True)[-1] == "dead 64"
