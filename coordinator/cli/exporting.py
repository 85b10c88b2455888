"""Published values as files, and the view that other tools read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from coordinator import flat, published, result
from coordinator.cli.centre import TELL, Centre
from coordinator.exports import file
from coordinator.exports.file import Format
from coordinator.result import Result
from privacy.catalogue import Metric
from privacy.errors import BadConfiguration

OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output", help="Also write every value with its interval to this file."
    ),
]
FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help="Of that file; by default as its name ends."),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Replace that file if it is there.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where an export goes and in what form, found free before anything is asked."""

    path: Path
    form: Format
    force: bool


def destination(
    output: Path | None, form: Format | None, *, force: bool
) -> Destination | None:
    """Check where an export is to go; None where none is wanted.

    Raises:
        BadConfiguration: a file is there already, or its form is not said.
    """
    if output is None:
        if form is not None or force:
            raise BadConfiguration("Name the file to write with --output.")
        return None
    found = Destination(path=output, form=file.form_of(output, form), force=force)
    file.check_free(output, force=force)
    return found


def write(opened: Centre, results: Sequence[Result], to: Destination | None) -> None:
    """Write the values of some results to a file, if one is wanted.

    Raises:
        BadConfiguration: there is no result.
    """
    if to is None:
        return
    if not results:
        raise BadConfiguration(
            "No result like that is kept, so no file was written; `cmpp query list` "
            "shows what is."
        )
    rows = tuple(
        row
        for each in results
        for row in flat.rows(
            each,
            flat.metric_of(each, opened.programmes),
            training=opened.config.training,
        )
    )
    file.write(to.path, rows, to.form, force=to.force)
    TELL.print(f"Wrote {len(rows)} values to {to.path}.", highlight=False)
    for each in results:
        if not each.cells:
            TELL.print(f"{each.metric}, {each.period}: there is no value to write.")


def publish(opened: Centre) -> None:
    """Bring the view `published` up to date with the results kept."""
    published.fill(opened.engine, opened.programmes, training=opened.config.training)


def kept(
    opened: Centre,
    *,
    metric: str | None = None,
    period: str | None = None,
    every: bool = False,
) -> list[Result]:
    """Return results kept: the newest of each metric and period, or every one."""
    found: dict[tuple[str, ...], str] = {}
    for line in opened.store.results():
        named = (line["metric"], line["period"], line["mode"])
        if metric in (None, line["metric"]) and period in (None, line["period"]):
            found[(*named, line["digest"]) if every else named] = line["digest"]
    return [result.read(opened.store.result(digest)) for digest in found.values()]


def definitions(opened: Centre, results: Sequence[Result]) -> dict[str, Metric]:
    """Return the metrics of some results, as they were defined when published."""
    return {each.metric: flat.metric_of(each, opened.programmes) for each in results}
