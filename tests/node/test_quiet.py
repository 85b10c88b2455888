"""A serving process writes only its own words."""

import subprocess
import sys

import pytest

CANARY = "CANARY-7f3a"
BEGIN = "from node import quiet; quiet.begin()\n"
RAISE = f"raise RuntimeError('{CANARY}')"
SAID = {
    "a library's log line": (
        f"import logging; logging.getLogger('sqlalchemy.pool').error('{CANARY}')"
    ),
    "a root log line": f"import logging; logging.error('{CANARY}')",
    "an uncaught exception": RAISE,
    "an exception in a thread": (
        f"import threading\ndef run(): {RAISE}\n"
        "thread = threading.Thread(target=run)\nthread.start()\nthread.join()"
    ),
    "an exception in a destructor": (f"class A:\n  def __del__(self): {RAISE}\nA()"),
}


def heard(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", SAID)
def test_what_others_would_say_goes_nowhere(name: str) -> None:
    assert CANARY in heard(SAID[name])
    assert CANARY not in heard(BEGIN + SAID[name])


def test_our_own_lines_are_written() -> None:
    ours = "import logging; logging.getLogger('node.server').info('released')"
    assert "released" in heard(BEGIN + ours)


def test_an_uncaught_exception_is_named_by_its_kind() -> None:
    assert "uncaught kind=RuntimeError" in heard(BEGIN + SAID["an uncaught exception"])
