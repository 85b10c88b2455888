"""The shipped programme's texts, and editions that change them."""

from functools import cache
from importlib import resources

from privacy import edition as editions
from privacy import strict
from privacy.signing import Document
from tests.signed_samples import signed

FILES = {"dictionary": "dictionary.toml", "programme": "programme.toml"}
NEW_METRIC = """
[metrics.M99]
version = 1
name = "Households in the pool, again"
status = "running"
pillar = "reach"
answers = "How many households could be drawn?"
definition = "Households whose entry was accepted."
counted = "Households."
grain = "national"
periods = ["fiscal-year"]
estimator = { kind = "count", of = ["pool"] }
"""

UNSHIPPED = """
[metrics.M61]
version = 1
name = "Caseload entered lately"
status = "running"
pillar = "reach"
seeds = ["A10"]
answers = "How many of those being served entered in the last two years"
counted = "households"
definition = "Households in which a counted adult was enrolled on the last day."
grain = "site"
periods = ["half-year"]
estimator = { kind = "count", of = ["lately"] }
[metrics.M61.queries.lately]
unit = "household"
entry_lookback_years = 1
population = { active = "enrolment", at = "period_end" }
value = "one"
"""
"""A metric that no software shipped with."""


def shipped() -> dict[str, str]:
    """Return the texts of the shipped programme, by name."""
    folder = resources.files("privacy") / "programme"
    found = {name: (folder / file).read_text("utf-8") for name, file in FILES.items()}
    return found | {
        item.name: item.read_text("utf-8")
        for item in (folder / "catalogue").iterdir()
        if item.name.endswith(".toml")
    }


def with_metric(files: dict[str, str]) -> dict[str, str]:
    """Return the files with one metric more, whose query is M01's."""
    reach = strict.load_toml(files["reach.toml"])
    assert set(reach["metrics"]["M01"]["queries"]) == {"pool"}
    body = files["reach.toml"].split("[metrics.M01.queries", 1)[1]
    end = body.index("\n[", 1)
    queries = "[metrics.M99.queries" + body[:end]
    return files | {"new.toml": NEW_METRIC + queries + "\n"}


@cache
def edition(number: int) -> Document:
    """Return an edition signed by two members; from the second, with a metric more."""
    files = shipped() if number == 1 else with_metric(shipped())
    files["programme"] += f"# edition {number}\n"
    made = editions.draft(files, network="cmpp", number=number)
    return signed(made, "ana", "ben")
