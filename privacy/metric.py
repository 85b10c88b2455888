"""One metric: what it counts, for whom, how often, and how it becomes a value.

A metric is data. Everything a reader must know to judge a value, and everything an
estimator must know to work it out, is written in one table of a catalogue file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from privacy import template
from privacy.dictionary import Grain
from privacy.errors import InvalidProgramme, NotAllowed, UnknownMetric
from privacy.expression import Contrast, Quantity, Value, Weighted
from privacy.period import PeriodKind
from privacy.query import Mode, Unit, name_of
from privacy.strict import Section
from privacy.template import Template


class Status(StrEnum):
    """Whether a metric may be asked: only running ones may."""

    RUNNING = "running"
    DRAFT = "draft"


class Pillar(StrEnum):
    """What a metric helps the Board judge."""

    REACH = "reach"
    SERVICES = "services"
    COMPLIANCE = "compliance"
    EFFICIENCY = "efficiency"
    HUMANITARIAN = "humanitarian"
    SEPARATION = "separation from enforcement"
    RESOURCES = "resources"
    QUALITY = "quality"


class Measure(StrEnum):
    """What kind of number a metric's values are, so that words fit them.

    Attributes:
        COUNT: how many.
        SHARE: a part of a whole, from 0 to 1.
        DIFFERENCE: one share less another, from -1 to 1: percentage points.
        QUANTITY: an amount, in the metric's `unit_shown`.
    """

    COUNT = "count"
    SHARE = "share"
    DIFFERENCE = "difference"
    QUANTITY = "quantity"


class EstimatorKind(StrEnum):
    """How releases become published values; all of it costs nothing more.

    Attributes:
        COUNT: a count in all, and in each cell.
        HISTOGRAM: a count in each cell.
        MIX: each cell's share of them all.
        SHARE: yes / (yes + no), the cells of the last dimension.
        CONTRAST_SHARE: (1 + contrast / count) / 2.
        TOTAL: a sum of capped amounts.
        MEAN: a sum divided by a count.
        RATIO: a sum divided by another, times `times`.
        RATIO_SHARE: a sum divided by itself and another.
        RATIO_TO_PUBLIC: a count or sum divided by a public figure, times `times`.
        PUBLIC_OVER: a public figure divided by a sum, times `times`.
        QUANTILES: quartiles and median, from the cells of one band.
        STANDARDISED_DIFFERENCE: how far two arms differ, cell by cell.
        WEIGHTED_EFFECT: the effect of being selected, from weighted sums.
        EFFECT_ON_ENROLLED: that effect divided by the effect on enrolling.
        SHARE_BY_ARM: a share in either arm, and their difference.
        PUBLIC: public figures, exact; no question is asked.
        LEDGER: what the sites' ledgers say; no question is asked.
    """

    COUNT = "count"
    HISTOGRAM = "histogram"
    MIX = "mix"
    SHARE = "share"
    CONTRAST_SHARE = "contrast_share"
    TOTAL = "total"
    MEAN = "mean"
    RATIO = "ratio"
    RATIO_SHARE = "ratio_share"
    RATIO_TO_PUBLIC = "ratio_to_public"
    PUBLIC_OVER = "public_over"
    QUANTILES = "quantiles"
    STANDARDISED_DIFFERENCE = "standardised_difference"
    WEIGHTED_EFFECT = "weighted_effect"
    EFFECT_ON_ENROLLED = "effect_on_enrolled"
    SHARE_BY_ARM = "share_by_arm"
    PUBLIC = "public"
    LEDGER = "ledger"


_WHO: Final = {
    Unit.HOUSEHOLD: "household",
    Unit.LEAD: "household",
    Unit.PERSON: "counted adult, at most two of them a household",
}
_K = EstimatorKind
WITHOUT_QUERY: Final = frozenset({_K.PUBLIC, _K.LEDGER})
WITH_FIGURE: Final = frozenset({_K.RATIO_TO_PUBLIC, _K.PUBLIC_OVER})
MAY_HAVE_FIGURE: Final = WITH_FIGURE | {_K.TOTAL}
_MEASURES: Final = {
    Measure.COUNT: {_K.COUNT, _K.HISTOGRAM},
    Measure.SHARE: {
        _K.MIX,
        _K.SHARE,
        _K.CONTRAST_SHARE,
        _K.RATIO_SHARE,
        _K.SHARE_BY_ARM,
    },
    Measure.DIFFERENCE: {_K.WEIGHTED_EFFECT, _K.EFFECT_ON_ENROLLED},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """How a metric's releases become values.

    Attributes:
        of: the names of the queries it reads, in the order the kind expects:
            for contrast_share, the contrasts and then the count they share.
        figure: the public figure it divides by, multiplies by or divides, if any.
        times: what a ratio is multiplied by, such as 30 for contacts a month.
    """

    kind: EstimatorKind
    of: tuple[str, ...]
    figure: str | None = None
    times: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric of the catalogue.

    Attributes:
        unit_shown: the unit of a quantity, such as `days`; else empty.
        seeds: the programme's facts it answers, by their numbers, such as `A17`.
        reference: the reference lines that may stand beside it; never targets.
        preregistered: it may be asked only under an analysis plan that was signed
            before the cohort began.
        never_by_site: no site's own answer may leave the site in any form.
        modes: how it may be asked at all.
    """

    id: str
    version: int
    name: str
    status: Status
    pillar: Pillar
    answers: str
    definition: str
    counted: str
    grain: Grain
    periods: tuple[PeriodKind, ...]
    templates: Mapping[str, Template]
    estimator: Estimator
    unit_shown: str
    seeds: tuple[str, ...]
    reference: tuple[str, ...]
    preregistered: bool
    never_by_site: bool
    modes: frozenset[Mode]

    @property
    def measure(self) -> Measure:
        """What kind of number its values are; the estimator decides it."""
        return _measure(self.estimator.kind)

    @property
    def once(self) -> bool:
        """Whether each household is in it for one period only, for ever.

        Such periods never count a household twice, so a year of quarters costs
        a household what one quarter does.
        """
        anchors = [made_from.anchor for made_from in self.templates.values()]
        return bool(anchors) and None not in anchors

    @property
    def caps(self) -> tuple[str, ...]:
        """The most one unit can add to each query, in words, in catalogue order."""
        return tuple(
            dict.fromkeys(
                f"{name.replace('_', ' ')}: {_most(one.value)} a {_WHO[one.unit]}"
                for name, one in self.templates.items()
            )
        )

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The names of what its values are shown by, in catalogue order."""
        parts = (part for one in self.templates.values() for part in one.by)
        return tuple(dict.fromkeys(name_of(part) for part in parts))

    def check_asked(self, mode: Mode) -> None:
        """Refuse a metric that is not open, or not in this mode.

        Both ends run this, before anything else is looked at.

        Raises:
            UnknownMetric: it is still a draft.
            NotAllowed: it is told of the whole network only.
        """
        if self.status is not Status.RUNNING:
            raise UnknownMetric(f"{self.id} is not open to questions yet.")
        if mode not in self.modes:
            raise NotAllowed(
                f"{self.id} is told of the whole network only, so no site's own answer "
                "to it may leave the site, not even with noise; ask a total over "
                "sites in sum mode."
            )


def read(name: str, section: Section, shared: Mapping[str, Section]) -> Metric:
    """Read one metric; its modes are known only once its queries are.

    Raises:
        InvalidProgramme: it leaves a meaning open.
    """
    templates: dict[str, Template] = {}
    for query_name, body in section.sections("queries"):
        templates |= template.read(query_name, body, shared)
    metric = Metric(
        id=name,
        version=section.integer("version"),
        name=section.text("name"),
        status=section.choice("status", Status),
        pillar=section.choice("pillar", Pillar),
        answers=section.text("answers"),
        definition=section.text("definition"),
        counted=section.text("counted"),
        grain=section.choice("grain", Grain),
        periods=section.choices("periods", PeriodKind),
        templates=templates,
        estimator=_estimator(f"{name}.estimator", section.raw("estimator")),
        unit_shown=section.optional_text("unit_shown") or "",
        seeds=section.texts("seeds") if section.has("seeds") else (),
        reference=section.texts("reference") if section.has("reference") else (),
        preregistered=section.flag("preregistered", default=False),
        never_by_site=section.flag("never_by_site", default=False),
        modes=frozenset({Mode.SUM}),
    )
    section.done()
    _check(metric)
    return metric


def _estimator(name: str, content: object) -> Estimator:
    """Read how releases become values."""
    section = Section(name, content)
    kind = section.choice("kind", EstimatorKind)
    estimator = Estimator(
        kind=kind,
        of=section.texts("of") if section.has("of") else (),
        figure=section.optional_text("figure"),
        times=_times(section),
    )
    section.done()
    if kind in WITH_FIGURE and estimator.figure is None:
        raise InvalidProgramme(f"{name}: a {kind.value} needs a public figure.")
    if estimator.figure is not None and kind not in MAY_HAVE_FIGURE:
        raise InvalidProgramme(f"{name}: a {kind.value} reads no public figure.")
    return estimator


def _times(section: Section) -> Fraction:
    """Read the factor of a ratio, exact and above zero."""
    if not section.has("times"):
        return Fraction(1)
    try:
        times = Fraction(section.text("times"))
    except (ValueError, ZeroDivisionError) as error:
        raise InvalidProgramme(
            f'{section.name}: times must be an exact number in quotes, like "30".'
        ) from error
    if times <= 0:
        raise InvalidProgramme(f"{section.name}: times must be above zero.")
    return times


def _measure(kind: EstimatorKind) -> Measure:
    """Return what kind of number an estimator's values are."""
    for measure, kinds in _MEASURES.items():
        if kind in kinds:
            return measure
    return Measure.QUANTITY


def _most(value: Value) -> str:
    """Say what one unit can add."""
    match value:
        case Quantity(lower=lower, upper=upper):
            return f"from {lower} to {upper}"
        case Weighted(upper=upper):
            return f"a weight of at most {upper / 100:g}, with a sign,"
        case Contrast():
            return "one more or one less"
        case _:
            return "one"


def _check(metric: Metric) -> None:
    """Refuse a metric whose parts do not fit one another."""
    kind = metric.estimator.kind
    if (kind in WITHOUT_QUERY) == bool(metric.templates):
        raise InvalidProgramme(f"{metric.id}: {kind.value} and its queries differ.")
    if not set(metric.estimator.of) <= set(metric.templates):
        raise InvalidProgramme(f"{metric.id}: the estimator reads no such query.")
    if metric.never_by_site and metric.grain is Grain.SITE:
        raise InvalidProgramme(
            f'{metric.id} may not be told of a site; write grain = "national".'
        )
    if (metric.measure is Measure.QUANTITY) != bool(metric.unit_shown):
        raise InvalidProgramme(
            f"{metric.id}: a quantity says its unit_shown, and nothing else does."
        )
