"""The metric catalogue: named, versioned definitions the Board may ask for.

A metric is data: query templates, an estimator and words for people. Adding or
changing one needs no code. A template becomes a query when it meets a period.
"""

import dataclasses
import hashlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from privacy import binding, dictionary, metric, withheld
from privacy.dictionary import Dictionary, Grain
from privacy.errors import InvalidProgramme, InvalidQuery, UnknownMetric
from privacy.metric import Estimator, EstimatorKind, Measure, Metric, Pillar, Status
from privacy.period import Period, PeriodKind
from privacy.query import FORMAT, Mode, Query
from privacy.strict import Section, load_toml
from privacy.template import Template
from privacy.withheld import Withheld

__all__ = [
    "Estimator",
    "EstimatorKind",
    "Measure",
    "Metric",
    "Pillar",
    "Programme",
    "Status",
    "load",
    "parse",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """Dictionary and catalogue together, under one version.

    Attributes:
        version: changes whenever a byte of either changes, so two ends that
            name the same version ask and answer the same questions.
        first_entry_year: the first fiscal year a household could enter in.
        how_to_read: what every definition takes for granted, in words.
        withheld: what no site tells of itself in any form.
    """

    version: str
    first_entry_year: Period
    dictionary: Dictionary
    metrics: Mapping[str, Metric]
    how_to_read: str = ""
    withheld: tuple[Withheld, ...] = ()

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
    how_to_read = head.optional_text("how_to_read") or ""
    kept_back = tuple(_withheld(head, words))
    head.done()
    roots = [
        Section(name, load_toml(text))
        for name, text in sorted(files.items())
        if name not in ("dictionary", "programme")
    ]
    shared = {n: s for root in roots for n, s in root.sections("shared")}
    metrics: dict[str, Metric] = {}
    for root in roots:
        for one in _metrics(root, shared):
            if one.id in metrics:
                raise InvalidProgramme(f"{one.id} is defined twice.")
            metrics[one.id] = one
    programme = Programme(
        version=f"{edition}+{_digest(files)[:12]}",
        first_entry_year=first_entry_year,
        dictionary=words,
        metrics=dict(sorted(metrics.items())),
        how_to_read=how_to_read.strip(),
        withheld=kept_back,
    )
    placed = {m.id: _placed(programme, m) for m in programme.metrics.values()}
    return dataclasses.replace(programme, metrics=placed)


def _digest(files: Mapping[str, str]) -> str:
    """Return the digest that stands for the exact texts, injectively."""
    total = hashlib.sha256()
    for name, text in sorted(files.items()):
        data = text.encode()
        total.update(f"{name}\x00{len(data)}\x00".encode() + data)
    return total.hexdigest()


def _withheld(head: Section, words: Dictionary) -> Iterator[Withheld]:
    """Yield what no site tells of itself."""
    listed = head.raw("never_by_site") if head.has("never_by_site") else []
    if not isinstance(listed, list):
        raise InvalidProgramme("programme: never_by_site must be a list of tables.")
    for number, content in enumerate(listed, start=1):
        yield withheld.read(Section(f"never_by_site {number}", content), words)


def _metrics(root: Section, shared: Mapping[str, Section]) -> Iterator[Metric]:
    """Yield the metrics of one file."""
    for name, section in root.sections("metrics"):
        yield metric.read(name, section, shared)
    root.done()


def _placed(programme: Programme, one: Metric) -> Metric:
    """Check a metric's queries, and say how it may be asked.

    Raises:
        InvalidProgramme: a query has no meaning in the dictionary at its grain, or
            singles out what no site tells.
    """
    try:
        asked = [
            query
            for kind in one.periods
            for query in programme.queries(one, _EXAMPLES[kind]).values()
        ]
        for query in asked:
            binding.check(query, programme.dictionary, one.grain)
    except InvalidQuery as error:
        raise InvalidProgramme(f"{one.id}: {error}") from error
    if one.never_by_site:
        return one
    for query, rule in itertools.product(asked, programme.withheld):
        if withheld.singles_out(rule, query, programme.dictionary):
            raise InvalidProgramme(
                f"{one.id} singles out what no site may tell of itself; write "
                "never_by_site = true."
            )
    if not all(_fits_a_site(query, programme) for query in asked):
        return one
    return dataclasses.replace(one, modes=frozenset(Mode))


def _fits_a_site(query: Query, programme: Programme) -> bool:
    """Tell whether a site's own answer to a query may leave the site."""
    try:
        binding.check(query, programme.dictionary, Grain.SITE)
    except InvalidQuery:
        return False
    return True


_EXAMPLES = {
    PeriodKind.QUARTER: Period("FY2025-Q2"),
    PeriodKind.HALF_YEAR: Period("FY2025-H1"),
    PeriodKind.FISCAL_YEAR: Period("FY2025"),
}
