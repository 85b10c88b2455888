"""Live through a random history with a ledger, and compare it with a second book.

Beside the book's households of every kind live real ones, whose records are edited all
the time; what they lost also counts where a restore made the ledger forget it.
"""

import copy
import datetime as dt
import random
import shutil
from dataclasses import replace
from pathlib import Path

from node.ledger import Charge, Charged, Ledger, Scope, Stored
from privacy import export
from privacy.amount import Amount, Caps
from privacy.chain import Kind
from privacy.errors import BudgetExhausted, NotAllowed
from privacy.period import Period
from privacy.signing import Document
from privacy.signing import Kind as Signed
from tests import ledger_samples as samples
from tests.account_samples import (
    EVENTS,
    FISCAL_YEARS,
    QUARTERS,
    YEARS,
    Household,
    random_charge,
)
from tests.ledger_book import Book, columns

HOUSEHOLDS = 40
KEYS = 150
QUARTERS_AT_FIRST = 2
CRASHES = 0.3
SAVES = 0.3
FINISHES = 0.2


class History:
    """One ledger, its book, its households and its luck."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Begin with a policy, a mandate and two closed quarters."""
        self.dice = random.Random(seed)
        self.path, self.saved = folder / "ledger.sqlite", folder / "saved.sqlite"
        self.url = f"sqlite:///{self.path}"
        self.ledger = Ledger.create(self.url, site="NYC", now=samples.NOW)
        self.now, self.book, self.kept = samples.NOW, Book(), Book()
        self.version, self.boots, self.why = 0, 0, 0
        self.seen: dict[str, int] = {}
        self.answered: set[str | None] = set()
        self.policies: list[tuple[int, Caps]] = []
        self.mandates: list[tuple[Document, int]] = []
        self.closed = QUARTERS[:QUARTERS_AT_FIRST]
        self.households = [
            Household(self.dice.choice(YEARS)) for _ in range(HOUSEHOLDS)
        ]
        self.renew()
        self.mandate()
        self.save()

    def live(self, steps: int) -> None:
        """Do random things, and compare with the book after each."""
        deeds = {
            self.ask: 62,
            self.edit: 10,
            self.clock: 5,
            self.renew: 4,
            self.mandate: 4,
            self.decide: 4,
            self.pause: 3,
            self.restart: 3,
            self.close_quarter: 2,
            self.save: 2,
            self.restore: 1,
        }
        for _ in range(steps):
            deed = self.dice.choices(list(deeds), weights=list(deeds.values()))[0]
            self._count(deed.__name__)
            deed()
            self.compare()
        self.ledger.verify()
        read = export.read(self.ledger.export())
        assert read.entries == self.ledger.entries()

    def compare(self) -> None:
        """Compare every account with the unluckiest household, and with the real."""
        years = [Period(year) for year in FISCAL_YEARS]
        accounts = self.ledger.accounts(entry_years=YEARS, fiscal_years=years)
        under: dict[str, list[int]] = {}
        for account in accounts:
            if account.scope is Scope.MANDATE:
                under[account.name] = columns(account.spent)
            elif account.name != "*":
                about = account.fiscal_year or None
                expected = self.book.unluckiest(account.name, about)
                assert columns(account.spent) == expected, account
        assert under == self.book.under
        lifetime = {a.name: a.spent for a in accounts if a.scope is Scope.LIFETIME}
        for household in self.households:
            bound = lifetime[household.entry_year.label]
            assert household.loss().within(bound), household

    # ---- deeds -------------------------------------------------------------------

    def ask(self) -> None:
        """Ask something, new or old; it may crash before the answer is kept."""
        name = f"q{self.dice.randrange(KEYS)}"
        pending = sorted(self.book.charged.keys() - self.book.sent.keys())
        if pending and self.dice.random() < FINISHES:
            name = self.dice.choice(pending)
        asked = self._question(name)
        permitted = self.book.permits(asked.mandate.hex())
        permitted = permitted and name not in self.book.unknown
        try:
            answer = self.ledger.charge(asked, now=self.now)
        except NotAllowed:
            assert not permitted
            self._count("not allowed")
            return
        except BudgetExhausted:
            assert permitted
            assert name not in self.book.charged
            assert not self.book.affords(asked)
            self._count("exhausted")
            return
        assert permitted
        if isinstance(answer, Stored):
            assert answer.values == self.book.sent[name]
            self._count("repeated")
            return
        self._charged(name, asked, answer)
        if self.dice.random() < CRASHES:
            self.restart()  # between charge and store
            if self.dice.random() < SAVES:
                self.save()
        else:
            self._store(name, answer)

    def _charged(self, name: str, asked: Charge, answer: Charged) -> None:
        """Check a charge against the book, and write it down if it is new."""
        known = name in self.book.charged
        assert name not in self.book.sent
        assert answer.resumed == known
        self._count("resumed" if known else "charged")
        if not known:
            assert self.book.affords(asked)
            self.book.charge(name, asked)
        assert answer.amount == self.book.charged[name].amount

    def _store(self, name: str, charged: Charged) -> None:
        """Keep and send an answer; one charge pays for one answer, come what may."""
        noise = tuple(self.dice.randrange(-99, 99) for _ in range(3))
        kept = samples.store(self.ledger, charged.release_key, values=noise)
        assert kept.values == noise
        self.book.sent[name] = noise
        paid = self.ledger.hash_at(charged.sequence)
        assert paid not in self.answered
        self.answered.add(paid)
        # What leaves is what is lost, at the loss that was charged first.
        self._lose(self.book.charged[name])

    def edit(self) -> None:
        """Move what the records say of some households."""
        for household in self.dice.sample(self.households, k=8):
            day = self.dice.choice(QUARTERS).end - self.dice.randint(-100, 400)
            household.recorded[self.dice.choice(EVENTS)] = day

    def close_quarter(self) -> None:
        """Freeze the cohorts of the next quarter."""
        if len(self.closed) < len(QUARTERS):
            self.closed = QUARTERS[: len(self.closed) + 1]
            for household in self.households:
                household.close(self.closed[-1])

    def clock(self) -> None:
        """Set the clock anywhere."""
        self.now = samples.NOW + dt.timedelta(days=self.dice.randint(-4000, 4000))

    def renew(self) -> None:
        """Put a policy with other caps in force; they grow with the versions."""
        self.version += 1
        top = 600 + 200 * self.version
        lifetime, fiscal, mandate = (self.dice.randint(top // 3, top) for _ in range(3))
        worst = self.dice.randint(0, 200)
        caps = Caps(
            lifetime=Amount(lifetime, lifetime + worst),
            fiscal_year=Amount(fiscal, fiscal + worst),
            per_mandate=Amount(4 * mandate, 4 * mandate + worst),
            per_release=Amount(self.dice.randint(30, 60), 100),
        )
        self.policies.append((self.version, caps))
        self._enact_policy(self.version, caps)

    def mandate(self) -> None:
        """Deliver a mandate, and mostly accept it."""
        text = f"mandate {len(self.mandates)}"
        mandate = samples.document(Signed.MANDATE, text)
        self.mandates.append((mandate, self.dice.randint(300, 9000)))
        self._deliver(*self.mandates[-1])
        if self.dice.random() < 0.9:
            self._decide(Kind.ACCEPTED, mandate.digest.hex())

    def decide(self) -> None:
        """Accept, decline or revoke a mandate."""
        weights = (9, 2, 1)
        kinds = (Kind.ACCEPTED, Kind.DECLINED, Kind.REVOKED)
        kind = self.dice.choices(kinds, weights=weights)[0]
        self._decide(kind, self.dice.choice(self.mandates)[0].digest.hex())

    def pause(self) -> None:
        """Stop or go on, by the site's or the Board's will."""
        book, go_on = self.book, self.dice.random() < 0.9
        if self.dice.random() < 0.5 or book.paused:
            book.paused = not (book.paused or go_on) or (book.paused and not go_on)
            kind = Kind.PAUSED if book.paused else Kind.RESUMED
            self._enact(kind, signed=Signed.DECISION)
            return
        book.frozen = not go_on
        turn = "freeze" if book.frozen else "resume"
        self._enact(Kind.STOOD_DOWN, turn, signed=Signed.STANDING_DOWN)

    def restart(self) -> None:
        """End the process and start again: the ledger is proved whole."""
        self.ledger.close()
        self.ledger = Ledger.open(self.url)
        self.boots += 1
        self.ledger.boot(samples.boot_name(self.boots), now=self.now)

    def save(self) -> None:
        """Make a backup."""
        self.ledger.close()
        shutil.copyfile(self.path, self.saved)
        self.ledger = Ledger.open(self.url)
        self.kept = copy.deepcopy(self.book)
        self.kept_rules = (self.version, len(self.mandates))

    def restore(self) -> None:
        """Put the backup back, as the runbook says: rules first, then reopen."""
        self.ledger.close()
        shutil.copyfile(self.saved, self.path)
        self.ledger = Ledger.open(self.url)
        revoked = self.book.revoked
        self.book = copy.deepcopy(self.kept)
        version, mandates = self.kept_rules
        for number, caps in self.policies:
            if number > version:
                self._enact_policy(number, caps)
        for mandate, limit in self.mandates[mandates:]:
            self._deliver(mandate, limit)
        for digest in sorted(revoked - self.book.revoked):
            self._decide(Kind.REVOKED, digest)
        self.why += 1
        samples.reopen(self.ledger, self.why, now=self.now)
        self.book.reopen()
        self.save()

    # ---- means -------------------------------------------------------------------

    def _question(self, name: str) -> Charge:
        """Return what a question costs; its name decides all but loss and mandate."""
        fixed = random.Random(name)
        drawn = random_charge(fixed, self.closed)
        if name in self.book.charged:
            drawn = self.book.charged[name].spend
        model = self.dice.randint(1, 50)
        mandate = self.dice.choice(self.mandates[-4:])[0]
        asked = samples.charge_for(
            name,
            entry_years=drawn.entry_years,
            anchor=drawn.anchor,
            periods=drawn.periods,
            mandate=mandate.digest,
        )
        worst = model + self.dice.choice((0, 0, self.dice.randint(0, 60)))
        return replace(
            asked,
            rho=samples.pico(model),
            worst_rho=samples.pico(worst),
        )

    def _lose(self, asked: Charge) -> None:
        for household in self.households:
            years = household.seen_by(asked.spend)
            if years is not None:
                household.lost.append((asked.spend, years))

    def _enact(self, kind: Kind, detail: str | None = None, *, signed: Signed) -> None:
        self.why += 1
        rests_on = samples.document(signed, f"{kind} {self.why}")
        if kind is Kind.PAUSED:
            rests_on = None
        samples.enact(self.ledger, kind, detail=detail, rests_on=rests_on, now=self.now)

    def _enact_policy(self, version: int, caps: Caps) -> None:
        samples.set_policy(self.ledger, version, caps, now=self.now)
        self.book.renew(caps)

    def _deliver(self, mandate: Document, limit: int) -> None:
        samples.deliver(self.ledger, mandate, samples.pico(limit))
        self.book.limits[mandate.digest.hex()] = limit

    def _decide(self, kind: Kind, digest: str) -> None:
        if kind is Kind.REVOKED:
            self._enact(kind, digest, signed=Signed.REVOCATION)
            self.book.revoked.add(digest)
            return
        samples.enact(self.ledger, kind, detail=f"rule {digest}", now=self.now)
        accepted = self.book.accepted
        (accepted.add if kind is Kind.ACCEPTED else accepted.discard)(digest)

    def _count(self, what: str) -> None:
        self.seen[what] = self.seen.get(what, 0) + 1
