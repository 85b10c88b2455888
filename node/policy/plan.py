"""Spell out what a mandate opens: every question it could ask of this site.

A mandate names metrics and periods; what an officer must judge are the questions
these come to, each counted once however many metrics share it. Nothing here reads a
record: the mandate, the catalogue and the noise are public.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from privacy import estimate, loss, mechanism, pack, sensitivity
from privacy.accounts import Spend
from privacy.amount import Amount
from privacy.catalogue import Metric, Programme, Status
from privacy.errors import InvalidProgramme
from privacy.mandate import Mandate
from privacy.period import Period
from privacy.query import Query, cells

CONFIDENCE: Final = Fraction(95, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One question a mandate opens.

    Attributes:
        metric: The first metric that asks it.
        rho: What it would cost: as one of the Board's packs plans it, else an even
            part of all that the mandate allows.
    """

    metric: Metric
    period: Period
    query: Query
    rho: Fraction

    def half_width(self, programme: Programme) -> float:
        """Return half the interval around each number this site would give.

        Units: people or households, 95 times in 100.
        """
        words = programme.dictionary
        noise = mechanism.calibrate(
            l2_squared=sensitivity.of(self.query, words).l2_squared,
            rho=self.rho,
            size=len(cells(self.query, words)),
        )
        return estimate.count_half_width(noise.variance, confidence=CONFIDENCE)

    def spend(self, mandate: Mandate) -> Spend:
        """Return what the ledger would charge, and to whose accounts."""
        pico = loss.pico(self.rho)
        return Spend(
            entry_years=self.query.entry_years,
            anchor=self.query.anchor,
            periods=self.query.periods,
            amount=Amount(pico, pico),
            mandate=mandate.digest.hex(),
        )


def questions(mandate: Mandate, programme: Programme) -> tuple[Planned, ...]:
    """Return every question a mandate opens, each once, by metric."""
    found: dict[bytes, tuple[Metric, Period, Query, Fraction | None]] = {}
    losses = _losses(programme)
    for metric, period, name, query in _asked(mandate, programme):
        rho = losses.get((metric.id, period.kind.value, name))
        found.setdefault(query.digest, (metric, period, query, rho))
    even = mandate.loss_rho / max(1, len(found))
    return tuple(
        Planned(metric=metric, period=period, query=query, rho=rho or even)
        for metric, period, query, rho in found.values()
    )


def in_time(periods: Iterable[Period]) -> tuple[Period, ...]:
    """Return periods by their beginning, the longer first."""
    return tuple(sorted(periods, key=lambda each: (each.start, -each.end)))


def packed(programme: Programme) -> frozenset[str]:
    """Return the metrics that a shipped pack asks for."""
    return frozenset(metric for metric, _, _ in _losses(programme))


def unknown(mandate: Mandate, programme: Programme) -> tuple[str, ...]:
    """Return the metrics a mandate names and nobody answers in its mode."""
    answered = {m.id for m in programme.metrics.values() if _answered(m, mandate)}
    return tuple(sorted(mandate.metrics - answered))


def _answered(metric: Metric, mandate: Mandate) -> bool:
    """Tell whether a metric is open at all, in the mode a mandate asks in."""
    return metric.status is Status.RUNNING and mandate.mode in metric.modes


def _asked(
    mandate: Mandate, programme: Programme
) -> Iterator[tuple[Metric, Period, str, Query]]:
    """Yield each query of each metric for each period it is published by."""
    for name in sorted(mandate.metrics):
        metric = programme.metrics.get(name)
        if metric is None or not _answered(metric, mandate):
            continue
        for period in in_time(mandate.periods):
            if period.kind not in metric.periods:
                continue
            if period.year < programme.first_entry_year.year:
                continue
            queries = programme.queries(metric, period, mandate.revision)
            for query_name, query in queries.items():
                yield metric, period, query_name, query


def _losses(programme: Programme) -> dict[tuple[str, str, str], Fraction]:
    """Return what the shipped packs plan for each metric, length and query."""
    found: dict[tuple[str, str, str], Fraction] = {}
    for name in pack.names():
        try:
            lines = pack.load(name, programme).lines
        except InvalidProgramme:
            continue  # a pack made for another edition plans nothing for this one
        for line in lines:
            for query_name, rho in line.losses.items():
                found[line.metric, line.period_kind.value, query_name] = rho
    return found
