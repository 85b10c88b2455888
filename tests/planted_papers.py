"""Plants in what people signed: each with the sentence that finds it."""

from collections.abc import Callable
from dataclasses import replace

from coordinator.audit.pack import Pack
from privacy import signing
from privacy.signing import Document
from tests import audit_forger as forger
from tests import programme_samples
from tests import signed_samples as samples

Plant = Callable[[Pack], Pack]
MANDATE = signing.Kind.MANDATE


def strangers(pack: Pack) -> Pack:
    """Put sites of the coordinator's own making in a roster of its own."""
    keys = {site: f"false {site}" for site in samples.SITES}
    return replace(pack, rosters=(samples.roster(sites=keys),))


def no_second_roster(pack: Pack) -> Pack:
    return replace(pack, rosters=pack.rosters[:1])


def rosters_swapped(pack: Pack) -> Pack:
    return replace(pack, rosters=pack.rosters[::-1])


def roster_undersigned(pack: Pack) -> Pack:
    short = replace(pack.rosters[1], signatures=pack.rosters[1].signatures[:2])
    return replace(pack, rosters=(pack.rosters[0], short))


def paper_changed(kind: signing.Kind, make: Callable[[Document], Document]) -> Plant:
    """Return the plant that puts another paper in the place of one."""

    def plant(pack: Pack) -> Pack:
        old = forger.paper(pack, kind)
        return forger.replaced_paper(pack, old, make(old))

    return plant


def chair_only(_: Document) -> Document:
    """Have the chair sign, and one member: the chair's never counts."""
    return samples.mandate("dirk", "ana")


def paper_missing(pack: Pack) -> Pack:
    mandate = forger.paper(pack, MANDATE)
    return replace(pack, papers=tuple(p for p in pack.papers if p != mandate))


def paper_not_told(pack: Pack) -> Pack:
    return replace(pack, papers=(*pack.papers, samples.mandate(number='"2026-9"')))


def edition_swapped(pack: Pack) -> Pack:
    made = programme_samples.edition(2)
    other = forger.rewritten(made, "Households in the pool, again", "Households")
    other = samples.signed(replace(other, signatures=()), "ana", "ben")
    return forger.replaced_paper(pack, made, other)


PAPERS: dict[str, tuple[Plant, str]] = {
    "a roster of strangers": (strangers, "not the one whose fingerprint was given"),
    "the newest roster dropped": (no_second_roster, "whose fingerprint was given"),
    "rosters in the wrong order": (rosters_swapped, "does not follow roster 2"),
    "a roster that a site did not sign": (roster_undersigned, "2 sites signed"),
    "a mandate of the chair": (
        paper_changed(MANDATE, chair_only),
        r"carries 1 of the 2 signatures .* \(the chair's is not one",
    ),
    "a mandate with forged signatures": (
        paper_changed(MANDATE, forger.unsigned),
        "carries 0 of the 2 signatures",
    ),
    "a widened mandate": (
        paper_changed(
            MANDATE, lambda old: forger.rewritten(old, '"FY2024-H2"', '"FY2030-H2"')
        ),
        "carries 0 of the 2 signatures",
    ),
    "a mandate of another network": (
        paper_changed(MANDATE, lambda _: samples.mandate(network='"other"')),
        "for the network 'other'",
    ),
    "a withdrawal that only the chair signed": (
        paper_changed(signing.Kind.REVOCATION, lambda _: samples.revocation(_, "dirk")),
        "no member of the Board signed the withdrawal",
    ),
    "an order that one member signed": (
        paper_changed(
            signing.Kind.STANDING_DOWN, lambda _: samples.order("freeze", 1, "ana")
        ),
        "standing-down carries 1 of the 2",
    ),
    "a mandate left out": (paper_missing, "the mandate it names is not in the pack"),
    "a mandate the log does not tell of": (paper_not_told, "mandate-.* not in the log"),
    "an edition swapped": (edition_swapped, "no edition .* is in the pack"),
}
