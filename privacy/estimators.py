"""From a metric's released vectors to its published cells. It costs nothing.

Works the same on one site's vectors and on the sum over sites, or over the cohorts of
several draws: the variance that comes in says which.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from privacy import balance, estimate, lottery, quantile, ratio
from privacy.catalogue import EstimatorKind, Metric
from privacy.dictionary import Dictionary
from privacy.errors import InvalidProgramme, InvalidQuery, NoPublicFigure
from privacy.estimate import Estimate, Measured
from privacy.expression import ByBand, Weighted
from privacy.query import Query, cells
from privacy.vector import Labels, Vector, total

ALL = "all"
"""The label of a total over a dimension."""
GROUP = "group"
"""The name under which several values of one metric are told apart."""
DIMENSION, QUANTILE, ARM = "dimension", "quantile", "arm"
"""The names of labels that say which trait, quantile or arm a value is about."""
SELECTED, NOT_SELECTED, DIFFERENCE = "selected", "not selected", "difference"
"""The labels of the two arms of a draw, and of the first less the second."""
ARM_WEIGHTS: Final = ("arm_selected_weight", "arm_not_selected_weight")
"""The public figures that stand for the two sums of weights, in percent."""

_LEVELS: Final = {
    "25 %": Fraction(1, 4),
    "50 %": Fraction(1, 2),
    "75 %": Fraction(3, 4),
}
_NO_FIGURES: Final[Mapping[str, Fraction]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class MetricCell:
    """One published value: its labels by dimension, in order, and its estimate."""

    labels: Labels
    estimate: Estimate


def publish(
    metric: Metric,
    queries: Mapping[str, Query],
    measured: Mapping[str, tuple[Measured, ...]],
    dictionary: Dictionary,
    *,
    confidence: Fraction,
    figures: Mapping[str, Fraction] = _NO_FIGURES,
) -> tuple[MetricCell, ...]:
    """Return a metric's cells from the vectors of its queries.

    Args:
        metric: the metric.
        queries: its queries by name, for one period each.
        measured: by the same names, one measurement per cell.
        dictionary: the one the queries were checked against.
        confidence: of every interval, such as 19/20.
        figures: published numbers by name, exact, for the same sites and period.

    Raises:
        NoPublicFigure: the estimator needs a published number that is not there.
        InvalidQuery: a vector is missing or has the wrong length.
        InvalidProgramme: the metric reads no records, or its parts do not fit.
    """
    reading = _Reading(
        metric=metric,
        queries=queries,
        measured=measured,
        dictionary=dictionary,
        confidence=confidence,
        figures=figures,
    )
    return tuple(reading.cells())


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Reading:
    """Everything one metric's values follow from."""

    metric: Metric
    queries: Mapping[str, Query]
    measured: Mapping[str, tuple[Measured, ...]]
    dictionary: Dictionary
    confidence: Fraction
    figures: Mapping[str, Fraction]

    def cells(  # noqa: C901, PLR0911 - one case for each kind
        self,
    ) -> Iterator[MetricCell]:
        """Yield the cells in the order they are shown."""
        kind = self.metric.estimator.kind
        match kind:
            case EstimatorKind.COUNT | EstimatorKind.HISTOGRAM | EstimatorKind.TOTAL:
                return self._sums(first_whole=kind is not EstimatorKind.HISTOGRAM)
            case EstimatorKind.MIX:
                return self._mix()
            case EstimatorKind.SHARE | EstimatorKind.RATIO_SHARE:
                return self._shares()
            case EstimatorKind.CONTRAST_SHARE:
                return self._contrasts()
            case EstimatorKind.MEAN | EstimatorKind.RATIO:
                return self._quotients()
            case EstimatorKind.RATIO_TO_PUBLIC | EstimatorKind.PUBLIC_OVER:
                return self._against_public()
            case EstimatorKind.QUANTILES:
                return self._quantiles()
            case EstimatorKind.STANDARDISED_DIFFERENCE:
                return self._standardised()
            case EstimatorKind.SHARE_BY_ARM:
                return self._by_arm()
            case EstimatorKind.WEIGHTED_EFFECT | EstimatorKind.EFFECT_ON_ENROLLED:
                return self._effects()
            case EstimatorKind.PUBLIC | EstimatorKind.LEDGER:
                raise InvalidProgramme(
                    f"{self.metric.id} reads no records, so nothing is estimated."
                )

    def _vector(self, name: str) -> Vector:
        """Pair a query's cells with its measurements."""
        query, found = self.queries[name], self.measured.get(name)
        places = cells(query, self.dictionary)
        if found is None or len(found) != len(places):
            raise InvalidQuery("A query's release is missing, or has the wrong length.")
        return Vector(query, places, found)

    def _vectors(self) -> list[Vector]:
        """Return the vectors in the estimator's order."""
        return [self._vector(name) for name in self.metric.estimator.of]

    def _grouped(self) -> list[tuple[Labels, Vector]]:
        """Return the vectors, each under its query's name where there are several."""
        names = self.metric.estimator.of
        several = len(names) > 1
        return [(_group(n) if several else (), self._vector(n)) for n in names]

    def _figure(self) -> Fraction:
        """Return the public figure the estimator names."""
        name = self.metric.estimator.figure or ""
        found = self.figures.get(name)
        if found is None or found <= 0:
            raise NoPublicFigure(
                f"{self.metric.id} needs the published figure {name!r} for this period "
                "and these sites, and there is none; add it to the public facts."
            )
        return found

    def _sums(self, *, first_whole: bool) -> Iterator[MetricCell]:
        """Yield each cell's count or total, after that of all where there are several.

        A total with a public figure is also shown multiplied by it, where there is one.
        """
        figure = self.metric.estimator.figure
        for group, vector in self._grouped():
            if first_whole and len(vector.cells) > 1:
                names = [name for name, _ in vector.cells[0].labels]
                labels = (*group, *((name, ALL) for name in names))
                yield MetricCell(labels, self._total(vector, vector.whole))
            for labels, one in vector:
                yield MetricCell((*group, *labels), self._total(vector, one))
            if figure is not None and figure in self.figures:
                whole = self._total(vector, vector.whole)
                name = f"times {figure.replace('_', ' ')}"
                yield MetricCell(((GROUP, name),), ratio.scaled(whole, self._figure()))

    def _total(self, vector: Vector, one: Measured) -> Estimate:
        """Estimate a count, or a sum that may be signed."""
        return estimate.total(one, signed=vector.signed, confidence=self.confidence)

    def _mix(self) -> Iterator[MetricCell]:
        """Yield each cell's share of the total; the cells carry independent noise."""
        (vector,) = self._vectors()
        for index, (labels, one) in enumerate(vector):
            others = vector.measured[:index] + vector.measured[index + 1 :]
            share = estimate.share(one, total(others), confidence=self.confidence)
            yield MetricCell(labels, share)

    def _shares(self) -> Iterator[MetricCell]:
        """Yield yes / (yes + no): of two cells, or of two sums."""
        if self.metric.estimator.kind is EstimatorKind.RATIO_SHARE:
            first, second = self._vectors()
            pairs = list(first.beside(second))
        else:
            pairs = [
                ((*group, *labels), yes, no)
                for group, vector in self._grouped()
                for labels, yes, no in vector.halves()
            ]
        for labels, yes, no in pairs:
            share = estimate.share(yes, no, confidence=self.confidence)
            yield MetricCell(labels, share)

    def _contrasts(self) -> Iterator[MetricCell]:
        """Yield (1 + contrast / count) / 2, cell by cell, under the contrast's name."""
        *contrasts, count = self._vectors()
        names = self.metric.estimator.of if len(contrasts) > 1 else ("",)
        for name, contrast in zip(names, contrasts, strict=False):
            for labels, one, whole in contrast.beside(count):
                share = estimate.share_of(one, whole, confidence=self.confidence)
                yield MetricCell((*_group(name), *labels), share)

    def _quotients(self) -> Iterator[MetricCell]:
        """Yield a sum over a count, or over another sum, cell by cell."""
        top, bottom = self._vectors()
        if bottom.signed:
            raise InvalidProgramme(f"{self.metric.id} divides by what may be negative.")
        for labels, one, whole in top.beside(bottom):
            plain = ratio.quotient(
                one, whole, bounds=top.bounds, confidence=self.confidence
            )
            yield MetricCell(labels, ratio.scaled(plain, self.metric.estimator.times))

    def _against_public(self) -> Iterator[MetricCell]:
        """Yield a count or total over a published number, or the other way round."""
        (vector,) = self._vectors()
        figure, times = self._figure(), self.metric.estimator.times
        if self.metric.estimator.kind is EstimatorKind.RATIO_TO_PUBLIC:
            found = ratio.scaled(self._total(vector, vector.whole), times / figure)
        else:
            found = ratio.public_over(
                figure * times, vector.whole, confidence=self.confidence
            )
        yield MetricCell((), found)

    def _quantiles(self) -> Iterator[MetricCell]:
        """Yield quartiles and median; the last cell of the band is the unknown."""
        (vector,) = self._vectors()
        if len(vector.query.by) != 1 or not isinstance(vector.query.by[0], ByBand):
            raise InvalidProgramme(f"{self.metric.id} needs one band, and only it.")
        for label, level in _LEVELS.items():
            found = quantile.quantile(
                vector.measured[:-1],
                vector.query.by[0].edges,
                level=level,
                confidence=self.confidence,
            )
            yield MetricCell(((QUANTILE, label),), found)

    def _standardised(self) -> Iterator[MetricCell]:
        """Yield how far the arms differ in every value of every trait."""
        for name, vector in zip(self.metric.estimator.of, self._vectors(), strict=True):
            selected, others = vector.arms()
            for n, cell in enumerate(vector.cells[: len(selected)]):
                found = balance.standardised(
                    _against_rest(selected, n),
                    _against_rest(others, n),
                    confidence=self.confidence,
                )
                trait = name.replace("_", " ")
                labels = ((DIMENSION, trait), (trait, cell.labels[-1][1]))
                yield MetricCell(labels, found)

    def _by_arm(self) -> Iterator[MetricCell]:
        """Yield the share in either arm, then their difference."""
        (vector,) = self._vectors()
        pairs = [(yes, no) for _, yes, no in vector.halves()]
        if len(pairs) != len(vector.arms()):
            raise InvalidProgramme(
                f"{self.metric.id} needs two arms, and a yes and no."
            )
        selected, others = pairs
        for name, (yes, no) in ((SELECTED, selected), (NOT_SELECTED, others)):
            share = estimate.share(yes, no, confidence=self.confidence)
            yield MetricCell(((ARM, name),), share)
        gap = balance.difference(selected, others, confidence=self.confidence)
        yield MetricCell(((ARM, DIFFERENCE),), gap)

    def _effects(self) -> Iterator[MetricCell]:
        """Yield the effect on each outcome, or the first over that on enrolling.

        The estimator names the effects, then the means in the same order, then
        balance and weight.
        """
        names = self.metric.estimator.of
        size = (len(names) - 2) // 2
        if size < 1 or len(names) % 2:
            raise InvalidProgramme(
                f"{self.metric.id} needs four sums, or six, or more."
            )
        arms = self._arms()
        outcomes = [
            lottery.Outcome(
                effect=self._vector(names[n]).whole,
                mean=self._vector(names[size + n]).whole,
            )
            for n in range(size)
        ]
        if self.metric.estimator.kind is EstimatorKind.EFFECT_ON_ENROLLED:
            outcome, enrolled = outcomes
            found = lottery.effect_on_enrolled(
                outcome, enrolled, arms, confidence=self.confidence
            )
            yield MetricCell((), found)
            return
        for name, outcome in zip(names, outcomes, strict=False):
            label = name.removesuffix("_effect") if size > 1 else ""
            found = lottery.effect(outcome, arms, confidence=self.confidence)
            yield MetricCell(_group(label), found)

    def _arms(self) -> lottery.Arms:
        """Return the arms' weights: published ones if there are, else measured."""
        first, *_, balanced, weighed = self.metric.estimator.of
        value = self.queries[first].value
        if not isinstance(value, Weighted):
            raise InvalidProgramme(f"{self.metric.id} needs weighted sums.")
        if all(name in self.figures for name in ARM_WEIGHTS):
            selected, others = (self.figures[name] for name in ARM_WEIGHTS)
            return lottery.published(selected, others, upper=value.upper)
        return lottery.measured(
            self._vector(balanced).whole,
            self._vector(weighed).whole,
            upper=value.upper,
        )


def _group(name: str) -> Labels:
    """Return the label that tells one of several values apart, if there are."""
    return ((GROUP, name.replace("_", " ")),) if name else ()


def _against_rest(arm: tuple[Measured, ...], index: int) -> balance.Arm:
    """Return one cell of an arm, and the sum of the others."""
    return arm[index], total(arm[:index] + arm[index + 1 :])
