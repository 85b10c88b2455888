"""A person's decision not to be counted, kept to from now on.

A withdrawal is noted beside the key map, as a digest, before the records are changed:
if the process dies in between, the next import or the same command finishes it. What
was given out before stays as it is: an answer is given once and for ever.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from node.importer import marks
from node.importer.keymap import HOUSEHOLD, PERSON, Mark
from node.importer.keys import KeyStore
from node.records.store import RecordStore
from privacy.errors import BadRecords

_LENGTH: Final = 200


class Whose(StrEnum):
    """Whose number it is."""

    PERSON = PERSON
    CASE = HOUSEHOLD


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a number.

    Attributes:
        known: Whether an import has met it.
        withdrawn: Whether its people are left out of every question.
        forgotten: Whether its number was purged, so that nobody can find its records.
    """

    known: bool
    withdrawn: bool
    forgotten: bool = False


def standing(keys: KeyStore, whose: Whose, number: str) -> Standing:
    """Tell what is known of a number.

    Raises:
        BadRecords: it is no number.
    """
    number = _checked(number)
    held = keys.load()
    return Standing(
        known=held.find(whose, number) is not None,
        withdrawn=held.is_marked(Mark.WITHDRAWN, whose, number),
        forgotten=held.is_marked(Mark.PURGED, whose, number),
    )


def withdraw(store: RecordStore, keys: KeyStore, whose: Whose, number: str) -> Standing:
    """Leave a person, or every adult of a case, out of every question from now on.

    A household is left out of questions about households as soon as one of its
    counted adults is. A number no import has met yet is kept to when one does.

    Raises:
        BadRecords: it is no number.
        Busy: an import or closing is running; nothing was changed.
    """
    number = _checked(number)
    with store.locked():
        held = keys.load()
        if held.mark(Mark.WITHDRAWN, whose, number):
            keys.save(held)
        own = held.find(whose, number)
    if own is not None and store.current() is not None:
        with store.writer(copy=True) as writer:
            marks.withhold(writer, held)
            writer.consent_anew()
            store.publish(writer)
    return Standing(
        known=own is not None,
        withdrawn=True,
        forgotten=held.is_marked(Mark.PURGED, whose, number),
    )


def restore(store: RecordStore, keys: KeyStore, whose: Whose, number: str) -> bool:
    """Follow the source again, at the next import; tell whether that is a change.

    The records in use stay as they are: only the source knows what the person says
    now.

    Raises:
        BadRecords: it is no number.
        Busy: an import or closing is running; nothing was changed.
    """
    number = _checked(number)
    with store.locked():
        held = keys.load()
        changed = held.mark(Mark.WITHDRAWN, whose, number, on=False)
        if changed:
            keys.save(held)
    return changed


def _checked(number: str) -> str:
    """Return a number as the importer would read it."""
    number = number.strip()
    if not 0 < len(number) <= _LENGTH:
        raise BadRecords(
            "A case or person number is one to 200 characters; type it as it stands "
            "in the source."
        )
    return number
