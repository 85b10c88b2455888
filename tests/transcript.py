"""Pages whose every command is typed and whose every line of output is compared."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

BLOCK = re.compile(
    r"```console\n(?P<console>.*?)```|<!-- meanwhile: (?P<meanwhile>.*?) -->", re.DOTALL
)
Varying = tuple[tuple[re.Pattern[str], str], ...]
"""What differs from site to site, and by what it is compared instead."""


def form(text: str, varying: Varying) -> str:
    """Reduce what differs from site to site to its form."""
    for pattern, name in varying:
        text = pattern.sub(name, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def typed(console: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a block with the output shown below it."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def walk(
    page: Path,
    *,
    say: Callable[[str], str],
    meanwhile: Callable[[str], None],
    varying: Varying,
) -> tuple[list[tuple[str, str, str]], str]:
    """Type every command of a page.

    Args:
        page: Where commands stand behind `$`, with what they print below.
        say: Types a command; gives all that was heard.
        meanwhile: Lets happen what the page says happens elsewhere.
        varying: What differs from site to site.

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
            heard = say(command)
            if form(heard, varying) != form(shown, varying):
                wrong.append((command, form(shown, varying), form(heard, varying)))
            lines = (line.rstrip() for line in heard.rstrip().splitlines())
            anew += "\n".join([f"$ {command}", *lines, ""])
        written.append(text[last : block.start("console")] + anew)
        last = block.end("console")
    return wrong, "".join(written) + text[last:]
