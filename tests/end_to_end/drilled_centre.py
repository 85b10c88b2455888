"""A coordinator for the seizure drill: it runs board packs, and then keeps still.

After each pack it says so on standard output and waits for a line, so that whoever
started it can take its memory at that moment, with everything still in it.
"""

import contextlib
import io
import sys

from coordinator.cli.app import app


def main() -> None:
    """Run one pack for each period named, asking again where one is named twice."""
    home, *periods = sys.argv[1:]
    seen: set[str] = set()
    for period in periods:
        words = ["--ask-again"] if period in seen else []
        seen.add(period)
        page = f"{home}/report-{period}.html"
        with contextlib.redirect_stdout(io.StringIO()) as said:
            app(
                ["--home", home, "pack", "run", period, "--html", page, *words],
                standalone_mode=False,
            )
        print("ran", period, len(said.getvalue()), flush=True)  # noqa: T201
        sys.stdin.readline()


if __name__ == "__main__":
    main()
