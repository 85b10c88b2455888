"""The centre, or whoever holds its disk, rewrites what was asked and by whom."""

import datetime as dt
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from coordinator import database, gazette
from coordinator.log import Log
from privacy import merkle, transparency, treehead
from privacy.errors import BadConfiguration, BadSignature, Corrupt, ExchangeError
from privacy.merkle import NotProven, Tree
from privacy.treehead import TreeHead
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

Attack = Callable[[sa.Connection], None]


@pytest.fixture
def engine(ledger_url: str) -> Iterator[sa.Engine]:
    """Give a database with a log of nine entries in five additions."""
    made = database.connect(ledger_url)
    log = Log(made, NETWORK, KEY)
    log.extend(FACTS, NOW)
    for fact in (query("LAX", "03" * 32), answer("LAX", "03" * 32)):
        log.append(*fact, NOW)
    log.head(NOW + dt.timedelta(days=1))
    log.append(*refusal("LAX", "03" * 32), NOW)
    yield made
    made.dispose()


def run(*statements: str) -> Attack:
    """Make an attack of some statements."""

    def attack(connection: sa.Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    return attack


def resign(connection: sa.Connection) -> None:
    """Drop a line and sign what is left, with a key that is not the centre's."""
    run("DELETE FROM log_entries WHERE number = 8", "DELETE FROM log_heads")(connection)
    lines = connection.scalars(
        sa.text("SELECT line FROM log_entries ORDER BY number")
    ).all()
    tree = Tree(merkle.leaf_hash(line.encode()) for line in lines)
    at = treehead.moment_text(NOW)
    head = TreeHead(network=NETWORK, size=8, root=tree.root(), at=at)
    signed = head.signed_by(OTHER_KEY)
    connection.execute(
        sa.text("INSERT INTO log_heads VALUES (1, 8, :root, :at, :key, :signature)"),
        {
            "root": head.root.hex(),
            "at": at,
            "key": signed.signature.key.hex(),
            "signature": signed.text().split('"signature": "')[1].split('"')[0],
        },
    )
    connection.execute(sa.text("UPDATE log_size SET size = 8"))


ATTACKS: dict[str, Attack] = {
    "another asker": run(
        "UPDATE log_entries SET line = replace(line, 'Ada', 'Bob') WHERE number = 1"
    ),
    "another charge": run(
        "UPDATE log_entries SET line = replace(line, '5000000000', '1') "
        "WHERE number = 3"
    ),
    "a question taken out": run("DELETE FROM log_entries WHERE number = 1"),
    "a question taken out and the gap closed": run(
        "DELETE FROM log_entries WHERE number = 1",
        *(
            f"UPDATE log_entries SET number = {n - 1} WHERE number = {n}"
            for n in range(2, 9)
        ),
        "UPDATE log_size SET size = 8",
    ),
    "the last one taken out": run("DELETE FROM log_entries WHERE number = 8"),
    "the last one taken out and its size": run(
        "DELETE FROM log_entries WHERE number = 8", "UPDATE log_size SET size = 8"
    ),
    "one put in at the end": run(
        "INSERT INTO log_entries SELECT 9, kind, replace(line, '\"number\":8', "
        "'\"number\":9') FROM log_entries WHERE number = 8",
        "UPDATE log_size SET size = 10",
    ),
    "one put in and the newest head made to cover it": run(
        "INSERT INTO log_entries SELECT 9, kind, line FROM log_entries "
        "WHERE number = 8",
        "UPDATE log_size SET size = 10",
        "UPDATE log_heads SET size = 10 WHERE number = 5",
    ),
    "two changed places": run(
        "UPDATE log_entries SET number = 99 WHERE number = 1",
        "UPDATE log_entries SET number = 1 WHERE number = 2",
        "UPDATE log_entries SET number = 2 WHERE number = 99",
    ),
    "the newest head taken out": run("DELETE FROM log_heads WHERE number = 5"),
    "every head taken out": run("DELETE FROM log_heads"),
    "an earlier head changed": run(
        "UPDATE log_heads SET root = replace(root, 'a', 'b') WHERE number = 2"
    ),
    "the newest head changed": run(
        "UPDATE log_heads SET at = '2020-01-01T00:00:00Z' WHERE number = 5"
    ),
    "a signature cut": run("UPDATE log_heads SET signature = 'AAAA' WHERE number = 5"),
    "a signature that is none": run("UPDATE log_heads SET signature = 'no'"),
    "another network's head": run("UPDATE log_heads SET key = replace(key, '0', '1')"),
    "another kind shown": run(
        "UPDATE log_entries SET kind = 'edition' WHERE number = 1"
    ),
    "the size alone": run("UPDATE log_size SET size = 7"),
    "everything emptied": run("DELETE FROM log_entries", "DELETE FROM log_heads"),
    "signed by somebody else": resign,
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_rewritten_database_is_noticed(engine: sa.Engine, attack: Attack) -> None:
    with engine.begin() as connection:
        attack(connection)

    def open_read_and_add() -> None:
        log = Log(engine, NETWORK, KEY)
        log.entries()
        log.append(*refusal("LAX", "05" * 32), NOW)

    with pytest.raises(Corrupt):
        open_read_and_add()


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_running_log_signs_nothing_but_what_was_added(
    engine: sa.Engine, attack: Attack
) -> None:
    log = Log(engine, NETWORK, KEY)
    before = log.head(NOW)
    with engine.begin() as connection:
        attack(connection)
    try:
        log.append(*refusal("LAX", "05" * 32), NOW)
        after = log.heads()[-1]
    except Corrupt:
        return
    # Lines it had already taken in were changed: its next head is still over them.
    merkle.check_consistency(
        old=before.head.size,
        new=after.head.size,
        old_root=before.head.root,
        new_root=after.head.root,
        proof=log.consistency(before.head.size, after.head.size),
    )


def test_a_running_log_does_not_sign_what_it_did_not_check(engine: sa.Engine) -> None:
    # Two lines and a head put in behind its back: following them must not launder
    # them, because a head of another key is not followed.
    log = Log(engine, NETWORK, KEY)
    other = Log(engine, NETWORK, OTHER_KEY, retired=(PUBLIC,))
    other.append(*refusal("LAX", "05" * 32), NOW)
    for act in (
        lambda: log.append(*refusal("LAX", "06" * 32), NOW),
        lambda: log.head(NOW),
        lambda: log.inclusion(9),
        log.entries,
    ):
        with pytest.raises(Corrupt):
            act()


@pytest.fixture
def published(engine: sa.Engine, tmp_path: Path) -> Path:
    """Give the files of that log as the public has them."""
    gazette.publish(Log(engine, NETWORK, KEY), tmp_path / "public", now=NOW)
    return tmp_path / "public"


def test_a_database_put_back_is_noticed_when_it_is_published(
    tmp_path: Path,
) -> None:
    file, public = tmp_path / "log.sqlite", tmp_path / "public"

    def opened() -> Log:
        return Log(database.connect(database.address(file)), NETWORK, KEY)

    opened().extend(FACTS[:4], NOW)
    shutil.copy(file, tmp_path / "older.sqlite")
    opened().extend(FACTS[4:], NOW)
    old = gazette.publish(opened(), public, now=NOW)
    shutil.copy(tmp_path / "older.sqlite", file)
    with pytest.raises(NotProven, match="taken out"):
        gazette.publish(opened(), public, now=NOW)
    opened().extend([refusal("BAL", "0c" * 32)] * 4, NOW)
    with pytest.raises(NotProven, match="rewritten"):
        gazette.publish(opened(), public, now=NOW)
    # Whoever kept the head sees it too, even if the files are published afresh.
    gazette.publish(opened(), tmp_path / "afresh", now=NOW)
    with pytest.raises(NotProven, match="rewritten"):
        gazette.check(tmp_path / "afresh", key=PUBLIC, since=old)


def test_no_published_byte_can_be_changed(published: Path) -> None:
    draw = random.Random(20261122)
    for name in ("log.jsonl", "head.json", "public.csv"):
        path = published / name
        whole = path.read_bytes()
        places = sorted(draw.sample(range(len(whole)), min(len(whole), 150)))
        for at in places:
            changed = bytearray(whole)
            changed[at] ^= 1 << draw.randrange(8)
            path.write_bytes(changed)
            with pytest.raises(ExchangeError):
                gazette.check(published, key=PUBLIC)
        for cut in (whole[:-1], whole[1:], b"", whole + b"\n", whole + whole):
            path.write_bytes(cut)
            with pytest.raises(ExchangeError):
                gazette.check(published, key=PUBLIC)
        path.write_bytes(whole)
    gazette.check(published, key=PUBLIC)


def test_no_published_line_can_be_moved_or_left_out(published: Path) -> None:
    path = published / "log.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    for n in range(len(lines)):
        others = [*lines[:n], *lines[n + 1 :]]
        for changed in (others, [*lines[: n + 1], *lines[n:]], [*others, lines[n]]):
            if changed != lines:
                path.write_text("".join(changed))
                with pytest.raises((Corrupt, NotProven)):
                    gazette.check(published, key=PUBLIC)


def test_files_of_another_key_or_network_are_not_taken(
    published: Path, tmp_path: Path
) -> None:
    forged = database.connect(database.address(tmp_path / "forged.sqlite"))
    Log(forged, NETWORK, OTHER_KEY).extend(FACTS, NOW)
    gazette.publish(Log(forged, NETWORK, OTHER_KEY), tmp_path / "forged", now=NOW)
    forged.dispose()
    with pytest.raises(BadSignature):
        gazette.check(tmp_path / "forged", key=PUBLIC)
    foreign = database.connect(database.address(tmp_path / "foreign.sqlite"))
    head = Log(foreign, "elsewhere", KEY).head(NOW)
    foreign.dispose()
    with pytest.raises(BadSignature):
        gazette.check(published, key=PUBLIC, since=head)


def test_two_stories_of_one_size_convict_the_centre(tmp_path: Path) -> None:
    heads = []
    for name, asker in (("board", "Ada"), ("site", "Bob")):
        engine = database.connect(database.address(tmp_path / f"{name}.sqlite"))
        log = Log(engine, NETWORK, KEY)
        log.append(*query("NYC", "01" * 32, asked_by=asker), NOW)
        heads.append(gazette.publish(log, tmp_path / name, now=NOW))
        engine.dispose()
    for head in heads:
        head.check(PUBLIC, network=NETWORK)
    assert heads[0].head.size == heads[1].head.size
    assert heads[0].head.root != heads[1].head.root
    with pytest.raises(NotProven):
        gazette.check(tmp_path / "board", key=PUBLIC, since=heads[1])


def test_a_missing_or_foreign_file_is_explained(published: Path) -> None:
    for name in ("log.jsonl", "head.json", "public.csv"):
        whole = (published / name).read_bytes()
        (published / name).write_bytes(b"\xff\xfe")
        with pytest.raises(ExchangeError):
            gazette.check(published, key=PUBLIC)
        (published / name).unlink()
        with pytest.raises(BadConfiguration, match="cmpp log publish"):
            gazette.check(published, key=PUBLIC)
        (published / name).write_bytes(whole)


HEAD = '{"at":"2026-11-22T08:00:00Z",'
KIND = '"kind":"witness-conflict"'


@pytest.mark.parametrize(
    "line",
    [
        HEAD + '"body":{"site":"NYC"},' + KIND + "}",
        HEAD + '"body":{"site":"NYC"},' + KIND + ',"number":true}',
        HEAD + '"body":{"site":"NYC"},' + KIND + ',"number":1}',
        HEAD + '"body":{"site":"NYC"},' + KIND + ',"more":1,"number":0}',
        HEAD + '"body":{"site":"NYC","more":1.5},' + KIND + ',"number":0}',
        HEAD + '"body":{"site":"NYC","site":"HOU"},' + KIND + ',"number":0}',
        HEAD + '"body":{"site": "NYC"},' + KIND + ',"number":0}',
        HEAD + '"body":{"site":["NYC"]},' + KIND + ',"number":0}',
        HEAD + '"body":["site"],' + KIND + ',"number":0}',
        HEAD + '"body":{},' + KIND + ',"number":0}',
        HEAD + '"body":{"site":"NYC"},"kind":"rumour","number":0}',
        '{"at":"yesterday","body":{"site":"NYC"},' + KIND + ',"number":0}',
        "[" * 5000,
        "1" * 5000,
        "",
    ],
)
def test_a_line_in_any_other_form_is_no_entry(line: str) -> None:
    whole = HEAD + '"body":{"site":"NYC"},' + KIND + ',"number":0}'
    assert transparency.read(whole, number=0).body == {"site": "NYC"}
    with pytest.raises(Corrupt):
        transparency.read(line, number=0)
