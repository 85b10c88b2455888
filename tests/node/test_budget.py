"""The budget at the command line: shown, explained, chosen, simulated."""

import datetime as dt
import secrets
from fractions import Fraction
from pathlib import Path

import pytest

from node.ledger import Charge
from privacy import catalogue, consequence, loss
from privacy.mandate import parse
from privacy.period import Period
from privacy.query import Mode, Query
from tests import governed
from tests.typed_site import Said, TypedSite

PROGRAMME = catalogue.load()
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def site(tmp_path: Path) -> TypedSite:
    """Give a site with a policy in force."""
    return TypedSite(tmp_path).governed()


def opened(site: TypedSite, loss_rho: str = "2") -> bytes:
    """Have a mandate over everything accepted; return its digest."""
    document = governed.mandate(
        now=NOW, loss_rho=f'"{loss_rho}"', worst_rho=f'"{loss_rho}"'
    )
    site.deliver(document)
    site.done("inbox", "accept", document.digest.hex(), *site.signing("olga"))
    return parse(document).digest


def spend(site: TypedSite, mandate: bytes, *asked: tuple[str, str, str]) -> None:
    """Charge some queries: metric, period, rho."""
    ledger = site.home.ledger
    ledger.boot(secrets.token_bytes(32), now=NOW)
    for metric, period, rho in asked:
        ledger.charge(charge(mandate, metric, period, rho), now=NOW)


def charge(mandate: bytes, metric: str, period: str, rho: str) -> Charge:
    """Return the charge of a metric's first query."""
    return Charge.of(
        first_query(metric, period),
        metric=metric,
        mode=Mode.SITE,
        rho=Fraction(rho),
        worst_rho=Fraction(rho),
        mandate=mandate,
        ask=bytes(32),
    )


def first_query(metric: str, period: str) -> Query:
    """Return a metric's first query."""
    queries = PROGRAMME.queries(PROGRAMME.metric(metric), Period(period))
    return next(iter(queries.values()))


# ---- what is spent ---------------------------------------------------------


def test_before_any_question_every_cap_is_whole(site: TypedSite) -> None:
    assert "every cap is whole" in site.done("budget", "show").words


def test_without_a_policy_nothing_may_be_spent(tmp_path: Path) -> None:
    said = TypedSite(tmp_path).begun().run("budget", "show")
    assert said.code == 2
    assert "nothing is spent and nothing may be" in said.told


def test_what_was_spent_is_shown_by_entry_year_and_year_asked(
    site: TypedSite,
) -> None:
    spend(site, opened(site), ("M09", "FY2024-H2", "0.04"))
    lines = site.done("budget", "show", "--json").json["accounts"]
    shown = {line["account"]: line for line in lines}
    assert set(shown) == {
        "Entered FY2023, lifetime",
        "Entered FY2024, lifetime",
        "Entered FY2023, about FY2024",
        "Entered FY2024, about FY2024",
        "Mandate 2026-01",
    }
    lifetime = shown["Entered FY2024, lifetime"]
    assert (lifetime["spent_rho"], lifetime["worst_rho"]) == ("0.04", "0.04")
    assert (lifetime["cap_rho"], lifetime["cap_worst_rho"]) == ("0.6", "1.2")
    assert lifetime["percent"] == 6
    assert float(lifetime["epsilon"]) >= loss.epsilon(
        Fraction("0.04"), Fraction(1, 10**6)
    )
    assert "Nothing here ever renews." in site.done("budget", "show").words


@pytest.mark.parametrize(
    ("times", "mark"), [(1, None), (3, 75), (4, 100)], ids=["27 %", "83 %", "100 %"]
)
def test_marks_are_shown_when_they_are_passed(
    site: TypedSite, times: int, mark: int | None
) -> None:
    sizes = ("0.05", "0.05", "0.05", "0.03")[:times]
    metrics = ("M09", "M29", "M32", "M01")
    asked = [
        (metric, "FY2024" if metric == "M01" else "FY2024-H2", rho)
        for metric, rho in zip(metrics, sizes, strict=False)
    ]
    spend(site, opened(site), *asked)
    lines = site.done("budget", "show", "--json").json["accounts"]
    year = next(x for x in lines if x["account"] == "Entered FY2024, about FY2024")
    assert year["mark"] == mark
    if mark:
        assert f"{mark} % passed" in site.done("budget", "show").words


# ---- what it means ---------------------------------------------------------


def test_the_table_of_consequences_never_understates(site: TypedSite) -> None:
    shown = site.done("budget", "consequences", "--json").json
    assert [row["epsilon"] for row in shown["rows"]][:4] == [
        str(row.epsilon) for row in consequence.rows()
    ][:4]
    lifetime = shown["caps"]["lifetime"]
    assert lifetime["from_10_of_100"] == str(consequence.of(Fraction(3, 5)).from_10)
    words = site.done("budget", "consequences").words
    assert "an insider who knows everything about everybody else" in words


# ---- choosing --------------------------------------------------------------


def choose(site: TypedSite, *words: str) -> Said:
    return site.run("budget", "set", *words)


def test_a_cap_is_chosen_by_its_word_and_needs_a_reason(site: TypedSite) -> None:
    why = "Epsilon 4 for ever is what our counsel accepts."
    said = choose(site, "--lifetime", "limited", "--reason", why)
    assert said.code == 0
    assert "Lifetime: 0.311 rho, epsilon 4.00, limited." in said.words
    shown = site.done("policy", "show", "--draft", "--json").json
    assert (shown["version"], shown["reason"]) == (2, why)
    assert (shown["lifetime_rho"], shown["lifetime_worst_rho"]) == ("0.311", "0.622")
    assert shown["fiscal_year_rho"] == "0.18"
    assert (shown["loosens"], shown["signatures_needed"]) == ([], 1)


def test_what_is_chosen_does_not_hold_before_it_is_signed(site: TypedSite) -> None:
    choose(site, "--lifetime", "rho=0.9", "--reason", "More.")
    assert site.done("policy", "show", "--json").json["lifetime_rho"] == "0.6"
    said = site.done("policy", "sign", *site.signing("olga"))
    assert "two officers sign" in said.words
    assert site.run("policy", "adopt").code == 1


def test_choosing_again_keeps_one_version_and_drops_old_signatures(
    site: TypedSite,
) -> None:
    choose(site, "--lifetime", "rho=0.5", "--reason", "Less.")
    site.done("policy", "sign", *site.signing("olga"))
    choose(site, "--fiscal-year", "rho=0.15", "--reason", "Less still.")
    shown = site.done("policy", "show", "--draft", "--json").json
    assert (shown["version"], shown["signed_by"]) == (2, [])
    assert (shown["lifetime_rho"], shown["fiscal_year_rho"]) == ("0.5", "0.15")


def test_choosing_what_stands_writes_nothing(site: TypedSite) -> None:
    before = (site.directory / "policy.toml").read_bytes()
    said = choose(site, "--lifetime", "rho=0.6")
    assert "nothing was written" in said.words
    assert (site.directory / "policy.toml").read_bytes() == before


@pytest.mark.parametrize(
    "wrong",
    [("--lifetime", "6"), ("--lifetime", "rho=0.01"), ("--per-release", "epsilon=99")],
)
def test_an_impossible_choice_writes_nothing(
    site: TypedSite, wrong: tuple[str, str]
) -> None:
    before = (site.directory / "policy.toml").read_bytes()
    assert choose(site, *wrong, "--reason", "x").code == 2
    assert (site.directory / "policy.toml").read_bytes() == before


def test_without_options_the_officer_is_shown_the_table_and_asked(
    site: TypedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["limited", "keep", "Asked counsel."])
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(answers))
    said = choose(site)
    assert "Of 100 people just like this one" in said.words
    shown = site.done("policy", "show", "--draft", "--json").json
    assert (shown["lifetime_rho"], shown["reason"]) == ("0.311", "Asked counsel.")


# ---- simulating ------------------------------------------------------------


def simulated(site: TypedSite, *words: str) -> dict:
    """Return a forecast for the years of the packs."""
    years = ("--since", "FY2024", "--through", "FY2026")
    return site.done("budget", "simulate", *years, *words, "--json").json


def test_a_simulation_shows_how_long_the_caps_last(site: TypedSite) -> None:
    made = simulated(site)
    assert [step["period"] for step in made["steps"]] == [
        "FY2024-H1",
        "FY2024-H2",
        "FY2025-H1",
        "FY2025-H2",
        "FY2026-H1",
        "FY2026-H2",
    ]
    assert made["first_refused"] is None
    assert made["sites"] == 5
    lifetimes = [step["lifetime_percent"] for step in made["steps"]]
    assert lifetimes == sorted(lifetimes)
    assert all(step["questions_left"] > 0 for step in made["steps"])
    assert {each["metric"] for each in made["headlines"]} >= {"M08", "M09", "M14"}


def test_smaller_caps_refuse_sooner(site: TypedSite) -> None:
    assert simulated(site, "--lifetime", "rho=0.1")["first_refused"] == "FY2025-H2"
    assert simulated(site, "--fiscal-year", "rho=0.08")["first_refused"] == "FY2024-H2"


def test_a_simulation_starts_from_what_was_spent_and_spends_nothing(
    site: TypedSite,
) -> None:
    before = simulated(site)
    mandate = opened(site)
    spend(site, mandate, ("M29", "FY2024", "0.05"))
    head = site.home.ledger.head()
    after = simulated(site)
    assert site.home.ledger.head() == head
    # What was answered is free, and what it cost is still spent.
    asked = (before["steps"][1]["asked"], after["steps"][1]["asked"])
    assert asked[0] - asked[1] in {0, 1}
    left = (before["steps"][1]["questions_left"], after["steps"][1]["questions_left"])
    assert left[1] < left[0]


def test_the_simulation_is_shown_in_tables(site: TypedSite) -> None:
    words = site.done("budget", "simulate", "--since", "FY2024").words
    assert "Every question of the plan fits." in words
    assert "Planned for 5 sites, from public figures; 95 times in 100." in words
    assert "x 1/2" in words


@pytest.mark.parametrize(
    "wrong", [("--since", "FY2026", "--through", "FY2024"), ("--pack", "none")]
)
def test_a_plan_that_cannot_be_is_explained(
    site: TypedSite, wrong: tuple[str, ...]
) -> None:
    assert site.run("budget", "simulate", *wrong).code == 2
