"""Decide when a reply leaves, from public facts only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from privacy.errors import BadConfiguration
from proto.wire import padded


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Hold a site's public timetable.

    A reply to a query leaves this long after its question arrived, whatever it
    says: a release, a refusal, or that the release is not ready. So the moment of
    leaving tells nothing but the site's size class and the query's shape.

    Attributes:
        base_seconds: For every query.
        cell_seconds: For each cell, counted up to the padded size of the reply.
    """

    base_seconds: float
    cell_seconds: float

    def seconds(self, *, cells: int) -> float:
        """Give how long after its question a reply leaves."""
        return self.base_seconds + self.cell_seconds * padded(cells)

    def hold(self, work: object, *, arrived: float, cells: int) -> None:
        """Sleep until the reply's moment, without a look at the work.

        Args:
            work: Ignored, which is the point.
            arrived: The monotonic moment at which the question arrived.
            cells: The cells of the question.
        """
        del work
        time.sleep(max(0.0, arrived + self.seconds(cells=cells) - time.monotonic()))


# Chosen so that most answers are ready: about 10,000, 100,000 and 1,000,000
# households. These are the floors: a site can only choose among them.
_SIZE_CLASSES: Final[Mapping[str, Grid]] = {
    "small": Grid(base_seconds=0.75, cell_seconds=0.002),
    "medium": Grid(base_seconds=2.5, cell_seconds=0.004),
    "large": Grid(base_seconds=12.0, cell_seconds=0.008),
}


def for_size_class(size_class: str) -> Grid:
    """Give the timetable of a size class.

    Raises:
        BadConfiguration: There is no such class.
    """
    if size_class not in _SIZE_CLASSES:
        raise BadConfiguration(
            f"{size_class!r} is not a size class; choose one of "
            f"{', '.join(_SIZE_CLASSES)}."
        )
    return _SIZE_CLASSES[size_class]
