"""People who are counted once each, and what a definition may ask of them."""

from functools import cache

import pandas as pd

from tests.recomputed.reading import DATES, Span, date_of, dictionary

DECISIONS = {
    "decided_relief": "relief",
    "decided_voluntary_departure": "voluntary_departure",
    "decided_removal_order_present": "removal_order_present",
    "in_absentia_order": "removal_order_in_absentia",
    "decided_terminated_or_dismissed": "terminated_or_closed",
    "decided_administratively_closed": "terminated_or_closed",
}
_YEARS_BEFORE = {"screening": 1, "pool_entry": 1, "draw": 1, "enrolment": 2}
EVENTS = {
    "screening": ("eligibility_screening", "screened_on"),
    "pool_entry": ("pool_entry", "entered_on"),
    "draw": ("pool_entry", "drawn_on"),
    "enrolment": ("enrolment", "enrolled_on"),
    "exit": ("enrolment", "exited_on"),
    "decision": ("legal_event", "happened_on"),
}


def happened(event: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows that are an event."""
    return (
        rows[rows["kind"].isin(DECISIONS)].copy()
        if event == "decision"
        else rows.copy()
    )


class Group:
    """Those who are counted once each: households, lead adults or adults.

    Attributes:
        units: one row each, with their own fields.
        index: their keys.
    """

    def __init__(self, world, units: pd.DataFrame, home: pd.Series) -> None:
        self.world = world
        self.units = units
        self.index = units.index
        self._home = home
        hids = units["hid"] if "hid" in units else units.index.to_series()
        self.hid = pd.Series(hids.to_numpy(), index=units.index)

    @cache  # noqa: B019 - a group lives as long as its test
    def rows(self, table: str) -> pd.DataFrame:
        """Return a table's rows of these people, with whose they are in `unit`."""
        rows = self.world.table(table)
        if "pid" in rows:
            rows = rows.assign(unit=rows["pid"].map(self._home))
        elif self.units.index.name == "hid":
            rows = rows.assign(unit=rows["hid"].where(rows["hid"].isin(self.index)))
        else:
            of = pd.Series(self.index, index=self.hid.to_numpy())
            assert of.index.is_unique, "two adults share a household's row"
            rows = rows.assign(unit=rows["hid"].map(of))
        return rows[rows["unit"].notna()]

    def one(self, table: str) -> pd.DataFrame:
        """Return a household's one row of a table, for each unit."""
        rows = self.world.table(table).set_index("hid")
        found = rows.reindex(self.hid.to_numpy())
        found.index = self.index
        return found

    def first(self, event: str) -> pd.Series:
        """Return the first day of an event, of these people themselves."""
        table, day = EVENTS[event]
        rows = happened(event, self.rows(table))
        return rows.groupby("unit")[day].min().reindex(self.index)

    def cohort(self, event: str, period: Span) -> pd.Index:
        """Return whose household first met an event in a period."""
        first = self.hid.map(self.world.firsts(event))
        reads = self._entered(period, _YEARS_BEFORE.get(event, 5))
        return self.index[period.holds(first) & reads]

    def present(self, period: Span) -> pd.Index:
        """Return who is in a question about everybody in a period."""
        return self.index[self._entered(period, 5)]

    def newly_enrolled(self, period: Span) -> pd.Index:
        """Return whose household first enrolled in a period, not only by transfer."""
        own = self.rows("enrolment")
        return self.cohort("enrolment", period).intersection(
            self.whose(own[own["transferred_in"] != 1])
        )

    def served(self, period: Span) -> pd.Index:
        """Return who has an enrolment open on at least one day of a period."""
        days = self.spell_days("enrolment", period.first, period.last, late=0)
        return self.present(period).intersection(days.index[days > 0])

    def _entered(self, period: Span, years_before: int) -> pd.Series:
        """Tell whose household's entry year a question about a period reads."""
        years = self.hid.map(self.world.entry_year)
        return years.between(period.year - years_before, period.year)

    def within(
        self, table: str, anchor: pd.Series, first: int, last: int
    ) -> pd.DataFrame:
        """Return rows dated from `first` to `last` days after each unit's anchor."""
        rows = self.rows(table)
        slip = self.world.slip
        since = rows[date_of(table)] - rows["unit"].map(anchor)
        return rows[since.between(first + slip.start, last + slip.days)]

    def during(self, table: str, period: Span) -> pd.DataFrame:
        """Return rows dated in a period."""
        rows = self.rows(table)
        return rows[period.holds(rows[date_of(table)])]

    def open_on(
        self, table: str, day: pd.Series | int, *, transfers: bool = True
    ) -> pd.Index:
        """Return whose spell is open: begun by that day, and not ended by then."""
        about = dictionary()["tables"][table]
        start, end = about["start"], about["end"]
        rows = self.rows(table)
        if not transfers:
            rows = rows[rows["transferred_in"] != 1]
        at = rows["unit"].map(day) if isinstance(day, pd.Series) else day
        at = at + self.world.slip.days
        return self.whose(
            rows[(rows[start] <= at) & ~(rows[end] <= at) & (at == at)]  # noqa: PLR0124
        )

    def spell_days(
        self,
        table: str,
        first: pd.Series | int,
        last: pd.Series | int,
        late: int | None = None,
    ) -> pd.Series:
        """Add up the days of spells from a first to a last day, both included.

        A spell is not open on the day it ends.
        """
        about = dictionary()["tables"][table]
        rows = self.rows(table)
        first, last = (
            rows["unit"].map(day) if isinstance(day, pd.Series) else day
            for day in (first, last)
        )
        last = last + (self.world.slip.days if late is None else late)
        if isinstance(last, pd.Series):  # no days around a day that is not known
            known = last.notna()
            rows, first, last = rows[known], first[known], last[known]
        begin = rows[about["start"]].clip(lower=first)
        end = (rows[about["end"]] - 1).fillna(float("inf")).clip(upper=last)
        days = (end - begin + 1).clip(lower=0)
        return days.groupby(rows["unit"]).sum().reindex(self.index, fill_value=0)

    def whose(self, rows: pd.DataFrame) -> pd.Index:
        """Return who has at least one of some rows."""
        return self.index[self.index.isin(rows["unit"])]

    def earliest(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Keep each unit's first row; of one day, the one imported first."""
        return self._outermost(rows, first=not self.world.slip.swapped)

    def latest(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Keep each unit's last row; of one day, the one imported last."""
        return self._outermost(rows, first=self.world.slip.swapped)

    def _outermost(self, rows: pd.DataFrame, *, first: bool) -> pd.DataFrame:
        day = next(name for name in rows if name in DATES)
        kept = "first" if first else "last"
        ordered = rows.sort_values(day, kind="stable")
        return ordered.drop_duplicates("unit", keep=kept).set_index("unit")
