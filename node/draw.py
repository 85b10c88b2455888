"""The site's own side of a draw: read the list, keep it closed, write who was drawn.

The closed list stays in the site's directory, encrypted under a key of its own, with
the salt that hides it: without them the draw cannot be repeated for an auditor, nor
finished. Case numbers stand in this file and in the outcome for the case managers,
and in no paper that leaves the site.
"""

import csv
import datetime as dt
import io
import json
import re
import secrets
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from node import envelope
from node.secret import Secret
from privacy import drawing
from privacy.drawing import ClosedList, Drawn, Household, Place, Stratum, Terms
from privacy.errors import BadConfiguration, BadRecords, Corrupt
from proto import keys

FOLDER: Final = "draws"
KEY: Final = "draws.key"
COLUMNS: Final = (
    *("case_number", "draw_stratum", "selected", "waitlist_rank"),
    *("selection_permille", "inverse_probability_percent", "drawn_on"),
    "selection_probability",
)
"""Of the outcome: the dictionary's own names, between case number and exact chance."""

_FILE_BYTES_MAX: Final = 16 << 20
_LABEL: Final = b"cmpp.exchange closed list v1\x00"
_CASE: Final = ("case_number", "case", "household_key", "household", "case_id")
_DELIMITERS: Final = (",", ";", "\t")
_STRATUM: Final = ("stratum", "draw_stratum", "household_type")
_NEVER: Final = re.compile(r"A[- ]?\d{8,9}|A\d{3}-\d{3}-\d{3}|\d{3}-\d{2}-\d{4}")
"""Numbers of persons that no case number may be: alien and social security ones."""


def read_pool(path: Path, slots: Mapping[Stratum, int]) -> tuple[Household, ...]:
    """Read the eligible and interested households of a draw from a CSV file.

    Two columns are read, a case number and a stratum; others are passed over and
    kept nowhere. Where all households are drawn together no stratum is needed.

    Raises:
        BadRecords: a column is missing, or a row says nothing definite.
        BadConfiguration: the file cannot be read.
    """
    text = _text(path)
    heading_line = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=heading_line.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    together = Stratum.ALL in slots
    try:
        heading = [_word(name) for name in next(rows, [])]
        case_at = _column(heading, _CASE)
        stratum_at = None if together else _column(heading, _STRATUM)
        return tuple(
            _household(row, case_at, stratum_at, line)
            for line, row in enumerate(rows, 2)
            if any(cell.strip() for cell in row)
        )
    except csv.Error:
        raise BadRecords(
            "The list is not a CSV file; save it as comma-separated text."
        ) from None


def read_slots(text: str) -> dict[Stratum, int]:
    """Read how many places each stratum has, such as family=12,single=20.

    Raises:
        BadConfiguration: it is not written so.
    """
    found: dict[Stratum, int] = {}
    for part in text.replace(" ", "").split(","):
        name, _, number = part.partition("=")
        if name not in set(Stratum) or not number.isdecimal() or name in found:
            raise BadConfiguration(
                "Say the places for households as family=12,single=20, or as all=30."
            )
        found[Stratum(name)] = int(number)
    return found


class Keeper:
    """The closed lists of one site, each in an encrypted file named by its draw."""

    def __init__(self, directory: Path) -> None:
        """Use a site's directory; nothing is made before the first list."""
        self._folder = directory / FOLDER
        self._key = Secret.file(directory / KEY, opens="closed lists")

    @property
    def folder(self) -> Path:
        """Where lists, outcomes and papers of draws are."""
        return self._folder

    def file(self, commitment: bytes) -> Path:
        """Return the file of the list behind a commitment."""
        return self._folder / f"{commitment.hex()[:32]}.list"

    def keep(self, closed: ClosedList) -> Path:
        """Keep a closed list and its salt, durably, before anybody hears of it.

        Raises:
            BadConfiguration: it cannot be written, or the key is missing.
        """
        path = self.file(closed.commitment)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if not self._key.exists():
                if any(self._folder.glob("*.list")):
                    raise BadConfiguration(
                        "There are closed lists and their key is missing, so a new one "
                        "is not made; restore draws.key from where it is kept."
                    )
                self._key.create()
            whole = json.dumps(revealed(closed), sort_keys=True).encode()
            label = _LABEL + closed.commitment
            sealed = envelope.seal([whole], key=self._key.read()[0], label=label)
            keys.write_new(path, b"".join(sealed), mode=0o600)
        except OSError as error:
            raise BadConfiguration(
                f"The closed list could not be kept ({error.strerror}), so nothing was "
                "committed to; check the disk."
            ) from None
        return path

    def open(self, commitment: bytes) -> ClosedList:
        """Read the list behind a commitment, and check that it is the very one.

        Raises:
            BadConfiguration: the list or its key is missing.
            Corrupt: it is another list, or was changed.
        """
        held = self._key.read()
        for key in held:
            try:
                with self.file(commitment).open("rb") as file:
                    label = _LABEL + commitment
                    whole = b"".join(envelope.unseal(file, key=key, label=label))
                closed = _closed(json.loads(whole))
            except (envelope.Broken, ValueError, LookupError, TypeError):
                continue
            except OSError as error:
                raise BadConfiguration(
                    f"The closed list of this draw cannot be read ({error.strerror}); "
                    "restore it from a backup. A draw without its list can only be "
                    "abandoned."
                ) from None
            if closed.commitment == commitment:
                return closed
        raise Corrupt(
            "The closed list kept for this draw is not the one that was committed to, "
            "so it is not drawn from; restore it from a backup and tell the auditor."
        )


def private_files(directory: Path) -> tuple[Path, ...]:
    """Return what names households below a site's directory; the key that opens first.

    Papers are not among them: they are public.
    """
    folder = directory / FOLDER
    return (
        directory / KEY,
        *sorted(folder.glob("*.list")),
        *sorted(folder.glob("*.csv")),
    )


def new_salt() -> bytes:
    """Return 32 bytes that hide one list for good."""
    return secrets.token_bytes(drawing.SALT_BYTES)


def outcome_text(drawn: Drawn, day: dt.date) -> str:
    """Write who was drawn, for the case managers; it stays at the site."""
    written = io.StringIO()
    out = csv.writer(written, lineterminator="\r\n")
    out.writerow(COLUMNS)
    out.writerows(_row(place, day) for place in drawn.places)
    return written.getvalue()


def revealed(closed: ClosedList) -> dict[str, Any]:
    """Return everything a program of an auditor's own needs to repeat a draw."""
    terms = closed.terms
    return {
        "algorithm": drawing.ALGORITHM,
        "site": terms.site,
        "phase": terms.phase,
        "closed_on": terms.closed_on.isoformat(),
        "number": terms.number,
        "slots": {name.value: count for name, count in terms.slots.items()},
        "salt": closed.salt.hex(),
        "commitment": closed.commitment.hex(),
        "households": [[each.stratum.value, each.case] for each in closed.households],
    }


def same_households(closed: ClosedList, pool: tuple[Household, ...]) -> bool:
    """Tell whether a list somebody brings names exactly the households drawn from."""
    kept = {(each.stratum, each.identity) for each in closed.households}
    brought = [(each.stratum, each.identity) for each in pool]
    return len(brought) == len(kept) and set(brought) == kept


def _closed(content: Mapping[str, Any]) -> ClosedList:
    """Read a list as it is kept."""
    return ClosedList(
        terms=Terms(
            site=content["site"],
            phase=content["phase"],
            closed_on=dt.date.fromisoformat(content["closed_on"]),
            number=content["number"],
            slots={Stratum(name): n for name, n in content["slots"].items()},
        ),
        salt=bytes.fromhex(content["salt"]),
        households=tuple(
            Household(Stratum(stratum), case) for stratum, case in content["households"]
        ),
    )


def _row(place: Place, day: dt.date) -> tuple[object, ...]:
    chance = place.probability
    return (
        place.household.case,
        place.household.stratum.value,
        int(place.selected),
        place.waitlist_rank or "",
        place.selection_permille,
        place.inverse_probability_percent,
        day.isoformat(),
        f"{chance.numerator}/{chance.denominator}",
    )


def _household(
    row: list[str], case_at: int, stratum_at: int | None, line: int
) -> Household:
    """Read one row.

    Raises:
        BadRecords: it names no case, or no stratum; the sentence says which line.
    """
    cells = [unicodedata.normalize("NFC", cell).strip() for cell in row]
    case = cells[case_at] if case_at < len(cells) else ""
    if _NEVER.fullmatch(case.upper()):
        raise BadRecords(
            f"Line {line} of the list has an alien or social security number for a "
            "case number; use the number of the case."
        )
    stratum = Stratum.ALL
    try:
        if stratum_at is not None:
            said = cells[stratum_at] if stratum_at < len(cells) else ""
            stratum = Stratum(said.casefold())
        return Household(stratum, case)
    except ValueError:
        raise BadRecords(
            f"Line {line} of the list has no stratum; write family or single."
        ) from None
    except BadRecords as error:
        raise BadRecords(f"Line {line}: {error.message}") from None


def _column(heading: list[str], names: tuple[str, ...]) -> int:
    """Return where the first column of one of these names is."""
    for name in names:
        if name in heading:
            return heading.index(name)
    raise BadRecords(
        f"The list has no column {names[0]}; name its columns case_number and stratum."
    )


def _word(name: str) -> str:
    """Write a column's name as we do."""
    return "_".join(name.strip().casefold().replace("#", " ").split())


def _text(path: Path) -> str:
    """Read a list's file whole; it is never a large one."""
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise BadConfiguration(
            f"The list could not be read ({error.strerror}); name its file."
        ) from None
    if len(content) > _FILE_BYTES_MAX:
        raise BadConfiguration("The file is too large to be the list of one draw.")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadRecords("The list is no text that can be read; save it as CSV in UTF-8.")
