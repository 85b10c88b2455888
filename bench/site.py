"""One invented site, whole: records, register, policy, ledgers, and its story."""

import datetime as dt
import shutil
import time
from pathlib import Path

from sqlalchemy import text

from bench.population import fill
from node import policy
from node.answer import Node
from node.ledger import Ledger
from node.policy import officer
from node.records import schema, tally
from node.records.connect import Kind, Place, create_key
from node.records.store import RecordStore
from node.register.book import Register
from privacy import catalogue
from privacy.period import Period
from privacy.query import Query

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
PROGRAMME = catalogue.load()
RHO = "0.005"
FIRST, LAST = Period("FY2023-Q1"), Period("FY2025-Q4")

_CONSENT = """household NOT IN (SELECT household FROM participant
    WHERE consent_stats <> 'yes' AND household IS NOT NULL)"""


def natural_sql(metric: str, period: Period) -> str:
    """Write the metric's exact SQL as an analyst would, with no register or caps."""
    start, end = period.start, period.end
    if metric == "M01":
        return f"""SELECT channel, count(*) FROM pool_entry
            WHERE interested = 1 AND entered_on BETWEEN {start} AND {end}
            AND {_CONSENT} GROUP BY channel"""
    if metric == "M08":
        return f"""SELECT 1, count(*) FROM (SELECT household, min(enrolled_on) AS first,
            max(CASE WHEN coalesce(transferred_in, 0) = 0 THEN 1 ELSE 0 END) AS here
            FROM enrolment GROUP BY household)
            WHERE here = 1 AND first BETWEEN {start} AND {end} AND {_CONSENT}"""
    if metric == "M09":
        return f"""SELECT 1, count(DISTINCT household) FROM enrolment
            WHERE enrolled_on <= {end} AND (exited_on IS NULL OR exited_on > {end})
            AND {_CONSENT}"""
    return f"""SELECT missed, count(*) FROM (SELECT household,
        max(CASE WHEN result = 'missed' THEN 1 ELSE 0 END) AS missed
        FROM obligation_event WHERE kind IN ('hearing_master', 'hearing_individual')
        AND due_on BETWEEN {start} AND {end} AND {_CONSENT}
        AND household IN (SELECT household FROM enrolment WHERE enrolled_on <= {end}
        AND (exited_on IS NULL OR exited_on > {start})) GROUP BY household)
        GROUP BY missed ORDER BY missed"""


class Site:
    """A closed site over a population of a given size, on encrypted DuckDB."""

    def __init__(self, folder: Path, *, households: int, name: str = "NYC") -> None:
        """Build it; this takes most of a bench's time."""
        self.name, self.folder = name, folder
        made = schema.build(PROGRAMME.dictionary)
        create_key(folder / "records.key")
        place = Place(
            kind=Kind.DUCKDB,
            directory=folder / "records",
            key_file=folder / "records.key",
        )
        self.store = RecordStore.create(place, made)
        register = Register.create(f"sqlite:///{folder}/register.sqlite", first=FIRST)
        began = time.perf_counter()
        with self.store.writer() as writer:
            with writer.transaction() as connection:
                fill(connection, made, households=households)
            register.materialise(writer)
            self.store.publish(writer)
        register.close(LAST, self.store, now=NOW)
        self.reader = register.reader(self.store)
        self.built_seconds = time.perf_counter() - began
        self.rules = self._signed_policy()
        self._fresh = folder / "fresh.sqlite"
        ledger = Ledger.create(f"sqlite:///{self._fresh}", site=name, now=NOW)
        ledger.adopt(self.rules, now=NOW)
        ledger.close()
        self._ledgers = 0

    def node(self) -> Node:
        """Return the site's story over a ledger that has answered nothing."""
        self._ledgers += 1
        path = self.folder / f"ledger{self._ledgers}.sqlite"
        shutil.copy(self._fresh, path)
        return Node(
            site=self.name,
            programme=PROGRAMME,
            policy=self.rules,
            ledger=Ledger.open(f"sqlite:///{path}"),
            size_class="small",
            software="bench",
            closed_through=lambda: LAST,
            read=self.exact,
        )

    def exact(self, query: Query) -> "tally.Tally":
        """Read a query's tally."""
        return tally.read(self.reader, query)

    def run_sql(self, sql: str) -> list[tuple[int, ...]]:
        """Run plain SQL on the same records and connection."""
        with self.reader.transaction() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def close(self) -> None:
        """Close the files."""
        self.store.close()

    def _signed_policy(self) -> policy.Policy:
        public = officer.init(self.folder / "officer", passphrase=None)
        draft = policy.Draft(
            site=self.name,
            programme=PROGRAMME.version,
            metrics=("M01", "M08", "M09", "M29"),
            first_entry_year="FY2023",
            last_entry_year="FY2026",
            lifetime_rho="2",
            per_release_rho="1",
            not_before=NOW - dt.timedelta(days=1),
        )
        path = self.folder / "policy.toml"
        path.write_text(policy.draft_policy(draft))
        key = officer.load_key(
            self.folder / "officer" / officer.KEY_FILE, passphrase=None
        )
        return policy.load(
            path,
            signature_path=policy.sign(path, key=key),
            officer=officer.load_public(public),
            site=self.name,
            last_version=0,
        )
