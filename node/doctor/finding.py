"""What one look found: a state, and a cause and a fix unless all is well."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How one thing is: as it should be, to be looked at, or wrong."""

    OK = "ok"
    LOOK = "look"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """Hold what was looked at and found.

    Attributes:
        check: What was looked at, in a word or two.
        state: How it is.
        found: What was found, one sentence.
        cause: Why that may be so; empty if all is well.
        fix: What to do; empty if all is well.
    """

    check: str
    state: State
    found: str
    cause: str = ""
    fix: str = ""

    def content(self) -> dict[str, str]:
        """Return it as plain words, for other programs."""
        return {
            "check": self.check,
            "state": self.state.value,
            "found": self.found,
            "cause": self.cause,
            "fix": self.fix,
        }


def worst(findings: Iterable[Finding]) -> State:
    """Return the worst state among findings; all is well if there are none."""
    order = list(State)
    return max((each.state for each in findings), key=order.index, default=State.OK)
