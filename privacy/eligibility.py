"""Who may take part: versioned rules, as data. Changing one needs no code.

A rule looks at two things a screening records: on what basis somebody is known to
the authorities, and whether removal proceedings are open. What else may stand in the
way of a place, such as living elsewhere, is the site's to say and is no part of it.
"""

from dataclasses import dataclass

from privacy import effective
from privacy.effective import Fact
from privacy.strict import Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One reading of who may take part.

    Attributes:
        version: Its code in the dictionary, such as v1.
        title: In a few words.
        seed: The programme's fact it follows, by its number.
        bases: Codes of the dictionary; any of them is enough.
        needs_proceedings: Whether removal proceedings must be open.
        source: The document that says so.
        taken: The day on which it was read there, as a day number.
        note: What a reader must know beside it; empty if nothing.
    """

    version: str
    title: str
    seed: str
    bases: frozenset[str]
    needs_proceedings: bool
    source: str
    taken: int
    note: str

    def admits(self, basis: str, *, in_proceedings: bool) -> bool:
        """Tell whether somebody on this basis may take part."""
        return basis in self.bases and (in_proceedings or not self.needs_proceedings)


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce(Fact):
    """A rule, and when sites screened by it."""

    rule: Rule


def proposal(section: Section) -> Rule:
    """Read a rule that is not in force."""
    found = _rule(section)
    section.done()
    return found


def in_force(section: Section) -> InForce:
    """Read a rule that is or was in force; one rule holds on a day."""
    made = InForce(key="eligibility", span=effective.span(section), rule=_rule(section))
    section.done()
    return made


def _rule(section: Section) -> Rule:
    return Rule(
        version=section.text("version"),
        title=section.text("title"),
        seed=section.text("seed"),
        bases=frozenset(section.texts("bases")),
        needs_proceedings=section.flag("needs_proceedings", default=True),
        source=section.text("source"),
        taken=effective.day(section, "taken"),
        note=section.optional_text("note") or "",
    )
