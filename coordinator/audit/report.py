"""What an audit looked at, how much of it, and everything that was not right."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from privacy.errors import ExchangeError


@dataclass
class Check:
    """One thing that was checked.

    Attributes:
        name: What, in a few words.
        count: How many of it were looked at.
        failures: One sentence each, naming the file and the entry.
    """

    name: str
    count: int = 0
    failures: list[str] = field(default_factory=list)

    def fail(self, where: str, why: str) -> None:
        """Note that something is not right."""
        self.failures.append(f"{where}: {why}")

    def require(self, holds: object, where: str, why: str) -> bool:
        """Note something that does not hold; return whether it does."""
        if not holds:
            self.fail(where, why)
        return bool(holds)

    @contextmanager
    def looking_at(self, where: str) -> Iterator[None]:
        """Count one thing; what stops the look at it is noted, and no more."""
        self.count += 1
        try:
            yield
        except ExchangeError as error:
            self.fail(where, error.message)


@dataclass
class Report:
    """Every check of an audit, in order.

    Attributes:
        checks: What was checked.
        notes: What is allowed and worth knowing.
    """

    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def check(self, name: str) -> Check:
        """Begin one more check."""
        self.checks.append(Check(name))
        return self.checks[-1]

    @property
    def failures(self) -> tuple[str, ...]:
        """Everything that is not right."""
        return tuple(f for check in self.checks for f in check.failures)

    def content(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return {
            "whole": not self.failures,
            "checks": [
                {"name": c.name, "count": c.count, "failures": c.failures}
                for c in self.checks
            ],
            "notes": self.notes,
        }
