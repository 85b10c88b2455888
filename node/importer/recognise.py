"""Tell which profile a source was exported for, by its tables and columns alone."""

from collections.abc import Iterable, Sequence

from node.importer.layout import Layout
from node.importer.profile import Profile
from node.importer.profile_own import require_own_names
from node.importer.sources import SourceTable
from node.importer.spelling import plain
from privacy.dictionary import Dictionary
from privacy.errors import BadRecords


def fitting(
    tables: Sequence[SourceTable], profiles: Iterable[Profile], dictionary: Dictionary
) -> tuple[Profile, ...]:
    """Return the profiles that read most of a source; more than one if it is a tie.

    A profile fits if every table and column it needs is there. Of two that read as
    much, the one that knows the source by more of its names counts.
    """
    measured = [
        ((read, len("".join(profile.signature))), profile)
        for profile in profiles
        if (read := columns_read(tables, profile, dictionary))
    ]
    best = max((measure for measure, _ in measured), default=None)
    return tuple(profile for measure, profile in measured if measure == best)


def columns_read(
    tables: Sequence[SourceTable], profile: Profile, dictionary: Dictionary
) -> int:
    """Return how many columns a profile would read; none if it does not fit."""
    if not _signed(tables, profile):
        return 0
    try:
        if profile.own_names:
            require_own_names(tables, dictionary)
        plans = list(Layout(tables, profile).plans(dictionary))
    except BadRecords:
        return 0
    return len({(r.table, r.column) for plan in plans for r in plan.refs})


def resembling(
    tables: Sequence[SourceTable], profiles: Iterable[Profile], dictionary: Dictionary
) -> tuple[Profile, BadRecords] | None:
    """Return a profile made for such a source although something is missing.

    With it comes the error that says which line of it to change. One of the names it
    knows its sources by may be what is missing.
    """
    for profile in profiles:
        if known(tables, profile) >= max(len(profile.signature) - 1, 1):
            try:
                list(Layout(tables, profile).plans(dictionary))
            except BadRecords as error:
                return profile, error
    return None


def _signed(tables: Sequence[SourceTable], profile: Profile) -> bool:
    """Tell whether every name a profile knows its sources by is there."""
    return all(_there(tables, name) for name in profile.signature)


def known(tables: Sequence[SourceTable], profile: Profile) -> int:
    """Return how many of the names a profile knows its sources by are there."""
    return sum(_there(tables, name) for name in profile.signature)


def _there(tables: Sequence[SourceTable], name: str) -> bool:
    """Tell whether there is a table, or a table's column, of a name."""
    table, dot, column = name.partition(".")
    for each in tables:
        if plain(each.name) == plain(table):
            columns = {plain(one) for one in each.columns}
            return not dot or plain(column) in columns
    return False
