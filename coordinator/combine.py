"""Turn what several sites released into one vector: the only place that does.

In site mode every site's release carries its own full noise, so the total of the
values carries the total of the variances. Another way of combining, such as a
secure sum, is another function here and changes nothing else.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from coordinator.store import Release
from privacy.errors import InvalidQuery
from privacy.estimate import Measured

Released = Mapping[str, Release]
"""One site's releases about one cohort, by query name."""


def site_mode(releases: Sequence[Release]) -> tuple[Measured, ...]:
    """Add up the releases of different sites to one question, cell by cell.

    Shapes:   each release (cells,) -> (cells,).
    Requires: one release key, one release per site, one number of cells.
    Raises:   InvalidQuery: these releases do not belong together.
    """
    keys = {release.release_key for release in releases}
    sizes = {len(release.values) for release in releases}
    sites = {release.site for release in releases}
    if len(keys) != 1 or len(sizes) != 1 or len(sites) != len(releases):
        raise InvalidQuery(
            "Only one release per site, all to one question, can be added up."
        )
    variance = sum((release.variance for release in releases), Fraction(0))
    columns = zip(*(release.values for release in releases), strict=True)
    return tuple(Measured(sum(column), variance) for column in columns)


def cohorts(parts: Sequence[tuple[Measured, ...]]) -> tuple[Measured, ...]:
    """Add up one query's totals over cohorts, cell by cell.

    Shapes:   each cohort (cells,) -> (cells,).
    Requires: the cohorts hold different households, so their noise is independent.
    Raises:   InvalidQuery: they have different numbers of cells.
    """
    if not parts or len({len(part) for part in parts}) != 1:
        raise InvalidQuery("Only cohorts with the same cells can be added up.")
    return tuple(
        Measured(
            sum(each.value for each in column),
            sum((each.variance for each in column), Fraction(0)),
        )
        for column in zip(*parts, strict=True)
    )
