"""What is different at a training site: it says so, and its records are invented."""

import dataclasses
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from node import importer, synthetic
from node.cli import home
from node.cli.home import SHOW, TELL, Home
from node.config import TRAINING_MARK
from node.synthetic import Planted, export, layouts
from node.synthetic.row import Rows
from node.synthetic.truth import write as write_truth
from privacy import organisation_month
from privacy.errors import BadConfiguration, NotAllowed

BANNER: Final = (
    "TRAINING: every record at this site is invented; nobody in them exists."
)


def announce(site: Home) -> None:
    """Say before anything else that a site is for training, if it is."""
    if not site.config_file.exists():
        return
    try:
        training = site.config.training
    except BadConfiguration:
        # The command itself says what is wrong, or mends it.
        return
    if training:
        TELL.print(BANNER, style="bold black on yellow", highlight=False)


def mark(made: Home) -> None:
    """Write beside the settings of a new site that it is for training, for good."""
    (made.directory / TRAINING_MARK).write_text(f"{BANNER}\n", encoding="ascii")


def require_as_made(site: Home) -> None:
    """Keep a site what it was made: its settings alone do not make it another.

    Raises:
        NotAllowed: `training` was added to the settings since, or taken out.
    """
    if not site.config_file.exists():
        return
    made = (site.directory / TRAINING_MARK).exists()
    try:
        training = site.config.training
    except BadConfiguration:
        # The command itself says what is wrong, or mends it.
        return
    if made and not training:
        raise NotAllowed(
            "This site was made for training and node.toml does not say so any more; "
            "put `training = true` back, and make a live site in another directory "
            "with `cmpp-node init`."
        )
    if training and not made:
        raise NotAllowed(
            "This site was not made for training and node.toml says it is; take "
            "`training` out, and make a training site in another directory with "
            "`cmpp-node init --training`."
        )


class Layout(StrEnum):
    """The forms an export can have."""

    DICTIONARY = "dictionary"
    APRICOT = "apricot"
    ETO = "eto"
    SALESFORCE = "salesforce"
    HMIS = "hmis"
    SQL = "sql"


_Seed = Annotated[int, typer.Option(help="Decides every record.")]
_Scale = Annotated[float, typer.Option(help="Multiplies the households.")]
_Preset = Annotated[str, typer.Option(help="default, null, modest or fcmp_like.")]
_Shocks = Annotated[
    bool, typer.Option("--shocks", help="Busier and quieter months, a rumour.")
]
_Folder = Annotated[Path | None, typer.Option(help="Write an export here instead.")]
_Layout = Annotated[Layout, typer.Option(help="Which system's export.")]
_Dirt = Annotated[
    bool, typer.Option("--dirt", help="With what goes wrong in real exports.")
]
_Truth = Annotated[
    Path | None, typer.Option(help="Also write what is true, to this file.")
]
_Months = Annotated[
    Path | None,
    typer.Option(
        help="Also write the months the organisation would publish, to this file."
    ),
]


def synthesize(  # noqa: PLR0913 - a command's options are its parameters
    context: typer.Context,
    *,
    seed: _Seed = 1,
    scale: _Scale = 1.0,
    preset: _Preset = "default",
    shocks: _Shocks = False,
    folder: _Folder = None,
    layout: _Layout = Layout.DICTIONARY,
    dirt: _Dirt = False,
    truth: _Truth = None,
    months: _Months = None,
) -> None:
    """Invent records: bring them in at once, or write them as an export."""
    site = _training_site(context)
    made: dict[str, Any] = {
        "site": site.config.site,
        "seed": seed,
        "scale": scale,
        "preset": preset,
        "shocks": shocks,
    }
    if months is not None:
        _write_months(months, site.config.site, seed=seed, scale=scale)
    if folder is None:
        if dirt or truth or layout is not Layout.DICTIONARY:
            raise BadConfiguration(
                "A layout, dirt and truth are for an export; name its --folder, and "
                "import it afterwards."
            )
        _take_in(site, made)
        return
    if truth is not None:
        _require_beside(truth, folder)
    planted = Planted() if dirt else None
    rows = synthetic.generate(**made, planted=planted)
    counts = _write(folder, rows, layout, (site, seed, planted))
    if truth is not None:
        write_truth(truth, made=made, rows=counts, planted=planted)
    SHOW.print(
        f"Wrote invented records to {folder}; nobody in them exists. Next: `cmpp-node "
        f"import {export.where(folder, layout.value)}`.",
        soft_wrap=True,
        highlight=False,
    )


def _write_months(path: Path, site: str, *, seed: int, scale: float) -> None:
    """Write invented public months, as `cmpp facts add` takes them."""
    found = synthetic.months(site=site, seed=seed, scale=scale)
    path.write_text(organisation_month.write(found), encoding="utf-8")
    SHOW.print(f"Wrote invented months of the organisation to {path}.", highlight=False)


def _training_site(context: typer.Context) -> Home:
    """Return the site, if it is one for training.

    Raises:
        NotAllowed: it is a live one.
    """
    site = home.opened(context)
    if not site.config.training:
        raise NotAllowed(
            "This is a live site, so no records are invented here; make a training "
            "site in another directory with `cmpp-node init --training`."
        )
    return site


def _require_beside(truth: Path, folder: Path) -> None:
    """Refuse to put the truth where it would be imported.

    Raises:
        BadConfiguration: it lies in the folder.
    """
    if truth.resolve().is_relative_to(folder.resolve()):
        raise BadConfiguration(
            "The truth must not lie in the folder that is imported; name a file "
            "beside it."
        )


def _write(
    folder: Path,
    rows: Rows,
    layout: Layout,
    how: tuple[Home, int, Planted | None],
) -> dict[str, int]:
    """Write an export in a layout."""
    site, seed, planted = how
    dictionary = site.programme.dictionary
    if layout is Layout.DICTIONARY:
        return synthetic.write(folder, rows, dictionary=dictionary)
    name = layouts.load(layout.value).profile
    profile = resources.files("node.importer") / "profiles" / f"{name}.toml"
    return synthetic.write_layout(
        folder,
        rows,
        layout=layout.value,
        profile=profile.read_text(encoding="utf-8"),
        dictionary=dictionary,
        seed=seed,
        planted=planted,
    )


def _take_in(site: Home, made: dict[str, Any]) -> None:
    """Bring invented records in without writing them anywhere else."""
    rows = synthetic.generate(**made)
    # Nobody is hurt by invented records that are few; a release of them is no loss.
    intake = dataclasses.replace(site.intake, accepts_serious=True)
    report = importer.import_rows(rows, site=intake, now=home.now())
    importer.show(SHOW, report)
