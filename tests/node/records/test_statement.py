"""Known answers for every word of the query language, on all engines."""

from privacy.expression import ByField, Compare, Comparison, Count, EVERYBODY, Instant, Window
from privacy.period import Period
from tests.record_site import Site, ask_for, household, merged

Q1 = Period("FY2024-Q1").start


def test_households_are_counted_by_type_in_their_cohort(site: Site) -> None:
    site.take(
        merged(
            household("a", "a1", enrolled=Q1 + 5, type="single_adult"),
            household("b", "b1", "b2", enrolled=Q1 + 6, type="family_two_adults"),
            household("c", "c1", enrolled=Q1 + 100, type="single_adult"),
            household("d", type="single_adult"),
        )
    )
    site.close("FY2024-Q2")
    by = (ByField("household.type", "full"),)
    assert site.ask(ask_for("FY2024-Q1", anchor="enrolment", by=by)) == (1, 0, 1, 0)
    assert site.ask(ask_for("FY2024-H1", anchor="enrolment", by=by)) == (2, 0, 1, 0)
