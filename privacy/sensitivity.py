"""Work out how far one household can move a site's vector, from the query alone.

Notation: one household is at most ``m`` units; each unit adds one number of
magnitude at most ``V`` to one cell per period it is counted in; it is counted in at
most ``P`` periods. Removing the household removes the sum of those contributions.

    ``m``   2 if each counted adult is a unit, else 1 (the register names at most
            two counted adults per household, once and for ever).
    ``V``   1 for a count, an indicator and a contrast; the clip for the others.
    ``P``   1 if the query is anchored: a unit's once-per-unit event lies in one
            cohort, frozen by the register, so it is in one period. Otherwise a
            unit may be there in every period.

In each period the household's part of the vector is a sum of at most ``m`` vectors,
each with a single entry of magnitude at most ``V``. Such a sum has

    at most min(m, cells per period) entries that are not zero,
    no entry beyond ``m V``                       (all units in one cell),
    absolute values adding up to at most ``m V``, and
    Euclidean length at most ``m V``              (the triangle inequality),

the last reached when all units share a cell. Periods occupy different cells, so
entries, absolute sums and squared lengths add up over ``P`` periods. In an anchored
query the household's units may have different cohorts; it is still a sum of at most
``m`` single-entry vectors over the whole vector, so the same bounds hold with
``P = 1``, and only the count of entries looks at all cells instead of one period's.
"""

from dataclasses import dataclass

from privacy.dictionary import Dictionary
from privacy.errors import InvalidQuery
from privacy.expression import Contrast, Indicator, One, Quantity, Value, Weighted
from privacy.query import Query, cells


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Bound the difference one household makes to a vector, four ways, exactly.

    Attributes:
        l0: Most cells that differ.
        l1: Most the absolute differences add up to.
        linf: Most any cell differs.
        l2_squared: Most the squared differences add up to; noise is chosen by it.

    Raises:
        InvalidQuery: a bound is below 1, which would mean a free question.
    """

    l0: int
    l1: int
    linf: int
    l2_squared: int

    def __post_init__(self) -> None:
        """Refuse a question that no household could move."""
        if min(self.l0, self.l1, self.linf, self.l2_squared) < 1:
            raise InvalidQuery("Every question must depend on households somehow.")


def of(query: Query, dictionary: Dictionary) -> Sensitivity:
    """Return the sensitivity of a query's vector to one household.

    Raises: InvalidQuery, InvalidProgramme: the query has no cells to speak of.
    """
    size = len(cells(query, dictionary))
    units = query.unit.per_household
    if query.anchor is None:
        periods = len(query.periods)
        touched = min(units, size // periods) * periods
    else:
        periods = 1
        touched = min(units, size)
    most = units * _magnitude(query.value)
    return Sensitivity(
        l0=touched,
        l1=most * periods,
        linf=most,
        l2_squared=most**2 * periods,
    )


def _magnitude(value: Value) -> int:
    """Return the largest magnitude one unit can add."""
    match value:
        case One() | Indicator() | Contrast():
            return 1
        case Quantity(lower=lower, upper=upper):
            return max(abs(lower), abs(upper))
        case Weighted(upper=upper):
            return upper
