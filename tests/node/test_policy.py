"""A policy as officers draft it: the text, the amounts, whose signatures it needs."""

import datetime as dt
from dataclasses import replace
from fractions import Fraction

import pytest

from node.policy import allowance, draft
from node.policy.draft import FIRST_CAPS, Draft, epsilon_text, in_both, rho_text
from node.policy.signatures import Progress
from privacy import catalogue, forecast, loss, pack
from privacy import policy as policies
from privacy.accounts import Accounts
from privacy.amount import Amount
from privacy.catalogue import Status
from privacy.errors import BadConfiguration
from privacy.forecast import Plan
from privacy.mandate import Purpose
from privacy.period import Period, PeriodKind
from privacy.policy import AutoAccept
from tests.signed_samples import NOW, OFFICERS, public, signed

PROGRAMME = catalogue.load()
DELTA = Fraction(1, 10**6)
RUNNING = {n for n, m in PROGRAMME.metrics.items() if m.status is Status.RUNNING}
DRAFT = Draft(
    site="NYC",
    network="cmpp",
    programme=PROGRAMME.version,
    allow=frozenset(RUNNING),
    officers={name: public(name) for name in OFFICERS},
    first_entry_year="FY2023",
    last_entry_year="FY2027",
    not_before=NOW,
)


def parsed(made: Draft) -> policies.Policy:
    return policies.parse(draft.document(draft.text(made)))


# ---- the draft -------------------------------------------------------------


def test_a_draft_says_what_it_was_told() -> None:
    rules = parsed(DRAFT)
    assert (rules.site, rules.network, rules.version) == ("NYC", "cmpp", 1)
    assert rules.allow == RUNNING
    assert rules.deny == frozenset()
    assert rules.caps == FIRST_CAPS
    assert rules.officers == DRAFT.officers
    assert rules.auto_accept == AutoAccept()
    assert (rules.tolerated_colluders, rules.board_signatures) == (1, 2)
    assert rules.not_before == NOW
    assert rules.not_after == NOW + dt.timedelta(days=366)


UNUSUAL = replace(
    DRAFT,
    version=7,
    reason='Said "no" to \\ quarters: ñ, é.',
    deny=frozenset({"M29", "M32"}),
    period_kinds=frozenset({PeriodKind.FISCAL_YEAR}),
    purposes=frozenset({Purpose.SINGLE_AUDIT}),
    tolerated_colluders=2,
    board_signatures=3,
    delta=Fraction(1, 10**9),
    caps=replace(FIRST_CAPS, lifetime=Amount(123_456_789_012, 999_999_999_999)),
    auto_accept=AutoAccept(
        mandates=True,
        purposes=frozenset({Purpose.OVERSIGHT, Purpose.EVALUATION}),
        loss_at_most=Fraction("0.0125"),
        editions=True,
    ),
)


@pytest.mark.parametrize("made", [DRAFT, UNUSUAL])
def test_a_policy_drafted_again_says_the_same(made: Draft) -> None:
    rules = parsed(made)
    again = parsed(Draft.like(rules, now=NOW))
    assert again == rules


def test_a_draft_nobody_could_obey_is_never_written() -> None:
    lonely = {"olga": public("olga")}
    with pytest.raises(BadConfiguration, match="fewer than 2 officers"):
        draft.text(replace(DRAFT, officers=lonely))


def test_the_first_caps_mean_epsilon_three_a_year_and_below_six_in_all() -> None:
    year = loss.from_pico(FIRST_CAPS.fiscal_year.model)
    assert year == Fraction(int(loss.rho_for(Fraction(3), DELTA) * 100), 100)
    lifetime = loss.from_pico(FIRST_CAPS.lifetime.model)
    assert loss.epsilon(lifetime, DELTA) < 6


def test_the_first_caps_hold_years_of_packs() -> None:
    plan = Plan(
        programme=PROGRAMME,
        packs=(pack.load("half-year", PROGRAMME),),
        half_years=forecast.half_years(Period("FY2024-H1"), Period("FY2028-H2")),
    )
    made = forecast.simulate(plan, FIRST_CAPS, before=Accounts())
    assert made.first_refused is None
    half = replace(FIRST_CAPS, fiscal_year=in_both(Fraction("0.09")))
    assert forecast.simulate(plan, half).first_refused is not None


def test_first_worst_case_caps_are_twice_the_others() -> None:
    caps = FIRST_CAPS.named().values()
    assert all(cap.worst == 2 * cap.model for cap in caps)


# ---- amounts ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("pico", "text"),
    [(0, "0.0"), (1, "0.000000000001"), (6 * 10**11, "0.6"), (10**14, "100.0")],
)
def test_pico_rho_are_written_exactly(pico: int, text: str) -> None:
    assert rho_text(pico) == text
    if pico:
        assert loss.parse_rho(text) == loss.from_pico(pico)


def test_epsilon_is_never_shown_too_small() -> None:
    for pico in (1, 10**9, 4 * 10**10, 6 * 10**11):
        exact = loss.epsilon(loss.from_pico(pico), DELTA)
        assert exact <= float(epsilon_text(pico, DELTA)) < exact + 0.011
    assert epsilon_text(0, DELTA) == "0.00"


def test_an_amount_is_a_word_an_epsilon_or_a_rho() -> None:
    assert allowance.parse("rho=0.2", DELTA) == Fraction(1, 5)
    moderate = allowance.parse("Moderate", DELTA)
    assert moderate == allowance.parse("epsilon=2", DELTA) == Fraction("0.0881")
    assert loss.epsilon(moderate, DELTA) <= 2
    very = allowance.parse("very strong", DELTA)
    assert 0 < loss.epsilon(very, DELTA) <= 0.1


@pytest.mark.parametrize(
    "text", ["2", "plenty", "", "rho=", "rho=-1", "rho=1e3", "epsilon=0", "eps=2"]
)
def test_anything_else_is_no_amount(text: str) -> None:
    with pytest.raises(BadConfiguration):
        allowance.parse(text, DELTA)


# ---- whose signatures ------------------------------------------------------


def test_a_first_policy_needs_two_of_its_own_officers() -> None:
    document = draft.document(draft.text(DRAFT))
    none = Progress.of(document, None)
    assert (none.first, none.needed, none.missing, none.signed) == (True, 2, 2, ())
    one = Progress.of(signed(document, "olga", "eve"), None)
    assert (one.signed, one.others, one.missing) == (("olga",), ("omar",), 1)
    assert Progress.of(signed(document, *OFFICERS), None).missing == 0


def test_a_looser_policy_needs_two_and_a_tighter_one_needs_one() -> None:
    before = parsed(DRAFT)
    tighter = replace(
        DRAFT, version=2, caps=replace(FIRST_CAPS, lifetime=in_both(Fraction("0.5")))
    )
    looser = replace(
        DRAFT, version=2, caps=replace(FIRST_CAPS, lifetime=in_both(Fraction("0.7")))
    )
    found = Progress.of(draft.document(draft.text(tighter)), before)
    assert (found.first, found.loosens, found.needed) == (False, (), 1)
    found = Progress.of(draft.document(draft.text(looser)), before)
    assert (found.loosens, found.needed) == (("lifetime",), 2)


def test_new_officers_are_judged_by_the_old() -> None:
    before = parsed(DRAFT)
    new = replace(DRAFT, version=2, officers={n: public(n) for n in ("eve", "mallory")})
    document = signed(draft.document(draft.text(new)), "eve", "mallory")
    found = Progress.of(document, before)
    assert (found.signed, found.others) == ((), OFFICERS)
    assert found.missing == 2
