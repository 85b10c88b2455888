"""Check what the authority signs, for whom, and how often."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from coordinator import authority
from coordinator.authority import SiteKeys
from privacy.errors import BadConfiguration, Untrusted
from proto import credentials, mtls
from proto.canonical import Malformed
from tests import doors
from tests import signed_samples as samples


@pytest.fixture
def centre(tmp_path: Path) -> doors.Centre:
    return doors.Centre(tmp_path)


def _request() -> bytes:
    return credentials.signing_request(ec.generate_private_key(ec.SECP256R1()))


def _invite(centre: doors.Centre, site: str = "NYC", hours: int = 72) -> bytes:
    return centre.authority.invite(
        site, address="127.0.0.1:1", now=doors.now(), hours=hours
    ).token


def test_a_node_certificate_has_the_one_fixed_profile(centre: doors.Centre) -> None:
    at = doors.now()
    leaf = x509.load_der_x509_certificate(
        centre.authority.sign_node(_request(), site="NYC", now=at)
    )
    extensions = leaf.extensions
    assert {type(found.value) for found in extensions} == {
        x509.BasicConstraints,
        x509.KeyUsage,
        x509.ExtendedKeyUsage,
        x509.SubjectAlternativeName,
        x509.AuthorityKeyIdentifier,
    }
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [
        x509.UniformResourceIdentifier("spiffe://cmpp.exchange/site/NYC"),
        x509.DNSName("nyc.site.cmpp.exchange"),
    ]
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.SERVER_AUTH,
    }
    life = leaf.not_valid_after_utc - at
    assert timedelta(days=29) < life <= timedelta(days=30)
    trust = mtls.Trust(allowed=frozenset(), authority=centre.authority.pem)
    assert (
        mtls.check_certificate(leaf, trust=trust, now=at)
        == "spiffe://cmpp.exchange/site/NYC"
    )


def test_nothing_of_a_signing_request_is_used_but_its_key(
    centre: doors.Centre,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    greedy = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.UniformResourceIdentifier(mtls.COORDINATOR_URI)]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    leaf = x509.load_der_x509_certificate(
        centre.authority.admit(doors.joining(_invite(centre), greedy), now=doors.now())
    )
    assert leaf.public_key() == key.public_key()
    assert not list(leaf.subject)
    extensions = leaf.extensions
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    assert uris == ["spiffe://cmpp.exchange/site/NYC"]


def test_a_token_works_once(centre: doors.Centre) -> None:
    token = _invite(centre)
    centre.authority.admit(doors.joining(token, _request()), now=doors.now())
    with pytest.raises(Untrusted, match="invite the site again"):
        centre.authority.admit(doors.joining(token, _request()), now=doors.now())


def test_a_token_works_once_also_for_eight_at_the_same_time(
    centre: doors.Centre,
) -> None:
    token = _invite(centre)
    ends: list[str] = []
    start = threading.Barrier(8)

    def join() -> None:
        start.wait()
        try:
            centre.authority.admit(doors.joining(token, _request()), now=doors.now())
            ends.append("in")
        except Untrusted:
            ends.append("out")

    threads = [threading.Thread(target=join) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(ends) == ["in"] + ["out"] * 7


def test_a_token_is_bound_to_its_site_and_to_its_time(centre: doors.Centre) -> None:
    leaf = x509.load_der_x509_certificate(
        centre.authority.admit(
            doors.joining(_invite(centre, "HOU"), _request()), now=doors.now()
        )
    )
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["hou.site.cmpp.exchange"]
    late = doors.now() + timedelta(hours=3)
    with pytest.raises(Untrusted):
        centre.authority.admit(
            doors.joining(_invite(centre, hours=2), _request()), now=late
        )


def test_a_token_that_was_never_made_is_not_accepted(centre: doors.Centre) -> None:
    with pytest.raises(Untrusted):
        centre.authority.admit(doors.joining(bytes(32), _request()), now=doors.now())


@pytest.mark.parametrize("kind", ["p384", "rsa", "ed25519", "junk", "torn"])
def test_a_request_that_cannot_be_signed_does_not_use_up_the_token(
    centre: doors.Centre, kind: str
) -> None:
    empty = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    good = _request()
    requests = {
        "p384": lambda: credentials.signing_request(
            ec.generate_private_key(ec.SECP384R1())
        ),
        "rsa": lambda: empty.sign(
            rsa.generate_private_key(65537, 2048), hashes.SHA256()
        ).public_bytes(Encoding.DER),
        "ed25519": lambda: empty.sign(
            ed25519.Ed25519PrivateKey.generate(), None
        ).public_bytes(Encoding.DER),
        "junk": lambda: b"junk",
        "torn": lambda: good[:-1] + bytes([good[-1] ^ 1]),
    }
    token = _invite(centre)
    with pytest.raises(Malformed):
        centre.authority.admit(doors.joining(token, requests[kind]()), now=doors.now())
    assert centre.authority.site_keys() == {}
    assert centre.authority.admit(doors.joining(token, good), now=doors.now())


def test_the_keys_a_site_joins_with_are_kept_for_the_roster(
    centre: doors.Centre,
) -> None:
    for site, owner in (("NYC", "NYC"), ("HOU", "HOU"), ("NYC", "NYC anew")):
        said = doors.joining(_invite(centre, site), _request(), owner)
        centre.authority.admit(said, now=doors.now())
    with pytest.raises(Untrusted):
        centre.authority.admit(doors.joining(bytes(32), _request()), now=doors.now())
    assert centre.authority.site_keys() == {
        site: SiteKeys(
            statement=samples.public(owner), masking=samples.public(f"mask {owner}")
        )
        for site, owner in (("HOU", "HOU"), ("NYC", "NYC anew"))
    }


def test_tokens_are_kept_hashed_and_keys_private(
    centre: doors.Centre, tmp_path: Path
) -> None:
    token = _invite(centre)
    with centre.engine.connect() as connection:
        rows = connection.execute(sa.text("select * from join_tokens")).all()
    assert token.hex() not in str(rows)
    for path in (tmp_path / "authority", tmp_path / "coordinator"):
        assert (path / "key.pem").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "authority").stat().st_mode & 0o777 == 0o700


def test_an_authority_is_not_made_twice(centre: doors.Centre, tmp_path: Path) -> None:
    assert centre.authority.fingerprint
    with pytest.raises(BadConfiguration, match="never overwritten"):
        authority.create(tmp_path / "authority", now=doors.now())


def test_revoked_certificates_are_listed(centre: doors.Centre) -> None:
    assert centre.authority.revoked() == frozenset()
    first = centre.authority.issued()[0]
    centre.authority.revoke(first.fingerprint, now=doors.now())
    assert centre.authority.revoked() == {bytes.fromhex(first.fingerprint)}
    assert centre.authority.issued()[0].revoked
    with pytest.raises(BadConfiguration, match="fingerprint"):
        centre.authority.revoke("00" * 32, now=doors.now())


def test_a_certificate_is_never_good_for_long(centre: doors.Centre) -> None:
    for days in (0, -1, 91):
        with pytest.raises(BadConfiguration):
            centre.authority.sign_node(
                _request(), site="NYC", now=doors.now(), days=days
            )
    with pytest.raises(BadConfiguration):
        centre.authority.sign_node(_request(), site="nyc/../x", now=doors.now())
