"""What stands beside a metric: other people's figures, and never as a target."""

from privacy import facts
from privacy.catalogue import Metric
from privacy.errors import InvalidProgramme
from privacy.reference import ReferenceLine


def lines(metric: Metric) -> tuple[str, ...]:
    """Return a metric's reference lines in words, each with all it needs.

    A line of which this version of the software knows nothing is said to be
    missing: a catalogue may be newer than the facts that are shipped here.
    """
    try:
        return tuple(_line(metric, line) for line in facts.reference_lines(metric))
    except InvalidProgramme:
        named = ", ".join(metric.reference)
        return (f"for reference: {named}, of which nothing is known here.",)


def _line(metric: Metric, line: ReferenceLine) -> str:
    """Say one line, and first of all whether it counts what the metric counts."""
    ours = metric.counted.removeprefix("share of ")
    if ours.startswith(line.basis):
        return f"for reference: {line.sentence}"
    return (
        f"for reference, on another basis (ours counts {ours}; this one counts "
        f"{line.basis}): {line.sentence}"
    )
