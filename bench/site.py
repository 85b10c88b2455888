"""One invented site, whole: records, register, law, ledgers, and its story."""

import datetime as dt
import secrets
import shutil
import time
from fractions import Fraction
from pathlib import Path

from sqlalchemy import text

from bench.population import fill
from node.answer import Node
from node.charter import Charter
from node.ledger import Ledger
from node.records import schema, tally
from node.records.connect import Kind, Place, create_key
from node.records.store import RecordStore
from node.register.book import Register
from node.witness import Standing
from privacy import catalogue
from privacy.period import Period
from privacy.query import Query, cells
from privacy.statement import BOOT_BYTES
from proto.wire import Ask
from tests import governed
from tests import signed_samples as samples
from tests.governed import Peers, govern

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
PROGRAMME = catalogue.load()
RHO = "0.005"
MANDATE = governed.mandate(now=NOW)
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


def ask_for(site: str, metric: str, period: Period, name: str) -> Ask:
    """State a question to a site as the coordinator does."""
    query = PROGRAMME.queries(PROGRAMME.metric(metric), period)[name]
    return Ask(
        query=query.canonical_form,
        metric=metric,
        query_name=name,
        catalogue_version=PROGRAMME.version,
        rho=Fraction(RHO),
        purpose="oversight",
        cells=len(cells(query, PROGRAMME.dictionary)),
        site=site,
        mandate=MANDATE.digest,
        asked_by="bench",
        not_after=int(NOW.timestamp()) + 3600,
    ).signed_by(samples.key("coordinator"))


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
        self._fresh = folder / "fresh.sqlite"
        ledger = Ledger.create(f"sqlite:///{self._fresh}", site=name, now=NOW)
        govern(ledger, name, now=NOW, opens=[MANDATE])
        ledger.close()
        self._ledgers = 0

    def node(self, *, witnessed: bool = True) -> Node:
        """Return the site's story over a ledger that has answered nothing.

        Its start is witnessed by its peers, unless they are to do so over the wire.
        """
        self._ledgers += 1
        path = self.folder / f"ledger{self._ledgers}.sqlite"
        shutil.copy(self._fresh, path)
        ledger = Ledger.open(f"sqlite:///{path}")
        ledger.boot(secrets.token_bytes(BOOT_BYTES), now=NOW)
        charter, key = Charter(ledger, site=self.name), samples.key(self.name)
        standing = Standing(ledger, site=self.name, key=key, law=charter.law)
        if witnessed:
            Peers.of(self.name).attend(standing)
        return Node(
            site=self.name,
            charter=charter,
            ledger=ledger,
            standing=standing,
            key=key,
            dictionary=PROGRAMME.dictionary,
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
