"""Look at every column of a source once, to propose what it could mean.

Of values only what is short and harmless is remembered, and only in memory.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from node.importer.dates import Evidence
from node.importer.findings import SHOWN_LENGTH
from node.importer.guard import Blocked, Guard, Use
from node.importer.mapped_cells import is_number, is_yes_or_no
from node.importer.sources import Source, SourceTable

_VALUES: Final = 300
_KEYS: Final = 200_000


@dataclass(slots=True, repr=False)
class Column:
    """What was seen of one column.

    Attributes:
        cells: How many hold anything.
        values: Texts and how often, as long as they are few and short.
        many: Whether there are more different texts than were kept.
        repeats: Whether any text stands twice.
    """

    table: str
    name: str
    blocked: Blocked | None = None
    cells: int = 0
    values: Counter[str] = field(default_factory=Counter)
    many: bool = False
    repeats: bool = False
    numbers: int = 0
    flags: int = 0
    days: Evidence = field(default_factory=Evidence)
    _seen: set[int] = field(default_factory=set)

    def look(self, values: pa.Array) -> None:
        """Look at more cells."""
        counted = values.drop_null().value_counts()
        for pair in counted:
            text, count = pair["values"].as_py(), pair["counts"].as_py()
            self.cells += count
            self.repeats |= count > 1 or hash(text) in self._seen
            if len(self._seen) < _KEYS:
                self._seen.add(hash(text))
            self.numbers += count * is_number(text)
            self.flags += count * is_yes_or_no(text)
            self.days.look([text])
            room = len(self.values) < _VALUES and len(text) <= SHOWN_LENGTH
            if room or text in self.values:
                self.values[text] += count
            else:
                self.many = True


def look(source: Source, guard: Guard) -> Iterator[tuple[SourceTable, list[Column]]]:
    """Yield every table with what its columns hold.

    A column whose name alone says that it must never be imported is not read.

    Raises:
        BadRecords: a file cannot be read.
    """
    for table in source.tables:
        columns = [
            Column(table.name, name, guard.header(table.name, name))
            for name in table.columns
        ]
        open_ = [each for each in columns if each.blocked is None]
        if open_:
            for batch in source.read(table.name, [each.name for each in open_]):
                for each in open_:
                    values = batch.column(each.name)
                    guard.see(table.name, each.name, values)
                    each.look(values)
        for each in open_:
            each.blocked = guard.blocked(table.name, each.name, Use.KEY)
        yield table, columns
