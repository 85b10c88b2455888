"""The command that adds up cohorts which were asked about before."""

from collections.abc import Sequence
from typing import Annotated

import typer

from coordinator import cohorts, telling
from coordinator.cli import asking, centre, exporting
from coordinator.cli.asking import PageOption, ResultsOption
from coordinator.cli.centre import TELL, AsJson, Centre
from coordinator.cli.exporting import ForceOption, FormatOption, OutputOption
from coordinator.result import Result, Status
from privacy import mandate as signed
from privacy.metric import Metric
from privacy.period import Period
from privacy.signing import Kind


def combine(  # noqa: PLR0913 - a command's options are its parameters
    context: typer.Context,
    metric: str,
    periods: Annotated[list[str], typer.Argument(help="Such as FY2023 FY2024.")],
    *,
    revision: Annotated[int, typer.Option(help="Of the answers that are used.")] = 0,
    html: PageOption = None,
    results: ResultsOption = None,
    output: OutputOption = None,
    form: FormatOption = None,
    force: ForceOption = False,
    as_json: AsJson = False,
) -> None:
    """Add up cohorts that were asked about before. Asks nobody and costs nothing."""
    opened = centre.opened(context)
    export_to = exporting.destination(output, form, force=force)
    found = opened.programme.metric(metric)
    made = _added(opened, found, [Period(each) for each in periods], revision)
    asking.show(opened, [made], as_json=as_json, by_site=True)
    _tell(made)
    asking.write(
        opened,
        [made],
        title=f"{found.name}, {made.period}",
        rho=made.rho,
        page=html,
        results_file=results,
    )
    exporting.write(opened, [made], export_to)


def _tell(made: Result) -> None:
    """Say which sites are not in it, and that it cost nothing."""
    out = [each.site for each in made.sites if each.status is not Status.ANSWERED]
    if out:
        TELL.print(
            "Only sites that answered every cohort are in it: it is without "
            f"{', '.join(out)}.",
            highlight=False,
        )
    TELL.print("Nothing was asked, and nothing was charged.")


def _added(
    opened: Centre, metric: Metric, periods: Sequence[Period], revision: int
) -> Result:
    """Add up cohorts from kept answers, and publish what comes out."""
    known = [signed.parse(kept.document) for kept in opened.documents.all(Kind.MANDATE)]
    wanted = cohorts.chosen(
        metric,
        opened.programme,
        periods,
        mandates=known,
        plans=opened.governance.plans(),
        revision=revision,
    )
    named = cohorts.named(metric, wanted.periods, known)
    made = cohorts.add(
        wanted,
        sites=named & set(opened.roster.members),
        store=opened.store,
        confidence=opened.config.confidence_exact,
    )
    now = centre.now()
    opened.store.keep_result(made.content(), now=now)
    telling.results(opened.log, [made], now=now)
    return made
