"""Command that writes what the people whom the site serves are told."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from node import notice
from node.cli import home
from node.cli.home import SHOW
from node.notice import Facts


class Language(StrEnum):
    """In which the notice is written."""

    ENGLISH = "en"
    SPANISH = "es"


def write(
    context: typer.Context,
    *,
    language: Annotated[Language, typer.Option(help="en or es.")] = Language.ENGLISH,
    html: Annotated[
        Path | None, typer.Option(help="Write a page to print here instead.")
    ] = None,
) -> None:
    """Write the notice for the people this site serves, from its real rules.

    Have it read by somebody who speaks the language before it is handed out.
    """
    site = home.opened(context)
    facts = Facts.of(
        site.law,
        site.ledger.entries(),
        site.ledger.verify().accounts,
        now=home.now(),
    )
    if html is None:
        typer.echo(notice.text(facts, language.value), nl=False)
        return
    html.write_text(notice.html(facts, language.value), "utf-8")
    SHOW.print(f"Wrote {html.name}.")
