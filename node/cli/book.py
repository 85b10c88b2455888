"""Commands about the ledger: what was spent, and that nobody altered it."""

from typing import Annotated, Any

import typer
from rich.table import Table

from node.cli import home
from node.cli.home import SHOW, AsJson, Home
from node.ledger import Kind
from privacy import loss

app = typer.Typer(help="The ledger of spent privacy loss.", no_args_is_help=True)


@app.command()
def show(
    context: typer.Context,
    *,
    entries: Annotated[
        bool, typer.Option("--entries", help="Also every charge, in order.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what each entry year has spent and what is left of its cap."""
    site = home.opened(context)
    content = _content(site, entries=entries)
    if as_json:
        home.write_json(content)
        return
    table = Table("Entry year", "Spent (rho)", "Epsilon", "Left (rho)")
    for line in content["accounts"]:
        amounts = (f"{line['spent_rho']:.6f}", f"{line['epsilon']:.3f}")
        table.add_row(line["entry_year"], *amounts, f"{line['left_rho']:.6f}")
    SHOW.print(table)
    if entries:
        listed = Table("Number", "When", "Metric", "Loss (rho)", "Release")
        for line in content["charges"]:
            listed.add_row(*(str(line[name]) for name in line))
        SHOW.print(listed)


@app.command()
def verify(context: typer.Context) -> None:
    """Prove the ledger whole: every link, every sum, every release."""
    site = home.opened(context)
    site.ledger.verify()
    head = site.ledger.head()
    SHOW.print(
        f"The ledger of {site.ledger.site} is whole: {head.sequence} entries, "
        f"head {head.hash[:16]}."
    )


def _content(site: Home, *, entries: bool) -> dict[str, Any]:
    """Return what the ledger says, under the policy in force."""
    rules = site.policy
    left = site.ledger.remaining(rules.caps)
    head = site.ledger.head()
    content: dict[str, Any] = {
        "site": site.ledger.site,
        "accounts": [
            {
                "entry_year": account.entry_year,
                "spent_rho": float(loss.from_pico(account.spent_pico)),
                "epsilon": loss.epsilon(loss.from_pico(account.spent_pico), rules.delta)
                if account.spent_pico
                else 0.0,
                "left_rho": float(loss.from_pico(left[account.entry_year])),
                "spent_pico": account.spent_pico,
                "left_pico": left[account.entry_year],
            }
            for account in site.ledger.accounts()
        ],
        "head": {"sequence": head.sequence, "hash": head.hash, "boot": head.boot},
    }
    if entries:
        content["charges"] = [
            {
                "sequence": entry.sequence,
                "at": entry.at,
                "metric": entry.metric,
                "rho": entry.rho,
                "release_key": entry.release_key,
            }
            for entry in site.ledger.entries()
            if entry.kind is Kind.CHARGE
        ]
    return content
