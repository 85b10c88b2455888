"""Exchange a certificate that is still good for a fresh one, and tell the time.

The site makes a new key for every certificate and keeps it; what travels is a
signing request. Whose certificate it becomes is decided by the certificate that
made the call, never by anything in the message.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import grpc

from privacy.errors import CertificateRefused, Untrusted
from proto.canonical import check, encode, parse
from proto.client import call
from proto.cmpp.v1 import coordinator_pb2

SIGNING_REQUEST_BYTES_MAX: Final = 4096
_EXCHANGE: Final = coordinator_pb2.DESCRIPTOR.services_by_name["Exchange"].full_name
_JOINING: Final = coordinator_pb2.DESCRIPTOR.services_by_name["Coordinator"].full_name
RENEW: Final = f"/{_EXCHANGE}/Renew"
MOMENT: Final = f"/{_EXCHANGE}/Moment"
MOMENT_TO_JOIN: Final = f"/{_JOINING}/Moment"

_CALL_SECONDS: Final = 30.0
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
# The year 9999; later ones cannot be written as a date.
_MILLISECONDS_MAX: Final = 253_402_300_799_000


def renew(channel: grpc.Channel, signing_request: bytes) -> bytes:
    """Ask for a certificate on a new key, over a channel that shows the old one.

    Returns:
        The certificate in DER.

    Raises:
        Unreachable: The coordinator did not answer.
        CertificateRefused: Somebody else answers at the coordinator's address.
        Untrusted: The certificate in use is expired or was revoked.
    """
    message = coordinator_pb2.RenewRequest(signing_request=signing_request)
    try:
        data = call(
            channel, RENEW, encode(message), timeout=_CALL_SECONDS, peer="coordinator"
        )
    except CertificateRefused:
        raise
    except Untrusted as error:
        raise Untrusted(
            "The coordinator does not accept this site's certificate: it expired or "
            "was revoked; ask the coordinator's operator for an invitation and join "
            "again."
        ) from error
    return parse(coordinator_pb2.Certificate, data).leaf


def moment(channel: grpc.Channel, method: str = MOMENT) -> datetime:
    """Ask the coordinator what time it is there.

    Raises:
        ExchangeError: As `renew` lists.
        Malformed: What came back is no moment.
    """
    message = encode(coordinator_pb2.MomentRequest())
    data = call(channel, method, message, timeout=_CALL_SECONDS, peer="coordinator")
    said = parse(coordinator_pb2.MomentReply, data).milliseconds
    check(said <= _MILLISECONDS_MAX, "moment")
    return _BEGINNING + timedelta(milliseconds=said)


def read_renew(data: bytes) -> bytes:
    """Read the signing request of a Renew call.

    Raises:
        Malformed: The bytes are not its canonical form.
    """
    request = parse(coordinator_pb2.RenewRequest, data).signing_request
    check(0 < len(request) <= SIGNING_REQUEST_BYTES_MAX, "signing_request")
    return request


def write_renewed(leaf: bytes) -> bytes:
    """Write the reply to a Renew call."""
    return encode(coordinator_pb2.Certificate(leaf=leaf))


def answer_moment(data: bytes, *, now: datetime) -> bytes:
    """Read a Moment call and write the reply to it.

    Raises:
        Malformed: The bytes are not its canonical form.
    """
    parse(coordinator_pb2.MomentRequest, data)
    milliseconds = (now - _BEGINNING) // timedelta(milliseconds=1)
    return encode(coordinator_pb2.MomentReply(milliseconds=milliseconds))
