"""Published results of every measure, for what shows, writes and reads them."""

from fractions import Fraction

from coordinator.result import Cell, Result, SiteOutcome, Status
from privacy import catalogue
from privacy.estimate import Estimate

PROGRAMME = catalogue.load()
METRICS = PROGRAMME.metrics
PROGRAMMES = {PROGRAMME.version: PROGRAMME}
CONFIDENCE = Fraction(19, 20)
NAMES = ("BAL", "DCA", "HOU", "LAX", "NYC")
Z = 1.959963984540054


def estimate(value: float, error: float, drawn: float = 0.0) -> Estimate:
    """Return an estimate whose even interval covers both errors."""
    half = Z * (error**2 + drawn**2) ** 0.5
    return Estimate(value, value - half, value + half, error, CONFIDENCE, drawn)


def exact(value: float) -> Estimate:
    """Return a public figure."""
    return Estimate(value, value, value, 0.0, CONFIDENCE)


def cell(found: Estimate, site: str = "all", **labels: str) -> Cell:
    """Return a value."""
    return Cell(site=site, labels=tuple(labels.items()), estimate=found)


def result(metric: str, *cells: Cell, period: str = "FY2024", note: str = "") -> Result:
    """Return a result of five sites."""
    return Result(
        metric=metric,
        version=PROGRAMME.version,
        period=period,
        mode="site",
        confidence=CONFIDENCE,
        cells=cells,
        sites=tuple(
            SiteOutcome(
                site=name, status=Status.ANSWERED, rho=Fraction(3 + number, 1000)
            )
            for number, name in enumerate(NAMES)
        ),
        note=note,
    )


ENROLLED = result(
    "M08",
    cell(estimate(1240.0, 20.25)),
    cell(estimate(-3.0, 9.1), "BAL"),
    cell(estimate(431.0, 9.1), "NYC"),
    period="FY2024-H2",
)
HEARINGS = result("M29", cell(estimate(0.9712345678901234567, 0.0105)))
CHANNELS = result(
    "M04",
    cell(estimate(1 / 3, 0.01), intake_channel="legal_aid"),
    cell(estimate(2 / 3, 0.2), intake_channel="hotline"),
)
EFFECT = result("M35", cell(estimate(0.041, 0.013, 0.029)), period="FY2023")
DAYS = result("M40", cell(estimate(12_345.678, 321.0)))
QUARTILES = result(
    "M52",
    cell(estimate(101.4, 4.0), quantile="25 %"),
    cell(estimate(219.7, 6.2), quantile="50 %"),
    cell(estimate(388.2, 9.9), quantile="75 %"),
)
SPENT = result("M58", cell(exact(5_000_000.0), phase="P1"))

ALL = (ENROLLED, HEARINGS, CHANNELS, EFFECT, DAYS, QUARTILES, SPENT)
