"""What a node says about itself: public facts, as short words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from proto.canonical import PERIOD, SITE, VERSION, check, encode, name_of, parse
from proto.cmpp.v1 import node_pb2

SIZE_CLASSES: Final[Mapping[str, node_pb2.SizeClass.ValueType]] = {
    "small": node_pb2.SIZE_CLASS_SMALL,
    "medium": node_pb2.SIZE_CLASS_MEDIUM,
    "large": node_pb2.SIZE_CLASS_LARGE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Hold what a node says about itself: public facts only."""

    site: str
    catalogue_version: str
    closed_through: str
    size_class: str
    software_version: str

    def __post_init__(self) -> None:
        """Check that every field is a short word, never free text."""
        check(SITE.fullmatch(self.site) is not None, "site")
        check(VERSION.fullmatch(self.catalogue_version) is not None, "version")
        check(PERIOD.fullmatch(self.closed_through) is not None, "period")
        check(self.size_class in SIZE_CLASSES, "size_class")
        check(VERSION.fullmatch(self.software_version) is not None, "version")


def description_to_bytes(description: Description) -> bytes:
    """Write a node's public facts."""
    message = node_pb2.Description(
        site=description.site,
        catalogue_version=description.catalogue_version,
        closed_through=description.closed_through,
        size_class=SIZE_CLASSES[description.size_class],
        software_version=description.software_version,
    )
    return encode(message)


def description_from_bytes(data: bytes) -> Description:
    """Read a node's public facts; raise Malformed on anything else."""
    message = parse(node_pb2.Description, data)
    return Description(
        site=message.site,
        catalogue_version=message.catalogue_version,
        closed_through=message.closed_through,
        size_class=name_of(SIZE_CLASSES, message.size_class),
        software_version=message.software_version,
    )
