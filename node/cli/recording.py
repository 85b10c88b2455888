"""Commands about the site's own records: bring them in, invent some, close a period."""

from pathlib import Path
from typing import Annotated

import typer

from node import importer, synthetic
from node.cli import home
from node.cli.home import SHOW, Home
from node.importer import KeyStore, Report
from privacy.period import Period

_Folder = Annotated[Path, typer.Argument(help="CSV files, one per dictionary table.")]


def import_records(context: typer.Context, folder: _Folder) -> None:
    """Replace the records by a folder of dictionary-shaped CSV files.

    What was counted before stays counted where it was; a serving node goes on
    serving, from the old records until the new ones are in place.
    """
    site = home.opened(context)
    report = importer.import_folder(
        folder,
        store=site.records,
        keys=_keys(site),
        dictionary=site.programme.dictionary,
        register=site.register,
        now=home.now(),
    )
    _say(report)


def synthesize(
    context: typer.Context,
    *,
    seed: Annotated[int, typer.Option(help="Decides every record.")] = 1,
    scale: Annotated[float, typer.Option(help="Multiplies the households.")] = 1.0,
    preset: Annotated[
        str, typer.Option(help="default, null, modest or fcmp_like.")
    ] = "default",
    folder: Annotated[
        Path | None, typer.Option(help="Write CSV files here instead.")
    ] = None,
) -> None:
    """Replace the records by invented ones, for training and demonstrations."""
    site = home.opened(context)
    if folder is not None:
        synthetic.write_folder(
            folder,
            dictionary=site.programme.dictionary,
            site=site.config.site,
            seed=seed,
            scale=scale,
            preset=preset,
        )
        SHOW.print(f"Wrote invented records to {folder}; nobody in them exists.")
        return
    report = importer.import_rows(
        synthetic.generate(
            site=site.config.site, seed=seed, scale=scale, preset=preset
        ),
        store=site.records,
        keys=_keys(site),
        dictionary=site.programme.dictionary,
        register=site.register,
        now=home.now(),
    )
    _say(report)


def close(
    context: typer.Context,
    through: Annotated[str, typer.Argument(help="Such as FY2024-Q4 or FY2024.")],
) -> None:
    """Close every quarter up to a period: from then on it may be asked about.

    Who is counted where is written down once and for ever; late records join the
    first quarter still open.
    """
    site = home.opened(context)
    quarter = Period(through).quarters[-1]
    site.register.close(quarter, site.records, now=home.now())
    SHOW.print(f"Closed through {quarter}.")


def _keys(site: Home) -> KeyStore:
    """Return the map from the source's keys to random ids."""
    return KeyStore(site.key_map_file, key_file=site.key_map_key_file)


def _say(report: Report) -> None:
    """Tell the site's own operator what was kept and what needs repair."""
    for sentence in report.sentences():
        SHOW.print(f"  {sentence}", markup=False, highlight=False)
    total = sum(report.kept.values())
    SHOW.print(f"The new records are in use: {total:,} rows. They stay at this site.")
