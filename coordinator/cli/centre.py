"""What every command needs: the home directory, opened once, and the time."""

import datetime as dt
import getpass
import json
import sys
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final

import sqlalchemy as sa
import typer
from rich.console import Console

from coordinator import database
from coordinator.ask import Desk
from coordinator.authority import Authority
from coordinator.config import CoordinatorConfig, Home
from coordinator.sites import Site, SiteList
from coordinator.store import Store
from privacy import catalogue
from privacy.catalogue import Programme
from proto import credentials
from proto.client import NodeClient
from proto.mtls import Identity

RENEW_DAYS: Final = 10
"""The coordinator's own certificate is renewed when fewer days are left."""

_WIDTH: Final = 110
"""Columns where the output is no terminal."""

SHOW: Final = Console(width=None if sys.stdout.isatty() else _WIDTH)
TELL: Final = Console(stderr=True, width=None if sys.stderr.isatty() else _WIDTH)

AsJson = Annotated[
    bool, typer.Option("--json", help="Write JSON to standard output, nothing else.")
]


def now() -> dt.datetime:
    """Read the clock; everything below is told the time."""
    return dt.datetime.now(dt.UTC)


def write_json(content: object) -> None:
    """Write JSON for another program to read."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


class Centre:
    """The coordinator at a home directory; parts open when first used."""

    def __init__(self, directory: Path) -> None:
        """Name the directory; nothing is read yet."""
        self.home = Home(directory)

    @cached_property
    def config(self) -> CoordinatorConfig:
        """The settings."""
        return self.home.config()

    @cached_property
    def engine(self) -> sa.Engine:
        """The database."""
        url = self.config.store_url or database.address(self.home.store_file)
        return database.connect(url)

    @cached_property
    def programme(self) -> Programme:
        """The dictionary and catalogue this software ships."""
        return catalogue.load()

    @cached_property
    def store(self) -> Store:
        """What was asked and what came back."""
        return Store(self.engine)

    @cached_property
    def sites(self) -> SiteList:
        """Who is asked."""
        return SiteList(self.engine)

    @cached_property
    def authority(self) -> Authority:
        """Who signs certificates."""
        return Authority(self.home.authority, self.engine)

    @cached_property
    def identity(self) -> Identity:
        """The coordinator's own key and certificate, renewed in good time."""
        left = credentials.left(self.home.identity, now=now())
        if left < dt.timedelta(days=RENEW_DAYS):
            return self.authority.equip_coordinator(self.home.identity, now=now())
        return credentials.load(self.home.identity)

    def connect(self, site: Site) -> NodeClient:
        """Open a channel to one site's node."""
        return NodeClient(
            site.address,
            site=site.name,
            identity=self.identity,
            call_timeout_seconds=self.config.call_timeout_seconds,
        )

    def desk(self, *, purpose: str, ask_again: bool) -> Desk:
        """Gather what asking takes."""
        return Desk(
            programme=self.programme,
            store=self.store,
            site_list=self.sites,
            connect=self.connect,
            deadline_seconds=self.config.deadline_seconds,
            confidence=self.config.confidence_exact,
            asked_by=getpass.getuser(),
            purpose=purpose,
            ask_again=ask_again,
        )


def opened(context: typer.Context) -> Centre:
    """Return the centre the command line named."""
    centre = context.obj
    if not isinstance(centre, Centre):  # pragma: no cover - the callback set it
        raise TypeError
    return centre
