"""The site's side of a draw: one list, kept closed, drawn from once."""

import csv
import datetime as dt
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as pem

from node import draw as own
from node import holdings
from node.charter import ADOPTED, KNOWN
from node.identity import STATEMENT
from privacy import signing
from privacy.drawing import Stratum
from privacy.draws import Draw
from privacy.errors import BadConfiguration, BadRecords, NotAllowed
from privacy.holding import UNDESCRIBED
from tests import draw_samples as sample
from tests import signed_samples as samples
from tests.typed_site import TypedSite

SLOTS = {Stratum.FAMILY: 1, Stratum.SINGLE: 1}
HOUSEHOLDS = 9


@pytest.fixture
def site(tmp_path: Path) -> TypedSite:
    """Give a site whose roster pins the sample statement key."""
    made = TypedSite(tmp_path).governed()
    key = samples.key("NYC").private_bytes(
        pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()
    )
    (made.directory / "identity" / f"{STATEMENT}.key").write_bytes(key)
    return made


def pool(folder: Path, text: str | None = None) -> Path:
    """Write a list."""
    file = folder / "pool.csv"
    rows = [f"C-{n},{('family', 'single')[n % 2]}\n" for n in range(HOUSEHOLDS)]
    file.write_text(text or "".join(["case_number,stratum\n", *rows]))
    return file


def commit(site: TypedSite) -> str:
    """Close a list; return the draw's name."""
    words = ("--slots", "family=2,single=1", "--phase", "P2")
    site.done("draw", "commit", str(pool(site.folder)), *words)
    (line,) = site.done("draw", "status", "--json").json
    return str(line["draw"])


def only(site: TypedSite) -> Draw:
    (draw,) = site.home.law.draws.values()
    return draw


def paper(site: TypedSite, step: str) -> signing.Document:
    """Read one of the site's own papers."""
    (path,) = (site.directory / "draws").glob(f"*-{step}.cmpp")
    return signing.read(path.read_bytes(), signing.Kind.DRAW)


def nonce(site: TypedSite) -> list[signing.Document]:
    """Bring the Board's papers, as the coordinator does."""
    brought = sample.nonce_papers(paper(site, "list"))
    charter = site.home.charter
    now = dt.datetime.now(dt.UTC)
    assert {charter.deliver(each, now=now) for each in brought} == {ADOPTED}
    return brought


def test_a_site_draws_once_and_repeats_it_for_an_auditor(site: TypedSite) -> None:
    name = commit(site)
    assert "no nonce" in site.run("draw", "run", name).told
    nonce(site)
    assert "3 of 9 households" in site.done("draw", "run", name).words
    again = site.run("draw", "run", name)
    assert (again.code, "not drawn again" in again.told) == (1, True)
    outcome = (site.directory / "draws" / f"{name}.csv").read_bytes()
    copy = site.folder / "copy.csv"
    file = str(pool(site.folder))
    site.done("draw", "verify", name, "--pool", file, "--output", str(copy))
    assert copy.read_bytes() == outcome
    other = str(pool(site.folder, "case_number,stratum\nC-1,family\n"))
    found = site.run("draw", "verify", name, "--pool", other)
    assert (found.code, "not the one" in found.told) == (4, True)


def test_a_draw_writes_over_no_file_that_somebody_named(site: TypedSite) -> None:
    mine = site.folder / "mine.csv"
    mine.write_text("mine")
    name = commit(site)
    nonce(site)
    before = site.home.law.mark
    again = ("draw", "commit", str(pool(site.folder)), "--slots", "all=3")
    for words in ((*again, "--phase", "P2"), ("draw", "run", name)):
        said = site.run(*words, "--output", str(mine))
        assert (said.code, "never overwritten" in said.told) == (2, True), words
    assert site.home.law.mark == before
    assert len(list((site.directory / "draws").glob("*.list"))) == 1
    site.done("draw", "run", name)
    said = site.run("draw", "verify", name, "--output", str(mine))
    assert (said.code, "never overwritten" in said.told) == (2, True)
    assert mine.read_text() == "mine"


def test_what_the_board_sent_is_known_when_it_comes_again(site: TypedSite) -> None:
    commit(site)
    charter, now = site.home.charter, dt.datetime.now(dt.UTC)
    before = nonce(site)
    mark = site.home.law.mark
    assert {charter.deliver(each, now=now) for each in before} == {KNOWN}
    assert site.home.law.mark == mark


def test_the_coordinator_cannot_bring_the_sites_own_papers(site: TypedSite) -> None:
    """A site signs what its operator enters; nobody else enters it."""
    name = commit(site)
    done = site.done("draw", "abandon", name, "--reason", "The list was wrong.")
    assert "given up" in done.words
    signed = [paper(site, "list"), paper(site, "abandoned")]
    signed += [
        sample.listed(sample.closed(2)),
        sample.listed(sample.closed(phase="P1")),
    ]
    charter, now = site.home.charter, dt.datetime.now(dt.UTC)
    before = site.home.law
    for each in signed:
        with pytest.raises(NotAllowed, match="never taken from the coordinator"):
            charter.deliver(each, now=now)
    assert site.home.law == before


def test_a_process_that_dies_after_the_draw_loses_nothing(site: TypedSite) -> None:
    name = commit(site)
    nonce(site)
    site.done("draw", "run", name)
    folder = site.directory / "draws"
    outcome = (folder / f"{name}.csv").read_bytes()
    for path in folder.glob("*[!t]"):
        if path.suffix != ".list":
            path.unlink()
    assert site.run("draw", "run", name).code == 1
    site.done("draw", "verify", name, "--output", str(folder / f"{name}.csv"))
    site.done("draw", "papers", name, str(folder))
    assert (folder / f"{name}.csv").read_bytes() == outcome
    assert paper(site, "outcome").digest.hex() in only(site).papers


def test_a_site_that_loses_its_list_can_only_give_the_draw_up(site: TypedSite) -> None:
    name = commit(site)
    nonce(site)
    (kept,) = (site.directory / "draws").glob("*.list")
    kept.unlink()
    lost = site.run("draw", "run", name)
    assert (lost.code, "only be abandoned" in lost.told) == (2, True)
    assert only(site).state == "waits for the site to draw"
    alone = site.run("draw", "abandon", name, "--reason", "The disk broke.")
    assert (alone.code, "officer" in alone.told) == (1, True)
    words = site.signing("olga")
    site.done("draw", "abandon", name, "--reason", "The disk broke.", *words)
    assert only(site).state == "abandoned after its nonce was known"


def test_a_refused_commitment_leaves_no_list_behind(site: TypedSite) -> None:
    commit(site)
    words = ("--slots", "family=2,single=1", "--phase", "P2")
    again = site.run("draw", "commit", str(pool(site.folder)), *words)
    assert (again.code, "not finished" in again.told) == (1, True)
    assert len(list((site.directory / "draws").glob("*.list"))) == 1


def test_everything_a_draw_leaves_behind_is_described_and_guarded(
    site: TypedSite,
) -> None:
    name = commit(site)
    nonce(site)
    site.done("draw", "run", name)
    files = [each for each in holdings.files(site.directory) if "draw" in each.name]
    assert len(files) == 5
    assert UNDESCRIBED not in {each.holds for each in files}
    folder = site.directory / "draws"
    private = [folder / f"{name}.csv", *folder.glob("*.list"), site.directory / own.KEY]
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}
    assert set(own.private_files(site.directory)) == set(private)
    for path in site.directory.rglob("*"):
        if path.is_file() and path.suffix != ".csv":
            assert b"C-8" not in path.read_bytes(), path


def test_the_outcome_has_the_dictionarys_fields(site: TypedSite) -> None:
    name = commit(site)
    nonce(site)
    site.done("draw", "run", name)
    text = (site.directory / "draws" / f"{name}.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    fields = site.home.programme.dictionary.tables["pool_entry"].fields
    assert set(own.COLUMNS[1:-1]) <= set(fields)
    assert {row["drawn_on"] for row in rows} == {
        dt.datetime.now(dt.UTC).date().isoformat()
    }
    by_stratum = {row["draw_stratum"]: row["selection_probability"] for row in rows}
    assert by_stratum == {"family": "2/5", "single": "1/4"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name,stratum\nx,family\n", "no column case_number"),
        ("case_number,kind\nx,family\n", "no column stratum"),
        ("", "no column"),
        ("case_number,stratum\nx\n", "Line 2"),
        ("case_number,stratum\nx,all\ny,both\n", "Line 3"),
        ('case_number,stratum\n"x\ny",family\n', "letters that show"),
        ("case_number,stratum\nA-123456789,single\n", "alien"),
    ],
)
def test_a_list_that_says_nothing_definite_is_refused(
    tmp_path: Path, text: str, why: str
) -> None:
    file = tmp_path / "pool.csv"
    file.write_text(text)
    with pytest.raises(BadRecords, match=why):
        own.read_pool(file, SLOTS)


def test_lists_are_read_as_spreadsheets_write_them(tmp_path: Path) -> None:
    file = tmp_path / "pool.csv"
    text = "Stratum, Case # ,Nombre\r\nFamily , \u00d1-1 ,x\r\n,,\r\nSINGLE,2,y\r\n"
    for encoding, mark in (("utf-8", ","), ("utf-8-sig", ";"), ("cp1252", "\t")):
        file.write_bytes(text.replace(",", mark).encode(encoding))
        found = own.read_pool(file, SLOTS)
        assert [(each.stratum.value, each.case) for each in found] == [
            ("family", "\u00d1-1"),
            ("single", "2"),
        ]


def test_a_file_that_is_no_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="could not be read"):
        own.read_pool(tmp_path / "missing.csv", SLOTS)
    (tmp_path / "large.csv").write_bytes(b"x" * (16 * 1024 * 1024 + 1))
    with pytest.raises(BadConfiguration, match="too large"):
        own.read_pool(tmp_path / "large.csv", SLOTS)
