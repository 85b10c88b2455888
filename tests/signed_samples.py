"""Keys, signed documents and a law without a node, for tests of who may do what."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy import catalogue, definition, signing, succession
from privacy.analysis_plan import AnalysisPlan
from privacy.chain import GENESIS, Entry, Event, Kind, place
from privacy.decision import Act, Decision
from privacy.errors import ExchangeError
from privacy.law import Law
from privacy.signing import Document

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
SITES = ("HOU", "LAX", "NYC")
SEATS = {
    "ana": ("Shelter Alliance", "member"),
    "ben": ("Legal Aid Union", "member"),
    "cleo": ("Faith Council", "member"),
    "dirk": ("Department", "chair"),
}
OFFICERS = ("olga", "omar")


def key(name: str) -> Ed25519PrivateKey:
    """Return somebody's key, the same in every test."""
    seed = hashlib.sha256(f"sample {name}".encode()).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)


def public(name: str) -> bytes:
    """Return the public half, 32 bytes."""
    return key(name).public_key().public_bytes_raw()


def signed(document: Document, *names: str) -> Document:
    """Have some people sign."""
    for name in names:
        document = document.signed_by(key(name))
    return document


def text(kind: signing.Kind, lines: Iterable[str]) -> Document:
    """Make a document of some lines."""
    return Document(kind=kind, content="\n".join([*lines, ""]).encode())


def roster_lines(
    *,
    sites: Mapping[str, str] | Iterable[str] = SITES,
    version: int = 1,
    previous: Document | None = None,
    seats: Mapping[str, tuple[str, str]] = SEATS,
    **head: object,
) -> list[str]:
    """Write a roster; `sites` may name, for each site, whose key it has."""
    keys = sites if isinstance(sites, Mapping) else {name: name for name in sites}
    known = {"network": '"cmpp"', "board_signatures": 2} | head
    lines = [f"{name} = {value}" for name, value in known.items()]
    lines += [f"version = {version}"]
    lines += [f'previous = "{previous.digest.hex()}"'] if previous else []
    lines += [f'coordinator = "{signing.key_text(public("coordinator"))}"']
    for name, (organisation, standing) in seats.items():
        lines += [f"[board.{name}]", f'organisation = "{organisation}"']
        lines += [f'standing = "{standing}"']
        lines += [f'key = "{signing.key_text(public(name))}"']
    for site, owner in keys.items():
        mask = signing.key_text(public(f"mask {owner}"), label=signing.MASKING)
        lines += [f"[sites.{site}]", f'provider = "Provider of {site}"']
        lines += [f'key = "{signing.key_text(public(owner))}"', f'mask_key = "{mask}"']
    return lines


def roster(*signers: str, **changes: object) -> Document:
    """Return a roster signed by its sites, or by whom a test names."""
    made = text(signing.Kind.ROSTER, roster_lines(**changes))
    sites = changes.get("sites", SITES)
    owners = sites.values() if isinstance(sites, Mapping) else sites
    return signed(made, *(signers or tuple(owners)))


MANDATE = {
    "network": '"cmpp"',
    "number": '"2026-01"',
    "title": '"Half-year report"',
    "programme": f'"{catalogue.load().version}"',
    "metrics": '["M08", "M09"]',
    "purposes": '["oversight"]',
    "mode": '"site"',
    "sites": '["NYC", "HOU"]',
    "periods": '["FY2024-H2"]',
    "revision": "0",
    "loss_rho": '"0.05"',
    "worst_rho": '"0.05"',
    "not_before": "2026-11-01T00:00:00Z",
    "not_after": "2027-02-01T00:00:00Z",
}


def mandate(*signers: str, **changes: str) -> Document:
    """Return a mandate signed by two members, or by whom a test names."""
    lines = [f"{name} = {value}" for name, value in (MANDATE | changes).items()]
    return signed(text(signing.Kind.MANDATE, lines), *(signers or ("ana", "ben")))


def revocation(subject: Document, *signers: str, network: str = "cmpp") -> Document:
    """Return the revocation of a mandate, signed by one member unless told."""
    lines = [f'network = "{network}"', f'mandate = "{subject.digest.hex()}"']
    made = text(signing.Kind.REVOCATION, [*lines, 'reason = "A mistake."'])
    return signed(made, *(signers or ("cleo",)))


def order(what: str, number: int, *signers: str, network: str = "cmpp") -> Document:
    """Return an order to the whole programme, signed by two members unless told."""
    lines = [f'network = "{network}"', f"number = {number}", f'what = "{what}"']
    made = text(signing.Kind.STANDING_DOWN, [*lines, 'reason = "The Board met."'])
    return signed(made, *(signers or ("ana", "cleo")))


def plan(*signers: str, **changes: object) -> Document:
    """Return an analysis plan for M35 as it is defined, signed by two members."""
    programme = catalogue.load()
    metric = programme.metric(str(changes.get("metric", "M35")))
    known: dict[str, object] = {
        "network": "cmpp",
        "number": 1,
        "metric": metric.id,
        "definition": definition.digest(metric, programme),
        "estimand": "The effect of being selected on appearing in court.",
        "outcome": "No in-absentia order within a year of the draw.",
        "window_days": definition.window_days(metric),
        "weight_limit_percent": definition.weight_limit_percent(metric),
        "combining": "All cohorts are added up, and none is left out.",
        "locked_on": dt.date(2026, 11, 22),
        "first_draw_on": dt.date(2027, 1, 1),
    }
    made = AnalysisPlan(**(known | changes)).document()  # type: ignore[arg-type]
    return signed(made, *(signers or ("ana", "ben")))


_CAPS = ("lifetime", "fiscal_year", "per_mandate", "per_release")


def policy(*signers: str, caps: str = "0.5", **changes: object) -> Document:
    """Return a policy of NYC signed by both officers, or by whom a test names."""
    officers = changes.pop("officers", OFFICERS)
    auto = changes.pop("auto_accept", ())
    per_release = changes.pop("per_release", "0.05")
    known = {
        "network": '"cmpp"',
        "site": '"NYC"',
        "version": 1,
        "reason": '"First."',
        "programme": f'"{catalogue.load().version}"',
        "allow": '["M08", "M09"]',
        "period_kinds": '["half-year"]',
        "purposes": '["oversight"]',
        "first_entry_year": '"FY2023"',
        "last_entry_year": '"FY2027"',
        "tolerated_colluders": 1,
        "board_signatures": 2,
        "delta": '"0.000001"',
        "not_before": "2026-11-01T00:00:00Z",
        "not_after": "2027-11-01T00:00:00Z",
    } | changes
    lines = [f"{name} = {value}" for name, value in known.items()]
    lines += ["[caps]"]
    for cap in _CAPS:
        size = per_release if cap == "per_release" else caps
        lines += [f'{cap} = "{size}"', f'{cap}_worst = "{size}"']
    lines += ["[auto_accept]", *auto] if auto else []
    lines += ["[officers]"]
    lines += [f'{name} = "{signing.key_text(public(name))}"' for name in officers]
    return signed(text(signing.Kind.POLICY, lines), *(signers or OFFICERS))


@dataclass
class Site:
    """A site's law, entry by entry, as a ledger would hold it."""

    name: str = "NYC"
    law: Law = field(init=False)
    kept: list[tuple[Entry, bytes | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.law = Law(site=self.name)

    def entry(
        self,
        kind: Kind,
        document: Document | None = None,
        *,
        subject: str = "",
        now: dt.datetime = NOW,
        **changes: object,
    ) -> Entry:
        """Write the next entry, without making it."""
        event = Event(
            kind=kind,
            at=now.isoformat(),
            **{
                "document": document.digest.hex() if document else None,
                "detail": succession.note(kind, document, subject),
            }
            | changes,
        )
        last = self.kept[-1][0] if self.kept else None
        return place(
            event,
            sequence=last.sequence + 1 if last else 1,
            previous_hash=last.hash if last else GENESIS,
        )

    def enact(
        self, kind: Kind, document: Document | None = None, **said: object
    ) -> Law:
        """Make an entry as the node does: judged first, then kept."""
        entry = self.entry(kind, document, **said)
        self.law = succession.after(self.law, entry, document)
        self.kept.append((entry, document.file() if document else None))
        return self.law

    def decide(
        self,
        act: Act,
        subject: Document | None = None,
        *signers: str,
        now: dt.datetime = NOW,
        **changes: object,
    ) -> Document:
        """Have an officer decide something, here and now."""
        parts = {
            "site": self.name,
            "act": act,
            "subject": subject.digest.hex() if subject else None,
            "reason": "Read it.",
            "follows": self.law.mark_hash,
            "at": now,
        }
        return signed(Decision(**parts | changes).document(), *(signers or ("olga",)))

    def accept(self, subject: Document, *signers: str, **when: object) -> Law:
        """Have an officer accept what the Board sent."""
        document = self.decide(Act.ACCEPT, subject, *signers, **when)
        digest = subject.digest.hex()
        return self.enact(Kind.ACCEPTED, document, subject=digest, **when)


def agreed(name: str = "NYC", first: Document | None = None) -> Site:
    """Return a site with a roster and a policy in force."""
    site = Site(name)
    first = first or roster()
    site.enact(Kind.AGREED, subject=first.digest.hex())
    site.enact(Kind.ROSTER, first)
    site.enact(Kind.POLICY, policy())
    return site


AUTO = (
    "mandates = true",
    'purposes = ["oversight"]',
    'loss_at_most = "0.05"',
    "editions = true",
)


def ruled() -> Site:
    """Return a site whose officers accept small mandates and additions by rule."""
    site = agreed()
    site.enact(Kind.POLICY, policy(version=2, auto_accept=AUTO))
    return site


def refuse(
    site: Site,
    error: type[ExchangeError],
    why: str | None,
    kind: Kind,
    document: Document | None = None,
    **said: object,
) -> None:
    """Check that an entry is refused and changes nothing."""
    before = site.law
    with pytest.raises(error, match=why):
        site.enact(kind, document, **said)
    assert site.law == before
