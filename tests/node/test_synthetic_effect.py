"""The presets of the synthetic population, and the odds everything is drawn from.

Comparisons are at five standard errors, as in `test_synthetic.py`.
"""

import decimal
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

import pytest

from node import synthetic
from node.synthetic.odds import Chance, bell, negative_binomial, poisson, weigh
from node.synthetic.row import Row
from node.synthetic.stream import Stream

STANDARD_ERRORS = 5


def missed(rows: Iterable[Row], enrolled_from: dict[object, str]) -> Iterator[bool]:
    for row in rows:
        if str(row["kind"]).startswith("hearing") and row["result"] in {
            "met",
            "missed",
        }:
            first = enrolled_from.get(row["person_key"])
            if first is not None and first <= str(row["due_on"]):
                yield row["result"] == "missed"


def attendance(preset: str) -> tuple[int, int, int, int]:
    """Missed and due hearings of enrolled adults, then of those who never were."""
    tables: dict[str, list[Row]] = defaultdict(list)
    for table, row in synthetic.generate(site="BAL", seed=3, scale=6, preset=preset):
        tables[table].append(row)
    first = {row["person_key"]: str(row["enrolled_on"]) for row in tables["enrolment"]}
    never = {
        row["person_key"]: "0000"
        for row in tables["participant"]
        if row["person_key"] not in first
    }
    enrolled = list(missed(tables["obligation_event"], first))
    others = list(missed(tables["obligation_event"], never))
    return sum(enrolled), len(enrolled), sum(others), len(others)


@pytest.fixture(scope="module")
def by_preset() -> Callable[[str], tuple[int, int, int, int]]:
    known: dict[str, tuple[int, int, int, int]] = {}

    def get(preset: str) -> tuple[int, int, int, int]:
        if preset not in known:
            known[preset] = attendance(preset)
        return known[preset]

    return get


def difference(seen: tuple[int, int, int, int]) -> float:
    """The gap between the two groups in standard errors."""
    hits, total, other_hits, other_total = seen
    pooled = (hits + other_hits) / (total + other_total)
    error = math.sqrt(pooled * (1 - pooled) * (1 / total + 1 / other_total))
    return (other_hits / other_total - hits / total) / error


def test_the_null_preset_has_no_effect(
    by_preset: Callable[[str], tuple[int, int, int, int]],
) -> None:
    # Hearings of one household go together, which widens the spread a little.
    assert abs(difference(by_preset("null"))) < STANDARD_ERRORS


def test_the_default_preset_has_an_effect_this_test_can_see(
    by_preset: Callable[[str], tuple[int, int, int, int]],
) -> None:
    assert difference(by_preset("default")) > STANDARD_ERRORS


def test_presets_are_ordered_by_their_effect(
    by_preset: Callable[[str], tuple[int, int, int, int]],
) -> None:
    shares = [
        by_preset(preset)[0] / by_preset(preset)[1]
        for preset in ("null", "modest", "default", "fcmp_like")
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.01


# --- distributions ---------------------------------------------------------


def mean(odds: object, draws: int = 20_000) -> float:
    stream = Stream(1, "mean")
    return float(sum(odds.pick(stream) for _ in range(draws))) / draws


def test_counts_have_the_mean_they_are_given() -> None:
    assert mean(poisson(decimal.Decimal("2.1"), most=20)) == pytest.approx(
        2.1, abs=0.06
    )
    contacts = negative_binomial(decimal.Decimal("3.2"), size=4, most=40)
    assert mean(contacts) == pytest.approx(3.2, abs=0.09)


def test_a_bell_has_mean_zero_and_spread_one() -> None:
    stream = Stream(1, "bell")
    odds = bell()
    values = [float(odds.pick(stream)) for _ in range(5_000)]
    assert sum(values) / len(values) == pytest.approx(0, abs=0.08)
    assert sum(v * v for v in values) / len(values) == pytest.approx(1, abs=0.11)


def test_the_last_share_reaches_the_last_word() -> None:
    odds = weigh({"a": decimal.Decimal(1), "b": decimal.Decimal(2)})
    assert odds.ends[-1] == 2**32
    assert not any(Chance(0).happens(Stream(n)) for n in range(100))
    assert all(Chance(2**32).happens(Stream(n)) for n in range(100))
