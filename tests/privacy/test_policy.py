"""The policy: what a site's officers allow, and how many of them must sign."""

import datetime as dt
from fractions import Fraction

import pytest

from privacy import policy as policies
from privacy.errors import (
    BadConfiguration,
    BadSignature,
    BudgetExhausted,
    ExchangeError,
    Expired,
    NotAllowed,
)
from privacy.mandate import Asked, Purpose
from privacy.period import Period
from privacy.policy import AutoAccept, Policy
from privacy.query import Mode
from privacy.signing import Document, Kind
from tests import signed_samples as samples
from tests.signed_samples import NOW

SIGNED = samples.policy()
RULES = policies.parse(SIGNED)
TEXT = SIGNED.content.decode()
YEARS = (Period("FY2023"), Period("FY2024"))


def asked(**changes: object) -> Asked:
    """Return a question that the sample policy allows."""
    known = {
        "site": "NYC",
        "metric": "M08",
        "purpose": Purpose.OVERSIGHT,
        "mode": Mode.SITE,
        "period": Period("FY2024-H2"),
        "revision": 0,
        "programme": RULES.programme,
    }
    return Asked(**known | changes)


def later(*signers: str, **changes: object) -> tuple[Document, Policy]:
    """Return a second policy with some rules changed."""
    document = samples.policy(*signers, **{"version": 2} | changes)
    return document, policies.parse(document)


def test_a_policy_says_what_was_written() -> None:
    assert (RULES.site, RULES.network, RULES.version) == ("NYC", "cmpp", 1)
    assert RULES.allow == {"M08", "M09"}
    assert RULES.caps.lifetime.model == RULES.caps.lifetime.worst == 5 * 10**11
    assert RULES.caps.per_release.model == 5 * 10**10
    assert RULES.delta == Fraction(1, 10**6)
    assert set(RULES.officers) == set(samples.OFFICERS)
    assert AutoAccept() == RULES.auto_accept
    assert RULES.digest == SIGNED.digest


def test_caps_are_rounded_down() -> None:
    text = TEXT.replace('lifetime = "0.5"', 'lifetime = "1/3"')
    document = Document(kind=Kind.POLICY, content=text.encode())
    assert policies.parse(document).caps.lifetime.model == 333_333_333_333


def test_an_allowed_question_passes() -> None:
    RULES.check(asked(), entry_years=YEARS, now=NOW)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"metric": "M01"}, "does not allow M01"),
        ({"purpose": Purpose.EVALUATION}, "the purpose evaluation"),
        ({"period": Period("FY2024")}, "periods like FY2024"),
    ],
)
def test_a_question_outside_the_policy_is_refused(
    change: dict[str, object], why: str
) -> None:
    with pytest.raises(NotAllowed, match=why):
        RULES.check(asked(**change), entry_years=YEARS, now=NOW)


@pytest.mark.parametrize(
    "years",
    [(), ("FY2022", "FY2023"), ("FY2028",), ("FY2024-H1",), ("FY2024-Q1",)],
)
def test_entry_years_outside_the_policy_are_refused(years: tuple[str, ...]) -> None:
    with pytest.raises(NotAllowed, match="entry years outside FY2023 to FY2027"):
        RULES.check(asked(), entry_years=[Period(y) for y in years], now=NOW)


def test_what_is_denied_is_refused_even_if_allowed() -> None:
    _, rules = later(deny='["M08"]')
    rules.check(asked(metric="M09"), entry_years=YEARS, now=NOW)
    with pytest.raises(NotAllowed, match="M08"):
        rules.check(asked(), entry_years=YEARS, now=NOW)


def test_a_policy_holds_between_its_two_moments() -> None:
    for now, error in (
        (RULES.not_before - dt.timedelta(seconds=1), NotAllowed),
        (RULES.not_after + dt.timedelta(seconds=1), Expired),
    ):
        with pytest.raises(error):
            RULES.check(asked(), entry_years=YEARS, now=now)
    for now in (RULES.not_before, RULES.not_after):
        RULES.check(asked(), entry_years=YEARS, now=now)


def test_one_release_costs_at_most_its_cap() -> None:
    RULES.check_loss(Fraction("0.05"))
    with pytest.raises(BudgetExhausted) as refusal:
        RULES.check_loss(Fraction("0.05") + Fraction(1, 10**15))
    assert refusal.value.left_pico_rho == 5 * 10**10


# ---- who must sign ---------------------------------------------------------


@pytest.mark.parametrize("signers", [("olga",), ("olga", "ana"), ("eve", "mallory")])
def test_the_first_policy_takes_two_of_its_own_officers(
    signers: tuple[str, ...],
) -> None:
    document = samples.policy(*signers)
    with pytest.raises(BadSignature, match="of the 2 officers"):
        policies.parse(document).check_follows(document, None)
    RULES.check_follows(SIGNED, None)


TIGHTER = [
    {"caps": "0.4"},
    {"per_release": "0.01"},
    {"tolerated_colluders": 2},
    {"board_signatures": 3},
    {"allow": '["M08"]'},
    {"deny": '["M09"]'},
    {"last_entry_year": '"FY2026"'},
    {"not_after": "2028-11-01T00:00:00Z"},
    {"reason": '"Nothing but time has passed."'},
]
LOOSER = [
    ({"caps": "0.500000000001"}, "lifetime"),
    ({"per_release": "0.06"}, "per_release"),
    ({"officers": ("olga", "omar", "eve")}, "officers"),
    ({"officers": ("olga", "eve")}, "officers"),
    ({"allow": '["M01", "M08", "M09"]'}, "allow"),
    ({"period_kinds": '["half-year", "quarter"]'}, "period_kinds"),
    ({"purposes": '["oversight", "single-audit"]'}, "purposes"),
    ({"first_entry_year": '"FY2022"'}, "entry_years"),
    ({"last_entry_year": '"FY2028"'}, "entry_years"),
    ({"auto_accept": ("editions = true",)}, "auto_accept"),
    ({"auto_accept": samples.AUTO}, "auto_accept"),
]


@pytest.mark.parametrize("change", TIGHTER)
def test_what_gives_away_no_more_takes_one_officer(change: dict[str, object]) -> None:
    document, rules = later("omar", **change)
    assert rules.loosens(RULES) == ()
    rules.check_follows(document, RULES)
    unsigned, _ = later("eve", **change)
    with pytest.raises(BadSignature, match="0 of the 1"):
        rules.check_follows(unsigned, RULES)


@pytest.mark.parametrize(("change", "what"), LOOSER)
def test_what_gives_away_more_takes_two_officers(
    change: dict[str, object], what: str
) -> None:
    document, rules = later("olga", **change)
    assert what in rules.loosens(RULES)
    with pytest.raises(BadSignature, match="1 of the 2"):
        rules.check_follows(document, RULES)
    document, rules = later("olga", "omar", **change)
    rules.check_follows(document, RULES)


def test_a_worst_case_cap_is_a_cap_too() -> None:
    text = TEXT.replace('lifetime_worst = "0.5"', 'lifetime_worst = "0.6"')
    wider = policies.parse(Document(kind=Kind.POLICY, content=text.encode()))
    assert wider.loosens(RULES) == ("lifetime",)


def test_lowering_a_floor_again_takes_two_officers() -> None:
    _, strict = later(tolerated_colluders=2, board_signatures=3)
    assert set(RULES.loosens(strict)) == {"tolerated_colluders", "board_signatures"}


def test_a_narrower_rule_of_acceptance_takes_one_officer() -> None:
    _, wide = later(auto_accept=samples.AUTO)
    narrow = (
        "mandates = true",
        'purposes = ["oversight"]',
        'loss_at_most = "0.04"',
        "editions = false",
    )
    _, narrower = later(auto_accept=narrow)
    assert narrower.loosens(wide) == ()
    assert wide.loosens(narrower) == ("auto_accept",)


def test_new_officers_cannot_appoint_themselves() -> None:
    document, rules = later("eve", "mallory", officers=("eve", "mallory"))
    with pytest.raises(BadSignature, match="0 of the 2"):
        rules.check_follows(document, RULES)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"version": 1}, "raise the version"),
        ({"site": '"HOU"'}, "another site"),
        ({"network": '"other"'}, "another site or network"),
    ],
)
def test_only_a_newer_policy_of_this_site_follows(
    change: dict[str, object], why: str
) -> None:
    document, rules = later(**change)
    with pytest.raises(BadConfiguration, match=why):
        rules.check_follows(document, RULES)


def test_signatures_over_another_text_are_worth_nothing() -> None:
    edited = TEXT.replace('lifetime = "0.5"', 'lifetime = "5.0"')
    edited = edited.replace('lifetime_worst = "0.5"', 'lifetime_worst = "5.0"')
    forged = Document(
        kind=Kind.POLICY, content=edited.encode(), signatures=SIGNED.signatures
    )
    with pytest.raises(BadSignature, match="0 of the 2"):
        policies.parse(forged).check_follows(forged, None)


# ---- what can be no policy -------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('delta = "0.000001"', 'delta = "0.000001"\nsecret_extra = 1'),
        ('lifetime = "0.5"', ""),
        ('lifetime = "0.5"', "lifetime = 0.5"),
        ('lifetime = "0.5"', 'lifetime = "nan"'),
        ('lifetime = "0.5"', 'lifetime = "0"'),
        ('lifetime = "0.5"', 'lifetime = "-1"'),
        ('lifetime = "0.5"', 'lifetime = "101"'),
        ('lifetime = "0.5"', 'lifetime = "0.6"'),
        ('lifetime = "0.5"', 'lifetime = "0.001"'),
        ('per_release = "0.05"', 'per_release = "0.0000000000001"'),
        ("[officers]", "extra = 1\n[officers]"),
        ('delta = "0.000001"', 'delta = "1e-6"'),
        ('delta = "0.000001"', 'delta = "0.5"'),
        ('delta = "0.000001"', 'delta = "0"'),
        ("version = 1", 'version = "1"'),
        ("version = 1", "version = true"),
        ('["M08", "M09"]', "[]"),
        ('"half-year"', '"week"'),
        ('"oversight"', '"enforcement"'),
        ("tolerated_colluders = 1", "tolerated_colluders = 0"),
        ("board_signatures = 2", "board_signatures = 1"),
        ('first_entry_year = "FY2023"', 'first_entry_year = "FY2028"'),
        ('first_entry_year = "FY2023"', 'first_entry_year = "FY2001"'),
        ("2026-11-01T00:00:00Z", "2026-11-01"),
        ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00"),
        ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00-05:00"),
        ("2026-11-01T00:00:00Z", "2028-11-01T00:00:00Z"),
        ('site = "NYC"', 'site = "NYC'),
        ('omar = "ed25519:', 'eve = "ed25519:'),
    ],
)
def test_a_text_that_is_no_policy_is_refused(old: str, new: str) -> None:
    assert old in TEXT
    text = TEXT.replace(old, new)
    if new.startswith("eve"):
        # Two names for one key are one officer.
        key = TEXT.partition('olga = "')[2].partition('"')[0]
        text = TEXT.partition("omar")[0] + f'omar = "{key}"\n'
    with pytest.raises(BadConfiguration):
        policies.parse(Document(kind=Kind.POLICY, content=text.encode()))


@pytest.mark.parametrize("content", [b"\xff\xfe", b""])
def test_bytes_that_are_no_text_are_no_policy(content: bytes) -> None:
    with pytest.raises(ExchangeError):
        policies.parse(Document(kind=Kind.POLICY, content=content))


def test_another_kind_of_document_is_no_policy() -> None:
    with pytest.raises(BadSignature, match="not a policy"):
        policies.parse(Document(kind=Kind.MANDATE, content=SIGNED.content))
