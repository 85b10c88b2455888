"""Pages whose every command is typed and whose every line of output is compared."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.typed_site import Said

BLOCK = re.compile(
    r"```console\n(?P<console>.*?)```|<!-- meanwhile: (?P<meanwhile>.*?) -->", re.DOTALL
)
VARYING = (
    (re.compile(r"127\.0\.0\.1(:| port )\d+"), "<address>"),
    (re.compile(r"\d+\.\d+ GiB"), "<disk>"),
    (re.compile(r"line (\d):  .*"), r"line \1:  <words>"),
    (re.compile(r"(?:[0-9a-f]{4} ){15}[0-9a-f]{4}"), "<fingerprint>"),
    (re.compile(r"(?:[0-9a-f]{4} ){3,}[0-9a-f]{4}"), "<part of a fingerprint>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<digest>"),
    (re.compile(r"\b\d{4}\.\d+\+[0-9a-f]{12}\b"), "<programme>"),
    (re.compile(r"\b[0-9a-f]{12}([0-9a-f]{4})?\b"), "<digest>"),
    (re.compile(r"\b(?:Python|SQLite|DuckDB) \d+\.\d+\.\d+"), "<version>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(T[\d:.]+\+00:00| \d\d:\d\d)?"), "<date>"),
    (re.compile(r"\b\d+ days old|days left: \d+|Within \d+ s"), "<time>"),
    (re.compile(r"\b\d+ households not selected"), "<households>"),
    (re.compile(r"│ 1/100 +│ -?\d+ +│"), "<what left>"),
)
"""What differs from site to site, and is compared by its form."""


def form(text: str) -> str:
    """Reduce what differs from site to site to its form."""
    for pattern, name in VARYING:
        text = pattern.sub(name, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def typed(console: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a block with the output shown below it."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def walk(
    page: Path, *, say: Callable[[str], Said], meanwhile: Callable[[str], None]
) -> tuple[list[tuple[str, str, str]], str]:
    """Type every command of a page.

    Returns:
        Each command that said something else, with what is shown and what was heard;
        and the page as it would have to be written.
    """
    text = page.read_text("utf-8")
    written, last = [], 0
    wrong = []
    for block in BLOCK.finditer(text):
        if block["meanwhile"]:
            meanwhile(block["meanwhile"])
            continue
        anew = ""
        for command, shown in typed(block["console"]):
            said = say(command)
            heard = (said.told + said.out).replace(f"{Path.cwd()}/", "")
            if form(heard) != form(shown):
                wrong.append((command, form(shown), form(heard)))
            lines = (line.rstrip() for line in heard.rstrip().splitlines())
            anew += "\n".join([f"$ {command}", *lines, ""])
        written.append(text[last : block.start("console")] + anew)
        last = block.end("console")
    return wrong, "".join(written) + text[last:]
