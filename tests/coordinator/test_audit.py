"""The auditor's commands: evidence in one folder, checked with nothing but itself."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator import cli, holdings
from coordinator.audit import gather, pack, verify
from coordinator.audit.pack import Pack
from coordinator.audit.papers import Anchor
from coordinator.audit.report import Report
from coordinator.evidence import SignedAnswer
from privacy import archive, roster
from privacy.errors import BadConfiguration, Corrupt
from tests import audit_forger as forger
from tests import audit_network
from tests import signed_samples as samples
from tests.audit_forger import Fact
from tests.audit_network import Network

Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Give a network that lived through everything an auditor meets."""
    made = audit_network.lived(tmp_path_factory.mktemp("network"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def good(network: Network) -> Pack:
    """Give its audit pack."""
    return network.pack()


@pytest.fixture
def folder(good: Pack, tmp_path: Path) -> Path:
    """Give the pack in a folder."""
    keys = pack.keys_text(roster.parse(good.rosters[-1]))
    pack.write(good, tmp_path / "pack", keys=keys)
    return tmp_path / "pack"


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Give a function that types a command in an empty directory."""

    def typed(*words: str) -> tuple[int, str]:
        empty = tmp_path / "nowhere"
        empty.mkdir(exist_ok=True)
        monkeypatch.chdir(empty)
        monkeypatch.setattr(
            sys, "argv", ["cmpp", "--home", str(empty / "home"), *words]
        )
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return int(ended.value.code or 0), output.out + output.err

    return typed


def fingerprint(good: Pack) -> str:
    """Return what two sites would tell an auditor by telephone."""
    return good.rosters[-1].digest.hex()


def test_an_auditor_checks_a_pack_in_an_empty_directory(
    run: Run, folder: Path, good: Pack
) -> None:
    spoken = " ".join(fingerprint(good)[at : at + 4] for at in range(0, 64, 4)).upper()
    code, said = run("audit", "verify", str(folder), "--roster-fingerprint", spoken)
    assert code == 0
    assert "Everything in the pack is right." in said


def test_the_report_can_be_read_by_a_program(
    run: Run, folder: Path, good: Pack
) -> None:
    words = ("--roster-fingerprint", fingerprint(good), "--json")
    code, said = run("audit", "verify", str(folder), *words)
    assert code == 0
    report = json.loads(said)
    assert report["whole"]
    assert {c["name"]: c["count"] for c in report["checks"]}["Signed answers"] == 14
    assert all(check["failures"] == [] for check in report["checks"])


def test_a_list_of_keys_one_trusts_will_do(run: Run, folder: Path) -> None:
    mine = folder.parent / "keys.txt"
    mine.write_text((folder / pack.KEYS).read_text())
    assert run("audit", "verify", str(folder), "--keys", str(mine))[0] == 0
    mine.write_text(mine.read_text().replace("site HOU", "site SEA"))
    code, said = run("audit", "verify", str(folder), "--keys", str(mine))
    assert code == 1
    assert "does not have the keys in the list" in said


def test_a_pack_is_not_its_own_witness(run: Run, folder: Path) -> None:
    code, said = run("audit", "verify", str(folder))
    assert code == 2
    assert "what a pack says of itself proves nothing" in said
    code, said = run("audit", "verify", str(folder), "--roster-fingerprint", "ab" * 32)
    assert code == 1
    assert "ask two sites by telephone" in said


def test_what_is_no_pack_is_refused(run: Run, tmp_path: Path) -> None:
    code, said = run("audit", "verify", str(tmp_path), "--roster-fingerprint", "ab")
    assert code == 2
    assert "holds no audit pack" in said


def test_a_pack_is_never_mixed_with_other_files(good: Pack, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine")
    with pytest.raises(BadConfiguration, match="not empty"):
        pack.write(good, tmp_path, keys="")


def test_a_pack_reads_back_as_it_was(good: Pack, folder: Path) -> None:
    check = Report().check("Files")
    found = pack.read(folder, check)
    assert set(found.papers) == set(good.papers)
    assert replace(found, papers=good.papers) == good
    assert check.failures == []


def test_the_sites_archives_are_gathered_by_what_they_say(
    good: Pack, tmp_path: Path
) -> None:
    for site, file in good.ledgers.items():
        (tmp_path / f"from-{site}.archive").write_bytes(file)
    assert gather.ledgers(tmp_path) == good.ledgers
    (tmp_path / "again.archive").write_bytes(good.ledgers["NYC"])
    with pytest.raises(BadConfiguration, match="two archives of NYC"):
        gather.ledgers(tmp_path)


def test_a_folder_without_archives_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="holds no"):
        gather.ledgers(tmp_path)
    other = archive.signed(["{}"], samples.key("NYC"))
    (tmp_path / "x.archive").write_bytes(other)
    with pytest.raises(BadConfiguration, match="not the archive of a ledger"):
        gather.ledgers(tmp_path)


def test_a_charge_without_an_answer_is_allowed(tmp_path: Path) -> None:
    """A crash costs budget and tells nothing; the auditor only counts it."""
    network = audit_network.Network(tmp_path)
    opened = network.submit(audit_network.mandated(audit_network.NOW), accept=True)
    network.members["NYC"].dies = True
    network.ask(opened, audit_network.order("M08", "FY2024-H2", enrolled="0.02"))
    network.members["NYC"].dies = False
    found = network.pack()
    report = Report()
    verify.content(found, Anchor(roster=fingerprint(found)), report)
    assert report.failures == ()
    assert any("NYC was charged 1 times without" in note for note in report.notes)
    network.ask(opened, audit_network.order("M08", "FY2024-H2", enrolled="0.02"))
    found, report = network.pack(), Report()
    verify.content(found, Anchor(roster=fingerprint(found)), report)
    assert (report.failures, report.notes) == ((), [])
    network.close()


def test_a_signed_answer_has_one_written_form(good: Pack) -> None:
    line = good.answers[0].line()
    assert SignedAnswer.read(line) == good.answers[0]
    spoilt = (
        *(line.replace(":", ": ", 1), line[:-1], "{}", "[]", "null"),
        line.replace('"sequence":', '"sequence":1'),
        line.replace('"values":[', '"values":[true,'),
        line.replace('"values":[', f'"values":[{2**63},'),
    )
    for each in spoilt[:5] + spoilt[6:]:
        with pytest.raises(Corrupt):
            SignedAnswer.read(each)
    assert not SignedAnswer.read(spoilt[5]).is_signed_by(samples.public("HOU"))


def test_everything_the_centre_holds_is_described(
    network: Network, tmp_path: Path
) -> None:
    tables = holdings.tables(network.engine)
    assert len(tables) > 12
    strange = [each.name for each in tables if "not described" in each.holds]
    assert strange == []
    (tmp_path / "people.csv").write_text("who knows")
    (found,) = holdings.files(tmp_path)
    assert "not described" in found.holds


def test_a_log_must_begin_with_what_an_auditor_kept(
    network: Network, good: Pack
) -> None:
    """A head kept from earlier shows a log that was written anew, however well."""
    early = network.log.heads()[5]
    report = Report()
    verify.content(good, Anchor(roster=fingerprint(good), head=early), report)
    assert report.failures == ()

    def edit(facts: list[Fact]) -> list[Fact]:
        facts[1]["at"] = facts[0]["at"]
        return facts

    other = forger.relogged(good, edit)
    report = Report()
    verify.content(other, Anchor(roster=fingerprint(good), head=early), report)
    assert any("history was rewritten" in failure for failure in report.failures)
