"""A game: a site whose ledger is tampered with, and a coordinator that is against it.

Everything is decided by one number, so every case can be played again.
"""

import random
import secrets
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from node.answer import Node
from node.charter import Charter
from node.ledger import Ledger
from node.witness import RolledBack, Standing
from privacy import statement
from privacy.errors import BadSignature, Corrupt, Pending
from privacy.mechanism import Tally
from privacy.period import Period
from privacy.query import Query
from privacy.statement import BOOT_BYTES, Attestation, Verdict
from proto.wire import Answer, Ask
from tests import living_site
from tests import signed_samples as samples
from tests.living_site import size
from tests.own_records import NOW, PROGRAMME

SITE = "NYC"
NETWORKS = {
    ("BAL", "DCA", "HOU", "LAX", "NYC"): 1,
    ("DCA", "HOU", "LAX", "NYC"): 1,
    ("BAL", "DCA", "HOU", "LAX", "NYC", "SFO"): 2,
}
"""Sites, and how many of them may collude."""

TAMPERED = ("restored", "cloned", "cut", "flipped")


@cache
def questions() -> tuple[Ask, ...]:
    """State some questions, all different."""
    stated = living_site.all_questions("FY2024-H2", "FY2024-H1")
    return tuple({asked.query: asked for asked in stated}.values())


class Copy:
    """One copy of the site, running on one file."""

    def __init__(self, path: Path, reading: Callable[[Path], None]) -> None:
        """Start on a file.

        Raises:
            Corrupt: the file is not a whole ledger.
        """
        self.path = path
        self._reading = reading
        self._hashes: dict[int, str] = {}
        self.ledger = Ledger.open(f"sqlite:///{path}")
        try:
            self._start()
        except BaseException:
            self.ledger.close()
            raise

    def _start(self) -> None:
        self.ledger.boot(secrets.token_bytes(BOOT_BYTES), now=NOW)
        charter, key = Charter(self.ledger, site=SITE), samples.key(SITE)
        self.standing = Standing(self.ledger, site=SITE, key=key, law=charter.law)
        self.node = Node(
            site=SITE,
            charter=charter,
            ledger=self.ledger,
            standing=self.standing,
            key=key,
            dictionary=PROGRAMME.dictionary,
            size_class="small",
            software="0.1.0",
            closed_through=lambda: Period("FY2025-Q4"),
            read=self._read,
        )

    def _read(self, asked: Query) -> Tally:
        self._reading(self.path)
        return Tally([100] * size(asked))

    def holds(self, head: tuple[int, str]) -> bool:
        """Tell whether an entry is on this copy's chain."""
        sequence, expected = head
        if sequence not in self._hashes:
            found = self.ledger.hash_at(sequence)
            if found is None:
                return False
            self._hashes[sequence] = found
        return self._hashes[sequence] == expected


@dataclass
class Case:
    """One site, its copies, its peers, and a coordinator that is against it."""

    chance: random.Random
    folder: Path
    peers: tuple[str, ...]
    corrupt: frozenset[str]
    live: list[Copy] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)
    snapshots: list[Path] = field(default_factory=list)
    archive: list[bytes] = field(default_factory=list)
    left: list[tuple[int, str]] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)

    def keep(self, path: Path) -> Path:
        """Keep a copy of a ledger's file, as a backup does."""
        copy = self.folder / f"{len(self.snapshots)}.kept"
        shutil.copy(path, copy)
        self.snapshots.append(copy)
        return copy

    def run(self, path: Path) -> None:
        """Start a copy; a file that is no whole ledger does not start."""
        try:
            self.live.append(Copy(path, self._reading))
        except Corrupt:
            self.happened["did not open"] += 1

    def stop(self, copy: Copy) -> Path:
        """End a copy's process."""
        copy.ledger.close()
        self.live.remove(copy)
        return copy.path

    def close(self) -> None:
        for copy in tuple(self.live):
            self.stop(copy)

    # ---- what the coordinator does -----------------------------------------

    def ask(self) -> None:
        """Ask some copy something, and carry statements as suits the coordinator."""
        copy, asked = self.chance.choice(self.live), self.chance.choice(questions())
        try:
            for _ in range(3):
                said = self._answered(copy, asked)
                if said is not None:
                    self._leaves(copy, said)
                    return
                self._carry(copy)
        except RolledBack:
            self.happened["found out"] += 1
            self.stop(copy)
            return
        self.happened["held back"] += 1

    def _answered(self, copy: Copy, asked: Ask) -> Answer | None:
        try:
            said = copy.node.answer(asked, now=NOW)
        except Pending:
            return None
        return said if copy.node.show(said) else None

    def _leaves(self, copy: Copy, said: Answer) -> None:
        """Note that an answer left, and whether its ledger forgot another."""
        self.happened["answered"] += 1
        if not all(copy.holds(entry) for entry in self.left):
            self.happened["lost"] += 1
        newest = copy.ledger.hash_at(said.sequence)
        assert newest is not None
        self.left.append((said.sequence, newest))

    def _carry(self, copy: Copy) -> None:
        """Show heads to some peers, and bring back what helps."""
        for _ in range(2):
            some = self.chance.randint(1, len(self.peers))
            peers = sorted(self.chance.sample(self.peers, some))
            heads = copy.standing.heads(peers, seconds=0)
            shown = zip(peers, heads, strict=False)
            attested = [self._attested(peer, head) for peer, head in shown]
            helps = [each for each in attested if self._helps(copy, each)]
            if helps:
                copy.standing.present(helps)
            if self.archive and self.chance.random() < 0.3:
                with suppress(BadSignature):
                    copy.standing.present([self.chance.choice(self.archive)])
            self.archive += attested

    def _helps(self, copy: Copy, attested: bytes) -> bool:
        """Tell whether an attestation would not give the copy away; err sometimes."""
        kept = statement.kept_head(attested[-64 - statement.HEAD_BYTES : -64])
        known = copy.holds((kept.sequence, kept.hash.hex()))
        return known or self.chance.random() < 0.05

    def _attested(self, peer: str, head: bytes) -> bytes:
        """Do what a peer does; one that lies takes whatever it is shown."""
        shown = statement.read_head(head, key=samples.public(SITE))
        before = self.kept.get(peer)
        kept = None if before is None else statement.kept_head(before)
        taken = peer in self.corrupt or statement.takes(kept, shown)
        if taken:
            self.kept[peer] = head
        return Attestation(
            witness=peer,
            about=SITE,
            boot=shown.boot,
            verdict=Verdict.TAKEN if taken else Verdict.REFUSED,
            kept=self.kept[peer],
        ).signed(samples.key(peer))

    def _reading(self, path: Path) -> None:
        """Keep a copy from between a charge and its release, now and then."""
        if self.chance.random() < 0.2:
            self.keep(path)

    # ---- what happens to the ledger ----------------------------------------

    def tamper(self, how: str) -> None:
        """Do one thing to the ledger that nobody may do."""
        if not self.live:
            return
        old = self.chance.choice(self.snapshots)
        if how == "cloned":
            self.run(Path(shutil.copy(old, self.folder / "clone.sqlite")))
            return
        path = self.stop(self.chance.choice(self.live))
        if how == "restored":
            shutil.copy(old, path)
        elif how == "cut":
            length = path.stat().st_size
            with path.open("r+b") as file:
                file.truncate(self.chance.randrange(length))
        else:
            whole = bytearray(path.read_bytes())
            whole[self.chance.randrange(len(whole))] ^= 1 << self.chance.randrange(8)
            path.write_bytes(whole)
        self.run(path)


def play(seed: int, folder: Path, bases: dict[tuple[str, ...], Path]) -> Counter[str]:
    """Play one case, all of it from one number."""
    chance = random.Random(seed)
    sites, tolerated = chance.choice(sorted(NETWORKS.items()))
    peers = tuple(name for name in sites if name != SITE)
    case = Case(chance, folder, peers, frozenset(chance.sample(peers, tolerated)))
    folder.mkdir()
    path = Path(shutil.copy(bases[sites], folder / "ledger.sqlite"))
    case.keep(path)
    case.run(path)
    moment = chance.randint(2, 7)
    for turn in range(12):
        if turn == moment:
            case.tamper(TAMPERED[seed % len(TAMPERED)])
        elif case.live and chance.random() < 0.15:
            case.keep(chance.choice(case.live).path)
            case.run(case.stop(chance.choice(case.live)))
        elif case.live:
            case.ask()
        if not case.live and turn > moment:
            # Nothing runs any more, so whatever is left is tried.
            case.run(Path(shutil.copy(chance.choice(case.snapshots), path)))
    case.close()
    shutil.rmtree(folder)
    return case.happened
