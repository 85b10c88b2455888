"""Whom this import has a household or participant row for, by the source's numbers.

The numbers lie in memory only, in a database that can write no file, and are gone
when the import ends. Everybody gets a place in a list; other tables' rows find their
household or adult by it, a million rows at a time.
"""

from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from privacy.errors import BadRecords

_MEMORY: Final = "1GB"
_KINDS: Final = ("household", "person")


class Present:
    """The households and adults of one import, in the order they came.

    Kinds: "household" and "person".
    """

    def __init__(self, *, threads: int = 2) -> None:
        """Start with nobody."""
        self._base = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "memory_limit": _MEMORY,
                "temp_directory": "",
                "threads": str(threads),
            },
        )
        self._base.execute("SET enable_progress_bar = false")
        self._base.execute("SET enable_external_access = false")
        self._base.execute("SET lock_configuration = true")
        self._ids: dict[str, list[pa.StringArray]] = {kind: [] for kind in _KINDS}
        self._count = dict.fromkeys(_KINDS, 0)
        for kind in _KINDS:
            self._base.execute(f"CREATE TABLE {kind} (key VARCHAR, place INTEGER)")

    def close(self) -> None:
        """Forget everybody; a second time does nothing."""
        self._base.close()

    def __repr__(self) -> str:
        """Show nobody."""
        return "Present()"

    def ids(self, kind: str) -> pa.StringArray:
        """Return everybody's random id, by place."""
        parts = self._ids[kind]
        if len(parts) != 1:
            self._ids[kind] = parts = [
                pa.concat_arrays(parts) if parts else pa.array([], pa.string())
            ]
        return parts[0]

    def add(self, kind: str, keys: pa.StringArray, ids: pa.StringArray) -> None:
        """Take in people or households that are new, by their source's numbers."""
        start = self._count[kind]
        columns = {"key": keys, "place": _counting(len(keys), start)}
        self._run(
            f"INSERT INTO {kind} SELECT key, place FROM incoming",  # noqa: S608
            columns,
        )
        self._ids[kind].append(ids)
        self._count[kind] += len(keys)

    def places(self, kind: str, keys: pa.StringArray) -> pa.Int32Array:
        """Return each key's place, or nothing for somebody who is not there."""
        columns = {"key": keys, "at": _counting(len(keys))}
        found = self._run(
            f"SELECT incoming.at, known.place FROM incoming "  # noqa: S608
            f"LEFT JOIN {kind} AS known ON known.key = incoming.key ORDER BY 1",
            columns,
        )
        return _whole(found.column("place"))

    def new(self, kind: str, keys: pa.StringArray) -> pa.Int32Array:
        """Return where each key that is not there yet stands first, in order."""
        columns = {"key": keys, "at": _counting(len(keys))}
        found = self._run(
            f"SELECT min(incoming.at)::INTEGER AS at FROM incoming "  # noqa: S608
            f"ANTI JOIN {kind} AS known ON known.key = incoming.key "
            "WHERE incoming.key IS NOT NULL GROUP BY incoming.key ORDER BY 1",
            columns,
        )
        return _whole(found.column("at"))

    def first_rows(self, table: str, places: pa.Int32Array) -> pa.Int32Array:
        """Return where each place without a row of a table yet stands first.

        Each place that is returned has a row from then on. `table` is a name of
        the dictionary's.
        """
        self._run(f'CREATE TABLE IF NOT EXISTS "one_{table}" (place INTEGER)')
        columns = {"place": places, "at": _counting(len(places))}
        found = self._run(
            f"SELECT min(incoming.at)::INTEGER AS at FROM incoming "  # noqa: S608
            f'ANTI JOIN "one_{table}" AS known ON known.place = incoming.place '
            "WHERE incoming.place IS NOT NULL GROUP BY incoming.place ORDER BY 1",
            columns,
        )
        at = _whole(found.column("at"))
        self._run(
            f'INSERT INTO "one_{table}" SELECT place FROM incoming',  # noqa: S608
            {"place": places.take(at)},
        )
        return at

    def _run(self, sql: str, incoming: dict[str, pa.Array] | None = None) -> pa.Table:
        """Run one statement over columns that are there for it alone."""
        try:
            if incoming is not None:
                self._base.register("incoming", pa.table(incoming))
            return self._base.execute(sql).to_arrow_table()
        except duckdb.Error:
            # The engine's text could quote a case number.
            raise BadRecords(
                "This import has more households and adults than fit in memory, so "
                "nothing was imported; use a machine with more memory."
            ) from None
        finally:
            if incoming is not None:
                self._base.unregister("incoming")


def _counting(length: int, start: int = 0) -> pa.Int32Array:
    """Return the numbers from a start on."""
    ones = pa.repeat(pa.scalar(1, pa.int32()), length)
    return pc.cumulative_sum(ones, start=start - 1)


def _whole(column: pa.ChunkedArray) -> pa.Int32Array:
    """Return a column in one piece."""
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
