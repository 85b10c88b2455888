"""Read a query's exact tally, and check that the caps held on the way.

This is the only door from the records to a number. What it returns cannot be
printed; what it raises says nothing about any record.
"""

from node.records.statement import households, statement
from node.records.store import Reader
from privacy import sensitivity
from privacy.errors import CapBroken, PeriodNotClosed
from privacy.mechanism import Tally
from privacy.query import Query, cells


def read(reader: Reader, query: Query) -> Tally:
    """Return the exact vector of a checked query, from one generation.

    Runs at:  the site, after the charge is durable.
    Shapes:   one entry per cell of the query; cells nobody is in are 0.
    Requires: the query passed `binding.check` with the reader's dictionary.

    Raises:
        PeriodNotClosed: the generation was joined to the register before the
            query's last period closed.
        CapBroken: somebody was counted more often, or by more, than declared.
        Corrupt: the statement failed.
    """
    through = reader.closed_through
    if through is None or through.end < query.periods[-1].end:
        raise PeriodNotClosed(
            f"These records were not closed through {query.periods[-1]} yet; close it."
        )
    dictionary = reader.schema.dictionary
    size = len(cells(query, dictionary))
    with reader.transaction() as connection:
        rows = connection.execute(statement(query, reader.schema)).all()
        registered = connection.execute(households(query, reader.schema)).scalar_one()
    per_household = query.unit.per_household
    most = sensitivity.of(query, dictionary).linf // per_household
    values = [0] * size
    units = 0
    for cell, total, furthest, slot, counted in rows:
        if not 0 <= cell < size or furthest > most or slot > per_household:
            raise _broken()
        values[cell] = int(total)
        units += counted
    periods = 1 if query.anchor is not None else len(query.periods)
    if units > registered * per_household * periods:
        raise _broken()
    return Tally(values)


def _broken() -> CapBroken:
    """Stop, without saying who or by how much."""
    return CapBroken(
        "A household moved the tally by more than the question declares, so nothing "
        "was released; stop the node and tell the privacy officer."
    )
