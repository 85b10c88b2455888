"""Fill a record store with a million invented households in a minute.

DuckDB makes the rows itself, from row numbers and its hash function, so nothing is
random: the same number of households gives the same rows. About 1.5 adults a
household; 70 % of households enrol; an enrolled adult has about four court dates or
check-ins and four services. Adults are stored in no particular order of household,
as a real export's tables would be.
"""

from sqlalchemy import Connection

from node.records.schema import Schema
from privacy.period import Period

_FIRST = Period("FY2023-Q2").start
_DAYS = Period("FY2025-Q2").end - _FIRST

_HOUSEHOLDS = """
CREATE TEMP TABLE seeds AS
SELECT i, md5('h' || i) AS hid, hash(i) AS h, 1 + (hash(i, 1) % 2)::INT AS adults,
       {first} + (hash(i, 2) % {days})::BIGINT AS entered,
       hash(i, 3) % 10 < 7 AS enrols
FROM range({households}) AS t(i)
"""
_ADULTS = """
CREATE TEMP TABLE adult_seeds AS
SELECT seeds.*, n, md5('p' || i || '-' || n) AS pid, hash(i, n, 4) AS p,
       entered + 20 + (hash(i, n, 5) % 60)::BIGINT AS enrolled
FROM seeds, range(1, 3) AS t(n) WHERE n <= adults
ORDER BY hash(i, n, 6)
"""
_FILL = {
    "household": """SELECT {values} FROM seeds""",
    "pool_entry": """SELECT {values} FROM seeds""",
    "participant": """SELECT {values} FROM adult_seeds""",
    "enrolment": """SELECT {values} FROM adult_seeds WHERE enrols""",
    "obligation_event": """SELECT {values} FROM adult_seeds, range(8) AS t(k)
        WHERE enrols AND hash(p, k) % 2 = 0""",
    "service_event": """SELECT {values} FROM adult_seeds, range(8) AS t(k)
        WHERE enrols AND hash(p, k, 7) % 2 = 0""",
}
_VALUES: dict[str, dict[str, str]] = {
    "household": {
        "hid": "hid",
        "type": "CASE adults WHEN 1 THEN 'single_adult' ELSE 'family_two_adults' END",
        "n_adults": "adults",
        "n_children": "(h % 4)::BIGINT",
    },
    "pool_entry": {
        "hid": "hid",
        "entered_on": "entered",
        "interested": "1",
        "channel": "['community_referral', 'walk_in', 'crcl_outreach', 'other']"
        "[1 + (h % 4)::INT]",
        "drawn_on": "entered + 15",
        "selected": "enrols::INT",
        "inverse_probability_percent": "143",
    },
    "participant": {
        "pid": "pid",
        "hid": "hid",
        "adult_number": "n",
        "age_band": "['18_24', '25_34', '35_44', '45_54', '55_plus'][1 + (p % 5)::INT]",
        "consent_stats": "CASE WHEN p % 50 = 0 THEN 'no' ELSE 'yes' END",
    },
    "enrolment": {
        "pid": "pid",
        "enrolled_on": "enrolled",
        "exited_on": "CASE WHEN p % 3 = 0 THEN enrolled + 200 END",
        "phase": "'P1'",
    },
    "obligation_event": {
        "pid": "pid",
        "due_on": "enrolled + 30 + 60 * k + (hash(p, k, 8) % 30)::BIGINT",
        "kind": "['hearing_master', 'hearing_individual', 'ice_check_in']"
        "[1 + (hash(p, k, 9) % 3)::INT]",
        "result": "CASE WHEN hash(p, k, 10) % 12 = 0 THEN 'missed' ELSE 'met' END",
    },
    "service_event": {
        "pid": "pid",
        "served_on": "enrolled + 20 * k",
        "type": "['needs_assessment', 'legal_orientation', 'case_management_contact']"
        "[1 + (hash(p, k, 11) % 3)::INT]",
        "minutes": "(hash(p, k, 12) % 120)::BIGINT",
    },
}


def fill(connection: Connection, schema: Schema, *, households: int) -> None:
    """Write the population into an empty DuckDB generation."""
    numbers = {"first": _FIRST, "days": _DAYS, "households": households}
    connection.exec_driver_sql(_HOUSEHOLDS.format(**numbers))
    connection.exec_driver_sql(_ADULTS)
    for name, source in _FILL.items():
        assert name in schema.records
        values = {"seq": "row_number() OVER ()", **_VALUES[name]}
        selected = source.format(values=", ".join(values.values()))
        columns = ", ".join(values)
        connection.exec_driver_sql(f'INSERT INTO "{name}" ({columns}) {selected}')
