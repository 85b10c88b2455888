"""Renew a certificate in a process of its own, and die at one step of it.

Run as ``python -m tests.killed_renewal FOLDER ADDRESS STEP``. A step is a line of the
product that deals with keys and certificates; 0 kills nothing and prints their number.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from node import identity, renewal
from node.config import NotifyConfig
from node.notify import Notifier
from node.renewal import Renewal
from proto import credentials

WATCHED = {each.__file__ for each in (credentials, identity, renewal)}


def main(folder: Path, address: str, step: int) -> int:
    """Renew; return the number of steps, unless killed at one."""
    passed = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal passed
        if frame.f_code.co_filename not in WATCHED:
            return None
        if event == "line":
            passed += 1
            if passed == step:
                os._exit(9)
        return trace

    renewing = Renewal(
        folder,
        site="NYC",
        address=address,
        notifier=Notifier("NYC", NotifyConfig(), memory=folder / "told"),
        clock=lambda: datetime.now(UTC),
    )
    sys.settrace(trace)
    renewing.renew(now=datetime.now(UTC))
    sys.settrace(None)
    return passed


if __name__ == "__main__":
    sys.stdout.write(str(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
