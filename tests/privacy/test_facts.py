"""Public facts: strict, dated, exact, and no part of what a question means."""

import datetime as dt
from fractions import Fraction
from importlib import resources
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import catalogue, effective, facts, reference
from privacy.effective import Fact, Span
from privacy.errors import InvalidProgramme, InvalidQuery
from privacy.facts import Facts
from privacy.funding import State
from privacy.parties import Organisation, Standing
from privacy.period import Period, day_number


def day(text: str) -> int:
    return day_number(dt.date.fromisoformat(text))


def shipped() -> dict[str, str]:
    folder = resources.files("privacy") / "programme" / "facts"
    return {each.name: each.read_text("utf-8") for each in folder.iterdir()}


def changed(file: str, old: str, new: str) -> Facts:
    files = shipped()
    assert old in files[file]
    return facts.parse(files | {file: files[file].replace(old, new, 1)})


# --- what is shipped -------------------------------------------------------


def test_the_phases_and_awards_are_those_of_the_programme() -> None:
    known = facts.load()
    dollars = {(a.phase, a.fiscal_year.label): a.dollars for a in known.awards}
    assert dollars == {
        ("P1", "FY2021"): 5_000_000,
        ("P2", "FY2022"): 15_000_000,
        ("P3", "FY2023"): 20_000_000,
    }
    today = day("2026-01-01")
    assert known.phase("P1", on=today).capacity == 700
    assert known.phase("P1", on=today).sites == ("NYC", "HOU")
    assert set(known.phase("P2", on=today).sites) == {"HOU", "LAX", "BAL", "DCA"}
    assert known.phase("P3", on=today).state is State.FROZEN
    assert not known.phase("P3", on=today).accepts


def test_the_listing_the_board_and_the_sites_are_there() -> None:
    known = facts.load()
    (listing,) = known.listing
    assert (listing.listing, "116-260" in listing.authority) == ("97.102", True)
    assert [s.organisation for s in known.board if s.counts] == [
        "Catholic Charities USA",
        "Center for Migration Studies",
        "Church World Service",
    ]
    (chair,) = [s for s in known.board if s.standing is Standing.CHAIR]
    assert not chair.counts
    assert {place.site for place in known.sites} == {"NYC", "HOU", "LAX", "BAL", "DCA"}
    kinds = {place.site: place.organisation for place in known.sites}
    assert kinds["LAX"] is Organisation.LOCAL_GOVERNMENT


def test_every_fact_says_where_and_when_it_was_found() -> None:
    for fact in (each for kind in facts.load().kinds().values() for each in kind):
        assert fact.span.source
        assert day("2023-01-01") <= fact.span.taken <= day("2026-12-31")
        assert fact.span.invented == (fact.span.source == "made up for training")


def test_only_the_split_of_places_is_made_up() -> None:
    kinds = facts.load().kinds()
    invented = {k for k, v in kinds.items() if any(f.span.invented for f in v)}
    assert invented == {"slots"}


def test_facts_are_no_part_of_an_edition() -> None:
    folder = resources.files("privacy") / "programme"
    files = {n: (folder / f"{n}.toml").read_text() for n in ("dictionary", "programme")}
    for item in (folder / "catalogue").iterdir():
        files[item.name] = item.read_text("utf-8")
    assert catalogue.parse(files).version == catalogue.load().version


# --- strict, dated, never two at once --------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("phases.toml", "capacity = 700", "capacity = 700\nseats = 3"),
        ("phases.toml", "capacity = 700", 'capacity = "700"'),
        ("phases.toml", "capacity = 700", "capacity = 0"),
        ("phases.toml", 'state = "active"', 'state = "running"'),
        ("phases.toml", 'dollars = "5000000"', 'dollars = "5e6"'),
        ("phases.toml", 'dollars = "5000000"', 'dollars = "-1"'),
        ("phases.toml", 'dollars = "5000000"', "dollars = 5000000"),
        ("phases.toml", 'fiscal_year = "FY2021"', 'fiscal_year = "FY2021-H1"'),
        ("phases.toml", "since = 2021-09-30", 'since = "2021-09-30"'),
        ("phases.toml", "since = 2021-09-30", "since = 2021-09-30\nuntil = 2021-09-29"),
        ("phases.toml", "[[phase]]", "[phase]"),
        ("sites.toml", '"nonprofit"', '"for_profit"'),
        ("programme.toml", 'standing = "chair"', 'standing = "owner"'),
        ("reference.toml", 'figure = "99.4"', 'figure = "99.4."'),
        ("reference.toml", 'basis = "hearings"', ""),
        ("reference.toml", 'source = "TRAC, report 736"', ""),
        ("eligibility.toml", 'version = "v2"', 'version = "v1"'),
    ],
)
def test_a_fact_that_is_not_definite_is_refused(file: str, old: str, new: str) -> None:
    with pytest.raises((InvalidProgramme, InvalidQuery)):
        changed(file, old, new)


def test_a_frozen_phase_takes_no_places_and_has_no_capacity() -> None:
    with pytest.raises(InvalidProgramme, match="frozen and so has no capacity"):
        changed("phases.toml", 'state = "frozen"', 'state = "frozen"\ncapacity = 10')
    with pytest.raises(InvalidProgramme, match="P3, which is frozen"):
        changed("phases.toml", 'phase = "P2"\nadults', 'phase = "P3"\nadults')
    with pytest.raises(InvalidProgramme, match="not held there"):
        changed(
            "phases.toml", 'site = "LAX"\nphase = "P2"', 'site = "LAX"\nphase = "P1"'
        )


def test_two_facts_about_one_thing_never_hold_on_one_day() -> None:
    more = """
[[phase]]
since = 2025-01-01
phase = "P1"
state = "closed"
sites = ["NYC", "HOU"]
source = "a later report"
taken = 2026-11-22
"""
    files = shipped()
    with pytest.raises(InvalidProgramme, match="Two facts about P1 hold on 2025-01-01"):
        facts.parse(files | {"more.toml": more})
    ended = files["phases.toml"].replace(
        'since = 2021-09-30\nphase = "P1"\nstate',
        'since = 2021-09-30\nuntil = 2024-12-31\nphase = "P1"\nstate',
    )
    known = facts.parse(files | {"phases.toml": ended, "more.toml": more})
    assert known.phase("P1", on=day("2024-12-31")).state is State.ACTIVE
    assert known.phase("P1", on=day("2025-01-01")).state is State.CLOSED
    assert known.phase("P1", on=day("2025-01-01")).capacity is None


def test_before_the_first_day_nothing_is_known() -> None:
    with pytest.raises(InvalidProgramme, match="Nothing is known of a phase 'P2'"):
        facts.load().phase("P2", on=day("2022-09-29"))
    assert facts.load().price("monitoring", on=day("2020-01-01")) is None
    held = facts.load().as_of(day("2020-12-26"))
    assert held.listing == held.board == held.phases == ()


@given(
    spans=st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 20), st.sampled_from("ab")),
        max_size=6,
    ),
    on=st.integers(0, 90),
)
def test_at_most_one_fact_about_a_thing_holds_on_any_day(
    spans: list[tuple[int, int, str]], on: int
) -> None:
    made = [
        Fact(
            key=key,
            span=Span(
                since=since,
                until=since + length,
                source="s",
                taken=0,
                invented=False,
                note="",
            ),
        )
        for since, length, key in spans
    ]
    clash = any(
        one is not other
        and one.key == other.key
        and one.span.since <= other.span.until
        and other.span.since <= one.span.until
        for one, other in product(made, made)
    )
    if clash:
        with pytest.raises(InvalidProgramme, match="Two facts"):
            effective.in_order(made)
        return
    held = effective.as_of(effective.in_order(made), on)
    assert len({fact.key for fact in held}) == len(held)
    assert set(held) == {fact for fact in made if fact.span.holds(on)}


# --- eligibility -----------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "basis", "in_proceedings", "admitted"),
    [
        ("v0", "isap_current", True, True),
        ("v0", "isap_former", True, False),
        ("v1", "isap_former", True, True),
        ("v1", "isap_former", False, False),
        ("v1", "parole", True, False),
        ("v2", "parole", True, True),
        ("v2", "other_release", True, False),
        ("v3", "other_release", False, True),
    ],
)
def test_a_rule_is_data(
    rule: str, basis: str, *, in_proceedings: bool, admitted: bool
) -> None:
    assert facts.eligible(rule, basis, in_proceedings=in_proceedings) is admitted


def test_every_rule_uses_the_codes_of_the_dictionary() -> None:
    lists = catalogue.load().dictionary.code_lists
    known = facts.load()
    rules = [each.rule for each in known.rules] + list(known.proposals)
    assert [rule.version for rule in rules] == ["v0", "v1", "v2", "v3"]
    assert {rule.version for rule in rules} <= set(lists["rule_version"].codes)
    for rule in rules:
        assert rule.bases <= set(lists["eligibility_basis"].codes)


def test_one_rule_is_in_force_on_a_day_and_the_proposal_never() -> None:
    for text, version in (
        ("2022-12-31", "v0"),
        ("2023-01-01", "v1"),
        ("2024-07-31", "v1"),
        ("2024-08-01", "v2"),
    ):
        (held,) = facts.load().as_of(day(text)).rules
        assert held.rule.version == version
    assert [rule.version for rule in facts.load().proposals] == ["v3"]


def test_a_rule_nobody_wrote_is_refused() -> None:
    with pytest.raises(InvalidProgramme, match="no rule of eligibility 'v9'"):
        facts.eligible("v9", "parole", in_proceedings=True)


# --- reference lines -------------------------------------------------------


def test_a_reference_line_is_never_shown_without_what_it_counts() -> None:
    for line in facts.load().references:
        for part in (line.shown, line.definition, line.population, line.period):
            assert part in line.sentence
        assert line.source in line.sentence
        assert line.basis in line.sentence
        assert "is no target" in line.sentence
    (line,) = [x for x in facts.load().references if x.key == "fcmp-hearings"]
    assert line.shown == "99.3 %"
    assert "2016" in line.period


def test_every_line_a_metric_names_is_there_and_every_line_is_named() -> None:
    metrics = catalogue.load().metrics.values()
    named = {line.key for metric in metrics for line in facts.reference_lines(metric)}
    assert named == {line.key for line in facts.load().references}


def test_prices_are_exact_and_say_what_they_are() -> None:
    price = facts.load().price("monitoring", on=Period("FY2024").end)
    assert price is not None
    assert price.dollars == Fraction(21, 5)
    assert "upper limit" in price.span.note
    assert reference.NO_TARGET in facts.load().references[0].sentence
