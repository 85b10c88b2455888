"""The tables of one generation of the record store, made from the dictionary.

A generation is loaded, joined to the register once ("sealed") and never changed
again. Every table carries the source's random ids (`hid`, `pid`) and, after
sealing, the register's own small numbers: `household`, and `person` for a counted
adult. Both stay empty in rows of households and adults that are not registered,
so such rows are in no group a statement can reach.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Integer,
    MetaData,
    Table,
    Text,
)

from privacy import dictionary as public
from privacy.dictionary import Dictionary, Kind, Level, Rows
from privacy.errors import InvalidProgramme

SLOTS = (1, 2)
"""At most two adults of a household are counted."""

CONSENT_TABLE, CONSENT_FIELD, CONSENT_YES = "participant", "consent_stats", "yes"
ORDER_FIELD = "adult_number"
"""Field of the participant that orders adults who enrolled together."""

_FIRST_DAY, _LAST_DAY = -36_525, 73_050
"""1870 to 2170: days outside are not dates of anybody served, and cannot overflow."""

# SQLite knows one kind of whole number, and it is wide enough.
_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
_OWN = ("register", "register_person", "generation")


@dataclass(frozen=True, slots=True)
class Schema:
    """The SQL tables of a generation.

    Attributes:
        records: dictionary table name -> SQL table.
        register: one row per registered household: `household` (its number),
            `hid`, `entry_year`, `closing` (the closing that added it), `consents`
            (0 or 1), and for every event
            `cohort_<event>` (a quarter's label) and `day_<event>` (the first day).
        person: one row per counted adult: `person`, `household`, `slot`, `pid`,
            `closing`, `consents`, and `day_<event>`.
        generation: one row that says which register the generation was joined to.
    """

    dictionary: Dictionary
    metadata: MetaData
    records: Mapping[str, Table]
    register: Table
    person: Table
    generation: Table

    def own_key(self, name: str) -> str:
        """Return the column that holds whose row it is: `hid` or `pid`."""
        level = self.dictionary.table(name).level
        return "hid" if level is Level.HOUSEHOLD else "pid"


def cohort(event: str) -> str:
    """Name the register's column for the frozen quarter of an event."""
    return f"cohort_{event}"


def first_day(event: str) -> str:
    """Name the column for the first day of an event."""
    return f"day_{event}"


def build(dictionary: Dictionary) -> Schema:
    """Return the tables a dictionary calls for.

    Raises:
        InvalidProgramme: the dictionary lacks what every statement needs.
    """
    _require(dictionary)
    metadata = MetaData()
    records = {
        name: Table(name, metadata, *_record_columns(table))
        for name, table in dictionary.tables.items()
    }
    days = [first_day(event) for event in dictionary.events]
    register = Table(
        "register",
        metadata,
        Column("household", _NUMBER, nullable=False),
        Column("hid", Text, nullable=False),
        Column("entry_year", Text, nullable=False),
        Column("closing", _NUMBER, nullable=False),
        Column("consents", _NUMBER),
        *(Column(cohort(event), Text) for event in dictionary.events),
        *(Column(day, _NUMBER) for day in days),
    )
    person = Table(
        "register_person",
        metadata,
        Column("person", _NUMBER, nullable=False),
        Column("household", _NUMBER, nullable=False),
        Column("slot", _NUMBER, nullable=False),
        Column("pid", Text, nullable=False),
        Column("closing", _NUMBER, nullable=False),
        Column("consents", _NUMBER),
        *(Column(day, _NUMBER) for day in days),
        CheckConstraint("slot BETWEEN 1 AND 2", name="two_counted_adults"),
    )
    generation = Table(
        "generation",
        metadata,
        Column("register_head", Text, nullable=False),
        Column("closed_through", Text, nullable=False),
    )
    for table in metadata.tables.values():
        table.dialect_options["sqlite"]["strict"] = True
    return Schema(dictionary, metadata, records, register, person, generation)


def _require(dictionary: Dictionary) -> None:
    """Refuse a dictionary without consent, or with a name that is ours."""
    consent = dictionary.field(f"{CONSENT_TABLE}.{CONSENT_FIELD}")
    table = dictionary.table(CONSENT_TABLE)
    if CONSENT_YES not in dictionary.codes_of(consent).codes or (
        (table.level, table.rows) != (Level.PERSON, Rows.ONE)
    ):
        raise InvalidProgramme("The dictionary must hold each adult's consent, once.")
    dictionary.field(f"{CONSENT_TABLE}.{ORDER_FIELD}")
    if any(name in dictionary.tables for name in _OWN):
        raise InvalidProgramme(f"{', '.join(_OWN)} cannot be names of tables.")


def _record_columns(table: public.Table) -> Iterator[Column[object] | CheckConstraint]:
    """Yield keys, row number and fields of one table."""
    if table.level is Level.PERSON:
        yield Column("pid", Text, nullable=False)
    if table.level is Level.HOUSEHOLD or table.name == CONSENT_TABLE:
        yield Column("hid", Text, nullable=False)
    yield Column("seq", _NUMBER, nullable=False)
    yield Column("household", _NUMBER)
    if table.level is Level.PERSON:
        yield Column("person", _NUMBER)
    for field in table.fields.values():
        if field.kind is Kind.CODE:
            yield Column(field.name, Text)
            continue
        column: Column[object] = Column(field.name, _NUMBER)
        yield column
        low, high = _range(field)
        # Storage refuses what a sum could overflow on, so no statement can.
        yield CheckConstraint(column.between(low, high))


def _range(field: public.Field) -> tuple[int, int]:
    """Return the range of a stored number."""
    if field.kind is Kind.FLAG:
        return 0, 1
    if field.kind is Kind.DAY or field.low is None or field.high is None:
        return _FIRST_DAY, _LAST_DAY
    return field.low, field.high
