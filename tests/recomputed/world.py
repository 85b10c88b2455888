"""A site's records as a statistician reads them: CSV files, in pandas, by the book.

Nothing here, or in the modules that use it, knows how a node keeps or asks records.
The rules are those of the public documents:

* a word outside its code list is stored as the list's last resort; a cell that is no
  date or no number, or out of its range, is empty; an end before its start is empty;
* at most two adults of a household are counted: the earliest enrolled, then by adult
  number; the first of them is the lead adult;
* an adult is counted by their own consent; a household, and its lead adult, if no
  counted adult lacks it;
* a household belongs to the fiscal year in which it was first registered; a question
  about a period reads that year's households and those of some years before it;
* what happened first, happened once: the first enrolment of a household is that of
  its counted adults, and fixes its cohort, and theirs.
"""

from functools import cache, cached_property
from pathlib import Path

import pandas as pd

from tests.recomputed.group import EVENTS, Group, happened
from tests.recomputed.reading import EPOCH, RIGHT, Slip, Span, read, span

PROGRAMME_BEGAN = 2023


class World:
    """One site's records, right or with a slip."""

    def __init__(self, folder: Path, slip: Slip = RIGHT) -> None:
        self.folder = folder
        self.slip = slip

    @cache  # noqa: B019 - a world lives as long as its test
    def table(self, name: str) -> pd.DataFrame:
        """Read a table, mended as an import mends it, in the order of its lines."""
        return read(self.folder, name).copy()

    @cached_property
    def people(self) -> pd.DataFrame:
        """Every adult: pid, hid, whether consenting, and place in the household."""
        adults = self.table("participant")
        first = self.table("enrolment").groupby("pid")["enrolled_on"].min()
        adults["first_enrolled"] = adults["pid"].map(first)
        adults = adults.sort_values(
            ["first_enrolled", "adult_number", "pid"], na_position="last"
        )
        adults["slot"] = adults.groupby("hid").cumcount() + 1
        adults["consents"] = (adults["consent_stats"] == "yes") | ~pd.Series(
            data=self.slip.consent, index=adults.index
        )
        return adults

    @cached_property
    def counted(self) -> pd.DataFrame:
        """The adults who are counted, of every household that is known."""
        people = self.people[self.people["slot"] <= self.slip.adults]
        return people[people["hid"].map(self.known).notna()]

    @cached_property
    def known(self) -> pd.Series:
        """The day on which each household was first known: hid -> day."""
        home = self.people.set_index("pid")["hid"]
        days = []
        for event, (table, day) in EVENTS.items():
            rows = happened(event, self.table(table))
            hid = rows["hid"] if "hid" in rows else rows["pid"].map(home)
            days.append(pd.DataFrame({"hid": hid, "day": rows[day]}))
        return pd.concat(days).dropna().groupby("hid")["day"].min()

    @cache  # noqa: B019 - a world lives as long as its test
    def firsts(self, event: str) -> pd.Series:
        """Return the first day of an event, of any counted adult: hid -> day."""
        table, day = EVENTS[event]
        rows = happened(event, self.table(table))
        if "hid" not in rows:
            rows["hid"] = rows["pid"].map(self.counted.set_index("pid")["hid"])
        return rows.groupby("hid")[day].min().clip(lower=span("FY2023").first)

    def period(self, label: str) -> Span:
        """Return a period's days."""
        return span(label, self.slip.shift)

    @cached_property
    def entry_year(self) -> pd.Series:
        """The fiscal year in which each household was first registered."""
        days = pd.to_timedelta(self.known, unit="D") + EPOCH
        return (days.dt.year + (days.dt.month >= 10)).clip(lower=PROGRAMME_BEGAN)

    @cached_property
    def households(self) -> Group:
        """Count households in which no counted adult lacks consent."""
        homes = self.table("household").set_index("hid")
        homes = homes[homes.index.isin(self.known.index) & self._agree(homes.index)]
        people = self.counted[self.counted["hid"].isin(homes.index)]
        return Group(self, homes, people.set_index("pid")["hid"])

    @cached_property
    def leads(self) -> Group:
        """Count lead adults, of the same households."""
        lead = self.counted[self.counted["slot"] == 1]
        return self._adults(lead[self._agree(lead["hid"])])

    @cached_property
    def adults(self) -> Group:
        """Count adults who consent, at most two of a household."""
        return self._adults(self.counted[self.counted["consents"]])

    def _agree(self, hids: pd.Index | pd.Series) -> pd.Series:
        """Tell of which households no counted adult lacks consent."""
        return ~hids.isin(self.counted.loc[~self.counted["consents"], "hid"])

    def _adults(self, people: pd.DataFrame) -> Group:
        keyed = people.set_index("pid", drop=False)
        return Group(self, keyed, keyed["pid"])
