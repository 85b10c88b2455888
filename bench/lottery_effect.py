"""How close the lottery's estimated effect comes to the true one, at epsilon 1.

A finite population is fixed once, with what would become of every household in
either arm: 90 % appear if not selected, four points more if selected. Each run draws
the arms afresh, half and half, and adds the mechanism's own noise to the sums that
sites would release. The error is the distance from the true effect, so it holds the
chance of the draw as well as the noise.

Beside it stand counts with Laplace noise for the same epsilon, divided in the plain
way: four counts (an arm, and those in it who appear) at a quarter each; the four
disjoint cells of the same table; and, where the arms' sizes are published, two counts.

    python bench/lottery_effect.py
"""

import argparse
import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from privacy import lottery, mechanism
from privacy.estimate import Estimate, Measured
from privacy.lottery import Arms, Outcome
from privacy.mechanism import Tally

RHO = Fraction("0.02435597")  # epsilon 1 at delta 1e-6
EPSILON = 1.0
LEVEL = Fraction(19, 20)
SHARE, EFFECT = 0.90, 0.04
WEIGHT = 200  # percent: one over a probability of one half
BATCH = 4_000
PUBLIC = {"effect": Fraction(4, 5), "mean": Fraction(1, 5)}
MEASURED = {
    "effect": Fraction(55, 100),
    "mean": Fraction(5, 100),
    "balance": Fraction(30, 100),
    "weight": Fraction(10, 100),
}
BOUNDS = {400: 0.030, 1_000: 0.018}
SEED = 20_261_122


@dataclass(frozen=True)
class Draws:
    """Many draws from one population: who appeared, by arm, out of how many."""

    size: int
    selected: np.ndarray
    others: np.ndarray

    @property
    def arm(self) -> int:
        """How many are in either arm."""
        return self.size // 2


def draws(size: int, runs: int, chance: np.random.Generator) -> Draws:
    """Draw the arms of one fixed population again and again."""
    without = np.arange(size) < round(SHARE * size)
    with_place = np.arange(size) < round((SHARE + EFFECT) * size)
    found = np.empty((2, runs), int)
    for run in range(runs):
        chosen = np.zeros(size, bool)
        chosen[chance.permutation(size)[: size // 2]] = True
        found[:, run] = (with_place & chosen).sum(), (without & ~chosen).sum()
    return Draws(size, found[0], found[1])


def sums(drawn: Draws) -> dict[str, list[int]]:
    """Return the four exact weighted sums of every run."""
    ones = np.ones_like(drawn.selected)
    signed = [2 * each - drawn.arm for each in (drawn.selected, drawn.others)]
    exact = {
        "effect": signed[0] - signed[1],
        "mean": signed[0] + signed[1],
        "balance": 0 * ones,
        "weight": drawn.size * ones,
    }
    return {name: [int(WEIGHT * x) for x in each] for name, each in exact.items()}


def released(
    exact: dict[str, list[int]], parts: dict[str, Fraction], upper: int
) -> dict[str, list[Measured]]:
    """Release the sums with the noise that one household's cap asks for."""
    found = {}
    for name, part in parts.items():
        noise = mechanism.calibrate(
            l2_squared=upper**2, rho=RHO * part, size=len(exact[name])
        )
        values = mechanism.release(noise, Tally(exact[name])).values
        found[name] = [Measured(value, noise.variance) for value in values]
    return found


def estimates(drawn: Draws, upper: int, *, public: bool) -> Iterator[Estimate]:
    """Estimate the effect of every run, as a report would."""
    found = released(sums(drawn), PUBLIC if public else MEASURED, upper)
    own = Fraction(WEIGHT * drawn.arm)
    for run, (effect, mean) in enumerate(
        zip(found["effect"], found["mean"], strict=True)
    ):
        arms: Arms = (
            lottery.published(own, own, upper=upper)
            if public
            else lottery.measured(
                found["balance"][run], found["weight"][run], upper=upper
            )
        )
        outcome = Outcome(effect=effect, mean=mean)
        yield lottery.effect(outcome, arms, confidence=LEVEL)


def laplace(drawn: Draws, way: str, chance: np.random.Generator) -> np.ndarray:
    """Estimate the effect of every run from counts with Laplace noise."""

    def noisy(count: np.ndarray | int, parts: int) -> np.ndarray:
        return count + chance.laplace(0, parts / EPSILON, drawn.selected.shape)

    shares = []
    for appeared in (drawn.selected, drawn.others):
        if way == "four counts":
            share = noisy(appeared, 4) / noisy(drawn.arm, 4)
        elif way == "four cells":
            yes, no = noisy(appeared, 4), noisy(drawn.arm - appeared, 4)
            share = yes / (yes + no)
        else:
            share = noisy(appeared, 2) / drawn.arm
        shares.append(np.clip(share, 0, 1))
    return shares[0] - shares[1]


def rmse(values: np.ndarray | list[float]) -> float:
    return float(np.sqrt(np.mean((np.asarray(values) - EFFECT) ** 2)))


def show(size: int, runs: int, chance: np.random.Generator) -> None:
    drawn = draws(size, runs, chance)
    own = rmse((drawn.selected - drawn.others) / drawn.arm)
    print(f"\n{size} households, {runs} draws; the draw alone: RMSE {own:.4f}")
    print(f"{'':44}   RMSE    bias   half-width  holds")
    best = None
    for public in (True, False):
        for upper in (200, 300):
            found = list(estimates(drawn, upper, public=public))
            values = [each.value for each in found]
            width = np.mean([(each.high - each.low) / 2 for each in found])
            holds = np.mean([each.low <= EFFECT <= each.high for each in found])
            name = f"arms {'published' if public else 'measured'}, cap {upper}"
            best = best or rmse(values)
            print(
                f"weighted sums, {name:29} {rmse(values):.4f} "
                f"{np.mean(values) - EFFECT:+.4f} {width:11.4f} {holds:7.1%}"
            )
    for way in ("four counts", "four cells", "two counts, arms published"):
        values = laplace(drawn, way, chance)
        print(f"Laplace, {way:35} {rmse(values):.4f}")
        if way == "four counts":
            half = rmse(values)
    print(
        f"the bound {BOUNDS[size]:.3f} against cap 200, arms published: {best:.4f}; "
        f"{best / half:.2f} of four Laplace counts"
    )
    assert best <= BOUNDS[size]
    assert size != 400 or best <= half / 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=BATCH)
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    chance = np.random.default_rng(asked.seed)
    today = dt.datetime.now(dt.UTC).date()
    print(
        f"# {os.cpu_count()} cores, {today}; draws from seed {asked.seed}, noise from"
    )
    print(f"# the operating system. rho {float(RHO)} in all, epsilon 1 at delta 1e-6.")
    for name, parts in (("published", PUBLIC), ("measured", MEASURED)):
        told = ", ".join(f"{float(part):.0%} on {word}" for word, part in parts.items())
        print(f"# Arms {name}: {told}.")
    for size in BOUNDS:
        show(size, asked.runs, chance)


if __name__ == "__main__":
    main()
