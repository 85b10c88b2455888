"""The request card: what accepting a mandate would mean at a site."""

import datetime as dt
from fractions import Fraction
from pathlib import Path

import pytest

from node.policy import card, plan
from privacy import consequence, loss
from privacy import mandate as mandates
from privacy.accounts import Accounts
from privacy.query import Mode
from privacy.signing import Document
from tests import programme_samples
from tests.typed_site import PACK, PROGRAMME, TypedSite, asking

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def site(tmp_path: Path) -> TypedSite:
    """Give a site with a roster and a policy in force."""
    return TypedSite(tmp_path).governed()


def test_the_card_says_what_accepting_means(site: TypedSite) -> None:
    site.deliver(asking())
    words = site.done("inbox", "show", "2026-07").words
    for part in (
        "Mandate 2026-07: Half-year report",
        "the Board watches over the programme",
        "M29: People with no missed hearing: Of households served",
        "households, each once, that entered in FY2023 to FY2024",
        "by no missed hearing (yes, no); this site's own number is published",
        "this site's own numbers, each with noise of its own",
        "may use up to",
        "Think of 100 people just like this one",
        "nothing about these metrics",
        "Legal Aid Union",
        "Shelter Alliance",
        "Lapses in 13 days.",
        "cmpp-node inbox accept 2026-07",
    ):
        assert part in words


def test_showing_decides_nothing(site: TypedSite) -> None:
    site.deliver(asking())
    before = site.home.ledger.head()
    site.done("inbox", "show", "2026-07")
    site.done("inbox", "list")
    assert site.home.ledger.head() == before


def test_a_card_warns_of_what_the_policy_does_not_permit(site: TypedSite) -> None:
    text = (site.directory / "policy.toml").read_text("utf-8")
    text = text.replace("version = 1", "version = 2")
    text = text.replace('# deny = ["M29"]', 'deny = ["M29"]')
    (site.directory / "policy.toml").write_text(text, "utf-8")
    site.done("policy", "sign", *site.signing("olga"))
    site.done("policy", "adopt")
    site.deliver(asking())
    words = site.done("inbox", "show", "2026-07").words
    assert "The policy does not permit M29" in words
    shown = site.done("inbox", "show", "2026-07", "--json").json
    outside = [q["metric"] for q in shown["questions"] if not q["permitted"]]
    assert outside == ["M29"]


def test_a_card_warns_of_definitions_nobody_accepted(site: TypedSite) -> None:
    edition = programme_samples.edition(2)
    version = programme_samples.editions.parse(edition).programme.version
    site.deliver(edition)
    site.deliver(asking(programme=f'"{version}"', metrics='["M08", "M99"]'))
    words = site.done("inbox", "show", "2026-07").words
    assert "decide the edition first" in words
    assert "M99: Households in the pool, again" in words


def test_a_card_warns_of_an_effect_that_no_plan_fixed(site: TypedSite) -> None:
    site.deliver(asking(metrics='["M08", "M35"]'))
    words = site.done("inbox", "show", "2026-07").words
    assert (
        "No analysis plan fixed this before its draws, so it is not answered: M35 for "
        "FY2024, M35 for FY2024-H1, M35 for FY2024-H2."
    ) in words


def test_a_card_says_which_metrics_are_none(site: TypedSite) -> None:
    site.deliver(asking(metrics='["M08", "M23", "M77"]'))
    assert "does not answer in this mode: M23, M77" in (
        site.done("inbox", "show", "2026-07").words
    )


def test_what_was_answered_is_told_to_be_free(site: TypedSite) -> None:
    document = asking()
    site.deliver(document)
    site.done("inbox", "accept", "2026-07", *site.signing("olga"))
    site.answer(document, metric="M09", period="FY2024-H2")
    shown = site.done("inbox", "show", "2026-07", "--json").json
    told = {q["metric"]: q["answered"] for q in shown["questions"]}
    assert told["M09"] == ["FY2024-H2"]
    assert told["M08"] == []
    (nearest,) = shown["nearest"]
    assert nearest.startswith("M09 for FY2024-H2, answered on ")


def made_card(mandate: Document, accounts: Accounts, site: TypedSite) -> card.Card:
    """Make a card with accounts a test chose."""
    law = site.home.law
    sent = law.sent[mandate.digest.hex()]
    return card.of(sent, mandate, law=law, accounts=accounts, answered=(), now=NOW)


def test_the_cost_is_counted_in_questions_and_against_the_site(
    site: TypedSite,
) -> None:
    document = asking()
    site.deliver(document)
    mandate = mandates.parse(document)
    planned = plan.questions(mandate, PROGRAMME)
    fresh = made_card(document, Accounts(), site)
    year, lifetime = fresh.costs
    assert year.account == "what may be asked about FY2024"
    assert (year.uses, year.used) == (len(planned), 0)
    assert (lifetime.uses, lifetime.used) == (len(planned), 0)
    size = Fraction("0.0915") / len(planned)
    assert year.of == Fraction("0.18") // size
    assert year.leaves == (Fraction("0.18") - Fraction("0.0915")) // size
    spent = Accounts()
    for each in planned[:9]:
        spent = spent.after_charge(each.spend(mandate))
    later = made_card(document, spent, site).costs[0]
    used = max(spent.fiscal(y, "FY2024").model for y in spent.years)
    assert later.used * size * loss.PICO >= used
    assert later.leaves * size * loss.PICO <= 18 * 10**10 - used
    assert later.leaves < year.leaves


def test_a_mandate_that_asks_for_more_than_is_left_leaves_nothing(
    site: TypedSite,
) -> None:
    site.deliver(asking(loss_rho='"5"', worst_rho='"5"'))
    costs = site.done("inbox", "show", "2026-07", "--json").json["costs"]
    assert [cost["leaves"] for cost in costs] == [0, pytest.approx(20, abs=20)]


def test_planned_questions_are_each_counted_once() -> None:
    mandate = mandates.parse(asking())
    found = plan.questions(mandate, PROGRAMME)
    assert len({each.query.digest for each in found}) == len(found)
    halves = {q for _, p in enumerate(("FY2024-H1", "FY2024-H2")) for q in charges(p)}
    keys = {each.query.release_key(Mode.SITE) for each in found}
    assert halves <= keys
    planned = {each.query.release_key(Mode.SITE): each.rho for each in found}
    assert all(planned[key] == rho for key, rho in charges("FY2024-H2").items())


def charges(label: str) -> dict[bytes, Fraction]:
    """Return what the pack charges in a half-year."""
    return PACK.charges(PROGRAMME, plan.Period(label))


def test_precision_is_that_of_the_noise() -> None:
    mandate = mandates.parse(asking(metrics='["M09"]'))
    for each in plan.questions(mandate, PROGRAMME):
        # One household moves a count by one: sigma is 1 / sqrt(2 rho).
        sigma = (1 / (2 * float(each.rho))) ** 0.5
        assert each.half_width(PROGRAMME) == round(1.959964 * sigma)


def test_the_worst_case_is_told_where_it_is_worse(site: TypedSite) -> None:
    site.deliver(asking(mode='"sum"', worst_rho='"0.3"'))
    words = site.done("inbox", "show", "2026-07").words
    assert "only the sum over all sites is published" in words
    assert "masked numbers, of which only the sum over all sites opens" in words
    worst = consequence.of(Fraction("0.3"))
    assert f"10 of 100 could become {worst.from_10} (epsilon {worst.epsilon})" in words
