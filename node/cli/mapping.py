"""Commands about mapping profiles: propose, try, confirm, keep."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from node import importer
from node.cli import home
from node.cli.home import SHOW
from node.cli.recording import (
    ProfileName,
    ShiftDays,
    Source,
    bringing,
    chosen,
    progress,
    shelf,
)
from node.importer import bring
from node.importer.profile_shelf import Found
from node.importer.proposal import Proposal, propose
from privacy.errors import BadConfiguration

app = typer.Typer(
    help="Say once where each field comes from; imports then run by themselves.",
    no_args_is_help=True,
)

_Name = Annotated[str, typer.Argument(help="A profile's name.")]


@app.command()
def suggest(
    context: typer.Context,
    source: Source,
    *,
    name: Annotated[
        str, typer.Option(help="Save the proposal under this name.")
    ] = "suggested",
) -> None:
    """Propose a profile for an export, with every guess marked as one."""
    site = home.opened(context)
    proposal = propose(source, shelf(site), site.programme.dictionary)
    if proposal.fitting is not None:
        known = proposal.fitting
        SHOW.print(
            f"This source fits profile {known.name}: {known.about}. Nothing was saved; "
            f"run `cmpp-node import` with the source.",
            markup=False,
            highlight=False,
        )
        return
    _show_proposal(proposal)
    saved = shelf(site).save(proposal.text, name=name)
    SHOW.print(
        f"Saved as {name}, version {saved.profile.version}, in "
        f"{site.directory / 'profiles' / name}.toml. Next: look it over, then "
        f"`cmpp-node map check` and `cmpp-node map confirm {name}`.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def check(
    context: typer.Context,
    source: Source,
    *,
    profile: ProfileName = None,
    shift_days: ShiftDays = 0,
) -> None:
    """Do everything an import does, up to taking the records into use."""
    site = home.opened(context)
    found = chosen(site, source, profile)
    trial = dataclasses.replace(site.intake, trial=True)
    with progress() as tell:
        made = bring.import_source(
            bringing(site, source, found, shift_days, tell), site=trial, now=home.now()
        )
    importer.show(SHOW, made)
    guesses = len(found.profile.guesses())
    if guesses:
        SHOW.print(
            f"{guesses} guesses wait for `cmpp-node map confirm {found.profile.name}`."
        )


@app.command()
def confirm(
    context: typer.Context,
    name: _Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Take them all as right.")] = False,
) -> None:
    """Show each guess of a profile, and take them as right."""
    profiles = shelf(home.opened(context))
    found = profiles.load(name)
    guesses = found.profile.guesses()
    if not guesses:
        SHOW.print(f"Profile {name} has no guesses left.")
        return
    table = Table("Field", "Made of", "How")
    for field, cell in guesses:
        made_of = ", ".join(cell.columns or tuple(cell.ticks)) or "the same everywhere"
        how = cell.derive or (f"recode {cell.recode}" if cell.recode else "as it is")
        table.add_row(field, _plainly(made_of), str(how))
    SHOW.print(table)
    if not yes and not typer.confirm("Are all of them right?"):
        raise BadConfiguration(
            f"Nothing was confirmed; correct the profile's lines in {name}.toml and "
            "run this again."
        )
    saved = profiles.confirm(name)
    SHOW.print(f"Confirmed: {name} is now version {saved.profile.version}.")


@app.command("list")
def list_profiles(context: typer.Context) -> None:
    """List the site's own profiles and those the software ships."""
    table = Table("Name", "Version", "From", "Guesses", "About")
    for found in shelf(home.opened(context)):
        known = found.profile
        table.add_row(
            known.name,
            str(known.version),
            "the software" if found.shipped else "this site",
            str(len(known.guesses()) or ""),
            _plainly(known.about),
        )
    SHOW.print(table)


@app.command()
def show(context: typer.Context, name: _Name) -> None:
    """Print a profile's text."""
    typer.echo(_load(context, name).text, nl=False)


@app.command()
def copy(
    context: typer.Context,
    name: _Name,
    new: Annotated[str, typer.Argument(help="The copy's name.")],
) -> None:
    """Copy a profile, so that the site may change it."""
    site = home.opened(context)
    saved = shelf(site).save(_load(context, name).text, name=new)
    path = site.directory / "profiles" / f"{new}.toml"
    SHOW.print(
        f"Copied to {path}, version {saved.profile.version}. Edit it; the next import "
        "keeps it as a new version.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def save(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A profile's file (TOML).")],
    name: _Name,
) -> None:
    """Keep a profile that was written elsewhere."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeError):
        raise BadConfiguration(
            "The profile's file cannot be read as text; check its name."
        ) from None
    saved = shelf(home.opened(context)).save(text, name=name)
    SHOW.print(f"Saved as {name}, version {saved.profile.version}.")


def _load(context: typer.Context, name: str) -> Found:
    """Return a profile by name."""
    return shelf(home.opened(context)).load(name)


def _show_proposal(proposal: Proposal) -> None:
    """Show what was guessed, passed over and kept out."""
    table = Table("Source", "Column", "Becomes", "Why")
    for line in proposal.lines:
        style = "red" if line.blocked else "" if line.field else "dim"
        table.add_row(
            _plainly(line.table),
            _plainly(line.column),
            line.field or "not used",
            line.why,
            style=style,
        )
    SHOW.print(table)
    for note in proposal.notes:
        SHOW.print(note, markup=False, highlight=False, soft_wrap=True)


def _plainly(words: str) -> Text:
    """Return a source's own words as they are: none is an order to the terminal."""
    return Text("".join(sign if sign.isprintable() else "?" for sign in words))
