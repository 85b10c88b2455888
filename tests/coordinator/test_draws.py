"""A draw from the closed list to the public table, by the commands people type."""

import csv
import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator import gazette
from privacy.period import Period, day_number
from tests.coordinator.governed import Governed, governed

PLACES = "family=2,single=3"


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Governed]:
    with governed(tmp_path) as made:
        made.found()
        yield made


def pool(network: Governed, *, households: int = 12) -> Path:
    """Write a list of eligible and interested households, with a name in it."""
    file = network.file("pool.csv")
    lines = ["Case Number,Stratum,Remarks"]
    lines += [
        f"C-{n:03d},{'family' if n % 2 else 'single'},Call Maria"
        for n in range(households)
    ]
    file.write_text("\n".join(lines) + "\n")
    return file


def name(number: int = 1, site: str = "NYC") -> str:
    """Name today's draw."""
    quarter = Period.quarter_of(day_number(dt.datetime.now(dt.UTC).date()))
    return f"{site}-P2-{quarter}-{number}"


def committed(network: Governed, *, number: int = 1) -> Path:
    """Close a list at NYC and hand its commitment in."""
    file = pool(network)
    done = network.node(
        "NYC", "draw", "commit", file, "--slots", PLACES, "--phase", "P2"
    )
    assert done.code == 0, done.err
    paper = network.sites["NYC"].directory / "draws" / f"{name(number)}-list.cmpp"
    taken = network.cmpp("draw", "submit", paper)
    assert taken.code == 0, taken.err
    return paper


def called(network: Governed, what: str, *, number: int = 1) -> Path:
    """Have the centre write what members need."""
    file = network.file(f"{what}.json")
    file.unlink(missing_ok=True)
    done = network.cmpp("draw", "call", name(number), file)
    assert done.code == 0, done.err
    return file


def given(network: Governed, what: str, call: Path, *members: str) -> list[Path]:
    """Have members pledge or share, each on a machine of their own."""
    made = []
    for member in members:
        paper = network.file(f"{what}-{member}.cmpp")
        words = ("--key", network.key(member), "--no-passphrase")
        roster = ("--roster", network.file("roster.signed"))
        done = network.cmpp("draw", what, call, paper, *roster, *words)
        assert done.code == 0, done.err
        made.append(paper)
    return made


def nonce(network: Governed, *members: str, number: int = 1) -> None:
    """Have members make the nonce, and the centre bring it."""
    for what in ("pledge", "share"):
        call = called(network, what, number=number)
        for paper in given(network, what, call, *members):
            done = network.cmpp("draw", "submit", paper, "--json")
            assert done.json["sites"] == {"NYC": "adopted"}, done.err


def drawn(network: Governed, *, number: int = 1) -> Path:
    """Draw at NYC and hand the outcome in."""
    done = network.node("NYC", "draw", "run", name(number))
    assert done.code == 0, done.err
    folder = network.sites["NYC"].directory / "draws"
    taken = network.cmpp("draw", "submit", folder / f"{name(number)}-outcome.cmpp")
    assert taken.code == 0, taken.err
    return folder / f"{name(number)}.csv"


def test_a_draw_goes_from_the_closed_list_to_the_public_table(
    network: Governed, tmp_path: Path
) -> None:
    committed(network)
    nonce(network, "ana", "ben")
    rows = list(csv.DictReader(drawn(network).read_text().splitlines()))

    assert len(rows) == 12
    for stratum, slots in (("family", 2), ("single", 3)):
        those = [row for row in rows if row["draw_stratum"] == stratum]
        selected = [row for row in those if row["selected"] == "1"]
        waiting = [row["waitlist_rank"] for row in those if row["selected"] == "0"]
        assert len(selected) == slots
        assert waiting == [str(n) for n in range(1, 7 - slots)]
        assert {row["selection_probability"] for row in those} == {
            {2: "1/3", 3: "1/2"}[slots]
        }
    done = network.node("NYC", "draw", "verify", name(), "--pool", pool(network))
    assert done.code == 0, done.err

    public = tmp_path / "public"
    assert network.cmpp("log", "publish", public).code == 0
    (line,) = csv.DictReader((public / gazette.DRAWS).read_text().splitlines())
    assert (line["draw"], line["state"], line["pledges"]) == (name(), "drawn", "2")
    assert line["places"] == "family 2; single 3"
    assert line["nonce"] == network.cmpp("draw", "list", "--json").json[0]["nonce"]
    assert "Draws" in (public / gazette.PAGE).read_text()
    whole = b"".join(path.read_bytes() for path in public.iterdir())
    assert b"C-0" not in whole
    assert b"Maria" not in whole


def test_a_nonce_takes_members_and_not_the_chair(network: Governed) -> None:
    committed(network)
    call = called(network, "pledge")
    (paper,) = given(network, "pledge", call, "dirk")
    done = network.cmpp("draw", "submit", paper)
    assert (done.code, "chair" in done.err) == (1, True)
    for each in given(network, "pledge", call, "ana"):
        assert network.cmpp("draw", "submit", each).code == 0
    alone = network.file("alone.cmpp")
    words = ("--key", network.key("ana"), "--no-passphrase")
    roster = ("--roster", network.file("roster.signed"))
    shared = network.cmpp(
        "draw", "share", called(network, "share"), alone, *roster, *words
    )
    assert (shared.code, "1 organisations" in shared.err) == (1, True)
    assert not alone.exists()


def test_a_member_shares_once_with_one_set_of_members(network: Governed) -> None:
    committed(network)
    first = called(network, "pledge")
    for paper in given(network, "pledge", first, "ana", "ben"):
        assert network.cmpp("draw", "submit", paper).code == 0
    early = called(network, "early")
    given(network, "share", early, "ana")
    for paper in given(network, "pledge", first, "cleo"):
        assert network.cmpp("draw", "submit", paper).code == 0
    later, again = called(network, "later"), network.file("again.cmpp")
    words = ("--key", network.key("ana"), "--no-passphrase")
    roster = ("--roster", network.file("roster.signed"))
    done = network.cmpp("draw", "share", later, again, *roster, *words)
    assert (done.code, "other members before" in done.err) == (1, True)
    assert not again.exists()


def test_a_call_that_was_tampered_with_is_not_pledged_for(network: Governed) -> None:
    committed(network)
    call = called(network, "pledge")
    content = json.loads(call.read_text())
    words = ("--key", network.key("ana"), "--no-passphrase")
    roster = ("--roster", network.file("roster.signed"))
    for change in (
        {"number": content["number"] + 1},
        {"inclusion": content["inclusion"][:-1]},
        {"papers": [content["papers"][0].replace("family = 2", "family = 3")]},
        {"papers": []},
        {"head": content["head"].replace('"size": ', '"size": 1')},
    ):
        call.write_text(json.dumps(content | change))
        paper = network.file("never.cmpp")
        done = network.cmpp("draw", "pledge", call, paper, *roster, *words)
        assert done.code != 0, change
        assert "unforeseen" not in done.err
        assert not paper.exists()


def test_a_draw_given_up_is_seen_and_the_next_has_the_next_number(
    network: Governed, tmp_path: Path
) -> None:
    committed(network)
    done = network.node("NYC", "draw", "abandon", name(), "--reason", "=wrong list")
    assert done.code == 0, done.err
    folder = network.sites["NYC"].directory / "draws"
    paper = folder / f"{name()}-abandoned.cmpp"
    assert network.cmpp("draw", "submit", paper).code == 0
    committed(network, number=2)
    assert network.cmpp("log", "publish", tmp_path / "public").code == 0
    table = (tmp_path / "public" / gazette.DRAWS).read_text().splitlines()
    first, second = csv.DictReader(table)
    assert (first["state"], first["reason"]) == ("abandoned", "'=wrong list")
    assert (second["draw"], second["state"]) == (name(2), "0 have pledged")


def test_the_papers_of_a_draw_can_be_written_again(
    network: Governed, tmp_path: Path
) -> None:
    paper = committed(network)
    kept = paper.read_bytes()
    shutil.rmtree(paper.parent)
    assert network.node("NYC", "draw", "papers", name(), tmp_path).code == 0
    assert (tmp_path / paper.name).read_bytes() == kept


def test_an_auditor_at_the_site_can_have_everything_once_the_draw_is_over(
    network: Governed, tmp_path: Path
) -> None:
    committed(network)
    early = network.node("NYC", "draw", "reveal", name(), tmp_path / "early.json")
    assert (early.code, "not finished" in early.err) == (1, True)
    nonce(network, "ben", "cleo")
    drawn(network)
    file = tmp_path / "revealed.json"
    assert network.node("NYC", "draw", "reveal", name(), file).code == 0
    content = json.loads(file.read_text())
    assert len(content["households"]) == 12
    (line,) = network.cmpp("draw", "list", "--json").json
    assert content["commitment"] == line["commitment"]
    assert content["nonce"] == line["nonce"]
    assert file.stat().st_mode & 0o077 == 0


def test_a_list_is_refused_before_anything_is_published(network: Governed) -> None:
    file = pool(network)
    words = ("--phase", "P2", "--slots")
    for change, slots, why in (
        ("C-001,family\nc-001,family", PLACES, "twice"),
        ("C-001,large", PLACES, "Line 2 of the list has no stratum"),
        (",family", PLACES, "Line 2"),
        ("A123456789,family", PLACES, "alien"),
        ("123-45-6789,single", PLACES, "social security"),
        ("C-001,family", "single=3", "no places"),
        ("C-001,family", "family=0", "places"),
        ("C-001,family", "all=3,family=2", "all=N"),
        ("C-001,family", "family", "family=12"),
    ):
        file.write_text(f"case_number,stratum\n{change}\n")
        done = network.node("NYC", "draw", "commit", file, *words, slots)
        assert (done.code, why in done.err) == (2, True), (done.err, why)
        assert "123" not in done.err
    assert network.node("NYC", "draw", "status", "--json").json == []
    assert not (network.sites["NYC"].directory / "draws").exists()


def test_households_drawn_all_together_need_no_stratum(network: Governed) -> None:
    file = pool(network)
    file.write_text("Case,Name\n1,a\n2,b\n")
    words = ("--phase", "P1", "--slots", "all=1")
    done = network.node("NYC", "draw", "commit", file, *words)
    assert done.code == 0, done.err
    (line,) = network.node("NYC", "draw", "status", "--json").json
    assert (line["slots"], line["state"]) == ({"all": 1}, "0 have pledged")
