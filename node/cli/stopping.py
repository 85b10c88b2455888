"""Commands that stop a site, let it go on, and say what it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from node import draw
from node import holdings as held
from node.cli import home, officer
from node.cli.home import SHOW, AsJson, Home
from node.cli.officer import NoPassphrase
from node.identity import MASKING_FILE, STATEMENT
from node.records.connect import Kind
from node.secret import Secret
from node.stopping import acts, seal
from node.stopping.shred import Doomed
from privacy.decision import Act
from privacy.holding import PARTS, Holding
from privacy.signing import Document
from proto import credentials, keys

_FINAL: Final = "final"

Keys = Annotated[
    list[Path] | None,
    typer.Option("--key", help="An officer's private key; repeat it for two."),
]
Reason = Annotated[
    str,
    typer.Option(
        help="Why. An auditor will read it, so name nobody whom the site serves."
    ),
]
DecisionFile = Annotated[
    Path | None,
    typer.Option(
        "--decision", help="A decision that another officer has signed already."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (pause, resume, hold, lift, reopen, archive, holdings):
        app.command()(command)
    app.command("seal")(seal_site)


def pause(context: typer.Context) -> None:
    """Stop answering, at once. Anybody at the site may, and needs no key."""
    site = home.opened(context)
    if acts.pause(site.charter, now=home.now()):
        SHOW.print(f"{site.config.site} has paused: nothing is answered any more.")
    else:
        SHOW.print(f"{site.config.site} was not answering already.")
    SHOW.print("To go on takes an officer: `cmpp-node resume`.")


def resume(
    context: typer.Context,
    *,
    key: Keys = None,
    decision: DecisionFile = None,
    reason: Reason = "The pause is over.",
    no_passphrase: NoPassphrase = False,
) -> None:
    """Let the site answer again after a pause. One officer signs."""
    signers = _Signers(key or [], decision, reason, no_passphrase)
    if _decided(home.opened(context), Act.RESUME, signers):
        SHOW.print("The site answers again, under the same rules as before.")


def hold(
    context: typer.Context,
    *,
    key: Keys = None,
    decision: DecisionFile = None,
    reason: Reason = "Counsel asked for a legal hold.",
    no_passphrase: NoPassphrase = False,
) -> None:
    """Begin a legal hold: nothing is destroyed, and nobody sees more. One officer."""
    signers = _Signers(key or [], decision, reason, no_passphrase)
    if _decided(home.opened(context), Act.HOLD, signers):
        SHOW.print("A legal hold lasts: keys and records stay, access is as before.")


def lift(
    context: typer.Context,
    *,
    key: Keys = None,
    decision: DecisionFile = None,
    reason: Reason = "Counsel ended the legal hold.",
    no_passphrase: NoPassphrase = False,
) -> None:
    """End a legal hold. One officer signs, when counsel says so."""
    signers = _Signers(key or [], decision, reason, no_passphrase)
    site = home.opened(context)
    if _decided(site, Act.LIFT, signers):
        SHOW.print("The legal hold is over.")
        if site.law.sealed:
            SHOW.print("Next: `cmpp-node seal` again, to destroy the keys.")


def reopen(
    context: typer.Context,
    *,
    key: Keys = None,
    decision: DecisionFile = None,
    reason: Reason = "The ledger was restored from a copy.",
    no_passphrase: NoPassphrase = False,
) -> None:
    """Go on after a restore, with every account counted as full. Two officers sign.

    Nobody can know what was charged in the part that was lost, so all of it counts
    as spent, for every year that had begun.
    """
    signers = _Signers(key or [], decision, reason, no_passphrase)
    site = home.opened(context)
    if _decided(site, Act.REOPEN, signers):
        SHOW.print(
            f"Epoch {site.law.epoch} of the ledger has begun. Every account "
            "counts as full; start the node, so that its peers take note."
        )


def seal_site(
    context: typer.Context,
    *,
    key: Keys = None,
    decision: DecisionFile = None,
    reason: Reason = "The site leaves the programme.",
    no_passphrase: NoPassphrase = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; for programs only.")
    ] = False,
) -> None:
    """Stop for good: a last signed report, then every key is destroyed.

    This cannot be undone. The ledger stays. While a legal hold lasts the keys stay
    too. Run it again if it was cut off: it goes on where it was.
    """
    site = home.opened(context)
    signers = _Signers(key or [], decision, reason, no_passphrase)
    if not (site.law.sealed or yes):
        typer.confirm(
            f"Destroy the keys of {site.config.site} and of its records for good?",
            abort=True,
        )
    if not site.law.sealed and not _decided(site, Act.SEAL, signers):
        return
    done = seal.finish(
        site.law,
        site.ledger,
        folder=site.directory / _FINAL,
        statement_key=_statement_key(site),
        doomed=doomed(site),
    )
    _say_sealed(site, done)


def archive(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(help="Where the two files go.")],
) -> None:
    """Write the signed archive of the ledger and the report, and change nothing."""
    site = home.opened(context)
    files = seal.write(site.law, site.ledger, folder=directory, key=site.statement_key)
    for file in files:
        SHOW.print(f"Wrote {file}.", soft_wrap=True)


def holdings(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List every table and file of this site: what it holds, how long, for whom."""
    site = home.opened(context)
    found = {
        "files": held.files(site.directory),
        "tables": held.tables(site.schema),
    }
    if as_json:
        home.write_json({k: [h.content() for h in v] for k, v in found.items()})
        return
    for title, listed in found.items():
        SHOW.print(_table(title, listed))


@dataclass(frozen=True, slots=True)
class _Signers:
    """Who signs a decision, and how.

    Attributes:
        key_files: Officers' private keys.
        decision: A decision somebody signed already, or None to draft one.
        reason: Why, for a new one.
        bare: Whether the keys are not encrypted.
    """

    key_files: Sequence[Path]
    decision: Path | None
    reason: str
    bare: bool


def _decided(site: Home, act: Act, signers: _Signers) -> bool:
    """Have officers decide something about the site; tell whether it is in force."""
    law = site.law
    if acts.stands(law, act):
        SHOW.print("It is so already; nothing was changed.")
        return False
    if signers.decision is None:
        document = site.charter.decide(act, reason=signers.reason, now=home.now())
    else:
        document = acts.read(keys.read_bounded(signers.decision), act)
    privates = [
        officer.unlocked(path, no_passphrase=signers.bare) for path in signers.key_files
    ]
    document = acts.signed(document, privates)
    others = acts.missing(law, document, act)
    if others:
        _ask_others(site, act, document, others)
        return False
    acts.enact(site.charter, document, now=home.now())
    return True


def _ask_others(
    site: Home, act: Act, document: Document, others: Sequence[str]
) -> None:
    """Keep a half-signed decision for the next officer."""
    path = site.directory / f"decision-{act.value}.cmpp"
    path.write_bytes(document.file())
    SHOW.print(f"Not in force yet: one more of {', '.join(others)} must sign.")
    SHOW.print(
        f"Carry {path.name} to one of them, who signs it: `cmpp-node officer sign "
        f"{path.name} --key ...`"
    )
    SHOW.print(
        f"Then: `cmpp-node {act.value} --decision {path.name}`, before any other rule "
        "changes."
    )


def doomed(site: Home) -> tuple[Doomed, ...]:
    """Name every file that a sealed site destroys, keys of the records first."""
    place, identity = site.place, site.config.identity_directory
    found = []
    if place.key is not None:
        found.append(_key(place.key))
    if place.kind is Kind.SQLITE:
        generations = sorted(place.directory.glob("g*.sqlite*"))
        found += [Doomed(path, f"the records in {path.name}") for path in generations]
    register = site.directory / "register.sqlite"
    found += [
        _key(site.key_map_key_file),
        Doomed(site.key_map_file, "the map from case numbers"),
        *(Doomed(f, f"{f.name} of draws") for f in draw.private_files(site.directory)),
        Doomed(register, "the register"),
        Doomed(
            register.with_name(f"{register.name}-journal"), "the register's journal"
        ),
        Doomed(identity / MASKING_FILE, "the key of masked sums"),
    ]
    keys = credentials.key_files(identity)
    return (*found, *(Doomed(path, "the key of the certificate") for path in keys))


def _key(secret: Secret) -> Doomed:
    """Name a key, wherever it is kept."""
    return Doomed(secret.path or secret, f"the key of the {secret.opens}")


def _statement_key(site: Home) -> Path:
    """Return the file of the key that signs the site's statements."""
    return site.config.identity_directory / f"{STATEMENT}.key"


def _say_sealed(site: Home, done: seal.Sealing) -> None:
    """Tell what happened, and what a program cannot do."""
    for path in done.written:
        SHOW.print(f"Wrote {path}.", soft_wrap=True)
    for what in done.destroyed:
        SHOW.print(f"Destroyed {what}.")
    for what in done.kept:
        SHOW.print(f"Kept {what}: a legal hold lasts.")
    if done.kept:
        SHOW.print("When counsel ends it: `cmpp-node lift`, then `cmpp-node seal`.")
        return
    SHOW.print(f"{site.config.site} is sealed. It answers nothing any more.")
    say_limits(site)
    SHOW.print("Next: `cmpp-node shred`, to destroy the files that are left as well.")


def say_limits(site: Home) -> None:
    """Tell what a program cannot destroy."""
    if site.place.kind is Kind.POSTGRESQL:
        SHOW.print(
            "The records are in PostgreSQL, which this program cannot destroy: drop "
            "their schemas, and have the database's operator destroy its files."
        )
    for secret in (site.place.key, site.key_map_key_file):
        if secret is not None and not secret.changeable:
            SHOW.print(
                f"The key of the {secret.opens} is a systemd credential, which this "
                "program cannot destroy: remove it, and its encrypted file."
            )
    SHOW.print(
        "Stop the service now. A disk may keep old copies of what was overwritten, and "
        "a backup keeps what it has: destroy backups of this directory as well."
    )


def _table(title: str, listed: Sequence[Holding]) -> Table:
    """Lay holdings out for a terminal."""
    table = Table(title=title.capitalize(), title_justify="left", show_lines=True)
    for part in PARTS:
        table.add_column(part.capitalize(), overflow="fold")
    for each in listed:
        table.add_row(*each.content().values())
    return table
