"""The commands of the centre, as somebody types them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from coordinator import cli
from coordinator.config import CoordinatorConfig, Home
from privacy.errors import BadConfiguration
from proto.invitation import Invitation
from tests import governed
from tests import signed_samples as samples
from tests.coordinator.network import Network
from tests.governed import SITES

ROOT = Path(__file__).parents[2]

ALLOWED = governed.listed(("M01", "M04", "M08", "M09", "M29"))
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Give a function that types a command and returns code, output and errors."""

    def typed(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cmpp", "--home", str(tmp_path), *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return int(ended.value.code or 0), output.out, output.err

    return typed


@pytest.fixture
def network(new_network: Callable[..., Network], tmp_path: Path) -> Network:
    """Give two sites behind a home directory that the commands can use."""
    made = new_network(("NYC", "HOU"), {name: {"allow": ALLOWED} for name in SITES})
    home = Home(tmp_path)
    home.make(join_address="127.0.0.1:7440")
    key = samples.key("coordinator").private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    home.statement_key_file.write_bytes(key)
    made.submit(governed.roster(), made.mandate)
    return made


def test_init_makes_a_home_once_and_says_what_is_next(run: Run, tmp_path: Path) -> None:
    code, said, _ = run("init")
    assert code == 0
    assert "cmpp site invite" in said
    assert (tmp_path / "authority").stat().st_mode & 0o077 == 0
    code, _, told = run("init")
    assert code == 2
    assert "already holds a coordinator" in told


def test_an_invitation_puts_the_site_on_the_list(run: Run) -> None:
    run("init", "--join-address", "centre.example.org:7440")
    code, said, _ = run(
        "site", "invite", "NYC", "--address", "127.0.0.1:7443", "--json"
    )
    made = json.loads(said)
    invitation = Invitation.from_text(made["invitation"])
    assert (code, invitation.site) == (0, "NYC")
    assert invitation.address == "centre.example.org:7440"
    assert made["fingerprint"] == invitation.fingerprint
    _, said, _ = run("site", "list", "--json")
    assert json.loads(said) == [
        {"site": "NYC", "address": "127.0.0.1:7443", "last_seen": "never"}
    ]
    assert run("authority", "fingerprint")[1].strip() == invitation.fingerprint


def test_a_site_that_is_misspelt_is_not_invited(run: Run) -> None:
    run("init")
    code, _, told = run("site", "invite", "nyc", "--address", "127.0.0.1:7443")
    assert code == 2
    assert "not a site name" in told
    assert json.loads(run("site", "list", "--json")[1]) == []


def test_run_writes_the_published_form_and_nothing_else(
    run: Run, network: Network
) -> None:
    code, said, told = run(
        "query", "run", "M08", "FY2024-H2", "--json", "--rho", "0.006"
    )
    (result,) = json.loads(said)
    assert code == 0
    assert {
        *("metric", "version", "period", "mode", "sites_answered", "sites_total"),
        *("confidence", "cells", "loss", "digest", "sites"),
    } == set(result)
    assert set(result["loss"]) == {"rho_model", "rho_worst", "epsilon", "delta"}
    assert set(result["cells"][0]) == {
        *("labels", "value", "low", "high", "standard_error"),
    }
    assert (result["sites_answered"], result["sites_total"]) == (2, 2)
    assert "NYC was charged 0.006000 rho" in told
    code, again, told = run(
        "query", "run", "M08", "FY2024-H2", "--json", "--rho", "0.006"
    )
    assert again == said
    assert "Nothing was charged" in told
    assert len(network.sites["NYC"].reads) == 1


@pytest.mark.usefixtures("network")
def test_run_shows_a_table_with_every_site(run: Run) -> None:
    code, said, _ = run("query", "run", "M08", "FY2024-H2", "--rho", "0.05")
    assert code == 0
    for word in ("Enrolments", "From", "To", "NYC", "HOU", "2 of 2"):
        assert word in said


@pytest.mark.usefixtures("network")
def test_a_result_is_listed_and_shown_again(run: Run, tmp_path: Path) -> None:
    _, said, _ = run("query", "run", "M08", "FY2024-H2", "--json")
    digest = json.loads(said)[0]["digest"]
    assert json.loads(run("query", "list", "--json")[1])[0]["digest"] == digest
    page = tmp_path / "page.html"
    code, shown, _ = run("query", "show", digest[:10], "--json", "--html", str(page))
    assert (code, shown) == (0, said)
    assert digest in page.read_text()


@pytest.mark.usefixtures("network")
def test_preview_asks_nobody(run: Run, network: Network) -> None:
    words = ("query", "preview", "M08", "FY2024-H2", "--json", "--rho", "0.006")
    code, said, _ = run(*words)
    ahead = json.loads(said)
    assert code == 0
    assert ahead["cells"][0]["half_width"] == pytest.approx(40.01, abs=0.01)
    assert ahead["charge_per_site"]["rho"] == {"enrolled": "3/500"}
    assert run("query", "preview", "M29", "FY2024", "--expect-share", "0.9")[0] == 0
    assert run("pack", "preview", "FY2024-H2")[0] == 0
    assert not any(site.reads for site in network.sites.values())
    assert network.desk.store.events() == ()


@pytest.mark.usefixtures("network")
def test_a_pack_writes_its_page_and_its_results(run: Run, tmp_path: Path) -> None:
    page, results = tmp_path / "report.html", tmp_path / "results.json"
    code, said, told = run(
        *("pack", "run", "FY2024-H2"),
        *("--html", str(page), "--results", str(results)),
    )
    assert code == 0
    content = json.loads(results.read_text())
    assert len(content) == 12
    answered = {r["metric"] for r in content if r["sites_answered"]}
    assert answered == {"M01", "M04", "M08", "M09", "M29"}
    assert "Not in a total: HOU: refused" in said
    assert told.count("was charged") == 2
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.usefixtures("network")
def test_the_exit_code_says_how_it_went(run: Run, network: Network) -> None:
    assert run("query", "run", "M12", "FY2024")[0] == 1
    assert run("query", "run", "M99", "FY2024")[0] == 1
    assert run("query", "run", "M08", "yesterday")[0] == 2
    assert run("query", "run", "M08", "FY2024-H2", "--rho", "lots")[0] == 2
    assert run("query", "run", "M08", "FY2024-H2", "--rho", "other=0.1")[0] == 2
    assert run("query", "run", "M08", "FY2024-H2", "--purpose", "enforcement")[0] == 2
    assert run("query", "show", "abcdef1234")[0] == 2
    for site in network.sites.values():
        site.server.drain(0.1)
    assert run("query", "run", "M08", "FY2024-H2")[0] == 3


def test_a_failure_nobody_foresaw_is_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("init")

    def fail(_self: object) -> None:
        raise ZeroDivisionError("a value that must not be shown")

    monkeypatch.setattr("coordinator.sites.SiteList.all", fail)
    code, said, told = run("site", "list")
    assert code == 4
    assert "ZeroDivisionError" in told
    assert "a value" not in said + told


def test_the_catalogue_can_be_read(run: Run) -> None:
    running = json.loads(run("metrics", "list", "--json")[1])
    everything = json.loads(run("metrics", "list", "--drafts", "--json")[1])
    assert (len(running), len(everything)) == (60, 60)
    assert all(metric["pillar"] and metric["seeds"] for metric in running)
    shown = json.loads(run("metrics", "show", "M08", "--json")[1])
    assert shown["queries"] == {
        "enrolled": {
            "unit": "household",
            "cohort_of": "enrolment",
            "entry_lookback_years": 2,
        }
    }
    effect = json.loads(run("metrics", "show", "M35", "--json")[1])
    assert effect["needs_a_signed_analysis_plan"] == "yes"
    assert effect["published_for"] == "the network"
    assert effect["seeds"] == ["A17", "A34", "B6"]
    code, words, _ = run("metrics", "show", "M29")
    assert code == run("metrics", "list")[0] == 0
    for said in ("is no target", "in every period", "one a household", "Consent:"):
        assert said in " ".join(words.split())
    code, page, _ = run("metrics", "page")
    assert (code, page) == (0, (ROOT / "docs" / "metrics.md").read_text("utf-8"))
    packs = json.loads(run("pack", "list", "--json")[1])
    assert packs[0]["pack"] == "half-year"
    assert run("pack", "list")[0] == 0


def test_a_site_can_be_checked_and_a_certificate_revoked(
    run: Run, network: Network
) -> None:
    network.sites["HOU"].server.drain(0.1)
    lines = json.loads(run("site", "list", "--check", "--json")[1])
    states = {line["site"]: line["state"] for line in lines}
    assert states.pop("HOU") == "unreachable"
    assert set(states.values()) == {"serving"}
    assert lines[0]["closed_through"] == "FY2025-Q4"
    signed = json.loads(run("authority", "list", "--json")[1])
    mine = next(line for line in signed if line["name"].endswith("HOU"))
    assert run("authority", "revoke", mine["fingerprint"])[0] == 0
    assert run("authority", "revoke", "00")[0] == 2
    after = json.loads(run("authority", "list", "--json")[1])
    assert [line["revoked"] for line in after if line["name"].endswith("HOU")] == [True]
    assert run("authority", "renew")[0] == 0
    assert run("authority", "list")[0] == 0


def test_the_sample_settings_are_the_defaults(tmp_path: Path) -> None:
    home = Home(tmp_path / "fresh")
    home.make(join_address="127.0.0.1:7440")
    assert home.config() == CoordinatorConfig(
        join_address="127.0.0.1:7440",
        link_address="127.0.0.1:7441",
        local_address="127.0.0.1:7442",
    )
    assert home.directory.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "line", ['confidence = "1.5"', "deadline_seconds = 0", "noise = false", "join_"]
)
def test_a_wrong_setting_is_named(tmp_path: Path, line: str) -> None:
    home = Home(tmp_path)
    home.config_file.write_text(f'join_address = "127.0.0.1:1"\n{line}\n')
    with pytest.raises(BadConfiguration, match=r"coordinator\.toml"):
        home.config()


def test_a_missing_home_is_explained(run: Run) -> None:
    code, _, told = run("query", "list")
    assert code == 2
    assert "cmpp init" in told
