"""Check the Join door: who gets in, and how little the others learn."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator import server
from coordinator.server import Door, JoinServer
from proto import credentials, invitation, renewal
from proto.cmpp.v1 import coordinator_pb2
from proto.mtls import COORDINATOR_DNS
from tests import doors, frames
from tests import signed_samples as samples


@pytest.fixture
def door(tmp_path: Path) -> Iterator[tuple[doors.Centre, int]]:
    centre = doors.Centre(tmp_path)
    opened = JoinServer(
        centre.authority,
        door=Door(address="127.0.0.1:0", identity=centre.coordinator, clock=doors.now),
    )
    port = opened.start()
    yield centre, port
    opened.stop(1)


def _raw(centre: doors.Centre, port: int) -> frames.RawConnection:
    tls = ssl.create_default_context(cadata=centre.authority.pem.decode())
    tls.set_alpn_protocols(["h2"])
    return frames.RawConnection(port, tls, name=COORDINATOR_DNS)


def _join(token: bytes, request: bytes) -> bytes:
    return doors.join_bytes(doors.joining(token, request))


def _unproved(token: bytes, request: bytes) -> list[bytes]:
    """Say the same with a key that the sender does not show to hold, or none."""
    said = doors.joining(token, request)
    good = doors.join_bytes(said)
    other = replace(said, masking_key=samples.public("mask eve"))
    swapped = doors.join_bytes(other)[:-64] + good[-64:]
    return [doors.join_bytes(said, signer="eve"), good[:-64] + bytes(64), swapped]


def test_failed_attempts_learn_one_word(
    door: tuple[doors.Centre, int], tmp_path: Path
) -> None:
    centre, port = door
    request = credentials.signing_request(credentials.create_key(tmp_path / "k"))
    token = centre.authority.invite("NYC", address="x:1", now=doors.now()).token
    with _raw(centre, port) as raw:
        unknown = raw.call(invitation.JOIN, _join(bytes(32), request))
        assert (unknown.status, unknown.message) == (b"7", b"denied")
        good = _join(token, request)
        short = good.replace(token, b"short".ljust(31))
        for message in (b"", b"\xff", short, good[:-66], *_unproved(token, request)):
            heard = raw.call(invitation.JOIN, message)
            assert (heard.status, heard.message) == (b"3", b"malformed")
        other = raw.call("/cmpp.v1.Node/Answer", b"")
        assert (other.status, other.message) == (b"3", b"malformed")
        joined = raw.call(invitation.JOIN, _join(token, request))
        assert joined.status == b"0"
        stolen = credentials.signing_request(credentials.create_key(tmp_path / "e"))
        for message in (
            _join(token, stolen),
            doors.join_bytes(doors.joining(token, request, "LAX"), signer="LAX"),
        ):
            again = raw.call(invitation.JOIN, message)
            assert (again.status, again.message, again.data) == (b"7", b"denied", b"")
        # The same site whose reply was lost: the same certificate, no second one.
        again = raw.call(invitation.JOIN, _join(token, request))
        assert (again.status, again.data) == (b"0", joined.data)
        assert len(centre.authority.issued()) == 2


def test_whoever_knocks_may_ask_the_time_and_nothing_else(
    door: tuple[doors.Centre, int],
) -> None:
    centre, port = door
    with _raw(centre, port) as raw:
        said = raw.call(renewal.MOMENT_TO_JOIN, b"")
        there = coordinator_pb2.MomentReply.FromString(said.data[5:]).milliseconds
        assert abs(there / 1000 - doors.now().timestamp()) < 60
        assert raw.call(renewal.MOMENT_TO_JOIN, b"\x08\x01").message == b"malformed"
        assert raw.call(renewal.MOMENT, b"").message == b"malformed"
        assert raw.call(renewal.RENEW, b"").message == b"malformed"


def test_an_error_inside_stays_inside(
    door: tuple[doors.Centre, int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    centre, port = door

    def fail(*_: object, **__: object) -> bytes:
        raise RuntimeError("a canary")

    monkeypatch.setattr(centre.authority, "admit", fail)
    with _raw(centre, port) as raw:
        heard = raw.call(invitation.JOIN, _join(bytes(32), b"x"))
    assert (heard.status, heard.message) == (b"13", b"internal")
    assert b"canary" not in heard.all_bytes
    assert "canary" not in caplog.text


def test_guessing_is_slowed_down(
    door: tuple[doors.Centre, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    centre, port = door
    monkeypatch.setattr(server, "_ATTEMPTS_SECONDS", 1e9)
    with _raw(centre, port) as raw:
        endings = [
            raw.call(invitation.JOIN, _join(bytes(32), b"x")).message
            for _ in range(server._ATTEMPTS_MAX + 5)
        ]
    assert endings[-5:] == [b"busy"] * 5
    assert set(endings[:-5]) == {b"denied"}
