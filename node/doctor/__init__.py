"""Look at everything a node needs, and say what is wrong, why, and what to do.

Nothing about records is read out or sent; on the network there are handshakes and a
question for the time only.
"""

from node.doctor.finding import Finding, State, worst
from node.doctor.machine import disk, modes, versions
from node.doctor.network import accepted, way
from node.doctor.papers import certificate, settings
from node.doctor.stores import Part, importing, parts, role, source

__all__ = [
    "Finding",
    "Part",
    "State",
    "accepted",
    "certificate",
    "disk",
    "importing",
    "modes",
    "parts",
    "role",
    "settings",
    "source",
    "versions",
    "way",
    "worst",
]
