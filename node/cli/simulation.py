"""Command that asks years of packs without asking anybody: `budget simulate`."""

from fractions import Fraction
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from node.cli import budget, home
from node.cli import policy as policies
from node.cli.budget import bar
from node.cli.home import SHOW, AsJson, Home
from privacy import consequence, forecast, loss, pack
from privacy.amount import Caps
from privacy.chain import Kind
from privacy.errors import BadConfiguration, InvalidQuery
from privacy.forecast import Forecast, Level, Plan, Step
from privacy.period import Period, PeriodKind, day_number
from privacy.policy import Policy
from privacy.precision import Precision
from privacy.roster import SITES_MIN

_COMPARED: Final = (Fraction(1, 2), Fraction(1), Fraction(2))
_HUNDRED: Final = 100

_Amount = Annotated[
    str | None, typer.Option(help="As if this were the cap: a word, epsilon=, rho=.")
]


def simulate(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    *,
    packs: Annotated[
        list[str] | None, typer.Option("--pack", help="Asked every half-year.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="The first year or half-year reported.")
    ] = None,
    through: Annotated[
        str | None, typer.Option(help="The last year or half-year reported.")
    ] = None,
    lifetime: _Amount = None,
    fiscal_year: _Amount = None,
    as_json: AsJson = False,
) -> None:
    """Show how long the caps last if packs are asked, and how precise they would be.

    It starts from what this site has spent. Nothing is asked, and no record is read.
    """
    site = home.opened(context)
    rules = policies.drafted_or_in_force(site)
    caps = budget.chosen(rules, {"lifetime": lifetime, "fiscal_year": fiscal_year})
    plan = _plan(site, packs or ["half-year"], since, through)
    made = forecast.simulate(
        plan,
        caps,
        before=site.ledger.verify().accounts,
        answered=_answered(site),
    )
    roster = site.law.roster
    sites = len(roster.members) if roster else SITES_MIN
    precise = forecast.headlines(plan, sites=sites)
    if as_json:
        home.write_json(_content(made, precise, sites))
        return
    _print_steps(made)
    _print_precision(precise, plan, sites)
    _print_choices(plan, caps, rules, sites)


def _plan(site: Home, names: list[str], since: str | None, through: str | None) -> Plan:
    """Return what would be asked: by default the last year that ended, and the next."""
    programme = site.law.newest or site.programme
    today = Period.quarter_of(day_number(home.now().date()))
    first = Period(since) if since else Period(f"FY{today.year - 1}")
    last = Period(through) if through else first.fiscal_year.next()
    try:
        half_years = forecast.half_years(_halves(first)[0], _halves(last)[-1])
    except InvalidQuery as error:
        raise BadConfiguration(f"Nothing was simulated: {error.message}") from error
    return Plan(
        programme=programme,
        packs=tuple(pack.load(name, programme) for name in names),
        half_years=half_years,
    )


def _halves(period: Period) -> tuple[Period, ...]:
    """Return the half-years of a year, or the one half-year itself."""
    if period.kind is PeriodKind.FISCAL_YEAR:
        return Period(f"{period}-H1"), Period(f"{period}-H2")
    return (period,)


def _answered(site: Home) -> set[bytes]:
    """Return the release keys that cost nothing more here."""
    return {
        bytes.fromhex(entry.release_key)
        for entry in site.ledger.entries()
        if entry.kind is Kind.CHARGE and entry.release_key
    }


def _print_steps(made: Forecast) -> None:
    """Show the burn-down."""
    table = Table(
        "Reported", "Asked", "Refused", "Of its year", "", "Of a lifetime", "", "Left"
    )
    for step in made.steps:
        year, life = _fullest(step.fiscal_levels), _fullest(step.levels)
        table.add_row(
            step.period.label,
            str(step.asked),
            str(len(step.refused)),
            f"{year} %",
            bar(year),
            f"{life} %",
            bar(life),
            str(_left(step, made)),
        )
    SHOW.print(table)
    SHOW.print(
        "Left: how many more questions of the usual size could still be asked about "
        "that time."
    )
    if made.first_refused is None:
        SHOW.print("Every question of the plan fits.")
    else:
        SHOW.print(f"From {made.first_refused} on, questions would be refused.")
    if made.most.model:
        meant = consequence.of(loss.from_pico(made.most.model))
        SHOW.print(f"\nAll of it, epsilon {meant.epsilon:f}. {meant.sentence()}")


def _print_precision(precise: tuple[Precision, ...], plan: Plan, sites: int) -> None:
    """Show how precise each headline would be."""
    table = Table("Headline", "", "Expected", "All sites", "This site")
    for each in precise:
        unit = " points" if each.is_share else ""
        table.add_row(
            f"{each.metric} {each.period}",
            plan.programme.metric(each.metric).name,
            str(each.expected),
            f"± {_width(each.national, each)}{unit}",
            "not given" if each.site is None else f"± {_width(each.site, each)}{unit}",
        )
    SHOW.print(table)
    SHOW.print(f"Planned for {sites} sites, from public figures; 95 times in 100.")


def _print_choices(plan: Plan, caps: Caps, rules: Policy, sites: int) -> None:
    """Show what half and twice the loss would do."""
    table = Table("Every loss", "Epsilon of all", "10 of 100", "Fits", "First headline")
    for choice in forecast.choices(
        plan, caps, sites=sites, multipliers=_COMPARED, delta=rules.delta
    ):
        meant = choice.consequence
        first = choice.precision[0] if choice.precision else None
        table.add_row(
            f"x {choice.multiplier}",
            "none" if meant is None else f"{meant.epsilon:f}",
            "" if meant is None else f"at most {meant.from_10:f}",
            "all"
            if choice.first_refused is None
            else f"not from {choice.first_refused}",
            ""
            if first is None
            else f"{first.metric} ± {_width(first.national, first)}",
        )
    SHOW.print(table)


def _content(
    made: Forecast, precise: tuple[Precision, ...], sites: int
) -> dict[str, Any]:
    """Return the forecast for another program."""
    return {
        "sites": sites,
        "first_refused": made.first_refused.label if made.first_refused else None,
        "steps": [
            {
                "period": step.period.label,
                "asked": step.asked,
                "refused": list(step.refused),
                "fiscal_year_percent": _fullest(step.fiscal_levels),
                "lifetime_percent": _fullest(step.levels),
                "questions_left": _left(step, made),
            }
            for step in made.steps
        ],
        "headlines": [
            {
                "metric": each.metric,
                "period": each.period.label,
                "is_share": each.is_share,
                "expected": each.expected,
                "all_sites": each.national,
                "this_site": each.site,
            }
            for each in precise
        ],
    }


def _fullest(levels: tuple[Level, ...]) -> int:
    """Return how full the fullest account is, in per cent."""
    return max((int(each.used * _HUNDRED) for each in levels), default=0)


def _left(step: Step, made: Forecast) -> int:
    """Return how many more usual questions the tightest account would take."""
    levels = (*step.levels, *step.fiscal_levels)
    return min((each.questions(made.typical) for each in levels), default=0)


def _width(half: float, precision: Precision) -> str:
    """Write a half-width: whole people, or tenths of a percentage point."""
    return f"{half * _HUNDRED:.1f}" if precision.is_share else f"{half:.0f}"
