"""Published cells follow from releases alone, and tables add up."""

from fractions import Fraction

import pytest

from privacy import catalogue, estimators, query
from privacy.errors import InvalidProgramme, InvalidQuery
from privacy.estimate import Measured
from privacy.period import Period

PROGRAMME = catalogue.load()
LEVEL = Fraction(19, 20)


def publish(
    metric: str, period: str, values: dict[str, tuple[int, ...]]
) -> dict[tuple[str, ...], float]:
    one = PROGRAMME.metric(metric)
    measured = {
        n: tuple(Measured(v, Fraction(4)) for v in vs) for n, vs in values.items()
    }
    cells = estimators.publish(
        one,
        PROGRAMME.queries(one, Period(period)),
        measured,
        PROGRAMME.dictionary,
        confidence=LEVEL,
    )
    found = {cell.labels: cell.estimate.value for cell in cells}
    assert len(found) == len(cells)
    return {
        tuple(label for _, label in labels): value for labels, value in found.items()
    }


def test_a_count_with_a_dimension_has_its_total_first() -> None:
    found = publish("M01", "FY2024-H2", {"pool": (10, 20, 30, -2)})
    assert found == {
        ("all",): 58,
        ("community_referral",): 10,
        ("walk_in",): 20,
        ("crcl_outreach",): 30,
        ("other",): -2,
    }


def test_a_count_without_a_dimension_is_one_cell() -> None:
    assert publish("M08", "FY2024-H2", {"enrolled": (7,)}) == {(): 7}


def test_the_shares_of_a_mix_add_up_to_one() -> None:
    found = publish("M04", "FY2024-H2", {"pool": (10, 20, 30, 40)})
    assert pytest.approx(1) == sum(found.values())


def test_a_share_is_yes_over_both() -> None:
    assert {(): pytest.approx(0.75)} == publish(
        "M29", "FY2024", {"hearings": (300, 100)}
    )


def test_a_contrast_share_is_half_of_one_plus_contrast_over_count() -> None:
    assert {(): pytest.approx(0.9)} == publish(
        "M07", "FY2024", {"taken_up": (80,), "selected": (100,)}
    )


def test_several_shares_of_one_count_are_told_apart_by_name() -> None:
    names = ("family", "woman", "aged_18_to_34", "spanish_speaking")
    found = publish(
        "M12",
        "FY2024",
        {n: (20 * i,) for i, n in enumerate(names)} | {"enrolled": (100,)},
    )
    expected = {
        ("family",): 0.5,
        ("woman",): 0.6,
        ("aged 18 to 34",): 0.7,
        ("spanish speaking",): 0.8,
    }
    assert {k: pytest.approx(v) for k, v in expected.items()} == found


def test_a_histogram_is_the_counts_of_its_public_labels() -> None:
    found = publish("M03", "FY2024", {"reasons": (9, 8, 7, 6, 5, 4, 3)})
    assert len(found) == 7
    assert (found["not_in_proceedings",], found["none",]) == (9, 3)


def test_the_total_carries_the_noise_of_every_cell() -> None:
    metric = PROGRAMME.metric("M01")
    queries = PROGRAMME.queries(metric, Period("FY2024-H2"))
    measured = {
        "pool": tuple(
            Measured(9, Fraction(4))
            for _ in query.cells(queries["pool"], PROGRAMME.dictionary)
        )
    }
    total, one, *_ = estimators.publish(
        metric, queries, measured, PROGRAMME.dictionary, confidence=LEVEL
    )
    assert (
        pytest.approx(2 * one.estimate.standard_error) == total.estimate.standard_error
    )


def test_a_missing_or_short_release_is_refused() -> None:
    with pytest.raises(InvalidQuery):
        publish("M01", "FY2024-H2", {})
    with pytest.raises(InvalidQuery):
        publish("M01", "FY2024-H2", {"pool": (1, 2, 3)})


def test_an_estimator_that_cannot_run_says_so() -> None:
    with pytest.raises(InvalidProgramme, match="cannot run"):
        publish("M57", "FY2024-Q1", {"days": (5,)})
