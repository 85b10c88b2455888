"""Commands about the budget: what is spent, what it means, what it would allow."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from node.cli import home
from node.cli import policy as policies
from node.cli.home import SHOW, AsJson
from node.ledger import Account, Scope
from node.policy import allowance, draft
from node.policy.draft import Draft, epsilon_text, in_both, rho_text
from privacy import consequence, loss
from privacy.amount import Caps
from privacy.errors import BadConfiguration
from privacy.law import Law
from privacy.mandate import Mandate
from privacy.policy import Policy

app = typer.Typer(help="The loss this site may spend.", no_args_is_help=True)

MARKS: Final = (75, 90, 100)
"""Parts of a cap, in per cent, at which people are told."""

_BAR: Final = 12
_ANY: Final = "*"
_KEEP: Final = "keep"
_HUNDRED: Final = 100

_Amount = Annotated[
    str | None, typer.Option(help="A word of the table, epsilon=2 or rho=0.2.")
]


@app.command()
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show what each account has spent, what it may spend, and how full it is."""
    site = home.opened(context)
    law = site.law
    if law.policy is None:
        raise BadConfiguration(
            "No policy is in force, so nothing is spent and nothing may be."
        )
    lines = [_line(each, law, law.policy) for each in site.ledger.accounts()]
    if as_json:
        home.write_json(
            {"site": law.site, "delta": str(law.policy.delta)} | {"accounts": lines}
        )
        return
    if not lines:
        SHOW.print(f"Nothing is spent at site {law.site}: every cap is whole.")
        return
    table = Table("Account", "", "Spent", "Of (rho)", "Epsilon", "Worst case", "Mark")
    for line in lines:
        table.add_row(
            line["account"],
            bar(line["percent"]),
            line["spent_rho"],
            line["cap_rho"],
            line["epsilon"],
            f"{line['worst_rho']} of {line['cap_worst_rho']}",
            f"{line['mark']} % passed" if line["mark"] else "",
        )
    SHOW.print(table)
    SHOW.print("Nothing here ever renews. The second pair counts the worst case.")


@app.command()
def consequences(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show what a loss could mean for one person, and where this site's caps stand."""
    site = home.opened(context)
    rules = policies.drafted_or_in_force(site)
    rows = consequence.rows(rules.delta)
    mine = {
        name: consequence.of(loss.from_pico(cap.model), rules.delta)
        for name, cap in rules.caps.named().items()
    }
    if as_json:
        home.write_json(
            {
                "rows": [_row(each) for each in rows],
                "caps": {name: _row(each) for name, each in mine.items()},
            }
        )
        return
    _print_consequences(rows)
    for name, each in mine.items():
        SHOW.print(f"\n[bold]{_cap_name(name)}[/bold], epsilon {each.epsilon:f}.")
        SHOW.print(each.sentence(), highlight=False)


@app.command("set")
def choose(
    context: typer.Context,
    *,
    lifetime: _Amount = None,
    fiscal_year: _Amount = None,
    per_mandate: _Amount = None,
    per_release: _Amount = None,
    reason: Annotated[
        str | None, typer.Option(help="Why; it stands in the policy.")
    ] = None,
) -> None:
    """Choose the caps by what they mean, and write them into policy.toml.

    Without options it shows the table and asks. Nothing holds until officers sign.
    """
    site = home.opened(context)
    before = policies.drafted_or_in_force(site)
    wanted = {
        "lifetime": lifetime,
        "fiscal_year": fiscal_year,
        "per_mandate": per_mandate,
        "per_release": per_release,
    }
    if not any(wanted.values()):
        _print_consequences(consequence.rows(before.delta))
        wanted |= {name: _ask(name, before) for name in ("lifetime", "fiscal_year")}
    caps = chosen(before, wanted)
    if caps == before.caps:
        SHOW.print("The caps stay as they are; nothing was written.")
        return
    why = reason or typer.prompt("Why are they changed")
    law = site.law
    drafted = replace(
        Draft.like(before, now=home.now()),
        version=max(before.version, law.policy.version + 1 if law.policy else 1),
        caps=caps,
        reason=why,
    )
    policies.save(site, draft.text(drafted))
    for name, cap in caps.named().items():
        meant = consequence.of(loss.from_pico(cap.model), before.delta)
        SHOW.print(
            f"{_cap_name(name)}: {rho_text(cap.model)} rho, epsilon "
            f"{epsilon_text(cap.model, before.delta)}, {meant.strength.value}."
        )
    SHOW.print("Wrote policy.toml. Next: `cmpp-node policy sign`, by the officers.")


def chosen(before: Policy, wanted: Mapping[str, str | None]) -> Caps:
    """Return the caps an officer chose; the others stay."""
    named = {each.name: getattr(before.caps, each.name) for each in fields(Caps)}
    for name, words in wanted.items():
        if words is not None and words.strip() != _KEEP:
            named[name] = in_both(allowance.parse(words, before.delta))
    return Caps(**named)


def _ask(name: str, before: Policy) -> str:
    """Ask for one cap; what stands is offered first."""
    cap = before.caps.named()[name]
    epsilon = epsilon_text(cap.model, before.delta)
    SHOW.print(f"{_cap_name(name)}: now {rho_text(cap.model)} rho, epsilon {epsilon}.")
    answer: str = typer.prompt("A word, epsilon=, rho=, or keep", default=_KEEP)
    return answer


def _print_consequences(rows: tuple[consequence.Consequence, ...]) -> None:
    """Show the table an officer chooses from."""
    SHOW.print(
        "Of 100 people just like this one, an insider who knows everything about "
        "everybody else thought so many were in the programme. After all that is "
        "released, the insider could think at most:"
    )
    table = Table("In all", "Epsilon", "Odds", "10 of 100", "50 of 100", "Protection")
    for each in rows:
        table.add_row(
            f"{float(each.rho):.4f} rho",
            f"{each.epsilon.normalize():f}",
            f"x {each.odds:f}",
            f"{each.from_10:f}",
            f"{each.from_50:f}",
            each.strength.value,
        )
    SHOW.print(table)


def _row(each: consequence.Consequence) -> dict[str, Any]:
    """Return a consequence for another program."""
    return {
        "rho": str(each.rho),
        "epsilon": str(each.epsilon),
        "odds": str(each.odds),
        "from_10_of_100": str(each.from_10),
        "from_50_of_100": str(each.from_50),
        "protection": each.strength.value,
    }


def _line(account: Account, law: Law, rules: Policy) -> dict[str, Any]:
    """Return what one account says."""
    percent = int(account.share * _HUNDRED)
    return {
        "account": _name(account, law),
        "scope": account.scope.value,
        "spent_rho": rho_text(account.spent.model),
        "cap_rho": rho_text(account.cap.model),
        "worst_rho": rho_text(account.spent.worst),
        "cap_worst_rho": rho_text(account.cap.worst),
        "epsilon": epsilon_text(account.spent.model, rules.delta),
        "percent": percent,
        "mark": max((mark for mark in MARKS if percent >= mark), default=None),
    }


def _name(account: Account, law: Law) -> str:
    """Say which account it is."""
    if account.scope is Scope.MANDATE:
        sent = law.sent.get(account.name)
        if sent is not None and isinstance(sent.what, Mandate):
            return f"Mandate {sent.what.number}"
        return f"Mandate {account.name[:12]}"
    who = "All others" if account.name == _ANY else f"Entered {account.name}"
    if account.scope is Scope.LIFETIME:
        return f"{who}, lifetime"
    return f"{who}, about {account.fiscal_year}"


def bar(percent: int) -> str:
    """Draw how full an account is; anything spent shows."""
    full = min(_BAR, -(-percent * _BAR // _HUNDRED))
    return "█" * full + "·" * (_BAR - full)


def _cap_name(name: str) -> str:
    """Say which cap it is."""
    return name.replace("_", " ").capitalize()
