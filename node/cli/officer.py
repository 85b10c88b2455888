"""Commands of the privacy officer: the key, kept off the node, and the policy."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from node import policy
from node.cli import home
from node.cli.home import SHOW, AsJson, Home
from node.policy import officer
from privacy import loss

officers = typer.Typer(help="The privacy officer's own key.", no_args_is_help=True)
policies = typer.Typer(help="What this site allows.", no_args_is_help=True)

_NoPassphrase = Annotated[
    bool,
    typer.Option(
        "--no-passphrase", help="Leave the key unencrypted; for demonstrations."
    ),
]


@officers.command("init")
def init_officer(
    directory: Annotated[Path, typer.Argument(help="On the officer's own medium.")],
    *,
    no_passphrase: _NoPassphrase = False,
) -> None:
    """Make the officer's key pair. Run it on the officer's medium, not on the node."""
    words = None
    if not no_passphrase:
        words = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True)
    public = officer.init(directory, passphrase=words.encode() if words else None)
    SHOW.print(f"Made the officer's key in {directory}. Keep it off the node.")
    SHOW.print(f"Next, at the node: `cmpp-node officer trust {public}`.")


@officers.command()
def trust(context: typer.Context, public: Path) -> None:
    """Install the officer's public key: the node obeys policies signed with it only."""
    install(home.opened(context), public)


def install(site: Home, public: Path) -> None:
    """Put the officer's public key in its place at a site."""
    officer.load_public(public)
    site.config.officer_public_key_file.write_bytes(officer.read_bounded(public))
    SHOW.print(f"{site.config.site} obeys policies signed with this officer's key.")


@policies.command()
def sign(
    context: typer.Context,
    key: Annotated[Path, typer.Option(help="The officer's private key.")],
    *,
    no_passphrase: _NoPassphrase = False,
) -> None:
    """Sign the policy file exactly as it is. Read it first."""
    site = home.opened(context)
    words = None if no_passphrase else typer.prompt("Passphrase", hide_input=True)
    policy.sign(
        site.config.policy_file,
        key=officer.load_key(key, passphrase=words.encode() if words else None),
    )
    SHOW.print(f"Signed {site.config.policy_file.name}. It holds from the next start.")


@policies.command()
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show the policy in force, if the officer signed it."""
    rules = home.opened(context).policy
    content = {
        "site": rules.site,
        "version": rules.version,
        "programme": rules.programme,
        "metrics": sorted(rules.metrics),
        "periods": sorted(rules.period_kinds),
        "entry_years": [rules.first_entry_year.label, rules.last_entry_year.label],
        "lifetime_rho": str(rules.lifetime_rho),
        "lifetime_epsilon": loss.epsilon(rules.lifetime_rho, rules.delta),
        "per_release_rho": str(rules.per_release_rho),
        "delta": str(rules.delta),
        "not_before": rules.not_before.isoformat(),
        "not_after": rules.not_after.isoformat(),
    }
    if as_json:
        home.write_json(content)
        return
    table = Table(show_header=False)
    for name, value in content.items():
        text = ", ".join(value) if isinstance(value, list) else str(value)
        table.add_row(name.replace("_", " ").capitalize(), text)
    SHOW.print(table)
