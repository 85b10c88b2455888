"""What a site hands over is signed, checks out, and is all described."""

import json
from pathlib import Path

import pytest

from node.cli.home import Home
from node.stopping import seal
from privacy import archive, audit, export
from privacy.errors import (
    BadSignature,
)
from tests import signed_samples as samples
from tests.stopping_site import DOOMED, Run, charged, key, there


def test_an_archive_changes_nothing(run: Run, site: Home, tmp_path: Path) -> None:
    before = site.ledger.head()
    assert run("archive", str(tmp_path / "kept"))[0] == 0
    assert site.ledger.head() == before
    assert (tmp_path / "kept" / seal.ARCHIVE_FILE).exists()
    assert there(site) == set(DOOMED)


def test_an_export_is_signed_by_the_site_and_checks_out(
    run: Run, site: Home, tmp_path: Path
) -> None:
    file = tmp_path / "NYC.archive"
    assert run("ledger", "export", str(file))[0] == 0
    public = site.statement_key.public_key().public_bytes_raw()
    lines = archive.read(file.read_bytes(), key=public)
    assert audit.check_site(export.read(lines)).failures == ()
    with pytest.raises(BadSignature, match="another key signed it"):
        archive.read(file.read_bytes(), key=samples.public("HOU"))
    spoilt = file.read_bytes().replace(b'"NYC"', b'"HOU"', 1)
    with pytest.raises(BadSignature, match="not as its site signed it"):
        archive.read(spoilt, key=None)
    assert run("ledger", "export", str(file))[0] == 2


def test_the_ledger_proves_its_rules_and_charges(run: Run, site: Home) -> None:
    code, said = run("ledger", "verify")
    assert code == 0
    assert "0 charges under accepted mandates" in said
    charged(site)  # of a made-up question, which no edition asks
    code, said = run("ledger", "verify")
    assert code != 0
    assert "does not ask about FY2026-H1" in said or "not right" in said


def test_everything_a_site_holds_is_described(
    run: Run, site: Home, tmp_path: Path
) -> None:
    run("synthesize", "--seed", "3", "--scale", "0.01")
    run("archive", str(site.directory / "final"))
    run("reopen", *key(tmp_path))
    code, said = run("holdings", "--json")
    assert code == 0
    found = json.loads(said)
    listed = [*found["files"], *found["tables"]]
    assert len(found["tables"]) > 20
    assert [each["name"] for each in listed if "not described" in each["holds"]] == []
    (site.directory / "notes.txt").write_text("who knows")
    found = json.loads(run("holdings", "--json")[1])
    strange = [e["name"] for e in found["files"] if "not described" in e["holds"]]
    assert strange == ["notes.txt"]
