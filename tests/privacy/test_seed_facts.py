"""Every fact the programme states of itself is measured, kept by a test, or neither.

The fact sheet's facts are A1 to A40, the programme page's B1 to B11. A fact that can
be measured has metrics; one that is a promise has a guarantee: the file that keeps
it, or the test that would notice. Where neither is possible the reason stands here.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from privacy import catalogue

ROOT = Path(__file__).parents[2]
METRICS = catalogue.load().metrics


@dataclass(frozen=True)
class Fact:
    """One fact, and what carries it."""

    words: str
    metrics: str = ""
    kept_by: tuple[str, ...] = ()
    why_neither: str = ""

    @property
    def measured(self) -> set[str]:
        return set(self.metrics.split())


FACTS = {
    "A1": Fact("for people who seek protection, in removal proceedings", "M12"),
    "A2": Fact(
        "voluntary, led by the people themselves, aware of trauma",
        "M07 M13 M17 M55",
        ("tests/coordinator/test_withdrawals.py", "node/custody/consent.py"),
    ),
    "A3": Fact(
        "run by experienced community organisations",
        "M56",
        ("tests/node/test_charter.py",),
    ),
    "A4": Fact("fitted to what each person needs", "M13 M14 M16 M17 M56"),
    "A5": Fact(
        "mental health, trafficking screening, legal help, orientation, return",
        "M14 M15 M20 M21 M22 M23 M24 M25 M27 M28",
        ("tests/attacks/test_forbidden_questions.py",),
    ),
    "A6": Fact(
        "a Board with the department in the chair",
        "M60",
        (
            "tests/attacks/test_forged_mandate.py",
            "tests/coordinator/test_governance.py",
        ),
    ),
    "A7": Fact(
        "duties to report and to keep an address stay",
        "M32 M33",
        ("tests/node/importer/test_guard.py",),
    ),
    "A8": Fact(
        "apart from enforcement",
        "M39 M40 M41",
        ("tests/end_to_end/test_seizure.py",),
    ),
    "A9": Fact("the first phase: where, when and for how much", "M08 M58"),
    "A10": Fact(
        "lead organisations with others; places for 700",
        "M09 M10",
        ("privacy/programme/facts/phases.toml", "tests/privacy/test_facts.py"),
    ),
    "A11": Fact("the second phase: three more cities, two years", "M08 M58"),
    "A12": Fact(
        "one lead is a county government, others work in consortium",
        kept_by=("privacy/programme/facts/sites.toml", "privacy/parties.py"),
    ),
    "A13": Fact(
        "the third phase is frozen by a lawsuit",
        "M58",
        ("tests/privacy/test_facts.py", "tests/node/stopping/test_acts.py"),
    ),
    "A14": Fact(
        "eligible: in proceedings, monitored now or before",
        "M02 M03",
        ("privacy/programme/facts/eligibility.toml",),
    ),
    "A15": Fact("three ways in", "M01 M04"),
    "A16": Fact("not everybody can take part", "M05 M07"),
    "A17": Fact(
        "drawn at random from the eligible and interested",
        "M01 M06 M11 M35 M36",
        ("tests/attacks/test_redraw.py", "tests/privacy/test_draws.py"),
    ),
    "A18": Fact("electronic monitoring ends on enrolment", "M39 M40"),
    "A19": Fact("less detention", "M42"),
    "A20": Fact(
        "stability, and a real part in one's own case",
        "M29 M31 M43 M44 M48 M49 M50 M51",
    ),
    "A21": Fact(
        "an earlier programme's compliance above 99 per cent",
        "M29 M30 M32",
        ("privacy/programme/facts/reference.toml",),
    ),
    "A22": Fact("that programme's way to social, medical and legal help", "M25"),
    "A23": Fact(
        "that programme was ended early",
        kept_by=(
            "tests/node/stopping/test_seal.py",
            "tests/node/stopping/test_acts.py",
        ),
    ),
    "A24": Fact(
        "that programme was run by a prison company",
        kept_by=("privacy/parties.py", "tests/attacks/test_forged_roster.py"),
    ),
    "A25": Fact(
        "paid through two agencies, designed by a Board of organisations",
        "M58",
        ("tests/coordinator/test_published.py",),
    ),
    "A26": Fact("legal information helps people keep their duties", "M18 M19"),
    "A27": Fact(
        "no surveillance",
        kept_by=(
            "tests/node/importer/test_guard.py",
            "privacy/programme/dictionary.toml",
        ),
    ),
    "A28": Fact(
        "legal help makes the process fairer and quicker",
        "M34 M37 M43 M44 M45 M46 M47",
    ),
    "A29": Fact("well-being underneath", "M51"),
    "A30": Fact("support is not tied to the length of the case", "M52 M54"),
    "A31": Fact("support only as long as needed", "M52 M53"),
    "A32": Fact("monitoring that lasts too long costs too much", "M41 M57"),
    "A33": Fact(
        "it should grow, to the whole country",
        "M01 M05",
        ("tests/coordinator/test_rosters.py", "tests/coordinator/test_editions.py"),
    ),
    "A34": Fact(
        "watched and judged well, now and later",
        "M35 M38 M59",
        ("tests/attacks/test_late_plan.py", "tests/privacy/test_edition.py"),
    ),
    "A35": Fact("needs can be met better", "M26"),
    "A36": Fact("the people it is meant for are reached", "M06 M12 M13"),
    "A37": Fact(
        "it should be open to anybody released",
        "M02 M03",
        ("privacy/eligibility.py", "privacy/programme/facts/eligibility.toml"),
    ),
    "A38": Fact("a second fund: shelter, case management, legal help", "M26 M58"),
    "A39": Fact(
        "the facts are those of a date",
        kept_by=("privacy/effective.py", "tests/privacy/test_facts.py"),
    ),
    "A40": Fact(
        "reports that lead to sanctions stay apart from services",
        kept_by=("tests/attacks/test_canary_on_disk.py", "privacy/sensitivity.py"),
    ),
    "B1": Fact("its number and name in the federal listings", "M58"),
    "B2": Fact("legal information and services for people monitored", "M02"),
    "B3": Fact(
        "core services for all, others as needed", "M14 M15 M16 M18 M22 M27 M28"
    ),
    "B4": Fact(
        "run by nonprofits and local governments",
        kept_by=("privacy/parties.py", "privacy/programme/facts/sites.toml"),
    ),
    "B5": Fact(
        "judged by compliance, efficiency and humanity alike",
        "M11 M22 M23 M24 M29 M31 M32 M33 M34 M37 M45 M46 M47",
        ("tests/privacy/test_catalogue.py",),
    ),
    "B6": Fact(
        "made so that one can find out whether it works",
        "M06 M35 M36 M37 M38",
        ("privacy/analysis_plan.py", "bench/lottery_effect.py"),
    ),
    "B7": Fact("spending by fiscal year", "M57 M58"),
    "B8": Fact("a yearly audit applies", "M60", ("tests/coordinator/test_audit.py",)),
    "B9": Fact("oversight reports are linked", "M60", ("coordinator/audit/pack.py",)),
    "B10": Fact("the law it rests on", "M58"),
    "B11": Fact(
        "who is eligible is a sponsored organisation",
        why_neither="It says who receives the award, which is no number and no promise "
        "about people; the organisations are in the public facts.",
    ),
}


def test_no_fact_is_missing() -> None:
    sheet = {f"A{n}" for n in range(1, 41)} | {f"B{n}" for n in range(1, 12)}
    assert set(FACTS) == sheet


@pytest.mark.parametrize("number", FACTS)
def test_a_fact_is_measured_or_kept_or_says_why_not(number: str) -> None:
    fact = FACTS[number]
    carried = bool(fact.measured or fact.kept_by)
    assert carried is not bool(fact.why_neither)


@pytest.mark.parametrize("number", FACTS)
def test_the_metrics_of_a_fact_name_it_and_no_others_do(number: str) -> None:
    naming = {m.id for m in METRICS.values() if number in m.seeds}
    assert FACTS[number].measured == naming


def test_every_metric_answers_a_fact() -> None:
    for metric in METRICS.values():
        assert set(metric.seeds) <= set(FACTS)
    assert set().union(*(fact.measured for fact in FACTS.values())) == set(METRICS)


@pytest.mark.parametrize("number", [n for n, f in FACTS.items() if f.kept_by])
def test_what_keeps_a_promise_is_there(number: str) -> None:
    for name in FACTS[number].kept_by:
        path = ROOT / name
        assert path.is_file(), name
        if path.name.startswith("test_"):
            assert "def test_" in path.read_text("utf-8"), name
