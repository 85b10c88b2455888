"""Days and words at random, close to where a definition draws its lines."""

import datetime as dt
from random import Random

Row = dict[str, str | int | None]

EPOCH = dt.date(1970, 1, 1)
FIRST, LAST = dt.date(2023, 4, 1), dt.date(2025, 9, 30)
_MONTHS = ((2023, 10), (2024, 4), (2024, 7), (2024, 10), (2025, 1), (2025, 10))
EDGES = tuple((dt.date(*month, 1) - EPOCH).days for month in _MONTHS)
WINDOWS = (-1000, -30, 0, 14, 15, 30, 60, 90, 120, 180, 210, 360, 365)


class Chance:
    """What is random about an odd household."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def start(self, later: tuple[int, ...]) -> int:
        """Choose the day a household came.

        Often it, or one so much later, is the first day of a period or the day before.
        """
        chance = self.random.random()
        if chance < 0.03:
            return (dt.date(2021, 5, 5) - EPOCH).days
        if chance < 0.4:
            return self.edge() - self.random.choice(later)
        return (FIRST - EPOCH).days + self.random.randint(0, (LAST - FIRST).days)

    def edge(self) -> int:
        """Choose the first day of a period, or the day before."""
        return self.random.choice(EDGES) + self.random.choice((-1, 0))

    def near(self, *, after: int = -1000) -> int:
        """Choose an offset on either side of a window's edge, or anything."""
        if self.happens(15):
            return self.random.randint(max(after, -20), 400)
        edges = [days for days in WINDOWS if days >= after]
        return self.random.choice(edges) + self.random.choice((-1, 0, 0, 1))

    def day(self, number: int) -> str | None:
        """Write a day; now and then it is missing, or no day at all."""
        if self.happens(98):
            return (EPOCH + dt.timedelta(days=number)).isoformat()
        return self.random.choice((None, "soon", "2024-02-31"))

    def of(self, words: str, one_empty_in: int) -> str | None:
        """Choose a word; one in so many is left empty."""
        if self.random.randrange(one_empty_in) == 0:
            return None
        return self.random.choice(words.split())

    def happens(self, percent: int) -> bool:
        return self.random.randrange(100) < percent
