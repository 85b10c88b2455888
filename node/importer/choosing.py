"""Choose the profile for a source, if exactly one fits; else say what to do."""

from collections.abc import Iterable
from pathlib import Path

from node.importer import recognise
from node.importer.profile import Profile
from node.importer.profile_shelf import Found, Shelf
from node.importer.sources import Reading, SourceTable, open_source
from privacy.dictionary import Dictionary
from privacy.errors import BadRecords


def choose(location: str | Path, shelf: Shelf, dictionary: Dictionary) -> Found:
    """Return the one profile that fits a source; the site's own come first.

    Raises:
        BadRecords: none fits, or several do; the sentence says what to do next.
    """
    every = list(shelf)
    unread = _unreadable(location)
    for shipped in (False, True):
        some = [found for found in every if found.shipped is shipped]
        best = _fitting(location, [found.profile for found in some], dictionary)
        if len(best) > 1:
            names = ", ".join(profile.name for profile in best)
            raise BadRecords(
                f"Several profiles fit this source ({names}), so nothing was imported; "
                "name one with --profile."
            )
        if best:
            return next(found for found in some if found.profile is best[0])
    # What is no source at all is said as it is, not as a profile's failure.
    raise unread or _none(location, every, dictionary)


def _unreadable(location: str | Path) -> BadRecords | None:
    """Return why a source cannot be read without a profile, if it cannot."""
    try:
        with open_source(location, Reading()):
            return None
    except BadRecords as error:
        return error


def _fitting(
    location: str | Path, profiles: Iterable[Profile], dictionary: Dictionary
) -> tuple[Profile, ...]:
    """Return the best profiles, opening the source as each of them reads it."""
    by_reading: dict[object, list[Profile]] = {}
    for profile in profiles:
        by_reading.setdefault(profile.reading, []).append(profile)
    best: list[tuple[int, Profile]] = []
    for alike in by_reading.values():
        tables = _tables(location, alike[0])
        best.extend(
            (recognise.columns_read(tables, profile, dictionary), profile)
            for profile in recognise.fitting(tables, alike, dictionary)
        )
    most = max((read for read, _ in best), default=0)
    return tuple(profile for read, profile in best if read == most)


def _tables(location: str | Path, profile: Profile) -> tuple[SourceTable, ...]:
    """Return a source's tables as a profile reads them; none if it cannot."""
    try:
        with open_source(location, profile.reading) as source:
            return source.tables
    except BadRecords:
        return ()


def nearest(
    location: str | Path, every: Iterable[Found], dictionary: Dictionary
) -> tuple[Found, BadRecords] | None:
    """Return a profile made for such a source although something is missing.

    With it comes the error that says which line of it to change.
    """
    close: list[tuple[int, Found, BadRecords]] = []
    for found in every:
        tables = _tables(location, found.profile)
        near = recognise.resembling(tables, [found.profile], dictionary)
        if near is not None:
            close.append((recognise.known(tables, found.profile), found, near[1]))
    best = max(close, default=None, key=lambda each: each[0])
    return None if best is None else best[1:]


def _none(
    location: str | Path, every: Iterable[Found], dictionary: Dictionary
) -> BadRecords:
    """Say why nothing fits, and what to do."""
    near = nearest(location, every, dictionary)
    if near is None:
        return BadRecords(
            "No profile fits this source, so nothing was imported; run `cmpp-node map "
            "suggest` on it, and look at what it proposes."
        )
    found, error = near
    if not found.shipped:
        return error
    name = found.profile.name
    return BadRecords(
        f"{error.message.removesuffix('.')} (first: `cmpp-node map copy {name} "
        f"my-{name}`)."
    )
