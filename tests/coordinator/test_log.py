"""The transparency log on both engines: added to, proved, published, checked."""

import csv
import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from coordinator import database, gazette
from coordinator.cli import logs
from coordinator.cli.centre import Centre
from coordinator.log import Log
from privacy import merkle, signing, transparency, treehead
from privacy.errors import BadConfiguration, BadSignature, Corrupt
from privacy.transparency import Kind
from tests.log_samples import (
    FACTS,
    KEY,
    NETWORK,
    NOW,
    OTHER_KEY,
    PUBLIC,
    answer,
    query,
    refusal,
)


@pytest.fixture
def engine(ledger_url: str) -> Iterator[sa.Engine]:
    """Give an empty database, on SQLite and then on PostgreSQL."""
    made = database.connect(ledger_url)
    yield made
    made.dispose()


@pytest.fixture
def log(engine: sa.Engine) -> Log:
    """Give a log with six entries."""
    made = Log(engine, NETWORK, KEY)
    made.extend(FACTS, NOW)
    return made


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Log]:
    """Give the same log on SQLite alone, for what does not depend on the engine."""
    engine = database.connect(database.address(tmp_path / "log.sqlite"))
    made = Log(engine, NETWORK, KEY)
    made.extend(FACTS, NOW)
    yield made
    engine.dispose()


def test_an_empty_log_has_a_head_too(engine: sa.Engine) -> None:
    log = Log(engine, NETWORK, KEY)
    assert log.entries() == ()
    head = log.head(NOW)
    head.check(PUBLIC, network=NETWORK)
    assert (head.head.size, head.head.root) == (0, merkle.EMPTY)


def test_entries_come_back_as_they_were_added(log: Log) -> None:
    assert [(each.kind, each.body) for each in log.entries()] == list(FACTS)
    assert [each.number for each in log.entries(2, 4)] == [2, 3]
    assert log.append(*refusal("LAX", "03" * 32), NOW) == len(FACTS)
    assert log.entries(6)[0].at == "2026-11-22T08:00:00Z"


def test_a_reader_with_the_key_alone_can_follow_every_proof(log: Log) -> None:
    old = log.head(NOW)
    log.extend([query("LAX", "03" * 32), answer("LAX", "03" * 32)], NOW)
    new = log.head(NOW)
    for head in (old, new):
        head.check(PUBLIC, network=NETWORK)
    for entry in log.entries():
        merkle.check_inclusion(
            merkle.leaf_hash(entry.line.encode()),
            number=entry.number,
            size=new.head.size,
            proof=log.inclusion(entry.number),
            root=new.head.root,
        )
    merkle.check_consistency(
        old=old.head.size,
        new=new.head.size,
        old_root=old.head.root,
        new_root=new.head.root,
        proof=log.consistency(old.head.size, new.head.size),
    )


def test_every_head_is_kept(log: Log) -> None:
    first = log.head(NOW)
    log.append(*refusal("LAX", "03" * 32), NOW)
    second = log.head(NOW + dt.timedelta(hours=1))
    assert [head.head.size for head in log.heads()] == [6, 6, 7, 7]
    assert log.heads()[1] == first
    assert log.heads()[-1] == second


def test_a_log_is_found_as_it_was_left(log: Log, engine: sa.Engine) -> None:
    again = Log(engine, NETWORK, KEY)
    assert again.entries() == log.entries()
    assert again.root() == log.root()


def test_two_openings_follow_each_other(log: Log, engine: sa.Engine) -> None:
    other = Log(engine, NETWORK, KEY)
    for n in range(4):
        (log, other)[n % 2].append(*refusal("LAX", f"{n:064x}"), NOW)
    assert log.entries() == other.entries()
    assert log.inclusion(7) == other.inclusion(7)
    assert len(log.entries()) == len(FACTS) + 4


def test_what_is_not_whole_leaves_no_trace(log: Log) -> None:
    whole = refusal("LAX", "03" * 32)
    for body in ({"site": "LAX"}, {**whole[1], "rate": 0.5}, {**whole[1], "code": []}):
        with pytest.raises(Corrupt):
            log.extend([whole, (Kind.REFUSAL, body)], NOW)
    assert len(log.entries()) == len(FACTS)
    assert log.append(*whole, NOW) == len(FACTS)


def test_entries_that_are_not_there_are_explained(small: Log) -> None:
    for ask in (
        lambda: small.entries(0, 7),
        lambda: small.entries(3, 2),
        lambda: small.entries(-1),
        lambda: small.inclusion(6),
        lambda: small.inclusion(1, 7),
        lambda: small.consistency(4, 3),
        lambda: small.root(7),
    ):
        with pytest.raises(BadConfiguration, match="6 entries"):
            ask()


def test_threads_share_one_log(log: Log) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(
            pool.map(lambda n: log.append(*refusal("LAX", f"{n:064x}"), NOW), range(40))
        )
    assert sorted(numbers) == list(range(6, 46))
    assert [each.number for each in log.entries()] == list(range(46))


_ADD = """
import sys
from coordinator import database
from coordinator.log import Log
from tests.log_samples import KEY, NETWORK, NOW, refusal
log = Log(database.connect(sys.argv[1]), NETWORK, KEY)
for n in range(int(sys.argv[3])):
    log.append(*refusal(sys.argv[2], f"{n:064x}"), NOW)
"""


def test_processes_add_without_a_gap_or_a_fork(ledger_url: str) -> None:
    root = Path(__file__).parents[2]
    names, each = ("NYC", "HOU", "LAX"), 20
    engine = database.connect(ledger_url)
    Log(engine, NETWORK, KEY)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _ADD, ledger_url, name, str(each)], cwd=root
        )
        for name in names
    ]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    entries = Log(engine, NETWORK, KEY).entries()
    engine.dispose()
    assert [entry.number for entry in entries] == list(range(len(names) * each))
    for name in names:
        mine = [e.body["ask"] for e in entries if e.body["site"] == name]
        assert mine == [f"{n:064x}" for n in range(each)]


def test_a_new_statement_key_takes_over_where_the_old_one_left(log: Log) -> None:
    engine = log._engine
    with pytest.raises(Corrupt, match="another statement key"):
        Log(engine, NETWORK, OTHER_KEY)
    later = Log(engine, NETWORK, OTHER_KEY, retired=(PUBLIC,))
    later.append(*refusal("LAX", "03" * 32), NOW)
    later.head(NOW).check(OTHER_KEY.public_key().public_bytes_raw(), network=NETWORK)


def test_the_public_files_can_be_checked_without_the_centre(
    small: Log, tmp_path: Path
) -> None:
    public = tmp_path / "public"
    old = gazette.publish(small, public, now=NOW)
    small.append(*refusal("LAX", "03" * 32), NOW)
    new = gazette.publish(small, public, now=NOW)
    head, entries = gazette.check(public, key=PUBLIC, since=old)
    assert head == new
    assert entries == small.entries()
    with pytest.raises(BadSignature):
        gazette.check(public, key=bytes(32))
    assert sorted(path.name for path in public.iterdir()) == sorted(
        ("log.jsonl", "head.json", "public.csv", "draws.csv", "index.html")
    )


def test_the_public_table_says_who_asked_what_why_and_at_what_cost(
    small: Log,
) -> None:
    small.extend(
        [
            query("NYC", "04" * 32, mandate="77" * 32, asked_by="=cmd()"),
            query("NYC", "05" * 32),
            answer("NYC", "05" * 32, model_pico_rho="0", worst_pico_rho="0"),
        ],
        NOW,
    )
    rows = list(csv.DictReader(gazette.table(small.entries()).splitlines()))
    assert rows[0] == {
        "entry": "1",
        "at": "2026-11-22T08:00:00Z",
        "asked_by": "Ada",
        "purpose": "oversight",
        "metric": "M08",
        "query": "enrolled",
        "period": "FY2024",
        "mandate": "2026-03",
        "site": "NYC",
        "rho_asked": "0.005",
        "outcome": "answered",
        "rho_charged": "0.005",
        "rho_charged_worst": "0.005",
    }
    told = [(row["outcome"], row["rho_charged"]) for row in rows[1:]]
    assert told == [("refused: not-allowed", ""), ("no answer", ""), ("answered", "0")]
    assert rows[2]["mandate"] == "77" * 6
    assert rows[2]["asked_by"] == "'=cmd()"


def test_a_reply_belongs_to_the_question_before_it(small: Log) -> None:
    twice = [refusal("HOU", "06" * 32), query("HOU", "06" * 32)]
    small.extend([*twice, answer("HOU", "06" * 32), *twice], NOW)
    outcomes = [each.outcome for each in gazette.asked(small.entries())[2:]]
    assert outcomes == ["answered", "no answer"]


def test_the_page_stands_on_its_own_and_shows_no_result(small: Log) -> None:
    small.append(*query("BAL", "09" * 32, asked_by="<script>x</script>"), NOW)
    small.append(Kind.REVOCATION, {"digest": "aa" * 32, "mandate": "0a" * 32}, NOW)
    page = gazette.page(small.entries(), small.head(NOW))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    for said in ("Half-year", "not-allowed", "0.005", "no answer", "not asked"):
        assert said in page
    assert page.count("2026-11-22</td>") >= 2
    for outside in ("http:", "https:", "src=", "@import", "url("):
        assert outside not in page


def test_a_charge_that_is_no_number_is_not_shown_as_one(small: Log) -> None:
    small.append(*query("BAL", "0b" * 32), NOW)
    small.append(*answer("BAL", "0b" * 32, model_pico_rho="-5"), NOW)
    with pytest.raises(Corrupt, match="Entry 7"):
        gazette.table(small.entries())


@pytest.mark.parametrize(
    ("pico", "text"),
    [(0, "0"), (1, "0.000000000001"), (10**12, "1"), (4_600_000_000, "0.0046")],
)
def test_charges_are_written_exactly(pico: int, text: str) -> None:
    assert gazette.rho_text(pico) == text


@pytest.mark.parametrize(
    ("stated", "shown"), [("1/200", "0.005"), ("1/3", "1/3"), ("1e999999999",) * 2]
)
def test_a_loss_asked_is_shown_as_a_decimal_if_it_is_one(
    small: Log, stated: str, shown: str
) -> None:
    small.append(*query("BAL", "0d" * 32, rho=stated), NOW)
    (*_, last) = csv.DictReader(gazette.table(small.entries()).splitlines())
    assert last["rho_asked"] == shown


def typed(log: Log, *words: object) -> Result:
    """Type a command of `cmpp log`."""
    opened = Centre(Path("nowhere"))
    opened.__dict__["log"] = log
    result = CliRunner().invoke(
        logs.app, [str(word) for word in words], obj=opened, catch_exceptions=False
    )
    assert result.exit_code == 0
    return result


def test_the_commands_read_and_prove(small: Log) -> None:
    listed = typed(small, "list")
    for said in ("mandate", "2026-03: Half-year", "HOU refused: not-allowed"):
        assert said in listed.stdout
    only = json.loads(typed(small, "list", "--json", "--kind", "refusal").stdout)
    assert [line["number"] for line in only] == [4]
    shown = json.loads(typed(small, "show", 0).stdout)
    assert shown["body"]["number"] == "2026-03"
    head = treehead.read_head(typed(small, "head").stdout)
    head.check(PUBLIC, network=NETWORK)
    proved = json.loads(typed(small, "prove", 3).stdout)
    merkle.check_inclusion(
        merkle.leaf_hash(proved["line"].encode()),
        number=3,
        size=proved["head"]["size"],
        proof=[bytes.fromhex(part) for part in proved["inclusion"]],
        root=bytes.fromhex(proved["head"]["root"]),
    )
    tied = json.loads(typed(small, "consistency", 3, 6).stdout)
    merkle.check_consistency(
        old=3,
        new=6,
        old_root=bytes.fromhex(tied["old_root"]),
        new_root=bytes.fromhex(tied["new_root"]),
        proof=[bytes.fromhex(part) for part in tied["consistency"]],
    )


def test_the_commands_publish_and_check(small: Log, tmp_path: Path) -> None:
    public, old = tmp_path / "public", tmp_path / "old.json"
    typed(small, "publish", public)
    old.write_text((public / "head.json").read_text())
    small.append(*refusal("LAX", "03" * 32), NOW)
    assert "Published 7 entries" in typed(small, "publish", public).stdout
    key = signing.key_text(PUBLIC)
    said = typed(small, "check", public, "--key", key, "--since", old).stdout
    assert "The 7 entries are those" in said
    assert "only added" in said


def test_every_kind_can_be_told_in_a_few_words() -> None:
    for kind, needed in transparency.NEEDED.items():
        body = dict.fromkeys(needed, "7")
        entry = transparency.write(kind, body, number=0, now=NOW)
        assert "{" not in gazette.tells(entry)
