"""Where everything of a site lies, opened once, and the time."""

import datetime as dt
import json
import sys
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console

from node import identity
from node.charter import Charter
from node.config import NodeConfig
from node.custody.inventory import Estate
from node.importer import Site, keys
from node.importer.keys import KeyStore
from node.ledger import Ledger
from node.notify import Lookout, Notifier
from node.records.connect import OPENS, Kind, Place
from node.records.schema import Schema, build
from node.records.store import RecordStore
from node.register.book import Register
from node.renewal import Renewal
from node.secret import Secret
from privacy import catalogue
from privacy.catalogue import Programme
from privacy.law import Law

CONFIG: Final = "node.toml"
_WIDTH: Final = 110

SHOW: Final = Console(width=None if sys.stdout.isatty() else _WIDTH)
TELL: Final = Console(stderr=True, width=None if sys.stderr.isatty() else _WIDTH)

AsJson = Annotated[
    bool, typer.Option("--json", help="Write JSON to standard output, nothing else.")
]


def now() -> dt.datetime:
    """Read the clock; everything below is told the time."""
    return dt.datetime.now(dt.UTC)


def software() -> str:
    """Return the version of this software."""
    try:
        return metadata.version("cmpp-exchange")
    except metadata.PackageNotFoundError:
        return "0+unpackaged"


def write_json(content: object) -> None:
    """Write JSON for another program to read."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


class Home:
    """One site at its directory; parts open when first used."""

    def __init__(self, directory: Path) -> None:
        """Name the directory; nothing is read yet."""
        self.directory = directory
        self.config_file = directory / CONFIG

    @cached_property
    def config(self) -> NodeConfig:
        """The settings."""
        return NodeConfig.load(self.config_file)

    @cached_property
    def programme(self) -> Programme:
        """The dictionary and catalogue this software ships."""
        return catalogue.load()

    @cached_property
    def schema(self) -> Schema:
        """The record store's tables."""
        return build(self.programme.dictionary)

    @property
    def register_url(self) -> str:
        """Where the register is."""
        return f"sqlite:///{self.directory.resolve() / 'register.sqlite'}"

    @property
    def key_map_file(self) -> Path:
        """Which random id stands for which of the source's keys."""
        return self.directory / "keys.map"

    @property
    def key_map_key_file(self) -> Secret:
        """The key of that file."""
        text, folder = self.config.key_map_key, self.directory
        return Secret.parse(text, folder=folder, opens=keys.OPENS)

    @property
    def key_map(self) -> KeyStore:
        """That file, to open and to save."""
        return KeyStore(self.key_map_file, key_file=self.key_map_key_file)

    @property
    def place(self) -> Place:
        """Where the generations of the records are."""
        records = self.config.records
        return Place(
            kind=Kind(records.kind),
            directory=records.path or self.directory / "records",
            key_file=(
                Secret.parse(records.key, folder=self.directory, opens=OPENS)
                if records.key
                else None
            ),
            url=records.url.get_secret_value() if records.url else None,
        )

    @property
    def estate(self) -> Estate:
        """Where everything of the site is, for whoever copies or destroys it."""
        key, own = self.place.key, self.key_map_key_file
        return Estate(
            home=self.directory,
            config=self.config,
            place=self.place,
            secrets=(own,) if key is None else (key, own),
        )

    @cached_property
    def records(self) -> RecordStore:
        """The generations of the records."""
        return RecordStore(self.place, self.schema, held=lambda: self.law.held)

    @property
    def intake(self) -> Site:
        """What an import fills and what it needs."""
        return Site(
            store=self.records,
            keys=self.key_map,
            dictionary=self.programme.dictionary,
            register=self.register,
            reports=self.directory / "imports",
            training=self.config.training,
        )

    @cached_property
    def register(self) -> Register:
        """Who is counted where, once and for ever."""
        return Register.open(self.register_url)

    @property
    def ledger_url(self) -> str:
        """Where the ledger is; may hold a password."""
        return self.config.ledger_url.get_secret_value()

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, proved whole."""
        return Ledger.open(self.ledger_url)

    @cached_property
    def charter(self) -> Charter:
        """The rules in force, and the way to change them."""
        config = self.config
        return Charter(self.ledger, site=config.site, training=config.training)

    @property
    def law(self) -> Law:
        """What holds now."""
        return self.charter.law()

    @cached_property
    def notifier(self) -> Notifier:
        """The way to tell the site's people that something needs them."""
        settings, memory = self.config.notify, self.directory / "told"
        return Notifier(self.config.site, settings, memory=memory)

    @property
    def lookout(self) -> Lookout:
        """Whoever looks out for what they must be told."""
        return Lookout(
            self.notifier,
            law=self.charter.law,
            levels=self.ledger.levels,
            clock=now,
        )

    @property
    def proxy_url(self) -> str | None:
        """The proxy of the settings; the environment may name one as well."""
        return None if self.config.dial is None else self.config.dial.proxy

    @property
    def renewal(self) -> Renewal:
        """Whoever keeps the certificate fresh."""
        dial = self.config.dial
        return Renewal(
            self.config.identity_directory,
            site=self.config.site,
            address=None if dial is None else dial.coordinator_address,
            notifier=self.notifier,
            clock=now,
            proxy_url=self.proxy_url,
        )

    @property
    def statement_key(self) -> Ed25519PrivateKey:
        """The key of the site's statements."""
        return identity.statement_key(self.config.identity_directory)


def estate_from(settings: Path) -> Estate:
    """Return where everything of a site would be, by a file of settings in its folder.

    Raises:
        BadConfiguration: the settings are not such that this version reads.
    """
    site = Home(settings.parent)
    site.config_file = settings
    return site.estate


def opened(context: typer.Context) -> Home:
    """Return the site the command line named."""
    home = context.obj
    if not isinstance(home, Home):  # pragma: no cover - the callback set it
        raise TypeError
    return home
