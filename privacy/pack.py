"""A pack: the questions of one board meeting and what each may cost, as data.

The loss plan. A pack names, for every query of every metric in it, the loss a
site is charged; queries shared by metrics are one query and are charged once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources

from privacy import loss
from privacy.catalogue import Programme, Status
from privacy.errors import InvalidProgramme
from privacy.period import Period, PeriodKind
from privacy.query import Mode, Query
from privacy.strict import Section, load_toml


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One metric of a pack.

    Attributes:
        losses: query name -> rho charged at each site.
        headline: whether the Board's first page shows its national value.
        expected_count: the planned national size of the counted population,
            from public capacity, never from data; for precision beforehand.
        expected_share: for shares, the planned value.
    """

    metric: str
    period_kind: PeriodKind
    losses: Mapping[str, Fraction]
    headline: bool
    expected_count: int
    expected_share: Fraction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLine:
    """One line of a pack, for one period."""

    line: Line
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A named pack and its limit.

    Attributes:
        epsilon: the most a whole pack may cost any household, at `delta`.
        count_width: the widest 95 % half-width of a headline count, as a share
            of its value.
        share_width: the same of a headline share, as a difference.
    """

    name: str
    title: str
    epsilon: Fraction
    delta: Fraction
    confidence: Fraction
    count_width: Fraction
    share_width: Fraction
    lines: tuple[Line, ...]

    def lines_for(self, period: Period) -> tuple[PlannedLine, ...]:
        """Return the lines asked when a half-year is reported.

        Fiscal-year lines are asked once, with the half-year that ends the year.

        Raises:
            InvalidProgramme: the period is not a half-year.
        """
        if period.kind is not PeriodKind.HALF_YEAR:
            raise InvalidProgramme(
                f"A pack reports a half-year, such as FY2024-H2, not {period}."
            )
        ends_year = period.end == period.fiscal_year.end
        return tuple(
            PlannedLine(line=line, period=period)
            if line.period_kind is PeriodKind.HALF_YEAR
            else PlannedLine(line=line, period=period.fiscal_year)
            for line in self.lines
            if line.period_kind is PeriodKind.HALF_YEAR or ends_year
        )

    def charges(self, programme: Programme, period: Period) -> dict[bytes, Fraction]:
        """Return release key -> rho for a half-year: each query once.

        Raises:
            InvalidProgramme: two lines plan different losses for one query.
        """
        found: dict[bytes, Fraction] = {}
        for planned in self.lines_for(period):
            for query, rho in self.priced(programme, planned):
                key = query.release_key(Mode.SITE)
                if found.setdefault(key, rho) != rho:
                    raise InvalidProgramme(
                        f"Pack {self.name}: {planned.line.metric} plans another loss "
                        "for a query that an earlier line shares; make them equal."
                    )
        return found

    def total(self, programme: Programme, period: Period) -> Fraction:
        """Return the most rho one half-year's pack charges any entry year."""
        return sum(self.charges(programme, period).values(), Fraction(0))

    def priced(
        self, programme: Programme, planned: PlannedLine
    ) -> tuple[tuple[Query, Fraction], ...]:
        """Return one line's queries with their losses."""
        metric = programme.metric(planned.line.metric)
        queries = programme.queries(metric, planned.period)
        return tuple((queries[name], planned.line.losses[name]) for name in queries)


def names() -> tuple[str, ...]:
    """Return the names of the packs this software ships."""
    folder = resources.files("privacy") / "programme" / "packs"
    return tuple(
        sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml"))
    )


def load(name: str, programme: Programme) -> Pack:
    """Read and check a shipped pack.

    Raises:
        InvalidProgramme: there is no such pack, or it breaks its own limit.
    """
    if name not in names():
        raise InvalidProgramme(
            f"There is no pack {name!r}; choose one of {', '.join(names())}."
        )
    path = resources.files("privacy") / "programme" / "packs" / f"{name}.toml"
    return parse(name, path.read_text("utf-8"), programme)


def parse(name: str, text: str, programme: Programme) -> Pack:
    """Read a pack from TOML and check that it keeps its limit every half-year.

    Raises:
        InvalidProgramme: a line is not definite, or the whole costs too much.
    """
    section = Section(f"pack {name}", load_toml(text))
    raw = section.raw("lines")
    if not isinstance(raw, list) or not raw:
        raise InvalidProgramme(f"Pack {name} needs lines.")
    lines = tuple(_line(Section(f"{name} line {n + 1}", r)) for n, r in enumerate(raw))
    pack = Pack(
        name=name,
        title=section.text("title"),
        epsilon=_fraction(section, "epsilon"),
        delta=_fraction(section, "delta"),
        confidence=_fraction(section, "confidence"),
        count_width=_fraction(section, "headline_count_width"),
        share_width=_fraction(section, "headline_share_width"),
        lines=lines,
    )
    section.done()
    for line in lines:
        metric = programme.metric(line.metric)
        if metric.status is not Status.RUNNING:
            raise InvalidProgramme(f"Pack {name}: {line.metric} is still a draft.")
        if set(line.losses) != set(metric.templates):
            raise InvalidProgramme(
                f"Pack {name}: {line.metric} needs a loss for each of its queries."
            )
    limit = loss.rho_for(pack.epsilon, pack.delta)
    for period in (Period("FY2025-H1"), Period("FY2025-H2")):
        if pack.total(programme, period) > limit:
            raise InvalidProgramme(
                f"Pack {name} would cost more than epsilon {float(pack.epsilon):g} in "
                f"a half-year like {period}; lower a loss or drop a line."
            )
    return pack


def _line(section: Section) -> Line:
    """Read one line."""
    inner = Section(f"{section.name}.losses", section.raw("losses"))
    losses = {key: loss.parse_rho(inner.text(key)) for key in inner.names()}
    inner.done()
    line = Line(
        metric=section.text("metric"),
        period_kind=section.choice("period", PeriodKind),
        losses=losses,
        headline=section.flag("headline", default=False),
        expected_count=section.integer("expected_count"),
        expected_share=(
            _fraction(section, "expected_share")
            if section.has("expected_share")
            else None
        ),
    )
    section.done()
    return line


def _fraction(section: Section, key: str) -> Fraction:
    """Read an exact number written as text, so that no float rounds it."""
    try:
        return Fraction(section.text(key))
    except (ValueError, ZeroDivisionError) as error:
        raise InvalidProgramme(
            f'{section.name}: {key} must be an exact number in quotes, like "0.95".'
        ) from error
