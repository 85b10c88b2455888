"""Commands about the ledger: what was spent, and that nobody altered it."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from node.cli import home
from node.cli.home import SHOW, AsJson, Home
from node.ledger import Scope
from privacy import archive, audit, export, loss, signing
from privacy.chain import Kind
from privacy.policy import Policy
from proto import keys

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
    """Show what each entry year has spent over its lifetime and what is left.

    `cmpp-node budget show` tells of every other cap too.
    """
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
def released(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show every number that was made to leave this site, noise included."""
    content = [
        {
            "sequence": kept.sequence,
            "at": kept.released_at,
            "metric": charge.metric,
            "rho": charge.rho,
            "numbers": list(kept.values),
            "noise_deviation": round(float(kept.variance) ** 0.5, 1),
        }
        for charge, kept in home.opened(context).ledger.released()
    ]
    if as_json:
        home.write_json(content)
        return
    table = Table("Number", "When", "Metric", "Loss (rho)", "What left", "Noise (+-)")
    for line in content:
        numbers = ", ".join(map(str, line.pop("numbers")))
        noise = line.pop("noise_deviation")
        table.add_row(*map(str, line.values()), numbers, str(noise))
    SHOW.print(table)


@app.command()
def verify(context: typer.Context) -> None:
    """Prove the ledger whole: every link, sum, cap, release, signature and cost."""
    site = home.opened(context)
    site.ledger.verify()
    found = audit.check_site(export.read(site.ledger.export()))
    found.require()
    head = site.ledger.head()
    SHOW.print(
        f"The ledger of {site.ledger.site} is whole: {head.sequence} entries, "
        f"{len(found.paid)} charges under accepted mandates, head {head.hash[:16]}."
    )


@app.command("export")
def write_export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A new file, such as NYC.archive.")],
) -> None:
    """Write the ledger for an auditor, signed by the site: no noisy number in it."""
    site = home.opened(context)
    key = site.statement_key
    keys.write_new(file, archive.signed(site.ledger.export(), key), mode=0o600)
    public = key.public_key().public_bytes_raw()
    SHOW.print(f"Wrote {file}, signed by the site.", soft_wrap=True)
    SHOW.print(f"Fingerprint of its key: {signing.fingerprint(public)}", soft_wrap=True)


def _content(site: Home, *, entries: bool) -> dict[str, Any]:
    """Return what the ledger says."""
    rules, head = site.law.policy, site.ledger.head()
    content: dict[str, Any] = {
        "site": site.ledger.site,
        "accounts": [] if rules is None else _accounts(site, rules),
        "head": {
            "sequence": head.sequence,
            "hash": head.hash,
            "epoch": head.epoch,
            "boot": head.boot.hex(),
        },
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


def _accounts(site: Home, rules: Policy) -> list[dict[str, Any]]:
    """Return what each entry year has spent over its lifetime."""
    return [
        {
            "entry_year": account.name,
            "spent_rho": float(loss.from_pico(account.spent.model)),
            "epsilon": loss.epsilon(loss.from_pico(account.spent.model), rules.delta)
            if account.spent.model
            else 0.0,
            "left_rho": float(loss.from_pico(account.left.model)),
            "spent_pico": account.spent.model,
            "left_pico": account.left.model,
        }
        for account in site.ledger.accounts()
        if account.scope is Scope.LIFETIME
    ]
