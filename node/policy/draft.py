"""Write a policy for the officers to read, change and sign.

The text is the whole truth: `privacy.policy` reads it back, and what it says there
is what holds. So every rule stands in it with a comment that a privacy officer can
read, and a draft that would not be obeyed is never written.
"""

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Self

from privacy import errors, loss, signing
from privacy import policy as policies
from privacy.amount import Amount, Caps
from privacy.mandate import Purpose
from privacy.period import PeriodKind
from privacy.policy import AutoAccept, Policy
from privacy.signing import Document, Kind
from privacy.strict import quoted

DAYS_VALID: Final = 366
WORST_FACTOR: Final = 2
"""A first worst-case cap, in model caps: it matters only in sum mode."""

_COLUMN: Final = 30


def in_both(rho: Fraction) -> Amount:
    """Return a cap whose worst-case column is twice the other; rounded down."""
    pico = int(rho * loss.PICO)
    return Amount(pico, WORST_FACTOR * pico)


FIRST_CAPS: Final = Caps(
    lifetime=in_both(Fraction("0.60")),
    fiscal_year=in_both(Fraction("0.18")),
    per_mandate=in_both(Fraction("0.20")),
    per_release=in_both(Fraction("0.05")),
)
"""Epsilon 3 about any one fiscal year, at 1e-6, and below 6 in a lifetime."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a policy is to say; see `privacy.policy.Policy` for each rule.

    Attributes:
        allow: Metrics that may be asked under a mandate.
        days_valid: For how long it holds.
    """

    site: str
    network: str
    programme: str
    allow: frozenset[str]
    officers: Mapping[str, bytes]
    first_entry_year: str
    last_entry_year: str
    not_before: dt.datetime
    days_valid: int = DAYS_VALID
    version: int = 1
    reason: str = "The first policy of this site."
    deny: frozenset[str] = frozenset()
    period_kinds: frozenset[PeriodKind] = frozenset(PeriodKind)
    purposes: frozenset[Purpose] = frozenset(Purpose)
    tolerated_colluders: int = policies.TOLERATED_MIN
    board_signatures: int = 2
    delta: Fraction = Fraction(1, 10**6)
    caps: Caps = FIRST_CAPS
    auto_accept: AutoAccept = field(default_factory=AutoAccept)

    @classmethod
    def like(cls, policy: Policy, *, now: dt.datetime) -> Self:
        """Draft a policy that says what another says, from today on."""
        days = (policy.not_after - policy.not_before).days
        return cls(
            site=policy.site,
            network=policy.network,
            programme=policy.programme,
            allow=policy.allow,
            officers=policy.officers,
            first_entry_year=policy.first_entry_year.label,
            last_entry_year=policy.last_entry_year.label,
            not_before=now,
            days_valid=max(1, days),
            version=policy.version,
            reason=policy.reason,
            deny=policy.deny,
            period_kinds=policy.period_kinds,
            purposes=policy.purposes,
            tolerated_colluders=policy.tolerated_colluders,
            board_signatures=policy.board_signatures,
            delta=policy.delta,
            caps=policy.caps,
            auto_accept=policy.auto_accept,
        )


def text(draft: Draft) -> str:
    """Write a draft as the text of a policy file.

    Raises:
        BadConfiguration: a node would not obey it.
    """
    begins = draft.not_before.astimezone(dt.UTC).replace(microsecond=0)
    ends = begins + dt.timedelta(days=draft.days_valid)
    written = _TEXT.format(
        site=draft.site,
        quoted_site=quoted(draft.site),
        network=quoted(draft.network),
        version=draft.version,
        reason=quoted(draft.reason),
        programme=quoted(draft.programme),
        allow=_listed(draft.allow),
        deny=_deny(draft.deny),
        kinds=_listed(kind.value for kind in draft.period_kinds),
        purposes=_listed(purpose.value for purpose in draft.purposes),
        first=quoted(draft.first_entry_year),
        last=quoted(draft.last_entry_year),
        colluders=draft.tolerated_colluders,
        board=draft.board_signatures,
        delta=quoted(rho_text(int(draft.delta * loss.PICO))),
        begins=begins.isoformat(),
        ends=ends.isoformat(),
        officers="\n".join(
            f"{quoted(name)} = {quoted(signing.key_text(key))}"
            for name, key in sorted(draft.officers.items())
        ),
        caps=_caps(draft.caps, draft.delta),
        accepted=_accepted(draft.auto_accept),
    )
    policies.parse(document(written))
    return written


def document(written: str) -> Document:
    """Return the text of a policy as a document without signatures."""
    return Document(kind=Kind.POLICY, content=written.encode())


def rho_text(pico: int) -> str:
    """Write pico-rho as a plain decimal of rho, exactly."""
    text = errors.rho_text(pico)
    return text if "." in text else f"{text}.0"


def epsilon_text(pico: int, delta: Fraction) -> str:
    """Write what a loss means as epsilon, rounded up to two digits."""
    if not pico:
        return "0.00"
    epsilon = Fraction(loss.epsilon(loss.from_pico(pico), delta))
    return f"{math.ceil(epsilon * 100) / 100:.2f}"


_TEXT: Final = """\
# What site {site} allows. Read it, change it, then have two officers sign it:
#     cmpp-node policy sign --key ...      by each of them, with their own key
#     cmpp-node policy adopt               by anybody at the site
# Signed text that is edited afterwards is refused.

network = {network}
site = {quoted_site}
version = {version}            # raise it by one for every new policy
reason = {reason}
programme = {programme}   # the catalogue you have read

# Metrics that may be asked, once a mandate you accepted names them.
allow = {allow}

# Metrics that may not, whatever else says so.
{deny}

# The lengths of period, and the purposes, that may be asked for.
period_kinds = {kinds}
purposes = {purposes}

# Households who entered earlier, or later, are never counted.
first_entry_year = {first}
last_entry_year = {last}

# How many other sites may be in league with the coordinator. The more, the more
# peers must have seen this site's ledger before an answer leaves.
tolerated_colluders = {colluders}

# How many organisations of the Board must have signed what is asked of this site.
board_signatures = {board}

# The chance left out of account where loss is shown as epsilon. No cap hangs on it.
delta = {delta}

not_before = {begins}
not_after = {ends}

# Who signs. Two of them sign whatever gives away more; one, what gives away less.
[officers]
{officers}

# The most that may be given away, in rho. Nothing ever renews: moving the clock or
# changing the year brings none of it back. `cmpp-node budget consequences` says in
# plain words what a number means; `cmpp-node budget simulate`, how long it lasts.
# The _worst column counts as if every other site were in league with the
# coordinator. It matters only where sites mask their numbers for a common sum;
# for a site's own numbers the two columns are spent alike.
[caps]
{caps}

# What is accepted without an officer looking. Nothing is, unless you say so.
[auto_accept]
{accepted}
"""

_CAP_NOTES: Final = {
    "lifetime": "the most any household gives, ever",
    "fiscal_year": "the same, about any one fiscal year",
    "per_mandate": "the same, under any one mandate",
    "per_release": "for any one question",
}


def _caps(caps: Caps, delta: Fraction) -> str:
    """Write the caps, with what each means."""
    lines = []
    for name, cap in caps.named().items():
        rule = f'{name} = "{rho_text(cap.model)}"'
        meant = f"epsilon {epsilon_text(cap.model, delta)}"
        lines.append(f"{rule:{_COLUMN}}# {meant}, {_CAP_NOTES[name]}")
        lines.append(f'{name}_worst = "{rho_text(cap.worst)}"')
    return "\n".join(lines)


def _accepted(rule: AutoAccept) -> str:
    """Write what is accepted by rule."""
    lines = [f"mandates = {_flag(value=rule.mandates)}"]
    if rule.purposes:
        lines.append(f"purposes = {_listed(p.value for p in rule.purposes)}")
    if rule.mandates:
        lines.append(f'loss_at_most = "{rho_text(int(rule.loss_at_most * loss.PICO))}"')
    return "\n".join([*lines, f"editions = {_flag(value=rule.editions)}"])


def _deny(metrics: frozenset[str]) -> str:
    """Write the metrics that may not be asked, or how one would say so."""
    return f"deny = {_listed(metrics)}" if metrics else '# deny = ["M29"]'


def _listed(items: Iterable[str]) -> str:
    """Write a list of texts, in order, a few to a line."""
    written = [quoted(item) for item in sorted(items)]
    if len(written) <= _PER_LINE:
        return f"[{', '.join(written)}]"
    rows = [written[at : at + _PER_LINE] for at in range(0, len(written), _PER_LINE)]
    return "\n".join(["[", *(f"    {', '.join(row)}," for row in rows), "]"])


_PER_LINE: Final = 8


def _flag(*, value: bool) -> str:
    return "true" if value else "false"
