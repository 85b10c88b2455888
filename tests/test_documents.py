"""What the documents say is there, is there."""

import configparser
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from coordinator.config import CoordinatorConfig
from node.config import NodeConfig

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/*.md")])
WORDS = {"demo", "test", "soak", "lint", "bench", "browser", "clean", "help"}


def targets() -> set[str]:
    """Name what make can be asked for."""
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    return set(phony[1].split())


def page_names() -> list[str]:
    """Name each page for the test's report."""
    return [page.relative_to(ROOT).as_posix() for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=page_names())
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    local = [link for link in links if "://" not in link and ":" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_names())
def test_every_make_word_in_a_page_exists(page: Path) -> None:
    asked = re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(), re.MULTILINE)
    assert set(asked) <= targets()


def test_make_offers_the_words_people_expect() -> None:
    assert targets() >= WORDS


def test_make_help_explains_every_word() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    explained = re.findall(r"^make ([a-z]+) +\S.*$", shown, re.MULTILINE)
    assert targets() == set(explained)


def test_the_changelog_knows_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    text = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## \[([^\]]+)\]", text, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert version in headings or len(headings) == 1


def test_the_changelog_speaks_of_privacy() -> None:
    assert "### Privacy" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize(
    "sample", sorted(ROOT.glob("deploy/**/*.toml")), ids=lambda path: path.name
)
def test_every_sample_is_readable(sample: Path) -> None:
    assert tomllib.loads(sample.read_text())


def test_the_sample_settings_are_the_ones_the_programs_write_and_read() -> None:
    samples = {
        "node.toml": NodeConfig.sample("NYC"),
        "coordinator.toml": CoordinatorConfig.sample(
            join_address="coordinator.example.org:7444"
        ),
    }
    for name, text in samples.items():
        assert text == (ROOT / "deploy" / name).read_text(), name
    assert NodeConfig.load(ROOT / "deploy" / "node.toml").site == "NYC"
    CoordinatorConfig.model_validate(tomllib.loads(samples["coordinator.toml"]))


@pytest.mark.parametrize("unit", sorted((ROOT / "deploy").glob("*.service")))
def test_a_service_unit_runs_a_command_we_have_as_nobody_special(unit: Path) -> None:
    service = configparser.ConfigParser(strict=False, interpolation=None)
    service.optionxform = str  # type: ignore[assignment,method-assign]
    service.read_string(unit.read_text())
    command = Path(service["Service"]["ExecStart"].split()[0]).name
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert command in scripts
    assert service["Service"]["User"] != "root"
    assert service["Service"]["NoNewPrivileges"] == "yes"
