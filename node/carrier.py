"""What the coordinator carries between sites: statements, and the Board's documents.

It is trusted with none of it. A head, an attestation or a document counts for who
signed it; the carrier can lose one, and then nothing is answered, or nothing changes.
"""

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from typing import Final

from node.charter import Charter
from node.parcels import Parcels
from node.witness import Standing, Witness
from privacy.errors import (
    BadConfiguration,
    InvalidProgramme,
    Refused,
    Untrusted,
)
from proto import relay
from proto.client import DELIVER, PRESENT, STANDING, WITNESS

LOOK_SECONDS: Final = 2.0
"""How long a call waits for something to witness before it says there is nothing."""

_LOG = logging.getLogger(__name__)


class Carrier:
    """Serve the four calls by which the coordinator carries."""

    def __init__(
        self,
        *,
        charter: Charter,
        standing: Standing,
        witness: Witness,
        clock: Callable[[], dt.datetime],
    ) -> None:
        """Use the parts of one site."""
        self._charter = charter
        self._standing = standing
        self._witness = witness
        self._clock = clock
        self._parcels = Parcels()

    def methods(self) -> Mapping[str, Callable[[bytes], bytes]]:
        """Return each call by its name: bytes in, bytes out."""
        return {
            STANDING: self._heads,
            WITNESS: self._attest,
            PRESENT: self._present,
            DELIVER: self._deliver,
        }

    def _heads(self, data: bytes) -> bytes:
        peers = relay.peers_from_bytes(data)
        return relay.heads_to_bytes(self._standing.heads(peers, seconds=LOOK_SECONDS))

    def _attest(self, data: bytes) -> bytes:
        attestation = self._witness.attest(relay.head_from_bytes(data))
        return relay.attestation_to_bytes(attestation)

    def _present(self, data: bytes) -> bytes:
        attestations = relay.attestations_from_bytes(data)
        return relay.enough_to_bytes(enough=self._standing.present(attestations))

    def _deliver(self, data: bytes) -> bytes:
        part = relay.part_from_bytes(data)
        try:
            document = self._parcels.take(part)
            if document is None:
                return relay.delivery_to_bytes("more")
            word = self._charter.deliver(document, now=self._clock())
        except (BadConfiguration, InvalidProgramme, Refused, Untrusted):
            # Whether a document of the Board is believed is no secret of anybody's.
            word = "refused"
        _LOG.info("delivered kind=%s word=%s", part.kind.value, word)
        return relay.delivery_to_bytes(word)
