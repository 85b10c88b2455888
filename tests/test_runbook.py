"""What the runbook tells people to type in a bad hour exists, to the option."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from coordinator.cli.app import app as coordinator
from node.cli.app import app as node

PAGE = Path(__file__).parents[1] / "docs" / "compelled-disclosure.md"
PROGRAMS = {"cmpp": typer.main.get_command(coordinator)}
PROGRAMS["cmpp-node"] = typer.main.get_command(node)


def commands() -> list[str]:
    """Return every command on the page, in blocks and in sentences."""
    text = PAGE.read_text()
    blocks = re.findall(r"^ *(cmpp(?:-node)? [^\n#]+)", text, re.MULTILINE)
    return sorted({*blocks, *re.findall(r"`(cmpp(?:-node)? [^`\n]+)`", text)})


def test_the_page_has_commands() -> None:
    assert len(commands()) >= 8


@pytest.mark.parametrize("line", commands())
def test_every_command_on_the_page_exists(line: str) -> None:
    program, *words = shlex.split(line)
    command = PROGRAMS[program]
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, line
        command = command.commands[words.pop(0)]
    options = {opt for p in command.params for opt in p.opts}
    assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("part", ["Call\ncounsel first", "Never delete", "judge"])
def test_the_page_says_what_matters(part: str) -> None:
    assert part in PAGE.read_text()
