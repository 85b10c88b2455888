"""Commands of the privacy officers: their keys, kept off the node."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.table import Table

from node.cli import home
from node.cli.home import SHOW, AsJson, Home
from privacy import decision, signing
from privacy import policy as policies
from privacy.errors import BadConfiguration
from privacy.policy import OFFICERS_MIN
from privacy.signing import Document, Kind
from proto import keys

app = typer.Typer(help="The privacy officers' own keys.", no_args_is_help=True)

NoPassphrase = Annotated[
    bool,
    typer.Option(
        "--no-passphrase", help="The key is not encrypted; for demonstrations."
    ),
]
Key = Annotated[Path, typer.Option(help="The officer's private key.")]

_FOLDER: Final = "officers"
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)


@app.command("init")
def make(
    directory: Annotated[Path, typer.Argument(help="On the officer's own medium.")],
    *,
    name: Annotated[str, typer.Option(help="Whose key, such as ana-ruiz.")],
    no_passphrase: NoPassphrase = False,
) -> None:
    """Make an officer's key pair. Run it on the officer's medium, not on the node."""
    _check_name(name)
    words = None
    if not no_passphrase:
        words = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True)
    public = keys.init(
        directory, name=name, passphrase=words.encode() if words else None
    )
    SHOW.print(f"Made the key of {name}. Keep {name}.key off the node.")
    SHOW.print(f"Fingerprint: {signing.fingerprint(keys.load_public(public))}")
    SHOW.print(
        f"Next, at the node: `cmpp-node officer trust` with every {public.suffix} "
        "file, of two officers at least."
    )


@app.command()
def trust(
    context: typer.Context,
    publics: Annotated[list[Path], typer.Argument(help="The officers' .pub files.")],
) -> None:
    """Install officers' public keys, for the first policy.

    Once a policy is in force, it names the officers, and only they can change that.
    """
    site = home.opened(context)
    install(site, publics)
    for name, key in trusted(site).items():
        SHOW.print(f"{name}: {signing.fingerprint(key)}", soft_wrap=True)
    SHOW.print("Compare each fingerprint with its officer, face to face.")


@app.command()
def sign(
    file: Annotated[Path, typer.Argument(help="policy.toml, or a .cmpp file.")],
    *,
    key: Key,
    no_passphrase: NoPassphrase = False,
) -> None:
    """Read and sign a policy or a decision away from the node.

    Carry the file to your own machine, and the signed .cmpp file back. It needs no
    site, and shows every word it signs.
    """
    document = _carried(file)
    typer.echo(document.content.decode())
    signed = document.signed_by(unlocked(key, no_passphrase=no_passphrase))
    path = file.with_suffix(".cmpp")
    path.write_bytes(signed.file())
    SHOW.print(f"Signed this {document.kind.value}. Carry {path.name} back.")


@app.command("list")
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show who may sign for this site."""
    site = home.opened(context)
    rules = site.law.policy
    found = trusted(site) if rules is None else rules.officers
    where = "the first policy" if rules is None else f"policy {rules.version}"
    if as_json:
        named = {name: signing.key_text(key) for name, key in found.items()}
        home.write_json({"by": where, "officers": named})
        return
    table = Table("Officer", "Fingerprint", title=f"By {where}")
    for name, key in sorted(found.items()):
        table.add_row(name, signing.fingerprint(key))
    SHOW.print(table)


def install(site: Home, publics: Sequence[Path]) -> None:
    """Put officers' public keys in their place at a site.

    Raises:
        BadConfiguration: a policy already says who they are, or two share a key.
    """
    if site.law.policy is not None:
        raise BadConfiguration(
            f"The policy in force names the officers of {site.config.site}; change "
            "them in the next policy, which two of them sign."
        )
    known = trusted(site)
    for public in publics:
        _check_name(public.stem)
        key = keys.load_public(public)
        if known.get(public.stem, key) != key or _held_by_other(
            known, public.stem, key
        ):
            raise BadConfiguration(
                f"{public.stem} or that key is trusted here already; every officer "
                "has a name and a key of their own."
            )
        if public.stem not in known:
            folder = _folder(site)
            folder.mkdir(mode=0o700, exist_ok=True)
            content = keys.read_bounded(public)
            keys.write_new(folder / f"{public.stem}.pub", content, mode=0o644)
        known[public.stem] = key


def trusted(site: Home) -> dict[str, bytes]:
    """Return the officers trusted for the first policy: name -> public key."""
    found = sorted(_folder(site).glob("*.pub"))
    return {path.stem: keys.load_public(path) for path in found}


def enough(site: Home) -> dict[str, bytes]:
    """Return the trusted officers, if they are enough to name in a policy.

    Raises:
        BadConfiguration: the two-person rule lacks its persons.
    """
    found = trusted(site)
    if len(found) < OFFICERS_MIN:
        raise BadConfiguration(
            f"{len(found)} of at least {OFFICERS_MIN} officers are trusted here; "
            "each runs `cmpp-node officer init`, then `cmpp-node officer trust`."
        )
    return found


def unlocked(key: Path, *, no_passphrase: bool) -> Ed25519PrivateKey:
    """Open an officer's private key, asking for its passphrase."""
    words = None
    if not no_passphrase:
        words = typer.prompt("Passphrase", hide_input=True, err=True)
    return keys.load(key, passphrase=words.encode() if words else None)


def _carried(file: Path) -> Document:
    """Read what an officer is about to sign, and refuse what says nothing definite.

    Raises:
        BadSignature: it is nothing that an officer signs.
    """
    content = keys.read_bounded(file)
    if file.suffix == ".toml":
        document = Document(kind=Kind.POLICY, content=content)
    else:
        first = content.partition(b"\n")[0].rpartition(b" ")[2]
        kind = Kind.POLICY if first == Kind.POLICY.value.encode() else Kind.DECISION
        document = signing.read(content, kind)
    if document.kind is Kind.POLICY:
        policies.parse(document)
    else:
        decision.parse(document)
    return document


def _folder(site: Home) -> Path:
    """Return where trusted keys are."""
    return site.directory / _FOLDER


def _held_by_other(known: dict[str, bytes], name: str, key: bytes) -> bool:
    """Tell whether another officer has this very key."""
    return any(key == held for other, held in known.items() if other != name)


def _check_name(name: str) -> None:
    """Refuse a name that a policy could not carry plainly."""
    if not _NAME.fullmatch(name):
        raise BadConfiguration(
            f"{name[:32]!r} will not do as an officer's name; use small letters, "
            "digits and hyphens, such as ana-ruiz."
        )
