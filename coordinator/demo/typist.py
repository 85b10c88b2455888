"""Type several commands of one program in one process, because starting one is slow.

Reads a list of commands as JSON and writes a list of what each printed. A command
that the reader expects to be refused is marked so; anything else that does not end
well ends everything.
"""

import contextlib
import importlib
import io
import json
import sys
from typing import Any

from privacy.errors import ExchangeError, Unreachable


def main() -> None:
    """Run the commands of the program named on the command line."""
    app = importlib.import_module(sys.argv[1]).app
    said = [_typed(app, **command) for command in json.load(sys.stdin)]
    json.dump(said, sys.stdout)


def _typed(app: Any, *, words: list[str], refused: bool) -> str:  # noqa: ANN401 - any program
    """Run one command and return what it printed, or why it was refused.

    Raises:
        Unreachable: it ended in another way than was expected.
    """
    printed = io.StringIO()
    why, code = "", 0
    with contextlib.redirect_stdout(printed):
        try:
            code = app(words, standalone_mode=False) or 0
        except ExchangeError as error:
            why, code = error.message, 1
    if bool(code) != refused:
        ended = "went through" if refused else f"ended with code {code}"
        raise Unreachable(f"`{' '.join(words[:6])} ...` {ended}. {why}")
    return why or printed.getvalue()


if __name__ == "__main__":
    try:
        main()
    except ExchangeError as error:
        sys.exit(error.message)
