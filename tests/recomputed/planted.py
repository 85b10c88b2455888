"""Odd households beside the invented ones, so that every definition is put to a test.

Their rows lie on both sides of every window's edge, in every order, with cells left
empty, words no list has, third adults, transfers, adults who do not consent, and
days before the programme began. Nothing here is likely; all of it can be imported.
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.recomputed.chance import Row
from tests.recomputed.planted_events import Events

EXITS = "needs_met voluntary_withdrawal moved_other_site moved_away lost_contact"
EXITS += " departed_with_support departed_other removed detained"
EXITS += " relief_granted_and_done deceased programme_ended other"


def append(folder: Path, rows: Iterable[tuple[str, Row]]) -> None:
    """Write rows behind those of a folder's CSV files."""
    added: dict[str, list[Row]] = {}
    for table, row in rows:
        added.setdefault(table, []).append(row)
    for table, its in added.items():
        path = folder / f"{table}.csv"
        with path.open(encoding="utf-8") as file:
            header = next(csv.reader(file))
        with path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, header, lineterminator="\n").writerows(its)


class Planter(Events):
    """Make odd households."""

    def __init__(self, seed: int, site: str) -> None:
        super().__init__(seed)
        self._site = site

    def rows(self, households: int) -> Iterator[tuple[str, Row]]:
        """Yield the rows of so many households."""
        for number in range(households):
            yield from self._household(number)

    def _household(self, number: int) -> Iterator[tuple[str, Row]]:
        """Yield one household's rows, its own first."""
        hid = f"TRAINING-{self._site}-H9{number:06d}"
        waits, takes = self.random.choice((0, 3, 10, 20)), self.near(after=0)
        start = self.start((0, waits, waits + takes))
        known = self.happens(92)
        yield (
            "household",
            {
                "household_key": hid,
                "type": self.of(
                    "single_adult family_one_adult family_two_adults huge", 6
                ),
                "n_adults": self.random.randint(1, 3),
                "n_children": self.of("0 1 2 3", 8),
            },
        )
        drawn, enrolled = start + waits, start + waits + takes
        adults = self.random.choices((1, 2, 3), (50, 35, 15))[0]
        consents = self.happens(85)
        for adult in range(adults):
            pid = f"{hid.replace('-H', '-P')}{'ABC'[adult]}"
            yield "participant", self._participant(hid, pid, adult + 1, consents)
            if known:
                yield from self._screened(pid, start)
            if adult and self.happens(50):
                enrolled = drawn + self.near(after=0)
            if known and self.happens(70):
                yield from self._spells(pid, enrolled)
            yield from self.events(pid, (start, drawn, enrolled))
        if known and self.happens(80):
            yield from self._pool(hid, start, drawn)
        for _ in range(self.random.randint(0, 3)):
            yield (
                "school_review",
                {
                    "household_key": hid,
                    "reviewed_on": self.day(
                        self.edge()
                        if self.happens(30)
                        else drawn + self.random.randint(0, 400)
                    ),
                    "school_age_children": self.of("0 1 2 3", 8),
                    "children_in_school": self.of("0 1 2 3", 8),
                },
            )

    def _participant(self, hid: str, pid: str, adult: int, consents: bool) -> Row:  # noqa: FBT001
        languages = "spanish spanish haitian_creole portuguese indigenous_americas"
        return {
            "person_key": pid,
            "household_key": hid,
            "adult_number": adult,
            "age_band": self.of("18_24 25_34 35_44 45_54 55_plus unheard_of", 5),
            "gender": self.of("woman man another_or_multiple prefers_not robot", 5),
            "origin_region": self.of(
                "mexico_north_central_america south_america africa asia_pacific moon", 5
            ),
            "language_group": self.of(languages + " english klingon", 5),
            "protection_sought": self.of("asylum_or_withholding undecided none", 5),
            "consent_stats": "yes"
            if consents or self.happens(50)
            else self.of("no withdrawn maybe", 20),
            "consent_follow_up": self.of("1 1 1 0", 5),
            "vulnerable": self.of("0 1", 5),
            "required_fields_usable_percent": self.of("0 69 70 89 90 100", 5),
        }

    def _screened(self, pid: str, start: int) -> Iterator[tuple[str, Row]]:
        for _ in range(self.random.choice((0, 1, 1, 1, 2, 3))):
            result = self.of("eligible eligible ineligible incomplete odd", 4)
            yield (
                "eligibility_screening",
                {
                    "person_key": pid,
                    "screened_on": self.day(start + self.random.choice((0, 0, 5))),
                    "rule_version": self.of("v0 v1 v2 v3 v9", 4),
                    "basis": self.of("isap_current isap_former bond else", 4),
                    "in_proceedings": self.of("1 1 0", 5),
                    "result": result,
                    "ineligible_reason": self.of(
                        "not_in_proceedings no_atd_history outside_area under_18 odd",
                        40 if result != "ineligible" else 10,
                    ),
                },
            )

    def _pool(self, hid: str, start: int, drawn: int) -> Iterator[tuple[str, Row]]:
        permille = self.random.choice((200, 333, 334, 500, 500, 500, 600, 666, 667))
        selected = self.happens(50)
        share = permille if selected else 1000 - permille
        inverse = round(100_000 / share) if self.happens(90) else 100 + permille
        yield (
            "pool_entry",
            {
                "household_key": hid,
                "entered_on": self.day(start),
                "channel": self.of("community_referral walk_in crcl_outreach ad", 5),
                "interested": self.of("1 1 1 1 1 0", 4),
                "drawn_on": self.day(drawn) if self.happens(92) else None,
                "draw_stratum": self.of("all family single", 5),
                "selection_permille": permille if self.happens(96) else None,
                "inverse_probability_percent": inverse if self.happens(96) else None,
                "selected": int(selected) if self.happens(97) else None,
                "offer_outcome": self.of("enrolled declined not_offered", 5),
            },
        )
        for wave, days in (("month_6", 182), ("month_12", 365)):
            for _ in range(self.random.choice((0, 1, 1, 1, 2))):
                yield (
                    "follow_up",
                    {
                        "household_key": hid,
                        "followed_up_on": self.day(
                            drawn + self.random.choice((-1, 0, days, 425, 425, 426))
                        ),
                        "wave": self.random.choice((wave, wave, wave, "other")),
                        "status": self.of(
                            "ascertained ascertained ascertained not_reached refused", 5
                        ),
                        "source": "participant",
                    },
                )
        if self.happens(10):
            again = drawn + self.random.randint(30, 300)
            yield (
                "pool_reentry",
                {
                    "household_key": hid,
                    "entered_on": self.day(again),
                    "drawn_on": self.day(again + 10),
                    "selected": 1,
                },
            )

    def _spells(self, pid: str, enrolled: int) -> Iterator[tuple[str, Row]]:
        begins = enrolled
        for _ in range(self.random.choice((1, 1, 1, 2))):
            lasts = self.random.choice(
                (0, 14, 30, 59, 60, 61, 89, 90, 179, 180, 359, 360, 539, 540, 600, -5)
            )
            ends = begins + lasts if self.happens(65) else None
            if ends and self.happens(20):
                ends = max(begins, self.edge())
            yield (
                "enrolment",
                {
                    "person_key": pid,
                    "enrolled_on": self.day(begins) if self.happens(96) else None,
                    "exited_on": self.day(ends) if ends else None,
                    "phase": self.of("P1 P2 P3 P7", 5),
                    "exit_reason": self.of(EXITS + " vanished", 10)
                    if ends or self.happens(5)
                    else None,
                    "proceedings_at_exit": self.of(
                        "pending pending decided appeal unknown odd", 10
                    )
                    if ends
                    else None,
                    "transferred_in": self.of("0 0 0 1", 10),
                },
            )
            begins = begins + max(lasts, 0) + self.random.choice((-10, 0, 1, 40, 200))
