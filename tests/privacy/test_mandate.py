"""A mandate: what it opens, and everything else, which it does not."""

import datetime as dt
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import mandate as mandates
from privacy.errors import BadSignature, Expired, InvalidProgramme, NotAllowed
from privacy.mandate import Asked, Purpose, Revocation, StandingDown, Turn
from privacy.period import Period
from privacy.query import Mode
from privacy.signing import Document, Kind
from tests import signed_samples as samples

SIGNED = samples.mandate()
MANDATE = mandates.parse(SIGNED)
TEXT = SIGNED.content.decode()
COVERED = Asked(
    site="NYC",
    metric="M08",
    purpose=Purpose.OVERSIGHT,
    mode=Mode.SITE,
    period=Period("FY2024-H2"),
    revision=0,
    programme=MANDATE.programme,
)


def test_a_mandate_says_what_was_written() -> None:
    assert (MANDATE.network, MANDATE.number) == ("cmpp", "2026-01")
    assert MANDATE.metrics == {"M08", "M09"}
    assert MANDATE.sites == {"NYC", "HOU"}
    assert MANDATE.loss_rho == Fraction("0.05")
    assert MANDATE.digest == SIGNED.digest


def test_what_a_mandate_names_it_covers() -> None:
    MANDATE.check(COVERED)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"site": "LAX"}, "site LAX"),
        ({"metric": "M01"}, "metric M01"),
        ({"purpose": Purpose.EVALUATION}, "purpose evaluation"),
        ({"mode": Mode.SUM}, "mode sum"),
        ({"period": Period("FY2024-H1")}, "period FY2024-H1"),
        ({"period": Period("FY2024")}, "period FY2024"),
        ({"period": Period("FY2024-Q4")}, "period FY2024-Q4"),
        ({"revision": 1}, "revision 1"),
        ({"programme": "2026.2+000000000000"}, "programme 2026.2"),
    ],
)
def test_what_it_does_not_name_it_does_not_open(
    change: dict[str, object], why: str
) -> None:
    with pytest.raises(NotAllowed, match=f"does not cover {why}"):
        MANDATE.check(replace(COVERED, **change))


def test_a_mandate_holds_between_its_two_moments() -> None:
    second = dt.timedelta(seconds=1)
    MANDATE.check_in_force(MANDATE.not_before)
    MANDATE.check_in_force(MANDATE.not_after)
    with pytest.raises(NotAllowed, match="begins on 2026-11-01"):
        MANDATE.check_in_force(MANDATE.not_before - second)
    with pytest.raises(Expired, match="ended on 2027-02-01"):
        MANDATE.check_in_force(MANDATE.not_after + second)


def test_there_is_no_enforcement_purpose() -> None:
    assert {purpose.value for purpose in Purpose} == {
        "oversight",
        "evaluation",
        "service-improvement",
        "funding-report",
        "single-audit",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"number": '"third"'},
        {"number": '"2026"'},
        {"metrics": "[]"},
        {"metrics": '["all"]'},
        {"metrics": '["*"]'},
        {"metrics": '"M08"'},
        {"purposes": "[]"},
        {"purposes": '["enforcement"]'},
        {"mode": '"both"'},
        {"mode": '["site", "sum"]'},
        {"sites": "[]"},
        {"periods": "[]"},
        {"periods": '["2024"]'},
        {"revision": "-1"},
        {"revision": "1001"},
        {"revision": "true"},
        {"loss_rho": "0.05"},
        {"worst_rho": '"0.04"'},
        {"not_after": "2026-11-01T00:00:00Z"},
        {"not_after": "2026-10-01T00:00:00Z"},
        {"not_after": "2027-12-07T00:00:00Z"},
        {"not_after": "2027-02-01"},
        {"extra": "1"},
    ],
)
def test_a_mandate_that_is_not_definite_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(InvalidProgramme):
        mandates.parse(samples.mandate(**change))


@pytest.mark.parametrize("loss", ["0", "-1", "1e-3", "101", "nan", "", "1/0"])
def test_a_mandate_costs_something_definite(loss: str) -> None:
    with pytest.raises(samples.ExchangeError):
        mandates.parse(samples.mandate(loss_rho=f'"{loss}"'))


@pytest.mark.parametrize("missing", samples.MANDATE)
def test_every_part_must_be_there(missing: str) -> None:
    lines = [line for line in TEXT.splitlines() if not line.startswith(f"{missing} =")]
    content = "\n".join([*lines, ""]).encode()
    with pytest.raises(InvalidProgramme, match=missing):
        mandates.parse(Document(kind=Kind.MANDATE, content=content))


@given(st.integers(0, len(SIGNED.content) - 1), st.integers(1, 255))
def test_a_mandate_changed_anywhere_was_signed_by_nobody(at: int, flip: int) -> None:
    content = bytearray(SIGNED.content)
    content[at] ^= flip
    forged = Document(
        kind=Kind.MANDATE, content=bytes(content), signatures=SIGNED.signatures
    )
    assert forged.signers == frozenset()


def test_signatures_under_another_kind_are_worth_nothing() -> None:
    other = Document(
        kind=Kind.REVOCATION, content=SIGNED.content, signatures=SIGNED.signatures
    )
    assert other.signers == frozenset()
    with pytest.raises(BadSignature, match="not a mandate"):
        mandates.parse(other)


# ---- withdrawing and standing down -----------------------------------------


def test_a_revocation_names_one_mandate() -> None:
    found = Revocation.parse(samples.revocation(SIGNED))
    assert found.mandate == SIGNED.digest.hex()
    lines = ('network = "cmpp"', 'mandate = "2026-01"', 'reason = "x"')
    with pytest.raises(InvalidProgramme, match="64 hexadecimal"):
        Revocation.parse(samples.text(Kind.REVOCATION, lines))


@pytest.mark.parametrize("turn", Turn)
def test_an_order_is_numbered(turn: Turn) -> None:
    found = StandingDown.parse(samples.order(turn.value, 7))
    assert (found.turn, found.number) == (turn, 7)


def test_an_order_that_orders_nothing_known_is_refused() -> None:
    with pytest.raises(InvalidProgramme):
        StandingDown.parse(samples.order("hurry", 1))


def test_a_document_is_for_one_network() -> None:
    mandates.check_network("cmpp", "cmpp")
    with pytest.raises(BadSignature, match="is for the network 'other'"):
        mandates.check_network("other", "cmpp")
