"""Try every wrong certificate, on fresh, live and resumed connections."""

import ssl
import time
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from privacy.errors import CertificateRefused, Unreachable, Untrusted
from proto.client import DESCRIBE, NodeClient, call
from proto.mtls import COORDINATOR_URI, Identity, channel
from tests import doors, frames


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> doors.Centre:
    return doors.Centre(tmp_path_factory.mktemp("centre"))


@pytest.fixture(scope="module", params=doors.WAYS)
def open_door(
    centre: doors.Centre,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
):
    folder = tmp_path_factory.mktemp("node")
    with doors.serving(centre, folder, way=request.param) as serving:
        yield serving


WRONG = {
    "no extended key usage": doors.Forged(purposes=None),
    "server use only": doors.Forged(purposes=(ExtendedKeyUsageOID.SERVER_AUTH,)),
    "an authority": doors.Forged(ca=True),
    "not marked as a leaf": doors.Forged(ca=None),
    "no URI": doors.Forged(uris=()),
    "no name at all": doors.Forged(uris=(), dns=()),
    "two URIs": doors.Forged(uris=(COORDINATOR_URI, "spiffe://cmpp.exchange/b")),
    "a site": doors.Forged(uris=("spiffe://cmpp.exchange/site/LAX",)),
    "a longer name": doors.Forged(uris=(COORDINATOR_URI + "/b",)),
    "another trust domain": doors.Forged(uris=("spiffe://other/coordinator",)),
    "expired": doors.Forged(begins=timedelta(days=-2), ends=timedelta(days=-1)),
    "not yet valid": doors.Forged(begins=timedelta(days=1), ends=timedelta(days=2)),
}


def _refused(serving: doors.Serving, identity: Identity) -> None:
    before = serving.story.calls
    with serving.client(identity, call_timeout_seconds=5) as client:
        with pytest.raises((Untrusted, Unreachable)):
            client.describe()
        with pytest.raises((Untrusted, Unreachable)):
            client.answer(doors.ask(), deadline_seconds=5)
    assert serving.story.calls == before


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_certificate_is_refused(
    kind: str, centre: doors.Centre, open_door: doors.Serving
) -> None:
    forged = doors.forge(
        centre.certificate, centre.key, WRONG[kind], trusted=centre.authority.pem
    )
    _refused(open_door, forged)


def test_the_one_right_certificate_is_accepted(
    centre: doors.Centre, open_door: doors.Serving
) -> None:
    right = doors.forge(
        centre.certificate, centre.key, doors.Forged(), trusted=centre.authority.pem
    )
    with open_door.client(right) as client:
        assert client.describe().site == "NYC"


def test_another_authority_of_the_same_name_is_refused(
    centre: doors.Centre, open_door: doors.Serving
) -> None:
    certificate, key = doors.other_authority()
    foreign = doors.forge(
        certificate, key, doors.Forged(), trusted=centre.authority.pem
    )
    _refused(open_door, foreign)


def test_a_leaf_cannot_sign_another_leaf(
    centre: doors.Centre, open_door: doors.Serving
) -> None:
    leaf = x509.load_pem_x509_certificate(centre.coordinator.chain)
    key = load_pem_private_key(centre.coordinator.key, None)
    choices = doors.Forged(extra_chain=leaf.public_bytes(Encoding.PEM))
    signed = doors.forge(leaf, key, choices, trusted=centre.authority.pem)
    _refused(open_door, signed)


def test_no_certificate_is_refused(
    centre: doors.Centre, open_door: doors.Serving
) -> None:
    beside, authority = open_door.beside, centre.authority.pem
    with (
        channel(open_door.address, peer_dns=open_door.dns, authority=authority) as bare,
        pytest.raises(Unreachable),
    ):
        call(bare, DESCRIBE, b"", timeout=5, peer="node", beside=beside)


def test_a_revoked_certificate_is_refused_on_the_connection_it_already_has(
    centre: doors.Centre, open_door: doors.Serving
) -> None:
    right = doors.forge(
        centre.certificate, centre.key, doors.Forged(), trusted=centre.authority.pem
    )
    with open_door.client(right) as client:
        client.describe()
        open_door.revoke(right)
        with pytest.raises(Untrusted):
            client.describe()


def test_a_certificate_that_expires_on_a_live_connection_is_refused(
    centre: doors.Centre, open_door: doors.Serving
) -> None:
    with open_door.client(centre.coordinator) as client:
        client.describe()
        open_door.clock_offset = timedelta(days=31)
        try:
            with pytest.raises(Untrusted):
                client.describe()
        finally:
            open_door.clock_offset = timedelta(0)


def test_tls_1_2_is_refused_and_1_3_is_not(
    centre: doors.Centre, open_door: doors.Serving, tmp_path: Path
) -> None:
    old = frames.context(centre.coordinator, tmp_path, ssl.TLSVersion.TLSv1_2)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        open_door.raw(old)
    new = frames.context(centre.coordinator, tmp_path)
    with open_door.raw(new) as raw:
        assert raw.call(DESCRIBE, b"").status == b"0"


def test_an_expired_certificate_on_a_resumed_session_is_refused(
    centre: doors.Centre, tmp_path: Path
) -> None:
    # The handshake of a resumed session does not look at the certificate again.
    identity = doors.forge(
        centre.certificate,
        centre.key,
        doors.Forged(ends=timedelta(seconds=3)),
        trusted=centre.authority.pem,
    )
    tls = frames.context(identity, tmp_path)
    with doors.serving(centre, tmp_path) as serving:
        with frames.RawConnection(serving.port, tls) as raw:
            assert raw.call(DESCRIBE, b"").status == b"0"
            session = raw.socket.session
        time.sleep(3.2)
        with frames.RawConnection(serving.port, tls, session=session) as raw:
            assert raw.socket.session_reused
            heard = raw.call(DESCRIBE, b"")
    assert (heard.status, heard.message, heard.data) == (b"7", b"denied", b"")


def test_a_node_of_another_site_is_not_believed(
    centre: doors.Centre, tmp_path: Path
) -> None:
    with (
        doors.serving(centre, tmp_path) as serving,
        NodeClient(serving.address, site="LAX", identity=centre.coordinator) as client,
        pytest.raises(CertificateRefused),
    ):
        client.describe()


def test_a_node_with_an_expired_certificate_is_named_for_it(
    centre: doors.Centre, tmp_path: Path
) -> None:
    with doors.serving(centre, tmp_path) as serving:
        serving.identity = doors.forge(
            centre.certificate,
            centre.key,
            doors.Forged(
                uris=("spiffe://cmpp.exchange/site/NYC",),
                dns=("nyc.site.cmpp.exchange",),
                begins=timedelta(days=-2),
                ends=timedelta(days=-1),
            ),
            trusted=centre.authority.pem,
        )
        with (
            serving.client(centre.coordinator) as client,
            pytest.raises(CertificateRefused, match="NYC"),
        ):
            client.describe()


def test_a_new_certificate_is_used_without_a_restart(
    centre: doors.Centre, tmp_path: Path
) -> None:
    with doors.serving(centre, tmp_path) as serving:
        old = serving.identity
        serving.identity = centre.node(tmp_path / "renewed")
        tls = frames.context(centre.coordinator, tmp_path)
        with frames.RawConnection(serving.port, tls) as raw:
            shown = raw.socket.getpeercert(binary_form=True)
            assert raw.call(DESCRIBE, b"").status == b"0"
    assert ssl.DER_cert_to_PEM_cert(shown).encode() not in old.chain
