"""A board member's own key, and signing with it whatever the Board decides."""

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Final

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.cli.centre import SHOW, TELL
from privacy import signing
from privacy.errors import BadConfiguration
from privacy.signing import Document, Kind
from proto import keys

app = typer.Typer(help="A board member's own key.", no_args_is_help=True)

KeyOption = Annotated[Path, typer.Option("--key", help="The member's private key.")]
PlainOption = Annotated[
    bool,
    typer.Option(
        "--no-passphrase", help="The key is not encrypted; for demonstrations."
    ),
]
FileArgument = Annotated[Path, typer.Argument(help="The file.")]

_GROUP: Final = 4


@app.command("init")
def init_member(
    directory: Annotated[Path, typer.Argument(help="On the member's own medium.")],
    *,
    name: Annotated[str, typer.Option(help="What the key files are called.")],
    no_passphrase: PlainOption = False,
) -> None:
    """Make a board member's key pair. Run it on the member's own machine."""
    words = None if no_passphrase else new_passphrase()
    public = keys.init(directory, name=name, passphrase=words)
    SHOW.print(f"Made {name}.key and {name}.pub in {directory}.", highlight=False)
    SHOW.print("Send the .pub file to the centre, and read this out by telephone:")
    SHOW.print(signing.fingerprint(keys.load_public(public)), soft_wrap=True)


def new_passphrase() -> bytes:
    """Ask for a new passphrase, twice.

    Raises:
        BadConfiguration: it is empty.
    """
    words = str(
        typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    )
    if not words.strip():
        raise BadConfiguration("The passphrase is empty; choose a long one.")
    return words.encode()


def read(path: Path, kinds: Collection[Kind]) -> Document:
    """Read a document of one of these kinds; its signatures are not judged.

    Raises:
        BadSignature: it is none of them.
    """
    file = keys.read_bounded(path)
    first = file.partition(b"\n")[0].rpartition(b" ")[2].decode("ascii", "replace")
    named = next((kind for kind in kinds if kind.value == first), None)
    return signing.read(file, next(iter(kinds)) if named is None else named)


def sign(
    path: Path,
    key: Path,
    *,
    kinds: Collection[Kind],
    show: Callable[[Document], None],
    no_passphrase: bool,
) -> None:
    """Show what a file says, then add a member's signature to it."""
    document = read(path, kinds)
    show(document)
    signed = signed_with(document, key, no_passphrase=no_passphrase)
    replace(path, signed.file())
    SHOW.print(
        f"Signed. {path.name} now carries {len(signed.signers)} signatures that hold.",
        highlight=False,
    )


def signed_with(document: Document, key: Path, *, no_passphrase: bool) -> Document:
    """Return a document with the signature of a key, once its passphrase is typed."""
    return document.signed_by(unlocked(key, no_passphrase=no_passphrase))


def unlocked(key: Path, *, no_passphrase: bool) -> Ed25519PrivateKey:
    """Open a member's private key, once its passphrase is typed."""
    words = None
    if not no_passphrase:
        said = typer.prompt("Passphrase, to sign this", hide_input=True, err=True)
        words = str(said).encode()
    return keys.load(key, passphrase=words)


def write(path: Path, document: Document) -> None:
    """Write a new document's file; nothing is overwritten."""
    keys.write_new(path, document.file(), mode=0o644)


def replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(path)


def tell_next(text: str) -> None:
    """Say what follows, without marking anything up."""
    TELL.print(text, markup=False, highlight=False, soft_wrap=True)


def grouped(digest: str) -> str:
    """Write a digest as people read it out, in groups of four."""
    return " ".join(digest[at : at + _GROUP] for at in range(0, len(digest), _GROUP))
