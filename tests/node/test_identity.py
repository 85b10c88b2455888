"""Join for real, over loopback, and be careful about what is kept."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from coordinator.server import Door, JoinServer
from node import identity
from privacy.errors import (
    BadConfiguration,
    CertificateRefused,
    Unreachable,
    Untrusted,
)
from proto import credentials
from proto.invitation import Invitation
from proto.mtls import COORDINATOR_URI
from tests import doors


@pytest.fixture
def centre(tmp_path: Path) -> doors.Centre:
    return doors.Centre(tmp_path)


@pytest.fixture
def address(centre: doors.Centre) -> Iterator[str]:
    door = Door(address="127.0.0.1:0", identity=centre.coordinator, clock=doors.now)
    opened = JoinServer(centre.authority, door=door)
    yield f"127.0.0.1:{opened.start()}"
    opened.stop(1)


def _invite(centre: doors.Centre, address: str, site: str = "NYC") -> Invitation:
    return centre.authority.invite(site, address=address, now=doors.now())


def test_an_invited_site_joins_and_can_load_its_identity(
    centre: doors.Centre, address: str, tmp_path: Path
) -> None:
    home = tmp_path / "identity"
    text = _invite(centre, address).text()
    shown = identity.join(text, site="NYC", directory=home, now=doors.now())
    assert centre.authority.fingerprint == shown
    loaded = identity.load(home)
    assert centre.authority.pem == loaded.authority
    assert identity.days_left(home, now=doors.now()) == 29
    assert identity.days_left(home, now=doors.now() + timedelta(days=31)) < 0
    assert (home / "key.pem").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    assert "BEGIN" not in repr(loaded)


def test_a_second_join_needs_a_second_invitation_and_gets_a_fresh_key(
    centre: doors.Centre, address: str, tmp_path: Path
) -> None:
    home = tmp_path / "identity"
    text = _invite(centre, address).text()
    identity.join(text, site="NYC", directory=home, now=doors.now())
    key = identity.load(home).key
    for elsewhere in (tmp_path / "thief", tmp_path / "moved"):
        with pytest.raises(Untrusted, match="ask for a new one"):
            identity.join(text, site="NYC", directory=elsewhere, now=doors.now())
    fresh = _invite(centre, address).text()
    identity.join(fresh, site="NYC", directory=home, now=doors.now())
    assert key != identity.load(home).key
    assert len(credentials.key_files(home)) == 1


def test_a_clock_that_is_behind_is_named_and_the_invitation_still_works(
    centre: doors.Centre, address: str, tmp_path: Path
) -> None:
    home, text = tmp_path / "identity", _invite(centre, address).text()
    behind = doors.now() - timedelta(hours=1)
    with pytest.raises(CertificateRefused, match="clock is behind"):
        identity.join(text, site="NYC", directory=home, now=behind)
    assert not (home / "certificate.pem").exists()
    identity.join(text, site="NYC", directory=home, now=doors.now())
    assert identity.days_left(home, now=doors.now()) == 29


def test_an_invitation_for_another_site_is_not_used(
    centre: doors.Centre, address: str, tmp_path: Path
) -> None:
    text = _invite(centre, address, "HOU").text()
    with pytest.raises(BadConfiguration, match="HOU"):
        identity.join(text, site="NYC", directory=tmp_path / "i", now=doors.now())


def test_an_impostor_at_the_coordinators_address_is_not_believed(
    centre: doors.Centre, address: str, tmp_path: Path
) -> None:
    (tmp_path / "b").mkdir()
    elsewhere = doors.Centre(tmp_path / "b")
    invited = _invite(elsewhere, address)
    assert elsewhere.authority.fingerprint != centre.authority.fingerprint
    with pytest.raises(CertificateRefused):
        identity.join(
            invited.text(), site="NYC", directory=tmp_path / "i", now=doors.now()
        )


def test_a_coordinator_that_is_down_is_named_unreachable(
    centre: doors.Centre, tmp_path: Path
) -> None:
    text = _invite(centre, "127.0.0.1:1").text()
    with pytest.raises(Unreachable):
        identity.join(text, site="NYC", directory=tmp_path / "i", now=doors.now())


def test_a_certificate_for_another_site_is_not_installed(
    centre: doors.Centre, address: str, tmp_path: Path
) -> None:
    # The coordinator's records say HOU, whatever the text says.
    invited = replace(_invite(centre, address, "HOU"), site="NYC")
    home = tmp_path / "identity"
    with pytest.raises(CertificateRefused, match="another site"):
        identity.join(invited.text(), site="NYC", directory=home, now=doors.now())
    assert not (home / "certificate.pem").exists()


def test_a_key_that_others_can_read_is_not_used(
    centre: doors.Centre, tmp_path: Path
) -> None:
    centre.node(tmp_path / "n")
    for mode in (0o640, 0o604, 0o644):
        (tmp_path / "n" / "key.pem").chmod(mode)
        with pytest.raises(BadConfiguration, match="read by others"):
            identity.load(tmp_path / "n")


def test_a_missing_identity_says_to_join_first(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="join first"):
        identity.load(tmp_path)


def test_a_certificate_for_another_key_is_not_installed(
    centre: doors.Centre, tmp_path: Path
) -> None:
    centre.node(tmp_path / "n")
    other = credentials.create_key(tmp_path / "other" / "key.pem")
    leaf = centre.authority.sign_node(
        credentials.signing_request(other), site="NYC", now=doors.now()
    )
    with pytest.raises(CertificateRefused, match="another key"):
        credentials.install(tmp_path / "n", leaf=leaf, authority=centre.authority.pem)


def test_a_line_in_the_revoked_list_counts_at_once(
    centre: doors.Centre, tmp_path: Path
) -> None:
    home = tmp_path / "n"
    centre.node(home)
    assert not identity.trust(home, coordinator=COORDINATOR_URI).revoked
    mark = doors.fingerprint(centre.coordinator)
    (home / "revoked.txt").write_text(f"{mark.hex()}\n", encoding="ascii")
    trust = identity.trust(home, coordinator=COORDINATOR_URI)
    assert trust.revoked == {mark}
    assert trust.allowed == {COORDINATOR_URI}
    (home / "revoked.txt").write_text("not a fingerprint\n", encoding="ascii")
    with pytest.raises(BadConfiguration):
        identity.trust(home, coordinator=COORDINATOR_URI)
