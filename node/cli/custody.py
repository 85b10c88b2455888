"""Commands that keep the records: keys, backups, purges, consent, and the end."""

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from node.cli import home, stopping
from node.cli.home import SHOW
from node.custody import consent as consents
from node.custody import purge as purging
from node.custody import recipient, rotation, shred
from node.custody.backup import backup as write_backup
from node.custody.consent import Whose
from node.custody.restore import Restored
from node.custody.restore import restore as read_backup
from privacy.errors import BadConfiguration

key = typer.Typer(help="The keys of what is encrypted here.", no_args_is_help=True)
consent = typer.Typer(help="People's own decisions.", no_args_is_help=True)

_Case = Annotated[
    bool, typer.Option("--case", help="The number is a case's: all of its adults.")
]
_Bare = Annotated[
    bool, typer.Option("--no-passphrase", help="The key is not encrypted.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (backup, restore, shred_site, purge):
        app.command("shred" if command is shred_site else command.__name__)(command)
    app.add_typer(key, name="key")
    app.add_typer(consent, name="consent")


@key.command()
def rotate(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="records, or keys: the key map.")],
) -> None:
    """Change a key: everything under it is sealed again, and the old one destroyed.

    The node goes on answering. If it is cut off, run it again.
    """
    site = home.opened(context)
    if what == "records":
        number = rotation.rotate_records(site.records)
        secret = site.place.key
        SHOW.print(f"The records have a new key; {number} generations were sealed.")
    elif what == "keys":
        rotation.rotate_key_map(site.records, site.key_map)
        secret = site.key_map_key_file
        SHOW.print("The key map has a new key.")
    else:
        raise BadConfiguration("There are two keys to rotate; name records or keys.")
    if secret is not None and rotation.must_drop(secret):
        SHOW.print("Now take the second line, the old key, out of the credential.")
    else:
        SHOW.print("The old key is destroyed; backups made before hold it still.")


@key.command("recipient")
def make_recipient(
    directory: Annotated[Path, typer.Argument(help="On a medium kept off the node.")],
    *,
    no_passphrase: _Bare = False,
) -> None:
    """Make a key pair that backups are written for. Run it away from the node."""
    words = None if no_passphrase else _passphrase(twice=True)
    public = recipient.make(directory, passphrase=words)
    SHOW.print(f"Made the pair. Keep {recipient.PRIVATE} where the backups are not.")
    SHOW.print(f"Next, at the node: `cmpp-node backup FILE --recipient {public.name}`")


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The new file; on another disk.")],
    *,
    for_recipient: Annotated[
        Path | None,
        typer.Option("--recipient", help="A public key; without it, a passphrase."),
    ] = None,
) -> None:
    """Write everything of this site into one encrypted file, while it serves.

    A passphrase is asked for, or read from standard input.
    """
    site = home.opened(context)
    lock = (
        recipient.public(for_recipient)
        if for_recipient is not None
        else _passphrase(twice=True)
    )
    write_backup(file, site.estate, site.records, lock=lock)
    SHOW.print(f"Wrote {file}.", soft_wrap=True)
    SHOW.print(
        "It holds the records and their keys: keep it as safe as the node, and destroy "
        "it when a newer one is made. What is purged later is still in it."
    )


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `cmpp-node backup` wrote.")],
    *,
    private: Annotated[
        Path | None,
        typer.Option("--key", help="The recipient's key, if it was written for one."),
    ] = None,
    no_passphrase: _Bare = False,
    outside: Annotated[
        list[Path] | None,
        typer.Option(help="A folder outside --home that the site uses; repeat it."),
    ] = None,
) -> None:
    """Make the site again from a backup, in an empty directory (--home).

    Nothing is written anywhere else, unless --outside names the folder.
    """
    site = home.opened(context)
    words = None if private is not None and no_passphrase else _passphrase()
    done = read_backup(
        file,
        site.directory,
        reads=home.estate_from,
        outside=tuple(outside or ()),
        passphrase=words if private is None else None,
        key=None if private is None else recipient.private(private, passphrase=words),
    )
    SHOW.print(f"Restored {done.files} files to {site.directory}.", soft_wrap=True)
    _say_next(done, forgeable=private is not None)


def _say_next(done: Restored, *, forgeable: bool) -> None:
    """Say what a restored site needs before it answers."""
    for path in done.unplaced:
        SHOW.print(
            f"{path.name} holds a key that belongs in a systemd credential: make the "
            "credential from it, then destroy the file."
        )
    if forgeable:
        SHOW.print(
            "Anybody with the public key can write such a file, so read its node.toml "
            "before you start the node: it names the programs the node runs, and the "
            "coordinator it trusts."
        )
    SHOW.print(
        "The ledger is as old as the backup. What was charged since is lost here, and "
        "the peers know: they keep this node from answering."
    )
    SHOW.print(
        "Next: make sure that the old node never starts again. Start this one; if it "
        "stops because its ledger was turned back, two officers run `cmpp-node reopen` "
        "and every account counts as full."
    )
    SHOW.print(
        "Then import again: records and withdrawals made since the backup are missing."
    )


def shred_site(
    context: typer.Context,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; for programs only.")
    ] = False,
) -> None:
    """Destroy what a sealed site still has: keys first, then its files.

    The ledger and the last report stay. This cannot be undone.
    """
    site = home.opened(context)
    law = site.law
    shred.check(law)
    if not yes:
        typer.confirm(
            f"Destroy the records of {site.config.site} for good?", abort=True
        )
    site.records.close()
    done = shred.everything(law, site.estate, keys=stopping.doomed(site))
    for what in done.keys:
        SHOW.print(f"Destroyed {what}.")
    SHOW.print(f"Destroyed {done.files} other files. The ledger and final/ stay.")
    stopping.say_limits(site)


def purge(
    context: typer.Context,
    *,
    draws: Annotated[
        bool,
        typer.Option(
            "--draws", help="Destroy old lists of draws; no audit after that."
        ),
    ] = False,
) -> None:
    """Forget the case numbers of households that were not selected, when it is time.

    Fifteen months after its draw such a household is still counted, and nobody can
    tell any more which case it was. Every import does this by itself.
    """
    site, now = home.opened(context), home.now()
    forgotten = purging.purge(site.records, site.key_map, now=now)
    SHOW.print(f"Forgot {forgotten} case and person numbers. They stay counted.")
    if forgotten:
        SHOW.print(
            "Backups made before still hold them: destroy what is not needed. The map "
            "has a new key: what a disk keeps of the old one does not open with it."
        )
    lists = purging.old_lists(site.directory, now=now)
    if draws:
        destroyed = purging.destroy_lists(lists, site.records)
        SHOW.print(f"Destroyed {destroyed} lists of draws.")
    elif lists:
        SHOW.print(
            f"{len(lists)} lists of old draws still name households. When no auditor "
            "needs them: `cmpp-node purge --draws`."
        )


@consent.command()
def withdraw(context: typer.Context, *, case: _Case = False) -> None:
    """Leave a person out of every question from now on, whatever the source says.

    The number is asked for, or read from standard input; it is written nowhere.
    """
    site = home.opened(context)
    whose = Whose.CASE if case else Whose.PERSON
    done = consents.withdraw(site.records, site.key_map, whose, _number(whose))
    if done.known:
        SHOW.print("Withdrawn: nobody asks about this person any more.")
    elif done.forgotten:
        SHOW.print(
            "This number was forgotten fifteen months after its draw: nobody can find "
            "its records any more, so they stay counted without a name. Should the "
            "source give the person a new number, withdraw that as well."
        )
    else:
        SHOW.print(
            "No import has met this number. It is kept to when one does; check it for "
            "a slip of the pen."
        )
    SHOW.print(
        "A household is left out as a whole once a counted adult of it is. What was "
        "given out before stays as it is. Services do not depend on this."
    )


@consent.command()
def status(context: typer.Context, *, case: _Case = False) -> None:
    """Tell whether a number is withdrawn here. Services never depend on it."""
    site = home.opened(context)
    whose = Whose.CASE if case else Whose.PERSON
    found = consents.standing(site.key_map, whose, _number(whose))
    SHOW.print(f"Known from an import: {'yes' if found.known else 'no'}")
    SHOW.print(f"Withdrawn here: {'yes' if found.withdrawn else 'no'}")
    if found.forgotten:
        SHOW.print("Its number was forgotten: its records cannot be found any more.")


@consent.command("restore")
def follow_source(context: typer.Context, *, case: _Case = False) -> None:
    """Follow the source's word again, from the next import on.

    Only when the person has said yes anew, and the source shows it.
    """
    site = home.opened(context)
    whose = Whose.CASE if case else Whose.PERSON
    number = _number(whose)
    changed = consents.restore(site.records, site.key_map, whose, number)
    if not changed:
        SHOW.print("This number was not withdrawn here; nothing was changed.")
    elif consents.standing(site.key_map, whose, number).forgotten:
        SHOW.print(
            "The withdrawal of this number is lifted, but the number was forgotten "
            "fifteen months after its draw: nobody can find its records any more, so "
            "they stay as they are, and imports pass its rows over whatever the source "
            "says."
        )
    else:
        SHOW.print("From the next import on, what the source says holds again.")


def _number(whose: Whose) -> str:
    """Ask for a number: an argument would be in the shell's history."""
    name = "Case number" if whose is Whose.CASE else "Person number"
    return _secret_line(name)


def _passphrase(*, twice: bool = False) -> str:
    """Ask for a passphrase, twice for a new one."""
    words = _secret_line("Passphrase")
    if twice and sys.stdin.isatty() and _secret_line("Once more") != words:
        raise BadConfiguration("The two passphrases differ; run the command again.")
    return words


def _secret_line(name: str) -> str:
    """Read a line that is shown nowhere, from the terminal or standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{name}: ")
    return sys.stdin.readline().rstrip("\r\n")
