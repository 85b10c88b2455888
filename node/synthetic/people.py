"""Who an invented household is: its adults, children, language and eligibility."""

from dataclasses import dataclass

from node.synthetic import odds
from node.synthetic.intake import SINGLE, Case
from node.synthetic.odds import Chance, Odds
from node.synthetic.row import Row, Rows, day, household_key, iso, person_key
from node.synthetic.site import Site
from node.synthetic.stream import Stream
from privacy.errors import InvalidProgramme
from privacy.strict import Section

_MOST_CHILDREN = 6
_STATED = "stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An eligibility rule and the bases people meet it on."""

    since: int
    version: str
    basis: Odds[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """How households are made up."""

    further_children: Odds[int]
    child_under_5: Chance
    formed_lag: Odds[int]
    women: dict[str, Chance]
    gender_other: Odds[str]
    age_band: Odds[str]
    region_missing: Chance
    region_drift_from: int
    region: dict[str, Odds[str]]
    region_later: dict[str, Odds[str]]
    interpreter: dict[str, Chance]
    protection_sought: Odds[str]
    consent_stats: Odds[str]
    vulnerable: Chance
    fields_usable: Odds[str]
    ineligible_reason: Odds[str]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """One invented household, as the other tables need to know it."""

    key: str
    adults: tuple[str, ...]
    children: int
    language: str
    interpreter_needed: bool
    basis: str


def chances(section: Section, key: str) -> dict[str, Chance]:
    """Read a chance in percent for each name."""
    return {
        name: odds.probability(value / 100)
        for name, value in odds.weights(section, key).items()
    }


def read(section: Section) -> People:
    """Read the people section."""
    mean = odds.number(section, "further_children_mean")
    people = People(
        further_children=odds.poisson(mean, most=_MOST_CHILDREN - 1),
        child_under_5=odds.percent(section, "child_under_5"),
        formed_lag=odds.lag(section, "formed_lag"),
        women=chances(section, "women"),
        gender_other=odds.choice(section, "gender_other"),
        age_band=odds.choice(section, "age_band"),
        region_missing=odds.percent(section, "region_missing"),
        region_drift_from=day(section, "region_drift_from"),
        region=_by_language(section, "region"),
        region_later=_by_language(section, "region_later"),
        interpreter=chances(section, "interpreter"),
        protection_sought=odds.choice(section, "protection_sought"),
        consent_stats=odds.choice(section, "consent_stats"),
        vulnerable=odds.percent(section, "vulnerable"),
        fields_usable=odds.choice(section, "fields_usable"),
        ineligible_reason=odds.choice(section, "ineligible_reason"),
        rules=_rules(section),
    )
    section.done()
    return people


def make(people: People, site: Site, case: Case, *, stream: Stream) -> Household:
    """Make up a household."""
    language = site.language.pick(stream)
    children = 0 if case.type == SINGLE else 1 + people.further_children.pick(stream)
    rule = _rule(people, case)
    return Household(
        key=household_key(site.name, case.index),
        adults=tuple(person_key(site.name, case.index, n) for n in range(case.adults)),
        children=children,
        language=language,
        interpreter_needed=people.interpreter[language].happens(stream),
        basis=rule.basis.pick(stream),
    )


def rows(
    people: People,
    case: Case,
    household: Household,
    *,
    consent_follow_up: bool,
    stream: Stream,
) -> Rows:
    """Yield who the household is, and how each adult was screened."""
    under_5 = household.children > 0 and people.child_under_5.happens(stream)
    yield (
        "household",
        {
            "household_key": household.key,
            "type": case.type,
            "n_adults": case.adults,
            "n_children": household.children,
            "any_child_under_5": int(under_5),
            "formed_on": iso(case.screened_on - people.formed_lag.pick(stream)),
        },
    )
    shared: Row = {
        "household_key": household.key,
        "origin_region": _region(people, case, household, stream),
        "language_group": household.language,
        "interpreter_needed": int(household.interpreter_needed),
        "consent_stats": people.consent_stats.pick(stream),
        "consent_follow_up": int(consent_follow_up),
    }
    screened = _screening(people, case, household, stream)
    for number, key in enumerate(household.adults, start=1):
        gender = people.gender_other.pick(stream)
        if gender == _STATED:
            woman = people.women[case.type].happens(stream)
            gender = "woman" if woman else "man"
        usable = int(people.fields_usable.pick(stream))
        person: Row = {
            "person_key": key,
            "adult_number": number,
            "age_band": people.age_band.pick(stream),
            "gender": gender,
            "protection_sought": people.protection_sought.pick(stream),
            "vulnerable": int(people.vulnerable.happens(stream)),
            "required_fields_usable_percent": usable,
        }
        yield "participant", person | shared
        yield "eligibility_screening", {"person_key": key, **screened}


def _screening(people: People, case: Case, household: Household, stream: Stream) -> Row:
    """Return the outcome of the household's eligibility screening."""
    reason = None
    if case.result == "ineligible":
        reason = people.ineligible_reason.pick(stream)
    return {
        "screened_on": iso(case.screened_on),
        "rule_version": _rule(people, case).version,
        "basis": household.basis,
        "in_proceedings": int(reason != "not_in_proceedings"),
        "result": case.result,
        "ineligible_reason": reason,
    }


def _rule(people: People, case: Case) -> Rule:
    """Return the eligibility rule in force when a household was screened."""
    return [rule for rule in people.rules if rule.since <= case.screened_on][-1]


def _region(people: People, case: Case, household: Household, stream: Stream) -> str:
    """Return the region of origin, which goes with language and shifts over time."""
    later = case.screened_on >= people.region_drift_from
    table = people.region_later if later else people.region
    region = table[household.language].pick(stream)
    return "not_stated" if people.region_missing.happens(stream) else region


def _by_language(section: Section, key: str) -> dict[str, Odds[str]]:
    """Read region weights for each language group."""
    inner = Section(f"{section.name}.{key}", section.raw(key))
    table = {name: odds.choice(inner, name) for name in inner.names()}
    inner.done()
    return table


def _rules(section: Section) -> tuple[Rule, ...]:
    """Read the eligibility rules, oldest first."""
    rules = []
    for content in section.raw("rules"):
        inner = Section(f"{section.name}.rules", content)
        rules.append(
            Rule(
                since=day(inner, "from"),
                version=inner.text("rule_version"),
                basis=odds.choice(inner, "basis"),
            )
        )
        inner.done()
    if [rule.since for rule in rules] != sorted(rule.since for rule in rules):
        raise InvalidProgramme("The eligibility rules must be oldest first.")
    return tuple(rules)
