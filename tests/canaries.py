"""Errors of every family the node can meet, each carrying a planted word."""

import sqlite3
from collections.abc import Callable

import duckdb
import opendp.mod
import psycopg
from cryptography.exceptions import InvalidTag
from google.protobuf.message import DecodeError
from sqlalchemy import exc

from privacy import errors
from proto.canonical import Malformed

WORD = "A123-456-789 Zoë"
"""A person's number and name, in the style of what an error could quote."""

CORE = "456-789"
"""The part of the word that no encoding of text changes."""


class UnprintableError(Exception):
    """An error whose own words fail, with more words."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError(WORD)


def _chained() -> BaseException:
    outer = _from(errors.RegisterBroken(WORD), ValueError(WORD))
    outer.add_note(WORD)
    return outer


def _statement(kind: type[exc.DBAPIError]) -> BaseException:
    driver = sqlite3.OperationalError(f"UNIQUE constraint failed: {WORD}")
    return kind(f"SELECT '{WORD}'", {"alien_no": WORD}, driver)


KINDS: dict[str, Callable[[], BaseException]] = {
    "plain": lambda: RuntimeError(WORD),
    "statement": lambda: _statement(exc.OperationalError),
    "integrity": lambda: _statement(exc.IntegrityError),
    "duckdb": lambda: duckdb.ConversionException(f"Could not convert '{WORD}'"),
    "postgresql": lambda: psycopg.errors.UniqueViolation(f"Key ({WORD}) exists"),
    "os": lambda: OSError(5, WORD, WORD),
    "text": lambda: UnicodeDecodeError("utf-8", WORD.encode(), 0, 1, WORD),
    "key": lambda: KeyError(WORD),
    "refused": lambda: errors.NotAllowed(WORD),
    "refused, chained": lambda: _from(errors.NotMature(WORD), ValueError(WORD)),
    "malformed": lambda: Malformed(WORD),
    "invalid": lambda: errors.InvalidQuery(WORD),
    "untrusted": lambda: errors.UnknownPeer(WORD),
    "busy": lambda: errors.Busy(WORD),
    "pending": lambda: errors.Pending(WORD),
    "corrupt, chained": _chained,
    "ledger": lambda: errors.LedgerStopped(WORD),
    "records": lambda: errors.BadRecords(WORD),
    "noise": lambda: opendp.mod.OpenDPException("FailedFunction", WORD, WORD),
    "message": lambda: DecodeError(WORD),
    "seal": lambda: InvalidTag(WORD),
    "unprintable": UnprintableError,
    "group": lambda: ExceptionGroup(WORD, [ValueError(WORD)]),
    "memory": lambda: MemoryError(WORD),
    "stop": lambda: StopIteration(WORD),
    "interrupt": lambda: KeyboardInterrupt(WORD),
    "exit": lambda: SystemExit(WORD),
    "panic": lambda: BaseException(WORD),
}


def _from(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error
