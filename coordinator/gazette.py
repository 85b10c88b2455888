"""Publish the log: every line, the signed head, a table and a page for people.

The table and the page say who asked what, why, when, under which mandate, and what
it cost at each site. They hold no results. Whoever has the files can check them
without the centre: the lines hash to the signed head, and the tables follow from
the lines. A second table tells of every draw: what was committed to, when, and with
which nonce it was held.
"""

import csv
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2

from coordinator import draws
from coordinator.log import Log
from privacy import loss, roster, signing, transparency, treehead
from privacy.errors import BadConfiguration, Corrupt, InvalidQuery, rho_text
from privacy.transparency import Entry, Kind
from privacy.treehead import HEAD_FILE_LETTERS_MAX, SignedHead

LINES: Final = "log.jsonl"
HEAD: Final = "head.json"
TABLE: Final = "public.csv"
DRAWS: Final = "draws.csv"
PAGE: Final = "index.html"

COLUMNS: Final = (
    *("entry", "at", "asked_by", "purpose", "metric", "query", "period"),
    *("mandate", "site", "rho_asked", "outcome", "rho_charged", "rho_charged_worst"),
)

_FILE_BYTES_MAX: Final = 4 * 1024**3
_DIGITS_MAX: Final = 15
_SHORT: Final = 12
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_WAITING: Final = "no answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One signed question to one site, and what became of it.

    Attributes:
        entry: Its entry in the log.
        mandate: The mandate's number, or the start of its digest.
        outcome: "answered", "refused: " and the code, or "no answer".
        model: Pico-rho charged for it, all its answers together.
        worst: The same if every other site colluded.
    """

    entry: Entry
    mandate: str
    outcome: str
    model: int
    worst: int

    def fact(self, name: str) -> str:
        """Return one fact of the question as text."""
        return _fact(self.entry, name)


def asked(entries: Sequence[Entry]) -> tuple[Asked, ...]:
    """Return every question in the log, in order.

    Raises:
        Corrupt: an answer's charge is no number.
    """
    numbers = {
        _fact(entry, "digest"): _fact(entry, "number")
        for entry in entries
        if entry.kind is Kind.MANDATE
    }
    latest: dict[tuple[str, str], list[Entry]] = {}
    replies: dict[int, list[Entry]] = {}
    for entry in entries:
        named = (_fact(entry, "site"), _fact(entry, "ask"))
        if entry.kind is Kind.QUERY:
            latest[named] = replies[entry.number] = []
        elif entry.kind in {Kind.ANSWER, Kind.REFUSAL} and named in latest:
            latest[named].append(entry)
    return tuple(
        Asked(
            entry=entries[number],
            mandate=_named(entries[number], numbers),
            outcome=_outcome(told),
            model=sum(_pico(each, "model_pico_rho") for each in told),
            worst=sum(_pico(each, "worst_pico_rho") for each in told),
        )
        for number, told in replies.items()
    )


def table(entries: Sequence[Entry]) -> str:
    """Write every question as a line of comma-separated text."""
    written = io.StringIO()
    out = csv.writer(written, lineterminator="\n")
    out.writerow(COLUMNS)
    for each in asked(entries):
        told = [each.fact(name) for name in COLUMNS[2:7]]
        outcome, cost = each.outcome, ["", ""]
        if outcome == _ANSWERED:
            cost = [rho_text(each.model), rho_text(each.worst)]
        row = [str(each.entry.number), each.entry.at, *told, each.mandate]
        row += [each.fact("site"), _rho_asked(each), outcome, *cost]
        out.writerow([_harmless(part) for part in row])
    return written.getvalue()


def page(entries: Sequence[Entry], head: SignedHead) -> str:
    """Write the page: one row per question with what it cost each site."""
    questions = asked(entries)
    sites = sorted({each.fact("site") for each in questions})
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for each in questions:
        named = tuple(each.fact(name) for name in COLUMNS[2:7])
        row = rows.setdefault(
            (*named, each.mandate),
            {
                "at": each.entry.at[:10],
                **dict(zip(COLUMNS[2:7], named, strict=True)),
                "mandate": each.mandate,
                "by_site": {},
            },
        )
        row["by_site"].setdefault(each.fact("site"), []).append(each)
    for row in rows.values():
        row["costs"] = [_cost(row["by_site"].get(site, [])) for site in sites]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("coordinator"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    spent = [sum(e.model for e in questions if e.fact("site") == s) for s in sites]
    return environment.get_template("log.html").render(
        head=head.head,
        training=roster.is_training(head.head.network),
        root=head.head.root.hex(),
        key=signing.key_text(head.signature.key),
        fingerprint=signing.fingerprint(head.signature.key),
        sites=sites,
        spent=[rho_text(pico) for pico in spent],
        rows=list(rows.values()),
        mandates=[_mandate(e, entries) for e in entries if e.kind is Kind.MANDATE],
        files={"lines": LINES, "head": HEAD, "table": TABLE, "draws": DRAWS},
        draws=list(csv.DictReader(io.StringIO(draws.table(entries)))),
    )


def publish(log: Log, directory: Path, *, now: dt.datetime) -> SignedHead:
    """Write the public files, if the log still begins with what was last published.

    Raises:
        NotProven: it does not; the files stay as they are.
        BadConfiguration: the directory cannot be written.
    """
    since = None
    if (directory / HEAD).exists():
        since = treehead.read_head(_text(directory / HEAD, HEAD_FILE_LETTERS_MAX))
    head = log.head(now)
    entries = log.entries(0, head.head.size)
    lines = [entry.line for entry in entries]
    transparency.check(lines, head, key=log.key, since=since)
    texts = {
        LINES: "".join(f"{line}\n" for line in lines),
        TABLE: table(entries),
        DRAWS: draws.table(entries),
        PAGE: page(entries, head),
        HEAD: head.text(),
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            fresh = directory / f".{name}.new"
            fresh.write_text(text, encoding="utf-8", newline="")
            fresh.replace(directory / name)
    except OSError as error:
        raise BadConfiguration(
            f"The public files could not be written ({type(error).__name__}); name a "
            "directory that can be written."
        ) from error
    return head


def check(
    directory: Path, *, key: bytes, since: SignedHead | None = None
) -> tuple[SignedHead, tuple[Entry, ...]]:
    """Check published files with nothing but the coordinator's key.

    Raises:
        BadConfiguration: a file is missing.
        BadSignature: a head is not signed by the key.
        NotProven: the lines are not those under the head, or not only added to.
        Corrupt: a line is no entry, or the table is not what the lines say.
    """
    head = read_head(directory / HEAD)
    whole = _text(directory / LINES, _FILE_BYTES_MAX)
    lines = whole.split("\n")
    if lines.pop():
        raise Corrupt("The last line of the log is cut off; fetch the file again.")
    entries = transparency.check(lines, head, key=key, since=since)
    for name, write in {TABLE: table, DRAWS: draws.table}.items():
        if _text(directory / name, _FILE_BYTES_MAX) != write(entries):
            raise Corrupt(
                f"The public table {name} does not say what the lines of the log say; "
                "believe the lines, and tell the auditor."
            )
    return head, entries


def read_head(path: Path) -> SignedHead:
    """Read the file of a signed head; the signature is not judged yet."""
    return treehead.read_head(_text(path, HEAD_FILE_LETTERS_MAX))


def tells(entry: Entry) -> str:
    """Say in a few words what an entry tells."""
    facts = {name: _fact(entry, name) for name in entry.body}
    if entry.kind is Kind.ANSWER:
        facts["charged"] = rho_text(_pico(entry, "model_pico_rho"))
    return _TELLS[entry.kind].format(**facts)


def _rho_asked(question: Asked) -> str:
    """Write the loss a question was put at: as a decimal, if that is exact."""
    text = question.fact("rho")
    try:
        pico = loss.parse_rho(text) * loss.PICO
    except InvalidQuery:
        return text
    return rho_text(int(pico)) if pico.denominator == 1 else text


_ANSWERED: Final = "answered"
_TELLS: Final = {
    Kind.ROSTER: "version {version}",
    Kind.EDITION: "edition {number}",
    Kind.MANDATE: "{number}: {title}",
    Kind.REVOCATION: "mandate {mandate} withdrawn",
    Kind.STANDING_DOWN: "{what}",
    Kind.QUERY: "{metric} for {period} asked of {site}, {purpose}, by {asked_by}",
    Kind.REFUSAL: "{site} refused: {code}",
    Kind.ANSWER: "{site} answered; charged {charged} rho",
    Kind.WITNESS_CONFLICT: "peers do not vouch for the ledger of {site}",
    Kind.PUBLICATION: "{metric} for {period} published",
    Kind.DRAW: "{name}: {step}",
    Kind.ANALYSIS_PLAN: "plan {number} for {metric}",
}


def _named(entry: Entry, numbers: Mapping[str, str]) -> str:
    """Name a question's mandate: by its number if the log holds it."""
    digest = _fact(entry, "mandate")
    return numbers.get(digest, digest[:_SHORT])


def _outcome(replies: Sequence[Entry]) -> str:
    """Say what became of a question."""
    if any(reply.kind is Kind.ANSWER for reply in replies):
        return _ANSWERED
    return f"refused: {_fact(replies[-1], 'code')}" if replies else _WAITING


def _cost(questions: Sequence[Asked]) -> str:
    """Say what a question cost one site, however often it was put."""
    if not questions:
        return "not asked"
    if any(each.outcome == _ANSWERED for each in questions):
        model = rho_text(sum(each.model for each in questions))
        worst = rho_text(sum(each.worst for each in questions))
        return model if model == worst else f"{model} (at worst {worst})"
    return questions[-1].outcome


def _mandate(entry: Entry, entries: Sequence[Entry]) -> Mapping[str, str]:
    """Gather what the page says about a mandate."""
    digest = _fact(entry, "digest")
    withdrawn = [
        each.at[:10]
        for each in entries
        if each.kind is Kind.REVOCATION and _fact(each, "mandate") == digest
    ]
    return {
        "at": entry.at[:10],
        "number": _fact(entry, "number"),
        "title": _fact(entry, "title"),
        "digest": digest,
        "withdrawn": withdrawn[0] if withdrawn else "",
    }


def _fact(entry: Entry, name: str) -> str:
    """Return one fact as text; nothing if it is not stated."""
    return str(entry.body.get(name, ""))


def _pico(entry: Entry, name: str) -> int:
    """Return a charge in pico-rho; a refusal charges nothing."""
    if entry.kind is Kind.REFUSAL:
        return 0
    text = _fact(entry, name)
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise Corrupt(
            f"Entry {entry.number} of the log states a charge that is no whole number "
            "of pico-rho; tell the auditor."
        )
    return int(text)


def _harmless(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _text(path: Path, most: int) -> str:
    """Read a small enough text file."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise BadConfiguration(f"{path.name} is too large to be what it should be.")
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(
            f"{path.name} could not be read ({type(error).__name__}); name the "
            "directory that `cmpp log publish` wrote."
        ) from error
