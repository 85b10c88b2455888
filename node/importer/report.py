"""What an import kept, dropped and mended: counted for the site's own screen.

The counts are exact, so they stay at the site. No value is ever kept.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Problem(StrEnum):
    """What was wrong, and what was done about it."""

    UNLISTED_CODE = "not in the code list; stored as the list's last resort"
    NOT_A_DATE = "not dates written 2024-01-31; left empty"
    NOT_A_NUMBER = "not whole numbers; left empty"
    NOT_A_FLAG = "not 0 or 1; left empty"
    OUT_OF_RANGE = "out of range; left empty"
    ENDS_BEFORE_START = "before the start of the spell; left empty"
    NO_SUCH_COLUMN = "column missing; left empty in every row"
    NO_KEY = "rows without a usable key; dropped"
    UNKNOWN_HOUSEHOLD = "rows of a household that is not in household; dropped"
    UNKNOWN_PERSON = "rows of an adult who is not in participant; dropped"
    SEEN_BEFORE = "rows for somebody who has one already; the first was kept"
    RAGGED = "rows with more or fewer cells than the header; dropped"


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """An import's outcome.

    Attributes:
        kept: Table -> rows stored.
        problems: (table, field or empty for the row, problem) -> how often.
    """

    kept: Mapping[str, int]
    problems: Mapping[tuple[str, str, Problem], int]

    def __repr__(self) -> str:
        """Show nothing: exact counts belong on the site's own screen only."""
        return "Report()"

    def sentences(self) -> Iterator[str]:
        """Yield one line for each thing worth putting right, for the terminal."""
        for (table, field, problem), count in sorted(self.problems.items()):
            name = f"{table}.{field}" if field else table
            yield f"{name}: {count} {problem.value}."


class Tally:
    """Counts while an import runs."""

    __slots__ = ("_kept", "_problems")

    def __init__(self) -> None:
        """Start at nothing."""
        self._kept: Counter[str] = Counter()
        self._problems: Counter[tuple[str, str, Problem]] = Counter()

    def __repr__(self) -> str:
        """Show nothing."""
        return "Tally()"

    def keep(self, table: str, rows: int) -> None:
        """Count stored rows."""
        self._kept[table] += rows

    def note(self, table: str, problem: Problem, *, field: str = "") -> None:
        """Count one problem."""
        self._problems[table, field, problem] += 1

    def report(self) -> Report:
        """Return the outcome."""
        return Report(
            MappingProxyType(dict(self._kept)), MappingProxyType(dict(self._problems))
        )
