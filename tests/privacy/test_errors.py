import inspect
import pickle
import re

import pytest

from privacy import errors
from privacy.errors import BudgetExhausted, ExchangeError, Refused

FAMILY = [
    kind
    for kind in vars(errors).values()
    if inspect.isclass(kind) and issubclass(kind, ExchangeError)
]


def test_every_code_is_unique_and_kebab_case() -> None:
    codes = [kind.code for kind in FAMILY]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_the_tree_in_the_docstring_is_the_real_tree() -> None:
    assert errors.__doc__ is not None
    drawn = {}
    above: list[str] = []
    for line in errors.__doc__.splitlines():
        found = re.match(r"    ((?:│   |├── |└── |    )*)([A-Z][A-Za-z]+)\b", line)
        if found:
            depth = len(found[1]) // 4
            above[depth:] = [found[2]]
            drawn[found[2]] = above[depth - 1] if depth else "Exception"
    assert drawn == {kind.__name__: kind.__bases__[0].__name__ for kind in FAMILY}


def test_every_error_keeps_its_sentence() -> None:
    assert ExchangeError("It failed; try again.").message == "It failed; try again."
    assert str(ExchangeError("It failed; try again.")) == "It failed; try again."


def test_an_exhausted_budget_says_what_is_left_and_what_was_asked() -> None:
    error = BudgetExhausted(left_pico_rho=4_500_000_000, asked_pico_rho=2 * 10**12)
    assert isinstance(error, Refused)
    assert error.code == "budget-exhausted"
    assert "costs 2 rho and 0.0045 rho is left" in error.message
    assert (error.left_pico_rho, error.asked_pico_rho) == (4_500_000_000, 2 * 10**12)


@pytest.mark.parametrize(
    ("left", "text"),
    [(0, "0 rho is left"), (1, "0.000000000001 rho is left"), (-1, "-0.000000000001")],
)
def test_amounts_are_written_exactly(left: int, text: str) -> None:
    assert text in BudgetExhausted(left_pico_rho=left, asked_pico_rho=1).message


def test_an_exhausted_budget_survives_another_process() -> None:
    error = BudgetExhausted(left_pico_rho=1, asked_pico_rho=2)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.left_pico_rho, copy.asked_pico_rho) == (1, 2)
    assert copy.message == error.message
