"""Draw households by chance, so that everybody can check it and nobody can steer it.

    close the list -> commit to it -> the Board's nonce -> seed -> order -> places

A site closes its list of eligible and interested households and publishes one hash
of it. Only then do board members, who see nothing but that hash, make a nonce
(`privacy.draws`). List, salt and nonce decide everything else: there is no choice
left, and whoever holds the list can repeat the draw and get the same places.

What could go wrong, and what stands against it:

- *Staff favour somebody.* The order follows from a nonce that did not exist when the
  list was closed. Adding, dropping or moving one household after that is another
  list, and does not open the commitment.
- *The Board or the coordinator choose.* They do not have the salt, so to them every
  nonce is as good as any other. A member who works with a site sees nothing before
  the other members have pledged their values; `privacy.draws` says what is left.
- *Draw again until it is liked.* One commitment per draw in the site's ledger and in
  the public log; a draw that is begun and not finished stands there, unfinished.
- *The result is hidden, or changed later.* The outcome's digest is signed and public.
- *The list leaks.* Commitment and outcome are hashes that begin with a secret salt of
  32 random bytes; nobody can try names, or sizes, against them. The size of a pool
  on one day is not public: the number of places is, and nothing here tells how many
  households stood behind them.

What is not proved: that the list names everybody who was eligible, or each household
once under one case number. For that an auditor reads the list, at the site.

The unit is the household, so that no family is split; a site with places for adults
says how many households that is before it closes the list.

Source: FIPS 180-4 (SHA-256), RFC 2104 (HMAC). Households are put in the order of
256-bit tickets from a keyed pseudorandom function: all orders are equally likely as
long as the key is unknown, and no number is reduced modulo another.
"""

import datetime as dt
import hashlib
import hmac
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Final

from privacy.chain import injective
from privacy.errors import BadRecords, InvalidProgramme
from privacy.merkle import Tree, leaf_hash
from privacy.period import Period, day_number

ALGORITHM: Final = "cmpp-draw-1"
"""Version of everything below, and of the waiting order: the order of the draw."""

SALT_BYTES: Final = 32
HASH_BYTES: Final = 32
SLOTS_MAX: Final = 10_000
HOUSEHOLDS_MAX: Final = 100_000
"""A waiting rank is at most this, in the dictionary."""

CASE_LETTERS_MAX: Final = 64
PERMILLE: Final = 1_000
_PERCENT: Final = 100
_INVERSE_MAX: Final = 100_000

_COMMITMENT: Final = b"cmpp.exchange draw commitment v1\x00"
_MASK: Final = b"cmpp.exchange draw household v1\x00"
_NONCE: Final = b"cmpp.exchange draw nonce v1\x00"
_SEED: Final = b"cmpp.exchange draw seed v1\x00"
_OUTCOME: Final = b"cmpp.exchange draw outcome v1\x00"


class Stratum(StrEnum):
    """Which households are drawn among each other."""

    ALL = "all"
    FAMILY = "family"
    SINGLE = "single"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a site says of a draw before it is held; all of it is public.

    Attributes:
        site: Whose draw.
        phase: Of the programme, as the dictionary lists them.
        closed_on: The day the list was closed.
        number: 1 for the first draw of the site, phase and quarter, then one more.
        slots: Stratum -> places for households; "all" stands alone.

    Raises:
        InvalidProgramme: it could be read in two ways.
    """

    site: str
    phase: str
    closed_on: dt.date
    number: int
    slots: Mapping[Stratum, int]

    def __post_init__(self) -> None:
        """Refuse terms nobody could have meant."""
        if not self.slots or (Stratum.ALL in self.slots and len(self.slots) > 1):
            raise InvalidProgramme(
                "A draw has places for all households together, or for families and "
                "single adults apart; say all=N, or family=N and single=N."
            )
        if not all(1 <= slots <= SLOTS_MAX for slots in self.slots.values()):
            raise InvalidProgramme(
                f"Each stratum of a draw has 1 to {SLOTS_MAX} places; leave out one "
                "that has none."
            )
        if not 1 <= self.number <= PERMILLE:
            raise InvalidProgramme("The draws of a quarter are numbered from 1.")

    @property
    def quarter(self) -> str:
        """The fiscal quarter of the day, such as FY2027-Q1."""
        return Period.quarter_of(day_number(self.closed_on)).label

    @property
    def name(self) -> str:
        """What people call the draw, such as NYC-P2-FY2027-Q1-1."""
        return f"{self.site}-{self.phase}-{self.quarter}-{self.number}"

    def content(self) -> bytes:
        """Return all of it in its one form."""
        slots = [part for each in sorted(self.slots.items()) for part in each]
        parts = (self.name, self.closed_on.isoformat(), ALGORITHM, *slots)
        return injective(*parts)


@dataclass(frozen=True, slots=True, order=True)
class Household:
    """One household of a list.

    Attributes:
        stratum: In which it is drawn.
        case: Its case number as the site writes it; never leaves the site.
    """

    stratum: Stratum
    case: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a case number that is none.

        Raises:
            BadRecords: it is empty, long, or has letters that do not show.
        """
        if not 0 < len(self.case) <= CASE_LETTERS_MAX or not self.case.isprintable():
            raise BadRecords(
                f"A case number has 1 to {CASE_LETTERS_MAX} letters that show; correct "
                "the list."
            )

    @property
    def identity(self) -> str:
        """The case number however it is typed: one household, one identity."""
        whole = unicodedata.normalize("NFKC", self.case).casefold()
        return "".join(whole.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedList:
    """A list that no longer changes, and its salt. Neither leaves the site.

    Attributes:
        terms: Of its draw.
        salt: 32 random bytes.
        households: In one order, whatever order they came in.

    Raises:
        BadRecords: a household is there twice, or in a stratum without places.
    """

    terms: Terms
    salt: bytes = field(repr=False)
    households: tuple[Household, ...] = field(repr=False)

    def __post_init__(self) -> None:
        """Put the list in its one order and check it."""
        known = [each.identity for each in self.households]
        if len(set(known)) != len(known):
            raise BadRecords(
                "A case number is in the list twice, however it is typed; a household "
                "has one chance, so keep one row."
            )
        if not 1 <= len(known) <= HOUSEHOLDS_MAX or len(self.salt) != SALT_BYTES:
            raise BadRecords(
                f"A list names 1 to {HOUSEHOLDS_MAX} households; correct the file."
            )
        strata = {each.stratum for each in self.households}
        if missing := strata - set(self.terms.slots):
            raise BadRecords(
                f"The list has households of stratum {min(missing)}, and the draw has "
                "no places for it; say how many, or correct the list."
            )
        ordered = sorted(
            self.households, key=lambda each: (each.stratum, each.identity)
        )
        object.__setattr__(self, "households", tuple(ordered))

    def leaf(self, household: Household) -> bytes:
        """Hash one household under a mask of its own, 32 bytes.

        A mask shows one household that it is on the list and tells of no other.
        """
        named = injective(household.identity)
        mask = hmac.digest(self.salt, _MASK + named, "sha256")
        return leaf_hash(injective(mask, household.stratum.value, household.identity))

    @property
    def commitment(self) -> bytes:
        """What is published before the draw: one hash that hides the list."""
        root = Tree(self.leaf(each) for each in self.households).root()
        content = injective(self.salt, self.terms.content(), root)
        return hashlib.sha256(_COMMITMENT + content).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the draw brought one household.

    Attributes:
        household: Which.
        selected: Whether it is offered a place.
        waitlist_rank: From 1, if it is not.
        probability: With which it was selected, exactly.
    """

    household: Household
    selected: bool
    waitlist_rank: int | None
    probability: Fraction = field(repr=False)

    @property
    def selection_permille(self) -> int:
        """The probability as the dictionary keeps it."""
        return permille(self.probability)

    @property
    def inverse_probability_percent(self) -> int:
        """The weight of the household among those that share its fate.

        One over the probability of what happened to it: of selection if it was
        selected, of the contrary if it was not.
        """
        return inverse_percent(
            self.probability if self.selected else 1 - self.probability
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The outcome of a draw, in the order of the draw.

    Attributes:
        places: Every household once: by stratum, those selected first.
        digest: SHA-256 of all of it, hidden by the list's salt.
    """

    places: tuple[Place, ...] = field(repr=False)
    digest: bytes


def nonce(draw: bytes, values: Mapping[bytes, bytes]) -> bytes:
    """Combine what the members gave into the one nonce of a draw.

    Args:
        draw: Digest of the signed commitment.
        values: Member's public key -> the 32 bytes they gave.
    """
    parts = [part for each in sorted(values.items()) for part in each]
    return hashlib.sha256(_NONCE + injective(draw, *parts)).digest()


def draw(closed: ClosedList, nonce: bytes) -> Drawn:
    """Put every stratum in random order and select from the top.

    With at least as many places as households all are selected, with certainty.
    """
    told: list[bytes | str | int] = [closed.salt, closed.commitment, nonce]
    key = hashlib.sha256(_SEED + injective(*told)).digest()
    places: list[Place] = []
    for stratum, slots in sorted(closed.terms.slots.items()):
        pool = [each for each in closed.households if each.stratum is stratum]
        tickets = {each: hmac.digest(key, closed.leaf(each), "sha256") for each in pool}
        ranked = sorted(pool, key=lambda each: (tickets[each], each.identity))
        places += _places(ranked, slots)
        told += [stratum.value, len(ranked), *map(closed.leaf, ranked)]
    digest = hashlib.sha256(_OUTCOME + injective(*told)).digest()
    return Drawn(places=tuple(places), digest=digest)


def _places(ranked: list[Household], slots: int) -> Iterable[Place]:
    """Say what each rank of one stratum means."""
    for rank, household in enumerate(ranked):
        selected = rank < slots
        yield Place(
            household=household,
            selected=selected,
            waitlist_rank=None if selected else rank - slots + 1,
            probability=Fraction(min(slots, len(ranked)), len(ranked)),
        )


def permille(chance: Fraction) -> int:
    """Return a chance in thousandths, as the dictionary keeps it."""
    return max(1, _rounded(PERMILLE * chance))


def inverse_percent(chance: Fraction) -> int:
    """Return a hundred divided by a chance, as the dictionary keeps it."""
    return min(_INVERSE_MAX, _rounded(_PERCENT / chance))


def _rounded(number: Fraction) -> int:
    """Round half up; ties to even would differ from what people check by hand."""
    return (2 * number.numerator + number.denominator) // (2 * number.denominator)
