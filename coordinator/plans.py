"""Draft an analysis plan from a metric's definition, and know which ones stand."""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from coordinator.documents import Kept
from coordinator.log import Log
from privacy import analysis_plan, definition
from privacy.analysis_plan import AnalysisPlan, Locked
from privacy.catalogue import Programme
from privacy.errors import BadConfiguration
from privacy.metric import Metric
from privacy.signing import Document

COMBINING: Final = (
    "Each cohort is released once. Cohorts under this plan are added up, sum by sum, "
    "and nothing else is done with them; no cohort is left out for what it shows."
)
"""What is done with cohorts, unless a draft says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a plan is to fix, before anybody signs it.

    Attributes:
        metric: Whose effect.
        programme: Where the metric is defined.
    """

    network: str
    number: int
    metric: Metric
    programme: Programme
    estimand: str
    outcome: str
    combining: str
    locked_on: dt.date
    first_draw_on: dt.date

    def document(self) -> Document:
        """Write the plan, with the numbers its definition means.

        Raises:
            BadConfiguration: the metric needs no plan.
            InvalidProgramme: it does not say one definite thing.
        """
        if not self.metric.preregistered:
            raise BadConfiguration(
                f"{self.metric.id} needs no analysis plan; `cmpp metrics list` says "
                "which metrics do."
            )
        plan = AnalysisPlan(
            network=self.network,
            number=self.number,
            metric=self.metric.id,
            definition=definition.digest(self.metric, self.programme),
            estimand=self.estimand,
            outcome=self.outcome,
            window_days=definition.window_days(self.metric),
            weight_limit_percent=definition.weight_limit_percent(self.metric),
            combining=self.combining,
            locked_on=self.locked_on,
            first_draw_on=self.first_draw_on,
        )
        document = plan.document()
        analysis_plan.parse(document)
        return document


def locked(kept: Iterable[Kept], log: Log) -> tuple[Locked, ...]:
    """Return the plans the public log tells of, each with the moment it tells."""
    found = []
    for each in kept:
        if each.log_number is not None:
            (entry,) = log.entries(each.log_number, each.log_number + 1)
            at = dt.datetime.fromisoformat(entry.at)
            found.append(Locked(plan=analysis_plan.parse(each.document), at=at))
    return tuple(found)


def facts(
    document: Document, before: Iterable[Locked], programmes: Collection[Programme]
) -> tuple[str, dict[str, Any]]:
    """Judge a plan as a site will, and by its definition; return what the log tells.

    Requires: enough of the Board signed it.

    Raises:
        BadSignature: it does not come after the plans before it.
        BadConfiguration: no programme the centre knows has its definition.
        InvalidProgramme: its numbers are not those of its definition.
    """
    plan = analysis_plan.parse(document)
    known = [each.plan for each in before]
    if plan.digest not in {each.digest for each in known}:
        analysis_plan.check_next(plan, known)
    analysis_plan.check_said(plan, defined(plan, programmes))
    fact = {
        "number": plan.number,
        "metric": plan.metric,
        "document": document.file().decode(),
    }
    return str(plan.number), fact


def defined(plan: AnalysisPlan, programmes: Collection[Programme]) -> Metric:
    """Return the metric as the definition a plan names has it.

    Raises:
        BadConfiguration: no programme the centre knows has that definition.
    """
    for programme in reversed(list(programmes)):
        metric = programme.metrics.get(plan.metric)
        if (
            metric is not None
            and metric.preregistered
            and definition.digest(metric, programme) == plan.definition
        ):
            return metric
    raise BadConfiguration(
        f"No programme here defines {plan.metric} as analysis plan {plan.number} "
        "fixes it; submit its edition first, or draft the plan again."
    )
