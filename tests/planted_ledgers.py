"""Plants in sites' ledgers, chained and signed again: each with what finds it."""

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from coordinator.audit.pack import Pack
from privacy import loss, signing
from privacy.chain import Event, Kind
from tests import audit_forger as forger
from tests import audit_network
from tests.audit_forger import Book

Plant = Callable[[Pack], Pack]


def book(edit: Callable[[Book], None], site: str = "NYC", **how: bool) -> Plant:
    """Return the plant by which a site and its officers rewrite their ledger."""
    return lambda pack: forger.rebooked(pack, site, edit, **how)


def missing_ledger(pack: Pack) -> Pack:
    kept = {site: file for site, file in pack.ledgers.items() if site != "NYC"}
    return replace(pack, ledgers=kept)


def swapped_ledgers(pack: Pack) -> Pack:
    names = list(pack.ledgers)
    moved = zip(names, [*names[1:], names[0]], strict=True)
    return replace(pack, ledgers={a: pack.ledgers[b] for a, b in moved})


def flipped_ledger(pack: Pack) -> Pack:
    file = forger.flipped(pack.ledgers["NYC"], b'"pico_rho":')
    return replace(pack, ledgers={**pack.ledgers, "NYC": file})


def cheaper(written: Book) -> None:
    """Pay half, and say so in every column."""
    at = written.first(Kind.CHARGE)
    rho = Fraction(written.events[at].rho or "") / 2
    pay = loss.pico(rho)
    written.change(at, rho=str(rho), worst_rho=str(rho), pico_rho=pay, worst_pico=pay)


def understated(written: Book) -> None:
    written.change(written.first(Kind.CHARGE), pico_rho=1)


def over_a_cap(written: Book) -> None:
    pay = loss.pico(Fraction(3, 2))
    written.change(
        written.first(Kind.CHARGE),
        rho="3/2",
        worst_rho="3/2",
        pico_rho=pay,
        worst_pico=pay,
    )


def charged_twice(written: Book) -> None:
    written.events.append(written.events[written.first(Kind.CHARGE)])


def fewer_years(written: Book) -> None:
    at = written.first(Kind.CHARGE)
    years = (written.events[at].entry_years or "").split(" ")
    written.change(at, entry_years=years[-1])


def another_column(written: Book) -> None:
    at = written.first(Kind.CHARGE)
    pay = (written.events[at].worst_pico or 0) * 2
    rho = Fraction(written.events[at].worst_rho or "") * 2
    written.change(at, worst_pico=pay, worst_rho=str(rho))


def never_accepted(written: Book) -> None:
    del written.events[written.first(Kind.ACCEPTED)]


def mandate_never_came(written: Book) -> None:
    del written.events[written.first(Kind.ACCEPTED)]
    del written.events[written.first(Kind.MANDATE)]


def decided_by_nobody(written: Book) -> None:
    at = written.first(Kind.ACCEPTED)
    digest = written.events[at].document or ""
    file = signing.read(written.documents[digest], signing.Kind.DECISION)
    written.documents[digest] = forger.unsigned(file).file()


def policy_by_one_officer(written: Book) -> None:
    at = written.first(Kind.POLICY)
    digest = written.events[at].document or ""
    file = signing.read(written.documents[digest], signing.Kind.POLICY)
    alone = replace(file, signatures=file.signatures[:1])
    written.documents[digest] = alone.file()


def caps_not_those_signed(written: Book) -> None:
    at = written.first(Kind.POLICY)
    words = (written.events[at].detail or "").split(" ")
    written.change(at, detail=" ".join([*words[:2], *(["90000000000000"] * 8)]))


def other_numbers_kept(written: Book) -> None:
    """Keep a release of other numbers, with its digest in the chain."""
    at = written.first(Kind.RELEASE)
    key = written.events[at].release_key or ""
    old = written.releases[key]
    new = dataclasses.replace(old, values=forger.values_digest((1,) * old.size))
    written.releases[key] = new
    written.change(at, detail=new.digest)


def less_noise_kept(written: Book) -> None:
    at = written.first(Kind.RELEASE)
    key = written.events[at].release_key or ""
    quarter = str(Fraction(written.releases[key].variance) / 4)
    new = dataclasses.replace(written.releases[key], variance=quarter)
    written.releases[key] = new
    written.change(at, detail=new.digest)


def release_digest_altered(written: Book) -> None:
    written.change(written.first(Kind.RELEASE), detail="ab" * 32)


def release_first(written: Book) -> None:
    """Release before the charge."""
    charge, release = written.first(Kind.CHARGE), written.first(Kind.RELEASE)
    events = written.events
    events[charge], events[release] = events[release], events[charge]


def charged_after_withdrawal(written: Book) -> None:
    charge = written.events.pop(written.first(Kind.CHARGE))
    key = charge.release_key or ""
    release = written.events.pop(written.first(Kind.RELEASE, release_key=key))
    written.events += [charge, release]


def charged_while_frozen(written: Book) -> None:
    """Move a charge that a living mandate opened into the freeze."""
    at = written.first(Kind.CHARGE, metric="M99")
    charge, release = written.events[at : at + 2]
    del written.events[at : at + 2]
    frozen = written.first(Kind.STOOD_DOWN) + 1
    written.events[frozen:frozen] = [charge, release]


def cut_short(written: Book) -> None:
    last = max(n for n, e in enumerate(written.events) if e.kind is Kind.RELEASE)
    gone = written.events[last].release_key or ""
    del written.events[last:]
    del written.releases[gone]


def asked_by_nobody(written: Book) -> None:
    written.change(written.first(Kind.CHARGE), ask="ab" * 32)


def mandate_of_its_own(written: Book) -> None:
    """Take in a mandate that the Board signed and the log does not tell of."""
    extra = audit_network.mandated(audit_network.NOW, number='"2026-77"')
    old = written.events[written.first(Kind.MANDATE)]
    written.documents[extra.digest.hex()] = extra.file()
    more = replace(old, document=extra.digest.hex())
    written.events.insert(written.first(Kind.REVOKED), more)


def renamed_metric(written: Book) -> None:
    written.change(written.first(Kind.CHARGE, metric="M08"), metric="M29")


def document_dropped(written: Book) -> None:
    written.change(written.first(Kind.POLICY), document=None)


def started_twice_alike(written: Book) -> None:
    written.events.append(written.events[written.first(Kind.BOOTED)])


def opened_again(written: Book) -> None:
    written.events.append(
        Event(kind=Kind.OPENED, at=written.events[-1].at, detail="NYC")
    )


def told_in_local_time(written: Book) -> None:
    at = written.first(Kind.CHARGE)
    written.change(at, at=written.events[at].at.replace("+00:00", ""))


LEDGERS: dict[str, tuple[Plant, str]] = {
    "a ledger left out": (missing_ledger, "the ledger of site NYC is missing"),
    "ledgers of two sites swapped": (swapped_ledgers, "not as its site signed it"),
    "a byte of a ledger flipped": (flipped_ledger, "not as its site signed it"),
    "a charge below cost": (book(cheaper), "not what its charge paid for"),
    "a charge below its own rho": (book(understated), "another amount than it states"),
    "a cap passed": (book(over_a_cap), "could not have been made"),
    "a charge twice": (book(charged_twice), "contradicts an earlier one"),
    "entry years left out": (book(fewer_years), "charges other accounts"),
    "two columns that differ": (book(another_column), "the same in both columns"),
    "a mandate never accepted": (book(never_accepted), "has not accepted the mandate"),
    "a mandate that never came": (book(mandate_never_came), "No such mandate"),
    "an acceptance nobody signed": (
        book(decided_by_nobody, redecide=False),
        "no right to be there: To accept takes 1 of the officers",
    ),
    "a policy of one officer": (
        book(policy_by_one_officer),
        "no right to be there: The policy carries 1 of the 2",
    ),
    "caps that nobody signed": (
        book(caps_not_those_signed),
        "says something else than its document",
    ),
    "other numbers in the ledger": (book(other_numbers_kept), "keeps other numbers"),
    "less noise in the ledger": (book(less_noise_kept), "not what its charge paid for"),
    "a release digest altered": (
        book(release_digest_altered),
        "not an export of a ledger as a node writes it",
    ),
    "a release before its charge": (book(release_first), "contradicts an earlier one"),
    "a charge after the withdrawal": (
        book(charged_after_withdrawal),
        "withdrawn and opens nothing",
    ),
    "a charge during the freeze": (book(charged_while_frozen), "stands still by order"),
    "a ledger cut short": (book(cut_short), "keeps no such release"),
    "a charge nobody asked for": (book(asked_by_nobody), "question that is not in the"),
    "a mandate only one site knows": (
        book(mandate_of_its_own),
        "the mandate it rests on is not in the log",
    ),
    "a charge under another metric": (
        book(renamed_metric),
        "does not ask about FY2024-H2",
    ),
    "a policy without its document": (
        book(document_dropped, redecide=False),
        "rests on another document",
    ),
    "two starts of one name": (book(started_twice_alike), "contradicts an earlier one"),
    "a moment in nobody's time": (book(told_in_local_time), "its moment in UTC"),
    "a ledger opened twice": (book(opened_again), "opened once, by its first entry"),
}
