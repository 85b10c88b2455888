"""The demonstration as anybody runs it, and what may go wrong around it.

One real network serves every test here, in order: a coordinator and five nodes,
each a process of its own, set up and asked through their own commands.
"""

import datetime as dt
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coordinator import database
from coordinator.authority import Authority
from coordinator.demo import government, network, processes
from coordinator.demo.government import Opened
from coordinator.demo.network import BY_HAND, BY_RULE, SITES, Plan
from coordinator.demo.processes import Processes, Typed
from privacy.errors import Unreachable
from proto import credentials
from tests.programme_samples import UNSHIPPED

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0
COORDINATOR = "coordinator"
LATER = (
    *("--metric", "M08", "--metric", "M09", "--rho", "0.03"),
    *("--period", "FY2025-H1", "--period", "FY2025"),
)
"""What a second mandate opens, for the questions that are asked here."""

# One network for the whole file, so one process must run all of it (--dist loadfile).
pytestmark = pytest.mark.timeout(900)


@dataclass
class Demo:
    """A demonstration that was left running."""

    plan: Plan
    running: Processes
    said: str
    later: Opened

    def port(self, name: str) -> int:
        """Return the port a site, or the coordinator, listens on."""
        if name == COORDINATOR:
            settings = self.plan.centre / "coordinator.toml"
            address = tomllib.loads(settings.read_text())["link_address"]
        else:
            listed = self.ask("site", "list")
            (address,) = [line["address"] for line in listed if line["site"] == name]
        return int(address.rpartition(":")[2])

    def kill(self, *names: str) -> None:
        """Kill processes at once, without any warning."""
        file = self.plan.directory / "processes.json"
        for known in processes._read(file):
            if known.name in names and processes._lives(known):
                os.kill(known.number, signal.SIGKILL)

    def restart(self, *names: str) -> None:
        """Start processes again, the coordinator before those that dial in to it."""
        for name in names:
            if name == COORDINATOR:
                network.serve(self.plan, self.running, "coordinator", self.plan.centre)
            else:
                network.open_site(self.plan, self.running, name)
            if name not in self.plan.dialling:
                processes.wait_for(self.port(name), name=name, seconds=START_SECONDS)
        network.wait_for_links(self.plan)

    def ask(self, *words: str) -> list[dict[str, Any]]:
        """Ask through the command of the centre."""
        return json.loads(network.cmpp(self.plan, *words, "--json"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run `make demo KEEP=1`, without make."""
    directory = tmp_path_factory.mktemp("demo") / "demonstration"
    done = subprocess.run(
        [sys.executable, "-m", "coordinator.demo", "--keep"],
        env={**os.environ, "DEMO_DIR": str(directory), "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    os.environ["PYTHONPATH"] = str(ROOT)
    running = Processes(directory)
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        plan = Plan(directory=directory, seed=2024, scale=1.0)
        opened = government.open_questions(plan, *LATER)
        yield Demo(plan, running, done.stdout, opened)
    finally:
        running.stop()


def results(demo: Demo) -> list[dict[str, Any]]:
    """Read what the demonstration published."""
    return json.loads((demo.plan.directory / "results.json").read_text())


def test_the_results_have_the_published_form(demo: Demo) -> None:
    found = results(demo)
    assert [result["metric"] for result in found] == [
        *("M01", "M04", "M07", "M08", "M09", "M12"),
        *("M14", "M18", "M22", "M29", "M32", "M43"),
    ]
    for result in found:
        assert set(result) == {
            *("metric", "version", "period", "mode", "sites_answered", "sites_total"),
            *("training", "confidence", "cells", "loss", "digest", "sites"),
        }
        assert (result["sites_answered"], result["sites_total"]) == (5, 5)
        assert (result["mode"], result["confidence"]) == ("site", 0.95)
        assert result["loss"]["rho_model"] == result["loss"]["rho_worst"] > 0
        assert result["loss"]["delta"] == 1e-6


def test_every_value_has_an_interval(demo: Demo) -> None:
    for result in results(demo):
        sites = {cell["labels"]["site"] for cell in result["cells"]}
        assert sites == {"all", *SITES}
        for cell in result["cells"]:
            assert cell["low"] <= cell["high"]
            assert cell["standard_error"] > 0
            assert cell["low"] <= max(0.0, cell["value"]) <= cell["high"]


def test_it_says_what_a_board_needs(demo: Demo) -> None:
    for words in (
        "Every headline is as readable as planned.",
        "the same to the byte, and nothing was charged",
        "Loss left",
        "query run M08",
        "it needs (the chair's is not one of them)",
        "by an officer, who read it",
        "by a rule that two officers had signed",
        "What one family's presence could change",
        "entries are those the centre",
        "Everything in the pack is right.",
    ):
        assert words in " ".join(demo.said.split()), words
    page = (demo.plan.directory / "report.html").read_text()
    assert "5 of 5 sites" in page
    assert "TRAINING: every record" in page
    assert "TRAINING: every record" in demo.said
    assert "very likely between" in page


def test_every_command_was_written_down(demo: Demo) -> None:
    commands = demo.plan.commands.read_text()
    for words in (
        *("board init", "roster draft", "roster accept", "roster publish"),
        *("policy sign", "policy adopt", "mandate sign", "inbox accept"),
        *("pack run", "log check", "ledger export", "audit pack", "audit verify"),
    ):
        assert f" {words} " in commands.replace("\n", " "), words
    assert "cmpp-invitation" not in commands


def test_the_board_opened_further_questions_with_two_signatures(demo: Demo) -> None:
    assert "1 of the 2 signatures" in demo.later.alone
    assert demo.later.sites == dict.fromkeys(BY_RULE, "adopted") | dict.fromkeys(
        BY_HAND, "waiting"
    )
    with pytest.raises(Unreachable, match="does not cover"):
        demo.ask("query", "run", "M01", "FY2025-H1")


def test_an_altered_audit_pack_does_not_pass(demo: Demo) -> None:
    handed = demo.plan.directory / "auditor" / "audit-pack"
    signed = str(demo.plan.papers / "signed-roster.cmpp")
    shown = network.cmpp(demo.plan, "roster", "show", signed, "--json")
    digest = json.loads(shown)["digest"]
    words = ("audit", "verify", str(handed), "--roster-fingerprint")
    assert "Everything in the pack is right." in network.cmpp(demo.plan, *words, digest)
    with pytest.raises(Unreachable):
        network.cmpp(demo.plan, *words, "00" * 32)
    ledger = next(handed.rglob("NYC*"))
    ledger.write_bytes(ledger.read_bytes().replace(b"M08", b"M09", 1))
    with pytest.raises(Unreachable):
        network.cmpp(demo.plan, *words, digest)


def test_a_site_that_was_killed_is_named_and_the_others_stand(demo: Demo) -> None:
    demo.kill("NYC")
    (result,) = demo.ask("query", "run", "M09", "FY2025-H1")
    assert result["sites_answered"] == 4
    outcome = {line["site"]: line["status"] for line in result["sites"]}
    assert outcome.pop("NYC") == "unreachable"
    assert set(outcome.values()) == {"answered"}
    demo.restart("NYC")
    (whole,) = demo.ask("query", "run", "M09", "FY2025-H1")
    assert whole["sites_answered"] == 5
    assert [c for c in whole["cells"] if c["labels"]["site"] not in ("all", "NYC")] == [
        cell for cell in result["cells"] if cell["labels"]["site"] != "all"
    ]


def test_a_site_whose_certificate_expired_is_named(demo: Demo) -> None:
    engine = database.connect(database.address(demo.plan.centre / "store.sqlite"))
    signer = Authority(demo.plan.centre / "authority", engine)
    identity = demo.plan.home("HOU") / "identity"
    request = credentials.signing_request(credentials.read_key(identity / "key.pem"))
    now = dt.datetime.now(dt.UTC)
    for born, expected in ((now - dt.timedelta(days=60), "certificate"), (now, None)):
        leaf = signer.sign_node(request, site="HOU", now=born)
        credentials.install(identity, leaf=leaf, authority=signer.pem)
        (result,) = demo.ask("query", "run", "M08", "FY2025")
        outcome = {line["site"]: line["status"] for line in result["sites"]}
        assert outcome.pop("HOU") == (expected or "answered")
        assert set(outcome.values()) == {"answered"}
    engine.dispose()


def test_nothing_brings_a_second_answer(demo: Demo) -> None:
    before = network.loss_left(demo.plan)
    demo.kill(*SITES, COORDINATOR)
    other = Plan(directory=demo.plan.directory, seed=7, scale=0.2)
    network.node(other, "NYC", "synthesize", "--seed", "7", "--scale", "0.2")
    with sqlite3.connect(demo.plan.centre / "store.sqlite") as store:
        store.execute("DELETE FROM releases")
    store.close()
    demo.restart(COORDINATOR, *SITES)
    assert demo.ask("pack", "run", "FY2024-H2") == results(demo)
    assert network.loss_left(demo.plan) == before


def test_a_metric_written_today_is_answered_by_the_network_that_runs(
    demo: Demo,
) -> None:
    """A text, two signatures, and at each site two officers; nothing is restarted."""
    file = demo.plan.directory / "processes.json"
    before = file.read_text()
    folder = texts_with(demo.plan.papers / "texts", UNSHIPPED)
    paper = demo.plan.papers / "edition-1.cmpp"
    network.cmpp(demo.plan, "edition", "draft", str(paper), str(folder))
    for name in ("ana", "ben"):
        key = str(demo.plan.directory / "board" / f"{name}.key")
        words = ("edition", "sign", str(paper), "--key", key, "--no-passphrase")
        network.cmpp(demo.plan, *words)
    sent = json.loads(
        network.cmpp(demo.plan, "edition", "submit", str(paper), "--json")
    )
    # No officer accepts an edition by a rule: all five read this one.
    assert sent["sites"] == dict.fromkeys(SITES, "waiting")
    network.at_every(
        demo.plan, {site: allowing(demo.plan, site, sent["digest"]) for site in SITES}
    )
    opened = ("--metric", "M61", "--rho", "0.01", "--period", "FY2025-H1")
    government.open_questions(demo.plan, *opened)
    (result,) = demo.ask("query", "run", "M61", "FY2025-H1", "--rho", "0.01")
    assert result["sites_answered"] == len(SITES)
    assert {cell["labels"]["site"] for cell in result["cells"]} == {"all", *SITES}
    (shown,) = [m for m in demo.ask("metrics", "list") if m["metric"] == "M61"]
    assert (shown["pillar"], shown["seeds"]) == ("reach", ["A10"])
    assert file.read_text() == before


def texts_with(folder: Path, metric: str) -> Path:
    """Write the shipped programme's texts, and one metric more."""
    shutil.copytree(ROOT / "privacy" / "programme", folder)
    (folder / "catalogue" / "new.toml").write_text(metric)
    return folder


def allowing(plan: Plan, site: str, edition: str) -> list[Typed]:
    """Have a site's officers accept the edition, and allow its new metric."""
    keys = [str(plan.officer(site, name)) for name in network.OFFICERS]
    accept = ("inbox", "accept", edition[:12], "--key", keys[0], "--no-passphrase")
    network.node(plan, site, *accept)
    network.node(plan, site, "policy", "draft", "--again")
    policy = plan.home(site) / "policy.toml"
    policy.write_text(policy.read_text().replace('"M43"', '"M43", "M61"', 1))
    signed = [("policy", "sign", "--key", key, "--no-passphrase") for key in keys]
    return [Typed(words) for words in (*signed, ("policy", "adopt"))]


def test_stop_ends_every_process_and_a_foreign_directory_is_left_alone(
    demo: Demo, tmp_path: Path
) -> None:
    script = demo.plan.directory / "stop"
    subprocess.run([script], cwd=ROOT, check=True, timeout=60)
    assert not (demo.plan.directory / "processes.json").exists()
    with pytest.raises(Unreachable):
        processes.wait_for(demo.port("NYC"), name="NYC", seconds=0.5)
    (tmp_path / "letter.txt").write_text("not ours")
    refused = subprocess.run(
        [sys.executable, "-m", "coordinator.demo", "--directory", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 4
    assert "not a demonstration" in refused.stdout
    assert (tmp_path / "letter.txt").exists()
