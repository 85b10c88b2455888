"""Exports as somebody types them: from a question, from a pack, from what is kept."""

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from coordinator import cli
from coordinator.client import Results
from coordinator.config import Home
from coordinator.exports import workbook
from tests import governed
from tests import signed_samples as samples
from tests.coordinator.network import Network
from tests.governed import SITES

ALLOWED = governed.listed(("M01", "M04", "M08", "M09", "M29"))
ASKED = ("M08", "FY2024-H2", "--rho", "0.006")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Give a function that types a command and returns code, output and errors."""

    def typed(*words: str | Path) -> tuple[int, str, str]:
        said = ["cmpp", "--home", str(tmp_path), *map(str, words)]
        monkeypatch.setattr(sys, "argv", said)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return int(ended.value.code or 0), output.out, output.err

    return typed


@pytest.fixture(autouse=True)
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


def lines_of(table: Path) -> list[dict[str, str]]:
    """Read a CSV file."""
    return list(csv.DictReader(io.StringIO(table.read_bytes().decode(), newline="")))


def test_one_question_in_every_form_has_the_same_numbers(
    run: Run, tmp_path: Path
) -> None:
    table = tmp_path / "m08.csv"
    code, said, told = run("query", "run", *ASKED, "--json", "--output", table)
    assert code == 0
    assert "Wrote 3 values" in told
    due = [cell["value"] for cell in json.loads(said)[0]["cells"]]
    for ending in ("json", "parquet", "xlsx"):
        run("query", "export", "--output", tmp_path / f"m08.{ending}")
    sheet = openpyxl.load_workbook(tmp_path / "m08.xlsx")[workbook.VALUES]
    head, *lines = sheet.iter_rows(values_only=True)
    found = {
        "csv": [float(line["value"]) for line in lines_of(table)],
        "json": [r["value"] for r in json.loads((tmp_path / "m08.json").read_bytes())],
        "parquet": pq.read_table(tmp_path / "m08.parquet")["value"].to_pylist(),
        "xlsx": [line[head.index("value")] for line in lines],
    }
    with Results.open(tmp_path) as results:
        found["view"] = results.frame("M08", "FY2024-H2")["value"].tolist()
    assert found == dict.fromkeys(found, due)


def test_a_file_that_is_there_is_found_before_anything_is_asked(
    run: Run, tmp_path: Path, network: Network
) -> None:
    table = tmp_path / "m08.csv"
    table.write_text("mine")
    code, _, told = run("query", "run", *ASKED, "--output", table)
    assert code == 2
    assert "--force" in told
    code, _, told = run("pack", "run", "FY2024-H2", "--output", table)
    assert code == 2
    assert table.read_text() == "mine"
    assert not any(site.reads for site in network.sites.values())
    assert run("query", "run", *ASKED, "--output", table, "--force")[0] == 0
    assert table.read_text().startswith('"metric"')
    with Results.open(tmp_path) as results:
        assert len(results.rows("M08", "FY2024-H2")) == 3


def test_a_form_that_is_not_clear_is_found_before_anything_is_asked(
    run: Run, network: Network
) -> None:
    for options in (("--output", "m08.txt"), ("--format", "csv"), ("--force",)):
        assert run("query", "run", *ASKED, *options)[0] == 2
    assert not any(site.reads for site in network.sites.values())


def test_a_pack_is_one_table_and_kept_results_give_it_again(
    run: Run, tmp_path: Path
) -> None:
    first, again = tmp_path / "pack.csv", tmp_path / "again.csv"
    code, _, told = run("pack", "run", "FY2024-H2", "--output", first)
    assert code == 0
    assert "there is no value to write" in told
    assert run("pack", "export", "FY2024-H2", "--output", again)[0] == 0
    assert again.read_bytes() == first.read_bytes()
    rows = lines_of(first)
    assert {row["metric"] for row in rows} == {"M01", "M04", "M08", "M09", "M29"}
    assert all(row["low"] and row["high"] and row["sentence"] for row in rows)


def test_a_result_is_exported_by_its_digest_metric_or_period(
    run: Run, tmp_path: Path
) -> None:
    _, said, _ = run("query", "run", *ASKED, "--json")
    digest = json.loads(said)[0]["digest"]
    run("query", "run", "M09", "FY2024-Q4", "--rho", "0.006")
    for number, (options, metrics) in enumerate(
        [
            ((digest[:10],), {"M08"}),
            (("--metric", "M09"), {"M09"}),
            (("--period", "FY2024-H2"), {"M08"}),
            (("--every",), {"M08", "M09"}),
        ]
    ):
        table = tmp_path / f"{number}.json"
        assert run("query", "export", *options, "--output", table)[0] == 0
        assert {row["metric"] for row in json.loads(table.read_bytes())} == metrics


def test_public_figures_are_exact_in_a_file_too(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "money.json"
    assert run("query", "run", "M58", "FY2024", "--output", table)[0] == 0
    rows = json.loads(table.read_bytes())
    assert rows
    assert {row["reads_as"] for row in rows} == {"exact"}
    assert all(row["low"] == row["value"] == row["high"] for row in rows)
    assert {(row["rho"], row["epsilon"], row["noise_error"]) for row in rows} == {
        (0, 0, 0)
    }


def test_nothing_kept_is_no_file(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "none.csv"
    code, _, told = run("query", "export", "--metric", "M08", "--output", table)
    assert code == 2
    assert "cmpp query list" in told
    assert not table.exists()
