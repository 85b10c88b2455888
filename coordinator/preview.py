"""Say beforehand how precise every value would be and what a site would pay.

Everything follows from the question, its loss and public planning figures. No
record, no node and no kept answer is looked at, so looking ahead is free and
tells nothing.

The standard error of a count is exact: it does not depend on the count. That of
a share also depends on how many there are and on the share itself, so it is
stated for an expected count and share, from public capacity or earlier results.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from coordinator import order as orders
from coordinator.figures import WITHOUT_QUESTION, PublicFigures
from coordinator.order import Order, Question
from coordinator.result import EVERYWHERE
from privacy import binding, estimators, precision
from privacy.catalogue import EstimatorKind, Metric, Programme
from privacy.dictionary import Grain
from privacy.errors import InvalidQuery
from privacy.estimate import Measured
from privacy.estimators import MetricCell
from privacy.period import date_of

_EVEN = Fraction(1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is planned for: public figures, never taken from records.

    Attributes:
        count: How many are counted at all sites together.
        share: For shares, the value expected.
    """

    count: int
    share: Fraction = _EVEN

    def __post_init__(self) -> None:
        """Refuse to plan for nobody, or for a share outside 0 to 1."""
        if self.count < 1 or not 0 <= self.share <= 1:
            raise InvalidQuery(
                "Expect at least one, and a share between 0 and 1; correct the plan."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPreview:
    """How precise one value would be."""

    site: str
    labels: tuple[tuple[str, str], ...]
    standard_error: float
    half_width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """How precise every value would be, and what each site would be charged.

    Attributes:
        charges: Rho by query; nothing for one a site has answered before.
        from_day: The first day on which a site will answer.
    """

    order: Order
    expected: Expected
    cells: tuple[CellPreview, ...]
    charges: Mapping[str, Fraction]
    from_day: dt.date

    @property
    def rho(self) -> Fraction:
        """The most each site is charged for all of it."""
        return sum(self.charges.values(), Fraction(0))


def preview(
    order: Order,
    programme: Programme,
    *,
    sites: Sequence[str],
    confidence: Fraction,
    expected: Expected,
    figures: PublicFigures | None = None,
) -> Preview:
    """Look ahead at one order.

    Raises:
        InvalidQuery: there is no site, or the order is not whole.
        NoPublicFigure: a published number that the values need is missing.
    """
    if not sites:
        raise InvalidQuery("There is no site to plan for; add one first.")
    if order.metric.estimator.kind in WITHOUT_QUESTION:
        raise InvalidQuery(
            f"No site is asked for {order.metric.id}: it is exact and costs nothing; "
            "see it with `cmpp query run`."
        )
    questions = orders.named(order, programme)
    groups = [(EVERYWHERE, tuple(sites))]
    if order.metric.grain is Grain.SITE:
        groups += [(site, (site,)) for site in sites]
    known = figures or PublicFigures()
    found = []
    for name, members in groups:
        share = Fraction(len(members), len(sites))
        planned = _Planned(
            questions=questions,
            members=len(members),
            figures=known.of(order.metric, members, order.period),
            count=max(1, round(expected.count * share)),
            share=expected.share,
        )
        found += [
            _cell(name, cell, order.metric, confidence)
            for cell in planned.cells(order.metric, confidence)
        ]
    first = max(binding.matures(each.query) for each in questions.values())
    return Preview(
        order=order,
        expected=expected,
        cells=tuple(found),
        charges=dict(order.rho),
        from_day=date_of(first),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """The vectors that some sites would release, were the plan exactly true."""

    questions: Mapping[str, Question]
    members: int
    figures: Mapping[str, Fraction]
    count: int
    share: Fraction

    def cells(self, metric: Metric, confidence: Fraction) -> tuple[MetricCell, ...]:
        """Return the values that such vectors would be published as."""
        if metric.estimator.kind is not EstimatorKind.MIX:
            return self._published(metric, confidence, focus=None)
        (question,) = self.questions.values()
        return tuple(
            self._published(metric, confidence, focus=index)[index]
            for index in range(question.size)
        )

    def _published(
        self, metric: Metric, confidence: Fraction, *, focus: int | None
    ) -> tuple[MetricCell, ...]:
        """Publish the planned vectors; `focus` is the cell that has the share."""
        any_question = next(iter(self.questions.values()))
        return estimators.publish(
            metric,
            {name: each.query for name, each in self.questions.items()},
            {name: self._vector(each, focus) for name, each in self.questions.items()},
            any_question.programme.dictionary,
            confidence=confidence,
            figures=self.figures,
        )

    def _vector(self, question: Question, focus: int | None) -> tuple[Measured, ...]:
        """Return one query's planned vector with the noise it would carry."""
        variance = self.members * question.noise(question.rho).variance
        parts = precision.parts(
            question.query, question.size, share=self.share, focus=focus
        )
        return tuple(Measured(round(self.count * part), variance) for part in parts)


def _cell(
    site: str, planned: MetricCell, metric: Metric, confidence: Fraction
) -> CellPreview:
    """Keep the precision of a planned value, and forget the value."""
    return CellPreview(
        site=site,
        labels=planned.labels,
        standard_error=planned.estimate.standard_error,
        half_width=precision.half_width(planned, metric, confidence),
    )
