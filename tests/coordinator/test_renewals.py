"""What the centre remembers of certificates, and takes back with them."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from coordinator.renewals import Renewals
from privacy.errors import BadConfiguration, Untrusted
from proto import credentials, invitation, renewal
from proto.canonical import Malformed
from proto.cmpp.v1 import coordinator_pb2
from tests import doors


@pytest.fixture
def centre(tmp_path: Path) -> doors.Centre:
    return doors.Centre(tmp_path)


def request(folder: Path, name: str) -> bytes:
    return credentials.signing_request(credentials.create_key(folder / f"{name}.pem"))


def fingerprint(leaf: bytes) -> str:
    return x509.load_der_x509_certificate(leaf).fingerprint(hashes.SHA256()).hex()


def test_a_revocation_follows_the_whole_line_and_nothing_beside_it(
    centre: doors.Centre, tmp_path: Path
) -> None:
    authority, now = centre.authority, doors.now()
    first = authority.sign_node(request(tmp_path, "0"), site="NYC", now=now)
    line = [fingerprint(first)]
    for number in range(1, 4):
        wanted = request(tmp_path, str(number))
        leaf = authority.renew(wanted, fingerprint=line[-1], now=now)
        line.append(fingerprint(leaf))
    beside = authority.renew(request(tmp_path, "5"), fingerprint=line[0], now=now)
    assert authority.revoke(line[1], now=now) == 3
    assert {mark.hex() for mark in authority.revoked()} == set(line[1:])
    with pytest.raises(Untrusted):
        authority.renew(request(tmp_path, "6"), fingerprint=line[3], now=now)
    authority.renew(request(tmp_path, "7"), fingerprint=fingerprint(beside), now=now)
    with pytest.raises(BadConfiguration):
        authority.revoke("00" * 32, now=now)


def test_a_revoked_certificate_is_not_given_again_for_its_token(
    centre: doors.Centre, tmp_path: Path
) -> None:
    authority, now = centre.authority, doors.now()
    token = authority.invite("NYC", address="x:1", now=now).token
    said = doors.joining(token, request(tmp_path, "a"))
    leaf = authority.admit(said, now=now)
    assert authority.admit(said, now=now) == leaf
    authority.revoke(fingerprint(leaf), now=now)
    with pytest.raises(Untrusted):
        authority.admit(said, now=now)
    # Nor does its key get another certificate.
    again = authority.invite("NYC", address="x:1", now=now).token
    with pytest.raises(Untrusted, match="a fresh one"):
        authority.admit(doors.joining(again, said.signing_request), now=now)
    # The token was not spent on that.
    authority.admit(doors.joining(again, request(tmp_path, "b")), now=now)


def test_a_key_gets_again_only_what_it_was_given_for_the_same(
    centre: doors.Centre, tmp_path: Path
) -> None:
    authority, now = centre.authority, doors.now()
    same = request(tmp_path, "a")
    leaves = []
    for _ in range(2):  # invited twice, and joined with one key
        token = authority.invite("NYC", address="x:1", now=now).token
        leaves.append(authority.admit(doors.joining(token, same), now=now))
        assert authority.admit(doors.joining(token, same), now=now) == leaves[-1]
    assert leaves[0] != leaves[1]
    # Another site that renews for that key is not handed the first one's.
    other = authority.sign_node(request(tmp_path, "h"), site="HOU", now=now)
    fresh = authority.renew(same, fingerprint=fingerprint(other), now=now)
    again = authority.renew(same, fingerprint=fingerprint(leaves[0]), now=now)
    assert len({fresh, again, *leaves}) == 4
    assert authority.renew(same, fingerprint=fingerprint(other), now=now) == fresh


def test_a_coordinator_whose_key_was_stolen_gets_a_certificate_on_a_fresh_one(
    centre: doors.Centre, tmp_path: Path
) -> None:
    authority, now, home = centre.authority, doors.now(), tmp_path / "own"
    first = authority.equip_coordinator(home, now=now)
    assert authority.equip_coordinator(home, now=now).key == first.key
    authority.revoke(
        fingerprint(credentials.certificate(home).public_bytes(Encoding.DER)), now=now
    )
    fresh = authority.equip_coordinator(home, now=now)
    assert fresh.key != first.key
    assert credentials.load(home) == fresh
    assert len(credentials.key_files(home)) == 1
    assert authority.equip_coordinator(home, now=now).key == fresh.key


def test_the_door_takes_two_methods_in_one_encoding(
    centre: doors.Centre, tmp_path: Path
) -> None:
    now = doors.now()
    leaf = centre.authority.sign_node(request(tmp_path, "a"), site="NYC", now=now)
    shown = x509.load_der_x509_certificate(leaf)
    door = Renewals(centre.authority, clock=lambda: now, days=7)
    asked = coordinator_pb2.RenewRequest(signing_request=request(tmp_path, "b"))
    message = asked.SerializeToString(deterministic=True)
    good = door.reply(renewal.RENEW, message, certificate=shown)
    fresh = x509.load_der_x509_certificate(
        coordinator_pb2.Certificate.FromString(good).leaf
    )
    assert (fresh.not_valid_after_utc - now).days in {6, 7}
    said = door.reply(renewal.MOMENT, b"", certificate=shown)
    milliseconds = coordinator_pb2.MomentReply.FromString(said).milliseconds
    assert milliseconds == int(now.timestamp() * 1000)
    empty = coordinator_pb2.RenewRequest()
    large = coordinator_pb2.RenewRequest(signing_request=bytes(4097))
    for method, data in (
        (renewal.RENEW, message + b"\x10\x01"),  # a field we do not know
        (renewal.RENEW, empty.SerializeToString()),
        (renewal.RENEW, large.SerializeToString()),
        (renewal.RENEW, b"\xff"),
        (renewal.MOMENT, b"\x08\x01"),
        (invitation.JOIN, message),
        ("/cmpp.v1.Node/Answer", b""),
    ):
        with pytest.raises(Malformed):
            door.reply(method, data, certificate=shown)
    assert len(centre.authority.issued()) == 3
