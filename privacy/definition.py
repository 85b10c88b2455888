"""What a metric computes, apart from its name and words, and one digest of it.

Two definitions with one digest give the same figures from the same records, in every
period. The digest is what people sign when they fix an analysis beforehand.
"""

import hashlib
from typing import Final

from privacy import binding, canonical
from privacy.catalogue import Programme
from privacy.chain import injective
from privacy.expression import (
    EVERYBODY,
    Compare,
    Comparison,
    Instant,
    Number,
    Weighted,
)
from privacy.metric import Metric
from privacy.template import Template

CHANCE: Final = "pool_entry.selection_permille"
"""The recorded chance of selection, by which a definition leaves draws out."""

_CERTAIN: Final = 1000
_DOMAIN: Final = b"cmpp.exchange metric definition v1\x00"


def digest(metric: Metric, programme: Programme) -> bytes:
    """Return the digest of what a metric computes, whatever the period, 32 bytes.

    It covers the queries, the estimator, and the codes and events of the dictionary
    that they read.
    """
    estimator = metric.estimator
    parts: list[str | int | bytes | None] = [
        metric.id,
        estimator.kind.value,
        "\n".join(estimator.of),
        estimator.figure,
        str(estimator.times),
    ]
    for name, made_from in sorted(metric.templates.items()):
        parts += [
            name,
            made_from.unit.value,
            made_from.anchor,
            made_from.entry_lookback_years,
            canonical.encode(made_from.population),
            canonical.encode(made_from.value),
            canonical.encode(made_from.by),
            _meanings(made_from, programme),
        ]
    return hashlib.sha256(_DOMAIN + injective(*parts)).digest()


def window_days(metric: Metric) -> int:
    """Return how long after the draw the latest outcome of a metric lies."""
    days = [
        instant.days
        for value in _weighted(metric)
        for instant in binding.walk(value.outcome)
        if isinstance(instant, Instant)
    ]
    return max(days, default=0)


def weight_limit_percent(metric: Metric) -> int:
    """Return the largest weight a household has in a metric, a hundredfold."""
    return max((value.upper for value in _weighted(metric)), default=0)


def chances_permille(metric: Metric) -> tuple[int, int]:
    """Return between which chances of selection a metric takes draws in."""
    least, most = 1, _CERTAIN
    for made_from in metric.templates.values():
        for part in binding.walk(made_from.population):
            match part:
                case Compare(left=Number(field=field), comparison=how, right=int(at)):
                    if field == CHANCE and how is Comparison.AT_LEAST:
                        least = max(least, at)
                    elif field == CHANCE and how is Comparison.AT_MOST:
                        most = min(most, at)
                case _:
                    pass
    return least, most


def outcomes(metric: Metric) -> tuple[Template, ...]:
    """Return the queries of a metric that tell of an outcome, not only of arms."""
    return tuple(
        made_from
        for made_from in metric.templates.values()
        if isinstance(made_from.value, Weighted)
        and made_from.value.outcome != EVERYBODY
    )


def arms(metric: Metric) -> frozenset[str]:
    """Return the names of the queries that only tell how large the arms are."""
    return frozenset(
        name
        for name, made_from in metric.templates.items()
        if isinstance(made_from.value, Weighted)
        and made_from.value.outcome == EVERYBODY
    )


def _weighted(metric: Metric) -> list[Weighted]:
    values = (made_from.value for made_from in metric.templates.values())
    return [value for value in values if isinstance(value, Weighted)]


def _meanings(made_from: Template, programme: Programme) -> bytes:
    """Write what the dictionary means by the codes and events a query reads."""
    words = programme.dictionary
    query = programme.query(made_from, programme.first_entry_year, 0)
    parts: list[str | int] = []
    for name, _ in query.code_lists:
        known = words.code_lists[name]
        parts += [name, known.version, *known.codes, known.otherwise]
    if made_from.anchor is not None:
        event = words.event(made_from.anchor)
        parts += [event.name, event.table, event.day, event.field or "", *event.codes]
    return injective(*parts)
