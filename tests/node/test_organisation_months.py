"""Invented public months: reproducible, plausible, and not worked out from records."""

import datetime as dt
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from node import synthetic
from node.synthetic import parameters
from privacy import facts, organisation_month
from privacy.organisation_month import OrganisationMonth, months_of
from privacy.period import EPOCH, Period
from tests.typed_site import TypedSite

SITES = ("NYC", "HOU", "LAX", "BAL", "DCA")
Months = tuple[OrganisationMonth, ...]


@pytest.fixture(scope="module")
def invented() -> dict[str, Months]:
    return {site: synthetic.months(site=site, seed=2024) for site in SITES}


def test_the_same_seed_gives_the_same_months_and_another_does_not(
    invented: dict[str, Months],
) -> None:
    assert synthetic.months(site="BAL", seed=2024) == invented["BAL"]
    assert synthetic.months(site="BAL", seed=2025) != invented["BAL"]


def test_what_is_written_is_what_a_centre_reads(invented: dict[str, Months]) -> None:
    for lines in invented.values():
        read = organisation_month.parse(organisation_month.write(lines).encode())
        assert set(read) == set(lines)


def test_there_is_a_month_for_every_month_and_phase(
    invented: dict[str, Months],
) -> None:
    for lines in invented.values():
        for phase in {line.phase for line in lines}:
            mine = [line for line in lines if line.phase == phase]
            ends = [line.last_day for line in mine]
            assert all(27 < b - a < 32 for a, b in pairwise(ends))
            assert mine[-1].month == "2025-12"
    asked = [m for year in (2023, 2024, 2025) for m in months_of(Period(f"FY{year}"))]
    for lines in invented.values():
        assert set(asked) <= {line.month for line in lines}


def test_before_a_site_opens_its_months_are_empty(
    invented: dict[str, Months],
) -> None:
    for lines in invented.values():
        opened = min(line.month for line in lines if line.cost)
        before = [line for line in lines if line.month < opened]
        assert before
        assert not any(line.places or line.case_manager_fte for line in before)
    assert min(line.month for line in invented["LAX"] if line.cost) == "2024-01"


def test_a_phase_spends_no_more_than_was_awarded(
    invented: dict[str, Months],
) -> None:
    spent: Counter[str] = Counter()
    for line in (each for lines in invented.values() for each in lines):
        spent[line.phase] += line.cost
    awarded = {award.phase: award.dollars for award in facts.load().awards}
    assert set(spent) == {"P1", "P2"}
    for phase, dollars in spent.items():
        assert awarded[phase] / 5 < dollars <= awarded[phase]


def test_sites_phases_and_places_are_those_of_the_public_facts() -> None:
    known = facts.load()
    for site in SITES:
        told = parameters.load(name=site, preset="default")
        slots: Counter[str] = Counter()
        for window in told.site.windows:
            slots[window.phase] += window.adult_slots
        stated = {s.phase: s.adults for s in known.slots if s.site == site}
        assert {phase: round(adults) for phase, adults in slots.items()} == stated


def test_places_offered_are_those_of_the_draws() -> None:
    offered: Counter[str] = Counter()
    for line in synthetic.months(site="LAX", seed=7, scale=0.5):
        offered[line.month] += line.places_offered
    selected: Counter[str] = Counter()
    for table, row in synthetic.generate(site="LAX", seed=7, scale=0.5):
        if table == "pool_entry" and row.get("selected"):
            selected[str(row["drawn_on"])[:7]] += 1
    assert selected
    # A household drawn at its second try has its first draw in its record.
    for month, households in selected.items():
        assert households <= offered[month] <= households + 12
    assert {m for m, places in offered.items() if places} == set(selected)


def test_staff_and_cost_do_not_depend_on_who_is_served() -> None:
    def public(seed: int) -> list[tuple[Fraction, int]]:
        lines = synthetic.months(site="NYC", seed=seed)
        return [(line.case_manager_fte, line.places) for line in lines]

    assert public(1) == public(2)


def test_a_training_site_writes_its_months(tmp_path: Path) -> None:
    site = TypedSite(tmp_path)
    site.done("init", "--site", "DCA", "--training")
    path, folder = tmp_path / "months.csv", tmp_path / "out"
    words = ("synthesize", "--seed", "3", "--scale", "0.05", "--folder", str(folder))
    said = site.done(*words, "--months", str(path))
    assert "invented months of the organisation" in " ".join(str(said).split())
    lines = organisation_month.parse(path.read_bytes())
    assert set(lines) == set(synthetic.months(site="DCA", seed=3, scale=0.05))


def test_a_live_site_invents_no_months(tmp_path: Path) -> None:
    site = TypedSite(tmp_path)
    site.done("init", "--site", "DCA")
    path = tmp_path / "months.csv"
    assert site.run("synthesize", "--months", str(path)).code == 1
    assert not path.exists()


def test_every_eligible_person_is_so_by_the_rule_the_screening_names() -> None:
    seen: defaultdict[str, int] = defaultdict(int)
    for table, row in synthetic.generate(site="HOU", seed=5, scale=1.0):
        if table != "eligibility_screening":
            continue
        rule, basis = str(row["rule_version"]), str(row["basis"])
        admitted = facts.eligible(
            rule, basis, in_proceedings=bool(row["in_proceedings"])
        )
        if row["result"] == "eligible":
            seen[rule] += 1
            assert admitted
        if row["ineligible_reason"] == "not_in_proceedings":
            assert not admitted
        on = (dt.date.fromisoformat(str(row["screened_on"])) - EPOCH).days
        (held,) = facts.load().as_of(on).rules
        assert held.rule.version == rule
    assert min(seen["v1"], seen["v2"]) > 20
