"""Commands about what this site allows: draft it, sign it, put it in force."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from node.cli import home, officer
from node.cli.home import SHOW, AsJson, Home
from node.cli.officer import Key, NoPassphrase
from node.notify import Notice
from node.policy import draft, plan
from node.policy.draft import Draft
from node.policy.signatures import Progress
from privacy import policy as policies
from privacy import signing
from privacy.chain import Kind
from privacy.dictionary import Grain
from privacy.errors import BadConfiguration, BadSignature
from privacy.law import Law
from privacy.policy import Policy
from privacy.roster import TRAINING
from privacy.signing import Document
from proto import keys

app = typer.Typer(help="What this site allows.", no_args_is_help=True)

_DEFAULT_NETWORK = "cmpp"
_DEFAULT_TRAINING = f"{TRAINING}{_DEFAULT_NETWORK}"


@app.command("draft")
def write(
    context: typer.Context,
    *,
    network: Annotated[
        str | None, typer.Option(help="The network's name; by default its roster's.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Replace a draft that is there.")
    ] = False,
) -> None:
    """Write policy.toml for the officers to read: the first, or the next one.

    Every rule in it can be changed before it is signed. `cmpp-node budget set`
    changes its caps.
    """
    site = home.opened(context)
    law = site.law
    if text_file(site).exists() and not again:
        raise BadConfiguration(
            f"{text_file(site).name} is there; read and sign it, or replace it with "
            "--again."
        )
    save(site, draft.text(_first(site, law, network)))
    SHOW.print(f"Wrote {text_file(site).name}: read it, and change what you will.")
    SHOW.print("Next: `cmpp-node budget consequences`, then `cmpp-node policy sign`.")


@app.command()
def sign(
    context: typer.Context, *, key: Key, no_passphrase: NoPassphrase = False
) -> None:
    """Add one officer's signature to the policy exactly as it is. Read it first."""
    site = home.opened(context)
    before = site.law.policy
    document = _unsigned(site)
    rules = policies.parse(document)
    private = officer.unlocked(key, no_passphrase=no_passphrase)
    judges = rules if before is None else before
    public = private.public_key().public_bytes_raw()
    if public not in judges.officers.values():
        raise BadSignature(
            "This key is not one of an officer who may sign this policy; the officers "
            f"are {', '.join(sorted(judges.officers))}."
        )
    kept = _kept(site)
    if kept is not None and kept.content == document.content:
        document = kept
    document = document.signed_by(private)
    signed_file(site).write_bytes(document.file())
    SHOW.print(f"Signed version {rules.version} of the policy of {rules.site}.")
    progress = Progress.of(document, before)
    _say_progress(progress)
    if progress.missing:
        # The next officer is told, in the one sentence that says nothing more.
        about = f"{document.digest.hex()} {progress.missing}"
        site.notifier.tell(Notice.WAITS, about=about)
        site.notifier.wait()


@app.command()
def adopt(context: typer.Context) -> None:
    """Put the signed policy in force, at once and without a restart."""
    site = home.opened(context)
    law = site.law
    document = _kept(site)
    if document is None:
        raise BadConfiguration(
            f"There is no {signed_file(site).name}; have the officers run "
            "`cmpp-node policy sign`."
        )
    if document.content != keys.read_bounded(text_file(site)):
        raise BadSignature(
            f"{text_file(site).name} was changed after it was signed; have it signed "
            "again."
        )
    rules = policies.parse(document)
    if law.policy is None and dict(rules.officers) != officer.enough(site):
        raise BadSignature(
            "The first policy must name exactly the officers trusted here; compare "
            "it with `cmpp-node officer list`."
        )
    site.charter.enact(Kind.POLICY, document, now=home.now())
    SHOW.print(
        f"Policy {rules.version} of {rules.site} is in force until "
        f"{rules.not_after:%Y-%m-%d}, from the next question on."
    )


@app.command()
def show(
    context: typer.Context,
    *,
    drafted: Annotated[
        bool, typer.Option("--draft", help="Show policy.toml, not what is in force.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the policy in force, or the draft and whose signatures it needs."""
    site = home.opened(context)
    before = site.law.policy
    document = _unsigned(site) if drafted else None
    rules = policies.parse(document) if document else before
    if rules is None:
        raise BadConfiguration(
            "No policy is in force yet; read the draft with --draft, sign and adopt it."
        )
    content = _content(rules)
    kept = _kept(site)
    if document is not None:
        if kept is not None and kept.content == document.content:
            document = kept
        content |= _progress(Progress.of(document, before))
    if as_json:
        home.write_json(content)
        return
    _print(content)


@app.command()
def metrics(context: typer.Context) -> None:
    """Show every metric the draft allows: what is counted, and how finely."""
    site = home.opened(context)
    rules = policies.parse(_unsigned(site))
    programme = site.law.newest or site.programme
    table = Table("Metric", "Name", "What is published", "In words")
    for name in sorted(rules.allow - rules.deny):
        metric = programme.metrics.get(name)
        if metric is None:
            table.add_row(name, "not in the catalogue", "", "")
            continue
        published = "the total" if metric.grain is Grain.NATIONAL else "by site too"
        table.add_row(name, metric.name, published, metric.definition)
    SHOW.print(table)


def text_file(site: Home) -> Path:
    """Return where a policy is drafted."""
    return site.config.policy_file


def signed_file(site: Home) -> Path:
    """Return where its signatures are gathered."""
    return text_file(site).with_suffix(".cmpp")


def save(site: Home, written: str) -> None:
    """Keep a draft; signatures over another text are worth nothing and go."""
    text_file(site).write_text(written, "utf-8")
    signed_file(site).unlink(missing_ok=True)


def drafted_or_in_force(site: Home) -> Policy:
    """Return the policy under preparation, or the one in force.

    Raises:
        BadConfiguration: there is neither.
    """
    if text_file(site).exists():
        return policies.parse(_unsigned(site))
    rules = site.law.policy
    if rules is None:
        raise BadConfiguration("There is no policy; run `cmpp-node policy draft`.")
    return rules


def _first(site: Home, law: Law, network: str | None) -> Draft:
    """Draft the next policy, or a first: what the shipped packs ask, from the start.

    Other metrics an officer adds by name, so that none is allowed unread.
    """
    today = home.now()
    if law.policy is not None:
        return replace(
            Draft.like(law.policy, now=today),
            version=law.policy.version + 1,
            reason="The next policy.",
        )
    named = _DEFAULT_TRAINING if site.config.training else _DEFAULT_NETWORK
    named = law.roster.network if law.roster else named
    programme = site.programme
    return Draft(
        site=site.config.site,
        network=network or named,
        programme=programme.version,
        allow=plan.packed(programme),
        officers=officer.enough(site),
        first_entry_year=programme.first_entry_year.label,
        last_entry_year=f"FY{today.year + 1}",
        not_before=today,
    )


def _unsigned(site: Home) -> Document:
    """Return the draft as a document without signatures."""
    content = keys.read_bounded(text_file(site))
    return Document(kind=signing.Kind.POLICY, content=content)


def _kept(site: Home) -> Document | None:
    """Return the signatures gathered so far."""
    path = signed_file(site)
    if not path.exists():
        return None
    return signing.read(keys.read_bounded(path), signing.Kind.POLICY)


def _content(rules: Policy) -> dict[str, Any]:
    """Return what a policy says, for people and programs."""
    content: dict[str, Any] = {
        "site": rules.site,
        "network": rules.network,
        "version": rules.version,
        "reason": rules.reason,
        "programme": rules.programme,
        "allow": sorted(rules.allow),
        "deny": sorted(rules.deny),
        "period_kinds": sorted(rules.period_kinds),
        "purposes": sorted(rules.purposes),
        "entry_years": [rules.first_entry_year.label, rules.last_entry_year.label],
        "tolerated_colluders": rules.tolerated_colluders,
        "board_signatures": rules.board_signatures,
        "officers": sorted(rules.officers),
        "accepts_mandates_by_rule": rules.auto_accept.mandates,
        "accepts_editions_by_rule": rules.auto_accept.editions,
        "not_before": rules.not_before.isoformat(),
        "not_after": rules.not_after.isoformat(),
    }
    for name, cap in rules.caps.named().items():
        content[f"{name}_rho"] = draft.rho_text(cap.model)
        content[f"{name}_worst_rho"] = draft.rho_text(cap.worst)
        content[f"{name}_epsilon"] = draft.epsilon_text(cap.model, rules.delta)
    return content


def _progress(progress: Progress) -> dict[str, Any]:
    """Return how far a draft is, for people and programs."""
    return {
        "first": progress.first,
        "loosens": list(progress.loosens),
        "signatures_needed": progress.needed,
        "signed_by": list(progress.signed),
        "not_signed_by": list(progress.others),
        "signatures_missing": progress.missing,
    }


def _say_progress(progress: Progress) -> None:
    """Say what a draft loosens, and whose signatures are missing."""
    if progress.first:
        SHOW.print("It is the first policy of this site, so two officers sign it.")
    elif progress.loosens:
        looser = ", ".join(progress.loosens).replace("_", " ")
        SHOW.print(f"It gives away more than before ({looser}), so two officers sign.")
    SHOW.print(f"Signed by: {', '.join(progress.signed)}.")
    if progress.missing:
        SHOW.print(
            f"Missing: {progress.missing} more, of {' or '.join(progress.others)}."
        )
    else:
        SHOW.print("Nothing is missing. Next: `cmpp-node policy adopt`.")


def _print(content: dict[str, Any]) -> None:
    """Show a policy as a table."""
    table = Table(show_header=False)
    for name, value in content.items():
        text = ", ".join(value) if isinstance(value, list) else str(value)
        table.add_row(name.replace("_", " ").capitalize(), text or "none")
    SHOW.print(table)
