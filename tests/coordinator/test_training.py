"""A training network says so in everything the coordinator shows."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from coordinator import report
from coordinator.cli.centre import TRAINING
from coordinator.config import CoordinatorConfig, Home
from privacy.errors import BadConfiguration
from tests.coordinator.network import Network
from tests.coordinator.test_cli import Run, network, run

__all__ = ["network", "run"]


def test_a_training_network_is_named_so_for_good(run: Run, tmp_path: Path) -> None:
    code, _, told = run("init", "--training")
    assert code == 0
    assert told.startswith(TRAINING)
    assert Home(tmp_path).config().network == "training-cmpp"
    assert Home(tmp_path).config().training


def test_its_name_may_be_chosen_if_it_says_so(run: Run, tmp_path: Path) -> None:
    code, _, told = run("init", "--training", "--network", "cmpp-2")
    assert code == 2
    assert "begins with training-" in told
    assert not (tmp_path / "coordinator.toml").exists()
    assert run("init", "--training", "--network", "training-2")[0] == 0
    assert Home(tmp_path).config().network == "training-2"


def test_the_name_alone_makes_a_network_a_training_one(run: Run) -> None:
    assert run("init", "--network", "training-east")[2].startswith("TRAINING: ")


@pytest.mark.parametrize(
    "words",
    [
        ("pack", "preview", "FY2024-H2"),
        ("query", "preview", "M08", "FY2024-H2", "--rho", "0.006"),
        ("site", "list"),
        ("metrics", "list"),
    ],
)
def test_every_command_begins_with_training(run: Run, words: tuple[str, ...]) -> None:
    run("init", "--training")
    run("site", "add", "NYC", "--address", "127.0.0.1:7443")
    code, _, told = run(*words)
    assert code == 0
    assert told.startswith("TRAINING: ")


def test_a_network_that_has_a_roster_is_not_renamed(
    run: Run, network: Network, tmp_path: Path
) -> None:
    assert network.sites
    settings = tmp_path / "coordinator.toml"
    text = settings.read_text()
    settings.write_text(text.replace('network = "cmpp"', 'network = "training-cmpp"'))
    for words in (("site", "list"), ("query", "list"), ("serve",)):
        code, _, told = run(*words)
        assert (code, "keeps its name for good" in told) == (2, True)
    settings.write_text(text)
    assert run("site", "list")[0] == 0


def test_json_is_only_json(run: Run) -> None:
    run("init", "--training")
    assert json.loads(run("site", "list", "--json")[1]) == []


def test_a_live_network_does_not_say_training(run: Run) -> None:
    said = [run("init"), run("pack", "list"), run("site", "list")]
    assert [each for each in said if "TRAINING" in each[1] + each[2]] == []


def test_the_page_begins_with_the_banner() -> None:
    made = {"title": "A pack", "rho": Fraction(1, 100)}
    html = report.page([], {}, **made, banner=TRAINING)
    assert html.index(TRAINING) < html.index("<h1>")
    assert 'role="note"' in html
    assert "TRAINING" not in report.page([], {}, **made)


def test_a_setting_that_is_no_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration):
        Home(tmp_path).make(join_address="127.0.0.1:1", network="Training-1")
    assert not CoordinatorConfig(join_address="127.0.0.1:1").training
