"""What `cmpp query run` and `cmpp pack run` share: progress, and the ending."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from coordinator import ask, exact, order, report, telling, words
from coordinator.ask import Outcome
from coordinator.cli import centre, exporting
from coordinator.cli.centre import SHOW, TELL, Centre
from coordinator.exports import file
from coordinator.figures import WITHOUT_QUESTION
from coordinator.lines import Reply
from coordinator.order import Order
from coordinator.result import Result, Status, epsilon
from privacy import loss
from privacy.mandate import Purpose

PurposeOption = Annotated[
    Purpose, typer.Option(help="Why it is asked; kept with the question.")
]
AgainOption = Annotated[
    bool,
    typer.Option(
        "--ask-again",
        help="Ask the sites even for answers already held here, to see that they "
        "are still the same; free.",
    ),
]
MandateOption = Annotated[
    str | None,
    typer.Option(
        "--mandate", help="The mandate's number; by default the one that covers it."
    ),
]
PageOption = Annotated[
    Path | None, typer.Option("--html", help="Also write a page to this file.")
]
ResultsOption = Annotated[
    Path | None, typer.Option("--results", help="Also write the JSON to this file.")
]


def put(
    opened: Centre,
    orders: Sequence[Order],
    *,
    purpose: Purpose,
    mandate: str | None,
    ask_again: bool,
    quiet: bool,
) -> Outcome:
    """Ask, and show how far every site is while it runs.

    What no site needs to be asked is read here, and needs no mandate.
    """
    here = {
        place: _exact(opened, each)
        for place, each in enumerate(orders)
        if each.metric.estimator.kind in WITHOUT_QUESTION
    }
    orders = [each for place, each in enumerate(orders) if place not in here]
    if not orders:
        exporting.publish(opened)
        return Outcome(
            results=tuple(here.values()), charged_pico={}, conflicts=(), rho=Fraction()
        )
    asked = [(each.metric.id, each.period) for each in orders]
    opens = opened.mandate_for(asked, purpose=purpose, number=mandate)
    orders = [order.under(each, opens) for each in orders]
    total = len(order.distinct(orders, opened.programme))
    names = [site.name for site in opened.sites.all()]
    with _watch(names, total, quiet=quiet) as watch:
        outcome = ask.ask(
            orders,
            desk=opened.desk(opens, purpose=purpose, ask_again=ask_again),
            now=centre.now(),
            watch=watch,
        )
    exporting.publish(opened)
    results = list(outcome.results)
    for place, each in here.items():
        results.insert(place, each)
    return replace(outcome, results=tuple(results))


def _exact(opened: Centre, wanted: Order) -> Result:
    """Publish what needs no answer of a site: keep it, and tell the log."""
    found = exact.publish(wanted.metric, wanted.period, opened.books())
    opened.store.keep_result(found.content(), now=centre.now())
    telling.results(opened.log, [found], now=centre.now())
    return found


def show(
    opened: Centre, results: Sequence[Result], *, as_json: bool, by_site: bool
) -> None:
    """Show results in the terminal, or write their JSON."""
    if as_json:
        centre.write_json(_contents(opened, results))
        return
    if opened.config.training:
        SHOW.print(centre.TRAINING, style="bold", highlight=False)
    metrics = exporting.definitions(opened, results)
    SHOW.print(report.table(results, metrics, by_site=by_site))
    said = report.remarks(results, metrics, by_site=by_site and len(results) == 1)
    if all(each.mode == exact.MODE for each in results):
        SHOW.print("These figures are exact; no site was asked.")
    else:
        SHOW.print(
            f"Intervals at {float(results[0].confidence):.0%}. {words.ONLY_NOISE}"
            + (" Lines below say where it is otherwise." if said else "")
        )
    for line in said:
        SHOW.print(line, highlight=False)
    absent = {
        words.absent(outcome): None
        for each in results
        for outcome in each.sites
        if outcome.status is not Status.ANSWERED
    }
    for line in absent:
        SHOW.print(f"Not in a total: {line}", highlight=False)


def tell_charges(outcome: Outcome) -> None:
    """Say what this asking cost each site; a repetition costs nothing."""
    if not outcome.rho:
        TELL.print("Nothing was released, and nothing was charged.")
        return
    if not any(outcome.charged_pico.values()):
        TELL.print("Nothing was charged: every answer had been given before.")
        return
    for site, pico in outcome.charged_pico.items():
        rho = loss.from_pico(pico)
        TELL.print(
            f"{site} was charged {float(rho):.6f} rho "
            f"(epsilon {epsilon(rho):.3f} at delta 0.000001).",
            highlight=False,
        )


def write(
    opened: Centre,
    results: Sequence[Result],
    *,
    title: str,
    rho: Fraction,
    page: Path | None,
    results_file: Path | None,
) -> None:
    """Write the page and the JSON, where asked for."""
    if page is not None:
        said = centre.TRAINING if opened.config.training else ""
        metrics = exporting.definitions(opened, results)
        text = report.page(results, metrics, title=title, rho=rho, banner=said)
        file.put(page, text.encode(), force=True)
    if results_file is not None:
        content = _contents(opened, results)
        text = json.dumps(content, indent=2) + "\n"
        file.put(results_file, text.encode(), force=True)


def _contents(opened: Centre, results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return results for JSON; those of a training network say so, each."""
    mark = {"training": True} if opened.config.training else {}
    return [{**mark, **each.content()} for each in results]


def finish(outcome: Outcome) -> None:
    """End with the exit code that says how it went: something is 0, nothing is not.

    Raises:
        typer.Exit: 4 if a site contradicted itself; 1 if all that is missing was
            refused, 3 if no site could be reached.
    """
    if outcome.conflicts:
        TELL.print(
            f"{', '.join(outcome.conflicts)} gave a second, different answer to one "
            "question. The first stands. Do not ask there again before the site's "
            "ledger has been examined.",
            style="bold red",
        )
        raise typer.Exit(4)
    if any(r.answered or r.mode == exact.MODE for r in outcome.results):
        return
    statuses = {site.status for result in outcome.results for site in result.sites}
    raise typer.Exit(1 if Status.REFUSED in statuses else 3)


@contextlib.contextmanager
def _watch(
    names: Sequence[str], total: int, *, quiet: bool
) -> Iterator[Callable[[Reply], None]]:
    """Show one bar per site; nothing where nobody watches."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    seen = TextColumn("{task.fields[said]}")
    with Progress(*columns, seen, console=TELL, disable=quiet) as progress:
        bars = {name: progress.add_task(name, total=total, said="") for name in names}

        def watch(reply: Reply) -> None:
            said: dict[str, Any] = {}
            if reply.missing is not None:
                said["said"] = reply.missing.status.value
            progress.update(bars[reply.site], advance=1, **said)

        yield watch
