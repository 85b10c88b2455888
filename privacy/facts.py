"""What is publicly known about the programme: exact, dated, and at no cost.

Phases, awards, sites, the Board, rules of eligibility, reference lines and prices.
None of it is about a person, so it carries no noise and is charged to nobody. It is
no part of an edition: a fact may change, or be added, without a new catalogue, and
no question that was asked before means anything else because of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from privacy import effective, eligibility, funding, parties, reference
from privacy.effective import Fact
from privacy.eligibility import InForce, Rule
from privacy.errors import InvalidProgramme
from privacy.funding import Award, Phase, Price, Slots
from privacy.metric import Metric
from privacy.parties import Listing, Place, Seat
from privacy.reference import ReferenceLine
from privacy.strict import Section, load_toml


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Every public fact, each kind in order of what it is about and its first day."""

    listing: tuple[Listing, ...]
    board: tuple[Seat, ...]
    phases: tuple[Phase, ...]
    awards: tuple[Award, ...]
    sites: tuple[Place, ...]
    slots: tuple[Slots, ...]
    prices: tuple[Price, ...]
    references: tuple[ReferenceLine, ...]
    rules: tuple[InForce, ...]
    proposals: tuple[Rule, ...]

    def kinds(self) -> dict[str, tuple[Fact, ...]]:
        """Return the dated facts by kind; proposals have no dates."""
        names = (name for name in self.__slots__ if name != "proposals")
        return {name: getattr(self, name) for name in names}

    def as_of(self, on: int) -> "Facts":
        """Return the facts that hold on a day."""
        held = {k: effective.as_of(v, on) for k, v in self.kinds().items()}
        return Facts(proposals=self.proposals, **held)  # type: ignore[arg-type]

    def phase(self, name: str, *, on: int) -> Phase:
        """Return a phase as it is on a day.

        Raises:
            InvalidProgramme: nothing is known of it on that day.
        """
        found = [p for p in effective.as_of(self.phases, on) if p.phase == name]
        if not found:
            raise InvalidProgramme(
                f"Nothing is known of a phase {name[:8]!r} on {effective.date(on)}; "
                "`cmpp facts show phases` lists them."
            )
        return found[0]

    def price(self, name: str, *, on: int) -> Price | None:
        """Return a price as it is on a day, or None."""
        found = (p for p in effective.as_of(self.prices, on) if p.key == name)
        return next(found, None)

    def rule(self, version: str) -> Rule:
        """Return a rule of eligibility, in force or not.

        Raises:
            InvalidProgramme: there is none of that version.
        """
        for rule in (*(each.rule for each in self.rules), *self.proposals):
            if rule.version == version:
                return rule
        raise InvalidProgramme(f"There is no rule of eligibility {version[:8]!r}.")


def eligible(rule: str, basis: str, *, in_proceedings: bool) -> bool:
    """Tell whether a shipped rule lets somebody on this basis take part.

    Raises:
        InvalidProgramme: there is no such rule.
    """
    return load().rule(rule).admits(basis, in_proceedings=in_proceedings)


def reference_lines(metric: Metric) -> tuple[ReferenceLine, ...]:
    """Return the reference lines that stand beside a metric, in its order.

    Raises:
        InvalidProgramme: it names one that does not exist.
    """
    known = {line.key: line for line in load().references}
    missing = [name for name in metric.reference if name not in known]
    if missing:
        raise InvalidProgramme(f"{metric.id} names no known line: {missing[0]!r}.")
    return tuple(known[name] for name in metric.reference)


@cache
def load() -> Facts:
    """Read and check the facts this software ships.

    Raises:
        InvalidProgramme: a file does not say one definite thing.
    """
    folder = resources.files("privacy") / "programme" / "facts"
    return parse(
        {
            item.name: item.read_text("utf-8")
            for item in folder.iterdir()
            if item.name.endswith(".toml")
        }
    )


def parse(files: Mapping[str, str]) -> Facts:
    """Build the facts from the texts of files, in whatever files they stand.

    Raises:
        InvalidProgramme: a key is unknown, a date is missing, or two facts about one
            thing hold on the same day.
    """
    roots = [Section(name, load_toml(text)) for name, text in sorted(files.items())]
    order = effective.in_order
    facts = Facts(
        listing=order(parties.listing(s) for s in _listed(roots, "programme")),
        board=order(parties.seat(s) for s in _listed(roots, "board")),
        phases=order(funding.phase(s) for s in _listed(roots, "phase")),
        awards=order(funding.award(s) for s in _listed(roots, "award")),
        sites=order(parties.place(s) for s in _listed(roots, "site")),
        slots=order(funding.slots(s) for s in _listed(roots, "slots")),
        prices=order(funding.price(n, s) for n, s in _named(roots, "price")),
        references=order(reference.line(n, s) for n, s in _named(roots, "reference")),
        rules=order(eligibility.in_force(s) for s in _listed(roots, "rule")),
        proposals=tuple(eligibility.proposal(s) for s in _listed(roots, "proposal")),
    )
    for root in roots:
        root.done()
    _check(facts)
    return facts


def _check(facts: Facts) -> None:
    """Refuse what contradicts itself: places or money of no phase, a rule twice."""
    for slots in facts.slots:
        phase = facts.phase(slots.phase, on=slots.span.since)
        if not phase.accepts or slots.site not in phase.sites:
            raise InvalidProgramme(
                f"{slots.site} has places in {slots.phase}, which is "
                f"{phase.state.value} or is not held there; take them out."
            )
    for award in facts.awards:
        facts.phase(award.phase, on=award.span.since)
    versions = [each.rule.version for each in facts.rules]
    versions += [each.version for each in facts.proposals]
    if len(versions) != len(set(versions)):
        raise InvalidProgramme("A rule of eligibility is given twice; keep one.")


def _listed(roots: Iterable[Section], key: str) -> Iterator[Section]:
    """Yield the tables of a list that may stand in any of the files."""
    for root in roots:
        content = root.raw(key) if root.has(key) else []
        if not isinstance(content, list):
            raise InvalidProgramme(f"{root.name}: write {key} as [[{key}]].")
        for number, each in enumerate(content, 1):
            yield Section(f"{root.name}, {key} {number}", each)


def _named(roots: Iterable[Section], key: str) -> Iterator[tuple[str, Section]]:
    """Yield the tables below a key that may stand in any of the files."""
    for root in roots:
        yield from root.sections(key)
