"""A released vector: its public cells, and what was measured in each of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from privacy.errors import InvalidProgramme
from privacy.estimate import Measured
from privacy.expression import Contrast, Quantity, Weighted
from privacy.interval import Ends
from privacy.query import MAX_DIMENSIONS, Cell, Query

Labels = tuple[tuple[str, str], ...]
"""A cell's label for each dimension, in order."""

_BOTH = ["yes", "no"]


def total(parts: tuple[Measured, ...]) -> Measured:
    """Add measurements whose noise is independent."""
    return Measured(
        sum(part.value for part in parts),
        sum((part.variance for part in parts), Fraction(0)),
    )


@dataclass(frozen=True, slots=True, repr=False)
class Vector:
    """One query's cells and what was measured in each."""

    query: Query
    cells: tuple[Cell, ...]
    measured: tuple[Measured, ...]

    def __iter__(self) -> Iterator[tuple[Labels, Measured]]:
        """Yield each cell's labels and measurement."""
        return zip((cell.labels for cell in self.cells), self.measured, strict=True)

    @property
    def whole(self) -> Measured:
        """The sum over all cells."""
        return total(self.measured)

    @property
    def bounds(self) -> Ends:
        """The least and the most one unit adds."""
        match self.query.value:
            case Quantity(lower=lower, upper=upper):
                return Fraction(lower), Fraction(upper)
            case Weighted(upper=upper):
                return Fraction(-upper), Fraction(upper)
            case Contrast():
                return Fraction(-1), Fraction(1)
            case _:
                return Fraction(0), Fraction(1)

    @property
    def signed(self) -> bool:
        """Whether a unit may add less than nothing."""
        return self.bounds[0] < 0

    def beside(self, other: "Vector") -> Iterator[tuple[Labels, Measured, Measured]]:
        """Yield each cell with the same cell of another query.

        Raises:
            InvalidProgramme: the two do not have the same cells.
        """
        if [cell.labels for cell in self.cells] != [c.labels for c in other.cells]:
            raise InvalidProgramme("Two queries of one metric have different cells.")
        for (labels, one), two in zip(self, other.measured, strict=True):
            yield labels, one, two

    def halves(self) -> Iterator[tuple[Labels, Measured, Measured]]:
        """Yield yes and no of the last dimension, under the other labels.

        Raises:
            InvalidProgramme: the last dimension is not a yes and a no.
        """
        if not self.query.by or [c.labels[-1][1] for c in self.cells[:2]] != _BOTH:
            raise InvalidProgramme("A share needs a last dimension of yes and no.")
        for n in range(0, len(self.cells), 2):
            yield self.cells[n].labels[:-1], self.measured[n], self.measured[n + 1]

    def arms(self) -> tuple[tuple[Measured, ...], tuple[Measured, ...]]:
        """Return the cells of the selected arm and those of the other.

        Raises:
            InvalidProgramme: the dimensions are not an arm, yes and no, and a trait.
        """
        half = max(1, len(self.cells) // 2)
        heads = [cell.labels[0][1] for cell in self.cells[::half] if cell.labels]
        if len(self.query.by) != MAX_DIMENSIONS or heads != _BOTH:
            raise InvalidProgramme("A comparison of arms needs the arm, then a trait.")
        return self.measured[:half], self.measured[half:]
