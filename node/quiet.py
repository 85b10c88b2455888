"""Let a serving process write its own fixed words, and nothing anybody else would say.

A library's log line, or the text of an exception nobody caught, can quote a
statement or a value. In a process that holds records such words go nowhere: what is
left is our own lines, and for the unforeseen its kind, without its text.
"""

import logging
import sys
import threading
from types import TracebackType
from typing import Final

_OURS: Final = ("node", "proto")
_FORM: Final = "%(asctime)s %(levelname)s %(message)s"


def begin() -> None:
    """Route our own loggers to standard error and silence every other voice."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(_FORM))
    for name in _OURS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        logger.propagate = False
    logging.getLogger().addHandler(logging.NullHandler())
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def _uncaught(
    kind: type[BaseException], _error: BaseException, _where: TracebackType | None
) -> None:
    """Name the kind of an exception that ends the process."""
    _name(kind)


def _uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    """Name the kind of an exception that ended a thread."""
    _name(told.exc_type)


def _unraisable(told: "sys.UnraisableHookArgs") -> None:
    """Name the kind of an exception that could not be raised."""
    _name(told.exc_type)


def _name(kind: type[BaseException]) -> None:
    """Log the kind, and no word of what it said."""
    logging.getLogger("node").critical("uncaught kind=%s", kind.__name__)
