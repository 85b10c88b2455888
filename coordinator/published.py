"""The view `published`: every published value as a flat row, for any SQL tool.

The rows are worked out from the kept results, which are the truth; they can be
worked out again at any time. The view shows nothing else of the store, so a role
that may read only the view learns what was published and no more.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.ddl import CreateView

from coordinator import flat, result
from coordinator.database import METADATA
from coordinator.flat import COLUMNS, KINDS, FlatRow
from coordinator.result import Result
from coordinator.store import RESULTS
from privacy.catalogue import Programme
from privacy.errors import BadConfiguration

VIEW: Final = "published"
WHEN: Final = "made_at"
NEWEST: Final = "newest"

_TYPES: Final[dict[object, Any]] = {
    str: sa.Text(),
    float: sa.Double(),
    int: sa.Integer(),
    bool: sa.Boolean(),
}
_KEY: Final = ("digest", "place")
_VALUES: Final = sa.Table(
    "published_values",
    METADATA,
    *(
        sa.Column(name, _TYPES[kind], primary_key=name in _KEY, nullable=False)
        for name, kind in KINDS.items()
    ),
)


_ORDER: Final = sa.select(
    RESULTS.c.digest,
    RESULTS.c.made_at,
    sa.func.row_number()
    .over(
        partition_by=[RESULTS.c.metric, RESULTS.c.period, RESULTS.c.mode],
        order_by=[RESULTS.c.made_at.desc(), RESULTS.c.digest.desc()],
    )
    .label("place_from_newest"),
).subquery("ordered")
BEHIND: Final = frozenset({_VALUES.name, RESULTS.name})
"""The tables the view reads; both hold only what was published."""

_PUBLISHED: Final = CreateView(
    sa.select(
        *_VALUES.c,
        _ORDER.c.made_at.label(WHEN),
        (_ORDER.c.place_from_newest == 1).label(NEWEST),
    ).join(_ORDER, _ORDER.c.digest == _VALUES.c.digest),
    VIEW,
    metadata=METADATA,
).table


def fill(
    engine: sa.Engine, programmes: Mapping[str, Programme], *, training: bool
) -> int:
    """Bring the view up to date with the results kept; return how many were added.

    A result about a metric that no programme here defines waits until one does.

    Raises:
        Corrupt: a kept result was changed.
    """
    done = sa.select(_VALUES.c.digest).distinct()
    with engine.connect() as connection:
        missing = connection.scalars(
            sa.select(RESULTS.c.content)
            .where(RESULTS.c.digest.not_in(done))
            .order_by(RESULTS.c.made_at, RESULTS.c.digest)
        ).all()
    return sum(
        _add(engine, result.read(json.loads(content)), programmes, training=training)
        for content in missing
    )


def _add(
    engine: sa.Engine,
    kept: Result,
    programmes: Mapping[str, Programme],
    *,
    training: bool,
) -> int:
    """Add a result's rows, all or none."""
    try:
        metric = flat.metric_of(kept, programmes)
    except BadConfiguration:
        return 0
    rows = flat.rows(kept, metric, training=training)
    if not rows:
        return 0
    try:
        with engine.begin() as connection:
            connection.execute(_VALUES.insert(), [row.content() for row in rows])
    except IntegrityError:
        return 0  # another command added the same ones first
    return 1


def read(
    connection: sa.Connection,
    *,
    metric: str | None = None,
    period: str | None = None,
    every: bool = False,
) -> tuple[FlatRow, ...]:
    """Return rows of the view, the oldest result first.

    Args:
        connection: To a store; it may be one that can read nothing but the view.
        metric: Only this one.
        period: Only this one.
        every: Also results that a newer one of the metric and period stands for.
    """
    shown = _PUBLISHED
    wanted = sa.select(*(shown.c[name] for name in COLUMNS))
    if metric is not None:
        wanted = wanted.where(shown.c.metric == metric)
    if period is not None:
        wanted = wanted.where(shown.c.period == period)
    if not every:
        wanted = wanted.where(shown.c[NEWEST])
    order = (shown.c[WHEN], shown.c.digest, shown.c.place)
    found = connection.execute(wanted.order_by(*order)).mappings()
    return tuple(FlatRow(**row) for row in found)
