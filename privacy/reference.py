"""Reference lines: somebody else's figures, never without what they really count."""

from dataclasses import dataclass
from typing import Final

from privacy import effective
from privacy.effective import Fact
from privacy.strict import Section

NO_TARGET: Final = (
    "It is there to read beside ours and is no target: it counts other people, in "
    "another way, at another time."
)
"""What every reference line says of itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceLine(Fact):
    """Somebody else's figure, with all that is needed to read it rightly.

    Attributes:
        key: Its id, by which a metric names it.
        figure: The number as it was published, as text.
        basis: What is counted: people, hearings, appointments.
    """

    figure: str
    unit: str
    definition: str
    population: str
    period: str
    basis: str

    @property
    def shown(self) -> str:
        """The number with its unit."""
        join = " %" if self.unit == "percent" else f" {self.unit}"
        return f"{self.figure}{join}"

    @property
    def sentence(self) -> str:
        """The whole of it in words; nothing less is ever shown."""
        return (
            f"{self.shown}: {self.definition}; {self.population}; {self.period}; "
            f"counted by {self.basis} ({self.source}). {NO_TARGET}"
        )

    @property
    def source(self) -> str:
        """The document that says so."""
        return self.span.source


def line(name: str, section: Section) -> ReferenceLine:
    """Read one reference line."""
    found = ReferenceLine(
        key=name,
        span=effective.span(section),
        figure=section.text("figure"),
        unit=section.text("unit"),
        definition=section.text("definition"),
        population=section.text("population"),
        period=section.text("period"),
        basis=section.text("basis"),
    )
    effective.exact(section, "figure")
    section.done()
    return found
