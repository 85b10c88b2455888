"""Commands about the roster at a site: compare its fingerprints, then agree to it."""

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from node import identity
from node.cli import home
from node.cli.home import SHOW, TELL, AsJson, Home
from privacy import roster as lists
from privacy import signing
from privacy.chain import Kind
from privacy.errors import BadConfiguration, NotAllowed
from privacy.roster import Roster
from privacy.signing import Document
from proto import keys

app = typer.Typer(
    help="The signed list of who takes part, with their keys.", no_args_is_help=True
)

_HEARD: Final = 40
"""Letters of the digest that an operator hears by telephone and types.

Whoever drafts the roster could prepare two that begin alike, one for each end of the
call; with 160 bits compared that takes 2**80 attempts.
"""

_GROUP: Final = 4


@app.command()
def show(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="A roster; the one in force unless named.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a roster with every key's fingerprint, for the telephone."""
    if file is not None:
        found = lists.parse(_read(file))
    else:
        in_force = home.opened(context).charter.law().roster
        if in_force is None:
            raise NotAllowed(
                "This site has no roster in force; accept the one the coordinator "
                "sends with `cmpp-node roster accept`."
            )
        found = in_force
    if as_json:
        home.write_json(
            {
                "network": found.network,
                "version": found.version,
                "digest": found.digest.hex(),
                "board_signatures": found.board_signatures,
                "fingerprints": dict(found.fingerprints()),
            }
        )
        return
    _show(found)


@app.command()
def accept(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The roster as it was sent.")],
    *,
    fingerprint: Annotated[
        str | None,
        typer.Option(help="The roster's whole digest, as compared by telephone."),
    ] = None,
) -> None:
    """Agree to a roster, after its digest was compared by telephone, and sign it.

    Call the operators of other sites, at numbers you already had, and have one read
    out the digest of the roster in front of them. Never take it from the message that
    brought the file.
    """
    site, document = home.opened(context), _read(file)
    found = lists.parse(document)
    site.charter.check_network(document)
    _check_ours(site, found)
    _show(found)
    _compare(document.digest.hex(), fingerprint)
    digest = document.digest.hex()
    if digest not in site.charter.law().agreed:
        site.charter.enact(Kind.AGREED, subject=digest, now=home.now())
    signed = document.signed_by(site.statement_key)
    path = file.with_name(f"{file.name}.signed")
    path.unlink(missing_ok=True)
    keys.write_new(path, signed.file(), mode=0o644)
    SHOW.print(
        f"Agreed, and signed in the name of site {site.config.site}. Send {path.name} "
        "back to the coordinator.",
        highlight=False,
    )


def _read(file: Path) -> Document:
    return signing.read(keys.read_bounded(file), signing.Kind.ROSTER)


def _check_ours(site: Home, found: Roster) -> None:
    """Refuse a roster that would surprise: not our keys, or not the next one.

    Raises:
        NotAllowed: this site is not in it with its own keys.
        BadConfiguration: it does not follow the roster in force.
    """
    name, folder = site.config.site, site.config.identity_directory
    ours = found.members.get(name)
    key = site.statement_key.public_key().public_bytes_raw()
    held = (key, identity.masking_key(folder))
    if ours is None or (ours.key, ours.mask_key) != held:
        what = "leaves out" if ours is None else "names other keys for"
        raise NotAllowed(
            f"This roster {what} site {name}, so it is not agreed to; tell the "
            "coordinator, and the other operators by telephone."
        )
    law = site.charter.law()
    if law.policy is not None and law.policy.network != found.network:
        raise BadConfiguration(
            f"This roster is for network {found.network}, and this site's policy for "
            f"{law.policy.network}; ask for the right one."
        )
    before = law.roster
    if before is None or before.digest == found.digest:
        return
    follows = (before.version + 1, before.digest.hex())
    if (found.version, found.previous) != follows:
        raise BadConfiguration(
            f"This is roster {found.version}, and roster {before.version} is in force "
            "here; an old roster is never agreed to again, so ask for the next one."
        )


def _compare(digest: str, fingerprint: str | None) -> None:
    """Go on only if the operator heard the same digest from somebody else.

    Raises:
        NotAllowed: what was heard is another roster's.
    """
    if fingerprint is None:
        heard = typer.prompt(
            f"Type the first {_HEARD} letters of the digest, as another operator reads "
            "them to you",
            err=True,
        )
        expected = digest[:_HEARD]
    else:
        heard, expected = fingerprint, digest
    if "".join(str(heard).split()).lower() != expected:
        raise NotAllowed(
            "That is not the digest of this roster, so nothing was agreed to. Somebody "
            "may have been sent another list: tell the other operators by telephone, "
            "and the coordinator."
        )
    TELL.print("The digests are the same.")


def _show(found: Roster) -> None:
    """Show a roster in the terminal."""
    SHOW.print(
        f"Roster {found.version} of network {found.network}: {len(found.members)} "
        f"sites; a mandate takes {found.board_signatures} organisations of the Board.",
        highlight=False,
    )
    table = Table("Whose key", "Fingerprint")
    for whose, fingerprint in found.fingerprints():
        half = len(fingerprint) // 2
        table.add_row(whose, f"{fingerprint[:half]}\n{fingerprint[half:].strip()}")
    SHOW.print(table, markup=False)
    SHOW.print(
        f"Digest: {_grouped(found.digest.hex())}", soft_wrap=True, highlight=False
    )


def _grouped(digest: str) -> str:
    """Write a digest as people read it out, in groups of four."""
    return " ".join(digest[at : at + _GROUP] for at in range(0, len(digest), _GROUP))
