"""Check that every error has one form on the wire, and only a constant one."""

import inspect

import pytest

from privacy import errors
from proto import status, wire
from proto.canonical import Malformed
from proto.status import Status


def _family(root: type[errors.ExchangeError]) -> list[type[errors.ExchangeError]]:
    return [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, root)
    ]


def test_every_refusal_has_a_code_of_its_own() -> None:
    assert set(_family(errors.Refused)) == set(status.REFUSALS)
    assert set(wire.RefusalCode) == set(status.REFUSALS.values())
    assert len(set(status.REFUSALS.values())) == len(status.REFUSALS)


def test_every_refusal_code_has_a_sentence() -> None:
    for code in wire.RefusalCode:
        assert status.sentence(wire.Refusal(code=code)).endswith(".")


def test_a_budget_refusal_carries_its_two_amounts() -> None:
    error = errors.BudgetExhausted(left_pico_rho=12, asked_pico_rho=34)
    assert status.refusal(error) == wire.Refusal(
        code=wire.RefusalCode.BUDGET_EXHAUSTED, left_pico=12, asked_pico=34
    )


def test_an_unlisted_refusal_travels_as_the_nearest_listed_one() -> None:
    class Stricter(errors.NotMature):
        code = "stricter"

    expected = wire.Refusal(code=wire.RefusalCode.NOT_MATURE)
    assert status.refusal(Stricter("no")) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Malformed("x"), Status.MALFORMED),
        (errors.InvalidQuery("x"), Status.MALFORMED),
        (errors.UnknownPeer("x"), Status.DENIED),
        (errors.CertificateRefused("x"), Status.DENIED),
        (errors.Busy("x"), Status.BUSY),
        (errors.ChainBroken("x"), Status.INTERNAL),
        (errors.BadRecords("x"), Status.INTERNAL),
        (errors.ExchangeError("x"), Status.INTERNAL),
    ],
)
def test_every_other_error_is_one_of_four_statuses(
    error: errors.ExchangeError, expected: Status
) -> None:
    assert status.status(error) is expected


def test_the_words_of_a_status_are_one_constant_word() -> None:
    assert {"malformed", "denied", "busy", "internal"} == {
        found.words for found in Status
    }
    assert len({found.code for found in Status}) == len(Status)
