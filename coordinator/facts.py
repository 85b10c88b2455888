"""Keep what sites publish about themselves, month by month; nothing is overwritten.

A later file for the same site and month is a revision: it stands from then on, and
what stood before stays visible. Nothing here is about a person.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from coordinator.database import METADATA
from privacy import effective, organisation_month
from privacy.errors import InvalidProgramme
from privacy.facts import Facts
from privacy.organisation_month import COLUMNS, OrganisationMonth

_KEYS: Final = ("site", "month", "phase")
_MONTHS = sa.Table(
    "organisation_months",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    *(sa.Column(name, sa.String(16), nullable=False) for name in COLUMNS),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("file", sa.String(64), nullable=False),
    sa.Column("added_by", sa.String(64), nullable=False),
    sa.Column("added_at", sa.String(40), nullable=False),
    sa.UniqueConstraint(*_KEYS, "revision"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One line as it was added.

    Attributes:
        revision: 0 for the first about its site and month, then one more.
        stands: No later revision took its place.
        file: SHA-256 of the file it came in, in hex.
    """

    month: OrganisationMonth
    revision: int
    stands: bool
    file: str
    added_by: str
    added_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What a file changed: months by site, as NYC 2024-03."""

    new: tuple[str, ...]
    revised: tuple[str, ...]
    same: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a file came from."""

    file: str
    added_by: str


class Months:
    """Hold the months of every site."""

    def __init__(self, engine: sa.Engine) -> None:
        """Use a connected database."""
        self._engine = engine

    def add(
        self, months: Sequence[OrganisationMonth], origin: Origin, *, now: dt.datetime
    ) -> Added:
        """Add a file's months, all of them or none; what stands already stays.

        All lines of one site and month belong together: where one of them differs
        from what stands, they make a revision together.
        """
        files = _by_month(months)
        new: list[str] = []
        revised: list[str] = []
        same: list[str] = []
        with self._engine.begin() as connection:
            for name, lines in files.items():
                standing, revision = _standing(connection, lines[0])
                if standing == sorted(lines, key=_phase):
                    same.append(name)
                    continue
                (new if revision is None else revised).append(name)
                number = 0 if revision is None else revision + 1
                for line in lines:
                    connection.execute(
                        _MONTHS.insert().values(
                            **line.texts(),
                            revision=number,
                            file=origin.file,
                            added_by=origin.added_by,
                            added_at=now.isoformat(),
                        )
                    )
        return Added(new=tuple(new), revised=tuple(revised), same=tuple(same))

    def standing(self) -> tuple[OrganisationMonth, ...]:
        """Return what stands, by site, month and phase."""
        return tuple(kept.month for kept in self.history() if kept.stands)

    def history(self, *, site: str | None = None) -> tuple[Kept, ...]:
        """Return every line ever added, by site, month, revision and phase."""
        order = [_MONTHS.c[name] for name in ("site", "month", "revision", "phase")]
        wanted = _MONTHS.select().order_by(*order)
        if site is not None:
            wanted = wanted.where(_MONTHS.c.site == site)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted).all()
        last = {(row.site, row.month): row.revision for row in rows}
        return tuple(
            Kept(
                month=_read(row),
                revision=row.revision,
                stands=row.revision == last[row.site, row.month],
                file=row.file,
                added_by=row.added_by,
                added_at=row.added_at,
            )
            for row in rows
        )


def doubt(facts: Facts, sites: Collection[str]) -> organisation_month.Doubt:
    """Return what refuses months of unknown sites, and of phases that take no cost."""
    return lambda month: _wrong(month, facts, sites)


def _wrong(month: OrganisationMonth, facts: Facts, sites: Collection[str]) -> str:
    """Say why a month cannot be; nothing if it can."""
    if month.site not in sites:
        return "the site is not on the list; `cmpp site list` shows those that are"
    try:
        phase = facts.phase(month.phase, on=month.last_day)
    except InvalidProgramme:
        return "nothing is known of this phase in that month"
    if not phase.accepts:
        return f"the phase is {phase.state.value}, so it takes no places and no cost"
    known = {place.site for place in effective.as_of(facts.sites, month.last_day)}
    if month.site in known and month.site not in phase.sites:
        return "the phase is not held at this site"
    return ""


def _by_month(
    months: Sequence[OrganisationMonth],
) -> dict[str, list[OrganisationMonth]]:
    """Put lines together by site and month."""
    found: dict[str, list[OrganisationMonth]] = {}
    for month in months:
        found.setdefault(f"{month.site} {month.month}", []).append(month)
    return found


def _standing(
    connection: sa.Connection, like: OrganisationMonth
) -> tuple[list[OrganisationMonth], int | None]:
    """Return the lines that stand for a site and month, and their revision."""
    mine = sa.and_(_MONTHS.c.site == like.site, _MONTHS.c.month == like.month)
    last = connection.scalar(sa.select(sa.func.max(_MONTHS.c.revision)).where(mine))
    rows = connection.execute(_MONTHS.select().where(mine, _MONTHS.c.revision == last))
    return sorted(map(_read, rows), key=_phase), last


def _read(row: sa.Row[tuple[object, ...]]) -> OrganisationMonth:
    return organisation_month.read({name: getattr(row, name) for name in COLUMNS})


def _phase(month: OrganisationMonth) -> str:
    return month.phase
