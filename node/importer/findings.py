"""What an import noticed, grouped by what would repair it; for the site's own eyes.

A finding counts. Where a value is shown at all it is a source's own word for a code,
short, in several rows, and only if the guard found nothing personal in it.
"""

import functools
import threading
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from types import MappingProxyType
from typing import Final

from privacy.errors import InvalidProgramme
from privacy.strict import Section, load_toml

SHOWN_LENGTH: Final = 40
ROWS_LISTED: Final = 100_000
VALUES_LISTED: Final = 200
"""So many values of one field are told apart; the rest are counted together."""

FEWEST_SHOWN: Final = 3
"""A word of fewer rows is not shown: a name typed into the wrong cell is rare, and a
system's own word for something is not."""

OTHERS: Final = "(other values)"
_FILE: Final = "checks.toml"
_ONE: Final = {"are": "is", "were": "was", "have": "has"}
_PLACES: Final = frozenset({"count", "table", "field", "shown", *_ONE})


class Severity(StrEnum):
    """How much it matters; what is serious keeps an import from being used."""

    SERIOUS = "serious"
    REPAIR = "repair"
    INFO = "info"


class Effect(StrEnum):
    """What was done about it."""

    ROW = "row set aside"
    CELL = "cell mended"
    NONE = "kept as it is"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing an import looks for.

    Attributes:
        sentence: What is wrong, with places for `{count}`, `{table}`, `{field}` and
            `{shown}`.
        repair: What would put it right.
        unit: What is counted, in the singular.
    """

    id: str
    severity: Severity
    effect: Effect
    unit: str
    sentence: str
    repair: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Finding:
    """One group: a check, where, and how often.

    Attributes:
        rows: Source -> row numbers there, the first `ROWS_LISTED` at most.
    """

    check: Check
    table: str
    field: str
    shown: str
    count: int
    rows: Mapping[str, Sequence[int]]

    def __repr__(self) -> str:
        """Show no count: exact ones belong on the site's own screen only."""
        return f"Finding({self.check.id})"

    @property
    def sentence(self) -> str:
        """The finding in words, for the site's own screen."""
        one = self.count == 1
        return self.check.sentence.format(
            **{more: less if one else more for more, less in _ONE.items()},
            count=f"{self.count:,} {self.check.unit}{'' if one else 's'}",
            table=self.table,
            field=self.place,
            shown=f"'{self.shown}'" if self.shown else "a value",
        )

    @property
    def place(self) -> str:
        """The table, or the field of it."""
        return f"{self.table}.{self.field}" if self.field else self.table


@dataclass(slots=True)
class _Group:
    """One group, while it is counted."""

    count: int = 0
    listed: int = 0
    rows: "dict[str, array[int]]" = field(default_factory=dict)

    def add(self, source: str, rows: Sequence[int], count: int) -> None:
        """Count rows, and list them while there is room."""
        self.count += count
        room = ROWS_LISTED - self.listed
        if rows and room > 0:
            self.rows.setdefault(source, array("q")).extend(rows[:room])
            self.listed += min(room, len(rows))

    def add_all(self, other: "_Group") -> None:
        """Count what another group counted."""
        for source, rows in other.rows.items():
            self.add(source, rows, 0)
        self.count += other.count


class Findings:
    """Counts while an import runs."""

    __slots__ = ("_groups", "_hides", "_noting", "_values")

    def __init__(self, hides: Callable[[str], bool] = lambda _: True) -> None:
        """Start at nothing.

        Args:
            hides: Tells whether a value must not be shown: `Guard.hides`. Without
                it, none is.
        """
        self._hides = hides
        self._noting = threading.Lock()
        self._groups: dict[tuple[str, str, str, str], _Group] = {}
        self._values: dict[tuple[str, str, str], set[str]] = {}

    def __repr__(self) -> str:
        """Show nothing."""
        return "Findings()"

    def note(  # noqa: PLR0913 - every word says where, and is named at the call
        self,
        check: str,
        *,
        table: str,
        field: str = "",
        shown: str = "",
        source: str = "",
        rows: Sequence[int] = (),
        count: int | None = None,
    ) -> None:
        """Count a finding; findings of one check, field and value are one group.

        Args:
            check: The id of an entry of `checks.toml`.
            table: The dictionary's table.
            field: Its field, if the finding is about one.
            shown: A source's own word for a code; left out if long or if hidden.
            source: The file, sheet or SQL table.
            rows: Row numbers there.
            count: How many, if that is not how many rows are given.

        Raises:
            InvalidProgramme: there is no such check.
        """
        if check not in catalogue():
            raise InvalidProgramme(f"There is no check {check!r}; correct its name.")
        many = len(rows) if count is None else count
        if not many:
            return
        # Reading and checking run at once, and both note.
        with self._noting:
            value = self._told_apart((check, table, field), shown)
            group = self._groups.setdefault((check, table, field, value), _Group())
            group.add(source, rows, many)

    def groups(self) -> tuple[Finding, ...]:
        """Return every group: the worst first, and then the most frequent."""
        known = catalogue()
        found = (
            Finding(
                check=known[check],
                table=table,
                field=field,
                shown=shown,
                count=group.count,
                rows=MappingProxyType(group.rows),
            )
            for (check, table, field, shown), group in self._showable().items()
        )
        order = list(Severity)
        return tuple(
            sorted(
                found,
                key=lambda each: (
                    order.index(each.check.severity),
                    -each.count,
                    each.check.id,
                    each.table,
                    each.field,
                    each.shown,
                ),
            )
        )

    def serious(self) -> Iterator[Finding]:
        """Yield what keeps an import from being taken into use."""
        for each in self.groups():
            if each.check.severity is Severity.SERIOUS:
                yield each

    def _showable(self) -> "dict[tuple[str, str, str, str], _Group]":
        """Return the groups, with words of too few rows counted together."""
        known = catalogue()
        merged: dict[tuple[str, str, str, str], _Group] = {}
        for (check, table, field_, shown), group in self._groups.items():
            # A table's name is no cell, and the others are no word of a source.
            rare = known[check].unit == "row" and group.count < FEWEST_SHOWN
            word = "" if rare and shown != OTHERS else shown
            into = merged.setdefault((check, table, field_, word), _Group())
            into.add_all(group)
        return merged

    def _told_apart(self, where: tuple[str, str, str], shown: str) -> str:
        """Return a value, or the name for all others once there are too many."""
        if shown == OTHERS:
            return shown
        if not shown or len(shown) > SHOWN_LENGTH or self._hides(shown):
            return ""
        known = self._values.setdefault(where, set())
        if shown not in known and len(known) == VALUES_LISTED:
            return OTHERS
        known.add(shown)
        return shown


@functools.cache
def catalogue() -> Mapping[str, Check]:
    """Return every check by its id.

    Raises:
        InvalidProgramme: `checks.toml` is not as it must be.
    """
    text = resources.files("node.importer").joinpath(_FILE).read_text("utf-8")
    return MappingProxyType(parse(text))


def parse(text: str) -> dict[str, Check]:
    """Read checks (TOML): one section each, named by its id.

    Raises:
        InvalidProgramme: a key is unknown, missing, or a place does not exist.
    """
    root = Section("checks", load_toml(text))
    checks = {
        name: _check(name, Section(f"check {name}", root.raw(name)))
        for name in root.names()
    }
    root.done()
    return checks


def _check(name: str, section: Section) -> Check:
    """Read one check."""
    made = Check(
        id=name,
        severity=section.choice("severity", Severity),
        effect=Effect[(section.optional_text("effect") or "none").upper()],
        unit=section.optional_text("unit") or "row",
        sentence=section.text("sentence"),
        repair=section.text("repair"),
    )
    section.done()
    try:
        made.sentence.format_map(dict.fromkeys(_PLACES, ""))
    except (KeyError, ValueError, IndexError):
        raise InvalidProgramme(
            f"The sentence of check {name} has a place that does not exist."
        ) from None
    return made
