"""A site at its own directory, worked by typing commands, for tests of the commands."""

import contextlib
import datetime as dt
import io
import json
import secrets
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization as pem

from node import cli
from node.cli.home import Home
from node.ledger import Charge
from node.policy import plan
from privacy import catalogue, pack
from privacy import mandate as mandates
from privacy import roster as roster_of
from privacy.chain import Kind
from privacy.query import Mode
from privacy.signing import Document
from tests import governed
from tests import signed_samples as samples


@dataclass(frozen=True)
class Said:
    """What a command said, and the code it ended with."""

    code: int
    out: str
    told: str

    @property
    def words(self) -> str:
        """The output without the tables' lines and breaks."""
        return " ".join(self.out.split())

    @property
    def json(self) -> Any:
        return json.loads(self.out)


PROGRAMME = catalogue.load()
PACK = pack.load("half-year", PROGRAMME)


def asking(*signers: str, **changes: str) -> Document:
    """Return a mandate for the pack of FY2024, in force today."""
    now = dt.datetime.now(dt.UTC)
    known = {
        "number": '"2026-07"',
        "metrics": governed.listed(sorted({line.metric for line in PACK.lines})),
        "sites": governed.listed(governed.SITES),
        "periods": governed.listed(("FY2024", "FY2024-H1", "FY2024-H2")),
        "loss_rho": '"0.0915"',
        "worst_rho": '"0.0915"',
        "not_before": (now - dt.timedelta(days=1)).isoformat(timespec="seconds"),
        "not_after": (now + dt.timedelta(days=90)).isoformat(timespec="seconds"),
    }
    return samples.mandate(*signers, **known | changes)


class TypedSite:
    """One site; every command starts from what is on the disk."""

    def __init__(self, folder: Path, site: str = "NYC") -> None:
        self.site = site
        self.folder = folder
        self.directory = folder / "site"

    def run(self, *words: str) -> Said:
        """Type one command."""
        before, out, told = sys.argv, io.StringIO(), io.StringIO()
        sys.argv = ["cmpp-node", "--home", str(self.directory), *words]
        code: object = 0
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
                cli.main()
        except SystemExit as end:
            code = end.code
        finally:
            sys.argv = before
        assert code is None or isinstance(code, int)
        return Said(code or 0, out.getvalue(), told.getvalue())

    def done(self, *words: str) -> Said:
        """Type one command that must succeed."""
        said = self.run(*words)
        assert said.code == 0, said.told
        return said

    @property
    def home(self) -> Home:
        """The site as another process would open it."""
        return Home(self.directory)

    def key(self, name: str) -> Path:
        """Write somebody's key pair on a medium of their own; return the private."""
        medium = self.folder / name
        medium.mkdir(mode=0o700, exist_ok=True)
        path, private = medium / f"{name}.key", samples.key(name)
        path.touch(mode=0o600)
        path.write_bytes(
            private.private_bytes(
                pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()
            )
        )
        public = private.public_key().public_bytes(
            pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo
        )
        path.with_suffix(".pub").write_bytes(public)
        return path

    def signing(self, name: str) -> tuple[str, ...]:
        """Return the words by which somebody signs."""
        return "--key", str(self.key(name)), "--no-passphrase"

    def begun(self, *, training: bool = False) -> "TypedSite":
        """Make the site, trust two officers, and draft its first policy."""
        self.done("init", "--site", self.site, *(["--training"] if training else []))
        publics = [self.key(n).with_suffix(".pub") for n in samples.OFFICERS]
        self.done("officer", "trust", *map(str, publics))
        self.done("policy", "draft")
        return self

    def governed(self, *, training: bool = False) -> "TypedSite":
        """Make the site and put a roster and a signed policy in force."""
        self.begun(training=training)
        for name in samples.OFFICERS:
            self.done("policy", "sign", *self.signing(name))
        self.done("policy", "adopt")
        charter, now = self.home.charter, self.now()
        roster = governed.roster()
        if training:
            named = f'"{roster_of.TRAINING}cmpp"'
            roster = samples.roster(sites=governed.SITES, network=named)
        charter.enact(Kind.AGREED, subject=roster.digest.hex(), now=now)
        charter.enact(Kind.ROSTER, roster, now=now)
        return self

    def deliver(self, document: Document, *, days: int = 0) -> str:
        """Bring what the Board sent, as many days ago as a test needs."""
        then = self.now() - dt.timedelta(days=days)
        return self.home.charter.deliver(document, now=then)

    def now(self) -> dt.datetime:
        """Read the clock, as the commands do."""
        return dt.datetime.now(dt.UTC)

    def answer(self, document: Document, *, metric: str, period: str) -> None:
        """Charge and keep one release, as the node does."""
        mandate, now = mandates.parse(document), self.now()
        planned = next(
            each
            for each in plan.questions(mandate, PROGRAMME)
            if (each.metric.id, each.period.label) == (metric, period)
        )
        ledger = self.home.ledger
        ledger.boot(secrets.token_bytes(32), now=now)
        charge = Charge.of(
            planned.query,
            metric=metric,
            mode=Mode.SITE,
            rho=planned.rho,
            worst_rho=planned.rho,
            mandate=mandate.digest,
            ask=bytes(32),
        )
        ledger.charge(charge, now=now)
        ledger.store(
            charge.release_key,
            values=(7,),
            variance=Fraction(9),
            l2_squared=1,
            now=now,
        )
