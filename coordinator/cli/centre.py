"""What every command needs: the home directory, opened once, and the time."""

import datetime as dt
import getpass
import json
import re
import sys
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final

import sqlalchemy as sa
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console

from coordinator import database, editions
from coordinator.authority import Authority
from coordinator.config import FILE, CoordinatorConfig, Home
from coordinator.desk import Desk
from coordinator.documents import Documents
from coordinator.evidence import Evidence
from coordinator.exact import Books
from coordinator.facts import Months
from coordinator.figures import PublicFigures
from coordinator.governance import Governance
from coordinator.log import Log
from coordinator.mandates import Wanted
from coordinator.sites import Site, SiteList
from coordinator.store import Store
from privacy import catalogue, roster
from privacy.catalogue import Programme
from privacy.errors import BadConfiguration
from privacy.mandate import Mandate, Purpose
from privacy.period import Period
from privacy.roster import Roster
from privacy.signing import Kind
from proto import credentials, keys
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


TRAINING: Final = "TRAINING: every record behind these figures is invented."


def announce(opened: "Centre") -> None:
    """Say before anything else that the network is for training, if it is."""
    if not opened.home.config_file.exists():
        return
    try:
        training = opened.config.training
    except BadConfiguration:
        # The command itself says what is wrong.
        return
    if training:
        TELL.print(TRAINING, style="bold black on yellow", highlight=False)


def now() -> dt.datetime:
    """Read the clock; everything below is told the time."""
    return dt.datetime.now(dt.UTC)


def write_json(content: object) -> None:
    """Write JSON for another program to read."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


class Centre:
    """The coordinator at a home directory; parts open when first used."""

    def __init__(self, directory: Path, *, programme: str | None = None) -> None:
        """Name the directory; nothing is read yet.

        Args:
            directory: The coordinator's own.
            programme: Version of the definitions to use; the newest unless told.
        """
        self.home = Home(directory)
        self._programme = programme

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
        """The dictionary and catalogue: the newest edition, or the one named."""
        if self._programme is None and not self.home.config_file.exists():
            return catalogue.load()
        return editions.find(self.programmes, self._programme)

    @cached_property
    def programmes(self) -> Mapping[str, Programme]:
        """Every programme known here, by version; the newest comes last."""
        return editions.programmes(self.documents.all(Kind.EDITION))

    @cached_property
    def statement_key(self) -> Ed25519PrivateKey:
        """The key that signs questions and the log."""
        return keys.load(self.home.statement_key_file, passphrase=None)

    @cached_property
    def log(self) -> Log:
        """The transparency log, proved whole."""
        return Log(self.engine, self.config.network, self.statement_key)

    @cached_property
    def documents(self) -> Documents:
        """Every signed document of the network."""
        return Documents(self.engine)

    @cached_property
    def governance(self) -> Governance:
        """What the sites and the Board decided."""
        return Governance(
            network=self.config.network,
            documents=self.documents,
            log=self.log,
            sites={site.name: site for site in self.sites.all()},
            connect=self.connect,
        )

    @cached_property
    def roster(self) -> Roster:
        """Who takes part, with whose keys."""
        return self.governance.roster()

    def mandate_for(
        self,
        asked: Collection[tuple[str, Period]],
        *,
        purpose: Purpose,
        number: str | None = None,
    ) -> Mandate:
        """Return the one mandate in force under which these may be asked.

        Args:
            asked: Metrics, each with the period it is asked about.
            purpose: Why.
            number: The mandate's number, where it is named.

        Raises:
            NotAllowed: there is none, or none in particular; the sentence says why.
        """
        wanted = Wanted(
            asked=asked,
            purpose=purpose,
            programme=self.programme.version,
            named=number,
        )
        return self.governance.mandate_for(wanted, now=now())

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
        return self.current_identity()

    def current_identity(self) -> Identity:
        """Read the key and certificate anew, for a process that runs for long."""
        left = credentials.left(self.home.identity, now=now())
        if left < dt.timedelta(days=RENEW_DAYS):
            return self.authority.equip_coordinator(self.home.identity, now=now())
        return credentials.load(self.home.identity)

    def connect(self, site: Site) -> NodeClient:
        """Open a channel to one site's node, over its own link if it dials in."""
        return NodeClient(
            self.config.local_address if site.dials else site.address,
            site=site.name,
            identity=self.identity,
            call_timeout_seconds=self.config.call_timeout_seconds,
            dialled=site.dials,
        )

    @cached_property
    def evidence(self) -> Evidence:
        """Every signed question and answer."""
        return Evidence(self.engine)

    @cached_property
    def months(self) -> Months:
        """What the sites publish about themselves, month by month."""
        return Months(self.engine)

    @cached_property
    def figures(self) -> PublicFigures:
        """Everything public that values are divided by."""
        return PublicFigures(months=self.months.standing())

    def books(self) -> Books:
        """Gather what exact results are read from."""
        return Books(
            programme=self.programme,
            confidence=self.config.confidence_exact,
            sites=tuple(site.name for site in self.sites.all()),
            figures=self.figures,
            asks=self.evidence.asks(),
            answers=self.evidence.answers(),
            mandates={k.digest: k.number for k in self.documents.all(Kind.MANDATE)},
        )

    def desk(self, mandate: Mandate, *, purpose: Purpose, ask_again: bool) -> Desk:
        """Gather what asking under a mandate takes."""
        return Desk(
            programme=self.programme,
            store=self.store,
            evidence=self.evidence,
            log=self.log,
            roster=self.roster,
            mandate=mandate,
            key=self.statement_key,
            site_list=self.sites,
            connect=self.connect,
            deadline_seconds=self.config.deadline_seconds,
            confidence=self.config.confidence_exact,
            asked_by=asker(),
            purpose=purpose.value,
            ask_again=ask_again,
            figures=self.figures,
            plans=self.governance.plans(),
        )


def asker() -> str:
    """Return who asks, as one plain word that a question may carry."""
    word = re.sub(r"[^A-Za-z0-9._@-]", "-", getpass.getuser())[:64]
    return word if word[:1].isalnum() else f"a{word}"[:64]


def opened(context: typer.Context) -> Centre:
    """Return the centre the command line named.

    Raises:
        BadConfiguration: its settings give the network another name than its rosters.
    """
    centre = context.obj
    if not isinstance(centre, Centre):  # pragma: no cover - the callback set it
        raise TypeError
    if centre.home.config_file.exists():
        _require_name(centre)
    return centre


def _require_name(centre: Centre) -> None:
    """Keep the name a network has: it also says whether its records are invented."""
    kept = centre.documents.all(Kind.ROSTER)
    if kept and roster.parse(kept[-1].document).network != centre.config.network:
        raise BadConfiguration(
            f"The network is called {centre.config.network} in {FILE} and another name "
            "in its rosters; it keeps its name for good, so put that back, or make a "
            "new coordinator with `cmpp init` in another directory."
        )
