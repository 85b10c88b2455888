"""An analysis plan: how the effect of a draw is worked out, signed before the draw.

Whoever may choose window, outcome or estimand after seeing the figures can find an
effect where there is none. So the Board signs them beforehand, with the digest of
the very definition, and neither end asks the metric about draws held before that.
A plan permits nothing: it is what a mandate's question must keep to.

Source: pre-registration as in clinical trials (ICH E9, section 5.1): the analysis is
fixed, and known to others, before the first outcome it uses.
"""

import datetime as dt
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from privacy import definition, drawing, roster
from privacy.catalogue import Programme
from privacy.errors import BadSignature, InvalidProgramme, NotAllowed
from privacy.mandate import Mandate
from privacy.metric import Metric
from privacy.period import Period, date_of, day_number
from privacy.signing import Document, Kind, text_of
from privacy.strict import Section, load_toml, quoted

SENTENCE_MAX: Final = 2_000

_METRIC: Final = re.compile(r"M[0-9]{2,3}", re.ASCII)
_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_WORDS: Final = ("estimand", "outcome", "combining")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisPlan:
    """One plan, as signed.

    Attributes:
        number: Rises with each plan of the network.
        metric: Whose effect it fixes.
        definition: Digest of the metric's queries and estimator, 32 bytes.
        estimand: What is estimated, in words.
        outcome: What counts as the outcome, in words.
        window_days: How long after the draw the outcome is looked at.
        weight_limit_percent: The largest weight of a household; draws that would
            give a larger one are left out.
        combining: What will be done with cohorts that are added up, in words.
        locked_on: The day the plan was drafted.
        first_draw_on: The first day on which a draw is under this plan.
        digest: SHA-256 of the signed text.
    """

    network: str
    number: int
    metric: str
    definition: bytes
    estimand: str
    outcome: str
    window_days: int
    weight_limit_percent: int
    combining: str
    locked_on: dt.date
    first_draw_on: dt.date
    digest: bytes = b""

    def document(self) -> Document:
        """Write the plan, ready to be signed by the Board."""
        lines = [
            f"network = {quoted(self.network)}",
            f"number = {self.number}",
            f"metric = {quoted(self.metric)}",
            f'definition = "{self.definition.hex()}"',
            f"estimand = {quoted(self.estimand)}",
            f"outcome = {quoted(self.outcome)}",
            f"window_days = {self.window_days}",
            f"weight_limit_percent = {self.weight_limit_percent}",
            f"combining = {quoted(self.combining)}",
            f'locked_on = "{self.locked_on.isoformat()}"',
            f'first_draw_on = "{self.first_draw_on.isoformat()}"',
        ]
        content = "\n".join([*lines, ""]).encode()
        return Document(kind=Kind.ANALYSIS_PLAN, content=content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A plan, and when it entered a site's ledger or the public log."""

    plan: AnalysisPlan
    at: dt.datetime

    @property
    def since(self) -> dt.date:
        """The day from which the plan is believed to stand.

        What counts is when it came, whatever it says of itself. On a training
        network the records are invented and their past is too, so there the plan's
        own day is believed.
        """
        if roster.is_training(self.plan.network):
            return self.plan.locked_on
        return self.at.astimezone(dt.UTC).date()

    def holds_for(self, period: Period) -> bool:
        """Tell whether the plan stood before a cohort's first day, and is about it."""
        before = day_number(self.since) < period.start
        return before and day_number(self.plan.first_draw_on) <= period.start


def parse(document: Document) -> AnalysisPlan:
    """Read a plan; its signatures are judged by `Roster.check_board`.

    Raises:
        InvalidProgramme: it does not say one definite thing.
        BadSignature: the document is of another kind.
    """
    root = Section("analysis plan", load_toml(text_of(document, Kind.ANALYSIS_PLAN)))
    fixed = root.text("definition")
    if not _HEX.fullmatch(fixed):
        raise InvalidProgramme("An analysis plan names its definition's digest.")
    plan = AnalysisPlan(
        network=root.text("network"),
        number=root.integer("number"),
        metric=root.text("metric"),
        definition=bytes.fromhex(fixed),
        estimand=root.text("estimand"),
        outcome=root.text("outcome"),
        window_days=root.integer("window_days"),
        weight_limit_percent=root.integer("weight_limit_percent"),
        combining=root.text("combining"),
        locked_on=_day(root, "locked_on"),
        first_draw_on=_day(root, "first_draw_on"),
        digest=document.digest,
    )
    root.done()
    _check(plan)
    if plan.document().content != document.content:
        raise InvalidProgramme("An analysis plan is written in one form; draft it.")
    return plan


def note(document: Document) -> str:
    """Write what the ledger's entry of a plan tells: its number and metric."""
    plan = parse(document)
    return f"{plan.number} {plan.metric}"


# ---- what it must keep to ----


def check_said(plan: AnalysisPlan, metric: Metric) -> None:
    """Refuse a plan whose numbers are not those of the definition it names.

    Raises:
        InvalidProgramme: its signers read other numbers than would be used.
    """
    said = (plan.window_days, plan.weight_limit_percent)
    meant = (
        definition.window_days(metric),
        definition.weight_limit_percent(metric),
    )
    if said != meant:
        raise InvalidProgramme(
            f"Analysis plan {plan.number} says {said[0]} days and weights up to "
            f"{said[1]} %, and its definition means {meant[0]} days and {meant[1]} %; "
            "draft it again."
        )


# ---- the lock ----


def check_next(plan: AnalysisPlan, before: Iterable[AnalysisPlan]) -> None:
    """Refuse a plan that would not come after the ones before it.

    Raises:
        BadSignature: its number was used, or an earlier plan is about its draws.
    """
    for other in before:
        if plan.number <= other.number:
            raise BadSignature(
                f"Analysis plan {other.number} came before; draft this one again with "
                "a higher number."
            )
        same = other.metric == plan.metric
        if same and plan.first_draw_on <= other.first_draw_on:
            raise BadSignature(
                f"Analysis plan {other.number} fixes {plan.metric} from "
                f"{other.first_draw_on} on, and stays; a changed plan begins with a "
                "later first draw."
            )


def check_asked(
    metric: Metric, programme: Programme, period: Period, locked: Iterable[Locked]
) -> tuple[AnalysisPlan, ...]:
    """Refuse a cohort's effect that no plan fixed before the cohort began.

    Returns:
        The plans the question keeps to; none for a metric that needs none.

    Raises:
        NotAllowed: there is no such plan, or it fixed another definition.
    """
    known = tuple(locked)
    return tuple(
        _check_one(needed, programme, period, known)
        for needed in _fixed(metric, programme)
    )


def check_arms(found: Mandate, programme: Programme) -> None:
    """Refuse a mandate that makes arm sizes public for nothing, or for other draws.

    Raises:
        NotAllowed: no metric of the mandate is worked out from them, or the metric
            leaves a draw out.
    """
    if not found.public_arms:
        return
    using = [
        metric
        for name in sorted(found.metrics)
        if (metric := programme.metrics.get(name)) is not None
        and metric.preregistered
        and definition.arms(metric)
    ]
    if not using:
        raise NotAllowed(
            f"Mandate {found.number} makes arm sizes public and covers no metric that "
            "is worked out from them; leave them out, and have it signed again."
        )
    for metric, arms in itertools.product(using, found.public_arms):
        least, most = definition.chances_permille(metric)
        if not least <= drawing.permille(arms.chance) <= most:
            raise NotAllowed(
                f"{metric.id} leaves out draw {arms.draw} ({arms.stratum.value}), "
                f"whose chance was not between {least} and {most} in a thousand; "
                "leave it out of the mandate too."
            )


def _check_one(
    metric: Metric, programme: Programme, period: Period, known: tuple[Locked, ...]
) -> AnalysisPlan:
    """Return the plan in force for one metric and cohort: the last to begin."""
    mine = [each.plan for each in known if each.plan.metric == metric.id]
    holding = [
        each.plan
        for each in known
        if each.plan.metric == metric.id and each.holds_for(period)
    ]
    if not holding:
        begins = date_of(period.start)
        why = "none is here" if not mine else "those that are here came or begin later"
        raise NotAllowed(
            f"{metric.id} for {period} needs an analysis plan that was signed and "
            f"published before {begins}, and {why}; sign one now for draws to come "
            "with `cmpp plan draft`."
        )
    plan = max(holding, key=lambda each: (each.first_draw_on, each.number))
    if plan.definition != definition.digest(metric, programme):
        raise NotAllowed(
            f"{metric.id} is defined otherwise in programme {programme.version} than "
            f"analysis plan {plan.number} fixed for {period}; ask by the programme it "
            "fixed, or sign a new plan for later draws."
        )
    return plan


def _fixed(metric: Metric, programme: Programme) -> tuple[Metric, ...]:
    """Return the metrics whose plans a question must keep to.

    Another name for the same outcome must not be a way round the plan: a metric
    that reads an outcome of a pre-registered one needs that one's plan.
    """
    if metric.preregistered:
        return (metric,)
    mine = definition.outcomes(metric)
    return tuple(
        other
        for other in programme.metrics.values()
        if other.preregistered
        and any(each in mine for each in definition.outcomes(other))
    )


def _day(section: Section, key: str) -> dt.date:
    """Read a day, such as 2026-11-22."""
    try:
        return dt.date.fromisoformat(section.text(key))
    except ValueError as error:
        raise InvalidProgramme(
            f"{section.name}: write {key} as a day, such as 2026-11-22."
        ) from error


def _check(plan: AnalysisPlan) -> None:
    """Refuse a plan no signer could have meant."""
    if plan.number < 1 or not _METRIC.fullmatch(plan.metric):
        raise InvalidProgramme(
            "An analysis plan has a number from 1 and names a metric, such as M35."
        )
    if any(len(getattr(plan, name)) > SENTENCE_MAX for name in _WORDS):
        raise InvalidProgramme(
            f"Say each thing of an analysis plan in {SENTENCE_MAX} letters."
        )
    if plan.window_days < 1 or plan.weight_limit_percent < 1:
        raise InvalidProgramme(
            "An analysis plan states its window in days and its weight limit."
        )
    if plan.first_draw_on <= plan.locked_on:
        raise InvalidProgramme(
            "An analysis plan is drafted before its first draw; name a later first "
            "draw."
        )
