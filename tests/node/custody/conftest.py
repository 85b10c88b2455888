"""Sites whose records are encrypted, and ones whose files can be searched."""

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node import importer
from node.cli.home import Home
from node.records.connect import Kind
from tests import governed
from tests.import_place import PLAIN, Place, site_on
from tests.stopping_site import MANDATE, NOW
from tests.typed_site import Said, TypedSite

Types = Callable[..., Said]


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[Place]:
    """Give a site with two imports in an encrypted store."""
    for place in site_on(Kind.DUCKDB, tmp_path):
        place.take(PLAIN)
        place.take()
        yield place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Give a site without records, whose files can be searched."""
    yield from site_on(Kind.SQLITE, tmp_path)


@pytest.fixture
def types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Types:
    """Give a function that types a command, and lines that it asks for."""

    def typed(*words: str, lines: str = "", folder: str = "one") -> Said:
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        return TypedSite(tmp_path / folder).run(*words)

    return typed


@pytest.fixture
def living(types: Types, tmp_path: Path) -> Iterator[Home]:
    """Give a site with rules and records, as its commands made it."""
    assert types("init", "--training", "--site", "NYC").code == 0
    site = Home(tmp_path / "one" / "site")
    governed.govern(site.ledger, "NYC", now=NOW, opens=[MANDATE])
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "household.csv").write_text("household_key\nQZ-CASE-7731\n")
    (folder / "participant.csv").write_text(
        "person_key,household_key,consent_stats\nQZ-PERSON-7731,QZ-CASE-7731,yes\n"
    )
    importer.import_folder(
        folder,
        site=importer.Site(
            store=site.records,
            keys=site.key_map,
            dictionary=site.programme.dictionary,
            register=site.register,
        ),
        now=NOW,
    )
    yield site
    site.records.close()
    site.ledger.close()
