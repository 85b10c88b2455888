"""A filter that singles out what no site tells is known for what it is."""

import pytest

from privacy import catalogue, withheld
from privacy.errors import InvalidProgramme
from privacy.period import Period
from privacy.strict import Section

PROGRAMME = catalogue.load()
WORDS = PROGRAMME.dictionary
TRAFFICKING = PROGRAMME.withheld[0]


def singled_out(metric: str) -> bool:
    """Tell whether any question of a shipped metric singles out any rule's codes."""
    queries = PROGRAMME.queries(PROGRAMME.metric(metric), Period("FY2024")).values()
    return any(
        withheld.singles_out(rule, query, WORDS)
        for rule in PROGRAMME.withheld
        for query in queries
    )


@pytest.mark.parametrize("metric", ["M23", "M24", "M28"])
def test_trafficking_and_departure_are_singled_out(metric: str) -> None:
    assert singled_out(metric)


@pytest.mark.parametrize("metric", ["M14", "M15", "M20", "M21", "M22", "M45", "M53"])
def test_a_list_with_other_codes_or_another_tool_is_not(metric: str) -> None:
    assert not singled_out(metric)


@pytest.mark.parametrize(
    "content",
    [
        {"field": "screening.outcome", "codes": ["indicators"]},
        {"field": "screening.result", "codes": ["positive"]},
        {"field": "screening.result", "codes": []},
        {"field": "screening.result", "codes": ["indicators"], "among": "screening.x"},
        {"field": "screening.result", "codes": ["indicators"], "kinds": ["safety"]},
        {"codes": ["indicators"]},
    ],
)
def test_a_rule_that_names_nothing_is_refused(content: dict[str, object]) -> None:
    with pytest.raises(InvalidProgramme):
        withheld.read(Section("rule", content), WORDS)
