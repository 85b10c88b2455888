"""A centre with three bare sites and a Board, driven by its commands."""

import contextlib
import datetime as dt
import io
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from coordinator import cli as centre_cli
from coordinator import database
from coordinator.authority import Authority
from coordinator.cli.centre import Centre
from coordinator.config import Home
from node import cli as node_cli
from privacy.chain import Kind
from tests import signed_samples as sample
from tests.coordinator.bare_site import BareSite, start

SITES = ("HOU", "LAX", "NYC")
BOARD = {
    "ana": ("Shelter Alliance", "member"),
    "ben": ("Legal Aid Union", "member"),
    "cleo": ("Faith Council", "member"),
    "dirk": ("Department", "chair"),
}


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Governed:
    """The centre, its sites and its Board, each with a directory of their own."""

    directory: Path
    sites: dict[str, BareSite] = field(default_factory=dict)

    def cmpp(self, *words: object, typed: str = "") -> Ended:
        """Type a command at the centre."""
        home = ("cmpp", "--home", str(self.directory / "centre"))
        return self._run(centre_cli.main, *home, *words, typed=typed)

    def node(self, site: str, *words: object, typed: str = "") -> Ended:
        """Type a command at a site."""
        home = ("cmpp-node", "--home", str(self.sites[site].directory))
        return self._run(node_cli.main, *home, *words, typed=typed)

    def key(self, name: str) -> Path:
        """Return where a board member keeps the private key."""
        return self.directory / "board" / f"{name}.key"

    def file(self, name: str) -> Path:
        """Name a file to exchange."""
        return self.directory / name

    def centre(self) -> Centre:
        """Open the centre anew, as the next command will."""
        return Centre(self.directory / "centre")

    def seats(self) -> list[str]:
        """Return the options that name the Board."""
        words: list[str] = []
        for name, (organisation, standing) in BOARD.items():
            public = self.key(name).with_suffix(".pub")
            words += ["--seat", f"{name},{organisation},{standing},{public}"]
        return words

    def agree(self, roster: Path) -> list[Path]:
        """Have every site's operator compare the digest and sign a roster."""
        digest = self.cmpp("roster", "show", roster, "--json").json["digest"]
        copies: list[Path] = []
        for site in self.sites:
            sent = self.sites[site].directory / roster.name
            sent.write_bytes(roster.read_bytes())
            done = self.node(site, "roster", "accept", sent, "--fingerprint", digest)
            assert done.code == 0, done.err
            copies.append(sent.with_name(f"{sent.name}.signed"))
        return copies

    def found(self) -> None:
        """Draft, sign and publish the first roster."""
        roster, signed = self.file("roster.cmpp"), self.file("roster.signed")
        assert self.cmpp("roster", "draft", roster, *self.seats()).code == 0
        gathered = self.cmpp("roster", "gather", signed, *self.agree(roster))
        assert "Every site signed" in gathered.out
        done = self.cmpp("roster", "publish", signed, "--json")
        assert done.json["sites"] == dict.fromkeys(SITES, "adopted"), done.err

    def signed(self, file: Path, *names: str, kind: str = "mandate") -> Path:
        """Have members of the Board sign a file."""
        for name in names:
            done = self.cmpp(
                kind, "sign", file, "--key", self.key(name), "--no-passphrase"
            )
            assert done.code == 0, done.err
        return file

    def mandate(self, name: str, *words: object) -> Path:
        """Draft a mandate for one metric, or as a test says."""
        asked = words or ("--metric", "M08", "--period", "FY2024-H2", "--rho", "0.01")
        file = self.file(name)
        done = self.cmpp("mandate", "draft", file, *asked)
        assert done.code == 0, done.err
        return file

    def told(self) -> list[Mapping[str, Any]]:
        """Return what the transparency log tells."""
        return [
            {"kind": entry.kind.value, **entry.body}
            for entry in self.centre().log.entries()
        ]

    def _run(self, main: Any, *words: object, typed: str) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch.object(sys, "argv", [str(word) for word in words]),
            mock.patch.object(sys, "stdin", io.StringIO(typed)),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        return Ended(int(ended.value.code or 0), out.getvalue(), err.getvalue())


@contextlib.contextmanager
def governed(directory: Path) -> Iterator[Governed]:
    """Make a centre, a Board with keys, and three sites that joined."""
    made = Governed(directory)
    assert made.cmpp("init").code == 0
    home = Home(directory / "centre")
    signer = Authority(
        home.authority, database.connect(database.address(home.store_file))
    )
    for name in BOARD:
        words = ("--name", name, "--no-passphrase")
        assert made.cmpp("board", "init", directory / "board", *words).code == 0
    try:
        for name in SITES:
            site = start(
                directory / "sites" / name,
                name,
                signer,
                lambda: dt.datetime.now(dt.UTC),
            )
            made.sites[name] = site
            words = ("--address", site.address, "--provider", f"P. of {name}")
            assert made.cmpp("site", "add", name, *words).code == 0
        yield made
    finally:
        for site in made.sites.values():
            site.stop()


def with_policy(site: BareSite, **changes: object) -> None:
    """Put a policy of the sample officers in force at a site."""
    said = {"site": f'"{site.name}"'} | changes
    site.charter.enact(Kind.POLICY, sample.policy(**said), now=dt.datetime.now(dt.UTC))
