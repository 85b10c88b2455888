"""The commands of a site, as somebody types them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from node import cli

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Give a function that types a command and returns code, output and errors."""

    def typed(*words: str) -> tuple[int, str, str]:
        home = str(tmp_path / "site")
        monkeypatch.setattr(sys, "argv", ["cmpp-node", "--home", home, *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return int(ended.value.code or 0), output.out, output.err

    return typed


@pytest.fixture
def signed(run: Run, tmp_path: Path) -> Path:
    """Make a site whose officer has signed the draft policy; give its home."""
    officer = tmp_path / "officer"
    assert run("officer", "init", str(officer), "--no-passphrase")[0] == 0
    public = str(officer / "officer.pub")
    assert run("init", "--site", "NYC", "--officer-key", public)[0] == 0
    key = str(officer / "officer.key")
    assert run("policy", "sign", "--key", key, "--no-passphrase")[0] == 0
    return tmp_path / "site"


def status(run: Run) -> dict[str, object]:
    """Return what the site says of itself."""
    code, said, _ = run("status", "--json")
    assert code == 0
    return json.loads(said)


def test_a_site_goes_from_nothing_to_closed_records(run: Run, signed: Path) -> None:
    assert status(run)["records"] == "none"
    assert run("synthesize", "--seed", "3", "--scale", "0.02")[0] == 0
    assert run("close", "FY2024")[0] == 0
    now = status(run)
    assert (now["policy"], now["closed_through"]) == ("version 1", "FY2024-Q4")
    assert "join" in str(now["next"])
    assert signed.stat().st_mode & 0o077 == 0


def test_invented_records_can_be_written_and_imported(
    run: Run, signed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "csv"
    written = ("--seed", "3", "--scale", "0.02", "--folder", str(folder))
    assert run("synthesize", *written)[0] == 0
    assert (folder / "household.csv").exists()
    code, said, _ = run("import", str(folder))
    assert code == 0
    assert "in use" in said
    (folder / "notes.csv").write_text("a\n")
    code, _, told = run("import", str(folder))
    assert code == 2
    assert "nothing was imported" in told
    assert (signed / "records" / "current").read_text() == "g00000001"


@pytest.mark.usefixtures("signed")
def test_an_open_period_is_not_closed(run: Run) -> None:
    run("synthesize", "--scale", "0.02")
    code, _, told = run("close", "FY2089")
    assert code == 1
    assert "close it then" in told
    assert run("close", "soon")[0] == 2


@pytest.mark.usefixtures("signed")
def test_the_ledger_is_shown_and_proved(run: Run) -> None:
    code, said, _ = run("ledger", "show", "--json", "--entries")
    shown = json.loads(said)
    assert (code, shown["site"], shown["accounts"]) == (0, "NYC", [])
    assert shown["charges"] == []
    assert run("ledger", "show", "--entries")[0] == 0
    code, said, _ = run("ledger", "verify")
    assert code == 0
    assert "is whole" in said


def test_a_policy_that_was_edited_is_refused(run: Run, signed: Path) -> None:
    assert json.loads(run("policy", "show", "--json")[1])["lifetime_rho"] == "3/5"
    path = signed / "policy.toml"
    path.write_text(path.read_text().replace('"0.60"', '"6.00"'))
    for words in (("policy", "show"), ("serve",), ("ledger", "show")):
        code, _, told = run(*words)
        assert code == 1
        assert "not signed by this site's privacy officer" in told


@pytest.mark.usefixtures("signed")
def test_a_policy_signed_by_somebody_else_is_refused(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    run("officer", "init", str(other), "--no-passphrase")
    key = str(other / "officer.key")
    assert run("policy", "sign", "--key", key, "--no-passphrase")[0] == 0
    assert run("policy", "show")[0] == 1
    assert run("officer", "trust", str(other / "officer.pub"))[0] == 0
    assert run("policy", "show")[0] == 0


def test_a_site_is_made_once(run: Run, signed: Path) -> None:
    before = (signed / "ledger.sqlite").read_bytes()
    code, _, told = run("init", "--site", "NYC")
    assert code == 2
    assert "already holds a site" in told
    assert (signed / "ledger.sqlite").read_bytes() == before


@pytest.mark.usefixtures("signed")
def test_a_broken_invitation_is_explained(run: Run) -> None:
    code, _, told = run("join", "cmpp-invitation-1.half")
    assert code == 2
    assert "whole invitation" in told


def test_a_missing_ledger_is_never_an_empty_one(run: Run, signed: Path) -> None:
    (signed / "ledger.sqlite").unlink()
    code, _, told = run("ledger", "verify")
    assert code == 4
    assert "would forget what was spent" in told
    assert not (signed / "ledger.sqlite").exists()


def test_a_home_that_is_none_is_explained(run: Run) -> None:
    code, _, told = run("status")
    assert code == 2
    assert "cmpp-node init" in told
