"""The metric catalogue: named, versioned definitions the Board may ask for.

A metric is data: query templates, an estimator and words for people. Adding or
changing one needs no code. A template becomes a query when it meets a period.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from privacy import binding, dictionary, template
from privacy.dictionary import Dictionary, Grain
from privacy.errors import InvalidProgramme, InvalidQuery, UnknownMetric
from privacy.period import Period, PeriodKind
from privacy.query import FORMAT, Query
from privacy.strict import Section, load_toml
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


class EstimatorKind(StrEnum):
    """How releases become published values; all of it costs nothing more.

    The first five can run. The others are written down so that their queries
    can be judged; a metric that uses one stays a draft.
    """

    COUNT = "count"
    HISTOGRAM = "histogram"
    MIX = "mix"
    SHARE = "share"
    CONTRAST_SHARE = "contrast_share"
    MEAN = "mean"
    RATIO = "ratio"
    RATIO_TO_PUBLIC = "ratio_to_public"
    STANDARDISED_DIFFERENCE = "standardised_difference"
    WEIGHTED_EFFECT = "weighted_effect"
    EFFECT_ON_ENROLLED = "effect_on_enrolled"
    SHARE_BY_ARM = "share_by_arm"
    PUBLIC = "public"
    LEDGER = "ledger"


RUNNING_KINDS = frozenset(
    {
        EstimatorKind.COUNT,
        EstimatorKind.HISTOGRAM,
        EstimatorKind.MIX,
        EstimatorKind.SHARE,
        EstimatorKind.CONTRAST_SHARE,
    }
)
_NO_QUERY = frozenset(
    {
        EstimatorKind.PUBLIC,
        EstimatorKind.LEDGER,
        EstimatorKind.RATIO_TO_PUBLIC,
        EstimatorKind.EFFECT_ON_ENROLLED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """How a metric's releases become values.

    Attributes:
        of: the names of the queries it reads, in the order the kind expects:
            for contrast_share, the contrasts and then the count they share.
        metrics: other metrics it reads, for a kind without queries of its own.
    """

    kind: EstimatorKind
    of: tuple[str, ...]
    metrics: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric of the catalogue."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """Dictionary and catalogue together, under one version.

    Attributes:
        version: changes whenever a byte of either changes, so two ends that
            name the same version ask and answer the same questions.
        first_entry_year: the first fiscal year a household could enter in.
    """

    version: str
    first_entry_year: Period
    dictionary: Dictionary
    metrics: Mapping[str, Metric]

    def metric(self, name: str) -> Metric:
        """Return a metric.

        Raises:
            UnknownMetric: the catalogue has none of that name.
        """
        if name not in self.metrics:
            raise UnknownMetric(
                f"The catalogue has no metric {name[:8]!r}; `cmpp metrics list` "
                "shows those it has."
            )
        return self.metrics[name]

    def queries(
        self, metric: Metric, period: Period, revision: int = 0
    ) -> dict[str, Query]:
        """Return a metric's queries for a period, by name.

        Raises:
            InvalidQuery: the metric is not published for that length of period.
        """
        if period.kind not in metric.periods:
            lengths = ", ".join(kind.value for kind in metric.periods) or "no period"
            raise InvalidQuery(
                f"{metric.id} is published by {lengths}, not by {period.kind.value}."
            )
        return {
            name: self.query(made_from, period, revision)
            for name, made_from in metric.templates.items()
        }

    def query(self, made_from: Template, period: Period, revision: int) -> Query:
        """Return one template's query for a period."""
        first = max(
            period.year - made_from.entry_lookback_years, self.first_entry_year.year
        )
        years = tuple(Period(f"FY{y}") for y in range(first, period.year + 1))
        if not years:
            raise InvalidQuery(
                f"{period} lies before the programme began in {self.first_entry_year}."
            )
        fields: dict[str, Any] = {
            "format": FORMAT,
            "unit": made_from.unit,
            "entry_years": years,
            "anchor": made_from.anchor,
            "periods": (period,),
            "population": made_from.population,
            "value": made_from.value,
            "by": made_from.by,
            "revision": revision,
        }
        bare = Query(code_lists=(), **fields)
        lists = binding.code_lists(bare, self.dictionary)
        return Query(code_lists=lists, **fields)


@cache
def load() -> Programme:
    """Read, check and return the programme this software ships.

    Raises:
        InvalidProgramme: a file does not say one definite thing.
    """
    folder = resources.files("privacy") / "programme"
    files = {"dictionary": (folder / "dictionary.toml").read_text("utf-8")}
    files["programme"] = (folder / "programme.toml").read_text("utf-8")
    for item in (folder / "catalogue").iterdir():
        if item.name.endswith(".toml"):
            files[item.name] = item.read_text("utf-8")
    return parse(files)


def parse(files: Mapping[str, str]) -> Programme:
    """Build a programme from file texts: `dictionary`, `programme` and metrics.

    Raises:
        InvalidProgramme: a file does not say one definite thing.
    """
    words = dictionary.parse(files["dictionary"])
    head = Section("programme", load_toml(files["programme"]))
    first_entry_year = Period(head.text("first_entry_year"))
    edition = head.text("edition")
    head.done()
    roots = [
        Section(name, load_toml(text))
        for name, text in sorted(files.items())
        if name not in ("dictionary", "programme")
    ]
    shared = {n: s for root in roots for n, s in root.sections("shared")}
    metrics: dict[str, Metric] = {}
    for root in roots:
        for metric in _metrics(root, shared):
            if metric.id in metrics:
                raise InvalidProgramme(f"{metric.id} is defined twice.")
            metrics[metric.id] = metric
    programme = Programme(
        version=f"{edition}+{_digest(files)[:12]}",
        first_entry_year=first_entry_year,
        dictionary=words,
        metrics=dict(sorted(metrics.items())),
    )
    _check(programme)
    return programme


def _digest(files: Mapping[str, str]) -> str:
    """Return the digest that stands for the exact texts, injectively."""
    total = hashlib.sha256()
    for name, text in sorted(files.items()):
        data = text.encode()
        total.update(f"{name}\x00{len(data)}\x00".encode() + data)
    return total.hexdigest()


def _metrics(root: Section, shared: Mapping[str, Section]) -> Iterator[Metric]:
    """Yield the metrics of one file."""
    for name, section in root.sections("metrics"):
        yield _metric(name, section, shared)
    root.done()


def _metric(name: str, section: Section, shared: Mapping[str, Section]) -> Metric:
    """Read one metric."""
    inner = Section(f"{name}.estimator", section.raw("estimator"))
    estimator = Estimator(
        kind=inner.choice("kind", EstimatorKind),
        of=inner.texts("of") if inner.has("of") else (),
        metrics=inner.texts("metrics") if inner.has("metrics") else (),
    )
    inner.done()
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
        estimator=estimator,
    )
    section.done()
    return metric


def _check(programme: Programme) -> None:
    """Refuse a metric that has no meaning, or runs what cannot run."""
    for metric in programme.metrics.values():
        kind = metric.estimator.kind
        if metric.status is Status.RUNNING and kind not in RUNNING_KINDS:
            raise InvalidProgramme(f"{metric.id}: a {kind.value} cannot run yet.")
        if (kind in _NO_QUERY) == bool(metric.templates):
            raise InvalidProgramme(f"{metric.id}: {kind.value} and its queries differ.")
        if not set(metric.estimator.of) <= set(metric.templates):
            raise InvalidProgramme(f"{metric.id}: the estimator reads no such query.")
        if not set(metric.estimator.metrics) <= set(programme.metrics):
            raise InvalidProgramme(f"{metric.id}: the estimator reads no such metric.")
        for period_kind in metric.periods:
            period = _EXAMPLES[period_kind]
            for query in programme.queries(metric, period).values():
                binding.check(query, programme.dictionary, metric.grain)


_EXAMPLES = {
    PeriodKind.QUARTER: Period("FY2025-Q2"),
    PeriodKind.HALF_YEAR: Period("FY2025-H1"),
    PeriodKind.FISCAL_YEAR: Period("FY2025"),
}
