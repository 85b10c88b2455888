"""The sites' public months at the centre: revised, never overwritten, never guessed."""

import datetime as dt
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
import sqlalchemy as sa

from coordinator import cli, database, facts
from coordinator.cli.centre import Centre
from coordinator.facts import Months, Origin
from coordinator.sites import Site
from coordinator.store import EventKind
from node import synthetic
from privacy import catalogue, organisation_month
from privacy import facts as public
from privacy.errors import BadRecords
from privacy.organisation_month import COLUMNS
from tests.organisation_samples import month, whole

NOW = dt.datetime(2026, 11, 22, 18, tzinfo=dt.UTC)
MINE = Origin(file="ab" * 32, added_by="ana")
LATER = Origin(file="cd" * 32, added_by="ben")
SITES = ("NYC", "HOU", "LAX")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def months(ledger_url: str) -> Iterator[Months]:
    """Give an empty table, on SQLite and then on PostgreSQL."""
    engine = database.connect(ledger_url)
    yield Months(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the home of a new centre with three sites."""
    home = tmp_path_factory.mktemp("centre") / "home"
    with (
        mock.patch.object(sys, "argv", ["cmpp", "--home", str(home), "init"]),
        pytest.raises(SystemExit) as ended,
    ):
        cli.main()
    assert not ended.value.code
    for site in SITES:
        Centre(home).sites.add(Site(name=site, address="127.0.0.1:7443"))
    return home


@pytest.fixture
def run(
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Give a function that types a command at a copy of that centre."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)

    def typed(*words: object) -> tuple[int, str, str]:
        given = ["cmpp", "--home", str(tmp_path), *map(str, words)]
        monkeypatch.setattr(sys, "argv", given)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return int(ended.value.code or 0), output.out, output.err

    return typed


def file(folder: Path, *lines: organisation_month.OrganisationMonth) -> Path:
    path = folder / "months.csv"
    path.write_text(organisation_month.write(lines))
    return path


# --- the table -------------------------------------------------------------


def test_a_file_is_kept_and_comes_back_exactly(months: Months) -> None:
    lines = [month("NYC", "2024-01"), month("NYC", "2024-02", places=0)]
    added = months.add(lines, MINE, now=NOW)
    assert added.new == ("NYC 2024-01", "NYC 2024-02")
    assert (added.revised, added.same) == ((), ())
    assert months.standing() == tuple(lines)


def test_the_same_file_again_changes_nothing(months: Months) -> None:
    months.add([month("NYC", "2024-01")], MINE, now=NOW)
    again = months.add([month("NYC", "2024-01")], LATER, now=NOW)
    assert again.same == ("NYC 2024-01",)
    assert len(months.history()) == 1


def test_a_later_file_is_a_revision_and_the_older_one_stays_visible(
    months: Months,
) -> None:
    months.add([month("NYC", "2024-01"), month("HOU", "2024-01")], MINE, now=NOW)
    added = months.add([month("NYC", "2024-01", places=51)], LATER, now=NOW)
    assert added.revised == ("NYC 2024-01",)
    assert [m.places for m in months.standing() if m.site == "NYC"] == [51]
    kept = months.history(site="NYC")
    assert [(k.revision, k.month.places, k.stands, k.added_by) for k in kept] == [
        (0, 50, False, "ana"),
        (1, 51, True, "ben"),
    ]
    assert kept[1].file == LATER.file


def test_going_back_to_older_numbers_is_a_revision_too(months: Months) -> None:
    for places in (50, 51, 50):
        months.add([month("NYC", "2024-01", places=places)], MINE, now=NOW)
    assert [k.month.places for k in months.history()] == [50, 51, 50]
    assert [m.places for m in months.standing()] == [50]


def test_all_phases_of_a_month_are_revised_together(months: Months) -> None:
    both = [month("HOU", "2024-06", phase=phase) for phase in ("P1", "P2")]
    months.add(both, MINE, now=NOW)
    assert months.add(both[::-1], LATER, now=NOW).same == ("HOU 2024-06",)
    months.add(both[:1], LATER, now=NOW)
    assert months.standing() == (both[0],)


def test_a_file_that_cannot_be_kept_whole_is_not_kept_at_all(months: Months) -> None:
    twice = [month("NYC", "2024-01"), month("LAX", "2024-01"), month("LAX", "2024-01")]
    with pytest.raises(sa.exc.IntegrityError):
        months.add(twice, MINE, now=NOW)
    assert months.history() == ()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (month("SEA", "2024-01"), "the site is not on the list"),
        (month("LAX", "2024-01", phase="P3"), "the phase is frozen"),
        (month("LAX", "2024-01", phase="P7"), "nothing is known of this phase"),
        (month("LAX", "2022-01"), "nothing is known of this phase"),
        (month("LAX", "2024-01", phase="P1"), "the phase is not held at this site"),
    ],
)
def test_months_that_cannot_be_are_refused(
    wrong: organisation_month.OrganisationMonth, said: str
) -> None:
    good = month("NYC", "2024-01")
    doubt = facts.doubt(public.load(), SITES)
    text = organisation_month.write([good])
    assert organisation_month.parse(text.encode(), doubt) == (good,)
    text = organisation_month.write([good, wrong])
    with pytest.raises(BadRecords, match=f"Line 3: {said}"):
        organisation_month.parse(text.encode(), doubt)


def test_a_site_the_facts_do_not_know_may_be_in_any_active_phase() -> None:
    doubt = facts.doubt(public.load(), ["S01"])
    for phase in ("P1", "P2"):
        assert doubt(month("S01", "2024-01", phase=phase)) == ""


# --- the commands ----------------------------------------------------------


def test_a_file_is_added_and_told(run: Run, tmp_path: Path) -> None:
    path = file(tmp_path, month("NYC", "2024-01"), month("LAX", "2024-01"))
    code, said, _ = run("facts", "add", path)
    assert (code, said.strip()) == (
        0,
        "2 months were added, 0 revised, and 0 were known.",
    )
    again = json.loads(run("facts", "add", path, "--json")[1])
    assert again["same"] == ["LAX 2024-01", "NYC 2024-01"]
    events = Centre(tmp_path).store.events()
    assert {event.kind for event in events} == {EventKind.FACTS}
    assert [e.detail for e in events if e.site == "NYC"] == [
        "1 months added, 0 revised",
        "0 months added, 0 revised",
    ]
    assert {event.subject for event in events} == {again["file"]}
    assert json.loads(run("facts", "list", "--json")[1])["months"] == 2


def test_revisions_are_in_the_history(run: Run, tmp_path: Path) -> None:
    for places in (50, 60):
        run("facts", "add", file(tmp_path, month("NYC", "2024-01", places=places)))
    lines = json.loads(run("facts", "history", "--site", "NYC", "--json")[1])
    assert [(x["places"], x["revision"], x["stands"]) for x in lines] == [
        ("50", 0, False),
        ("60", 1, True),
    ]
    (standing,) = json.loads(run("facts", "show", "months", "--json")[1])
    assert standing["places"] == "60"
    assert "case manager fte" in run("facts", "history")[1]
    assert json.loads(run("facts", "history", "--site", "LAX", "--json")[1]) == []


def test_one_bad_line_and_nothing_is_added(run: Run, tmp_path: Path) -> None:
    path = file(tmp_path, month("NYC", "2024-01"), month("NYC", "2024-02"))
    text = path.read_text().replace("2024-02", "2024-2")
    path.write_text(text)
    code, _, told = run("facts", "add", path)
    assert code == 2
    assert "Line 3: month must be a month, such as 2024-03." in told
    assert json.loads(run("facts", "history", "--json")[1]) == []
    assert Centre(tmp_path).store.events() == ()


def test_a_file_that_is_not_there_is_said_to_be_missing(run: Run) -> None:
    code, _, told = run("facts", "add", "nowhere.csv")
    assert code == 2
    assert "nowhere.csv cannot be read" in told


def test_facts_are_shown_as_they_were_on_a_day(run: Run) -> None:
    def rules(*words: str) -> list[str]:
        said = run("facts", "show", "eligibility", *words, "--json")[1]
        return [line["version"] for line in json.loads(said)]

    assert rules("--as-of", "2024-07-31") == ["v1"]
    assert rules("--as-of", "2024-08-01") == ["v2"]
    assert rules() == ["v2"]
    assert rules("--all") == ["v0", "v1", "v2", "v3"]


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("programme", "97.102"),
        ("board", "Church World Service"),
        ("phases", "frozen"),
        ("awards", "15000000"),
        ("sites", "BakerRipley"),
        ("slots", "made up for training"),
        ("prices", "21/5"),
        ("references", "99.3"),
        ("eligibility", "Known to ICE and not detained"),
        ("months", "Nothing is known of this yet."),
    ],
)
def test_every_kind_can_be_seen(run: Run, kind: str, word: str) -> None:
    code, said, _ = run("facts", "show", kind)
    assert code == 0
    assert word in said
    assert isinstance(json.loads(run("facts", "show", kind, "--json")[1]), list)
    assert kind in run("facts", "list")[1]


def test_a_spreadsheet_reads_what_is_shown(run: Run, tmp_path: Path) -> None:
    path = file(tmp_path, month("NYC", "2024-01"))
    assert path.read_text().splitlines()[0] == ",".join(COLUMNS)
    assert run("facts", "add", path)[0] == 0


# --- results nobody is asked for -------------------------------------------


def test_public_money_is_shown_without_a_mandate(run: Run, tmp_path: Path) -> None:
    assert run("facts", "add", file(tmp_path, *whole(["NYC"], "FY2024")))[0] == 0
    code, said, told = run("query", "run", "M58", "FY2024", "--json")
    (found,) = json.loads(said)
    assert code == 0
    assert "nothing was charged" in told
    assert [line["site"] for line in found["sites"]] == ["HOU", "LAX", "NYC"]
    assert (found["sites_answered"], found["loss"]["rho_model"]) == (1, 0)
    assert {cell["high"] - cell["low"] for cell in found["cells"]} == {0}
    assert run("query", "run", "M58", "FY2024", "--json")[1] == said
    assert run("query", "show", found["digest"][:12], "--json")[1] == said
    entries = Centre(tmp_path).log.entries()
    assert {entry.kind.value for entry in entries} == {"publication"}


def test_charged_loss_is_shown_before_anything_was_charged(run: Run) -> None:
    code, said, _ = run("query", "run", "M60", "FY2024", "--json")
    (found,) = json.loads(said)
    assert (code, found["cells"], found["sites_answered"]) == (0, [], 3)


def test_they_are_shown_as_exact_to_people(run: Run, tmp_path: Path) -> None:
    run("facts", "add", file(tmp_path, *whole(SITES, "FY2024")))
    code, said, _ = run("query", "run", "M58", "FY2024")
    assert code == 0
    assert "5,000,000" in said
    assert "exact" in said


def test_looking_ahead_at_what_nobody_is_asked_for_is_refused(run: Run) -> None:
    code, _, told = run("query", "preview", "M58", "FY2024")
    assert code == 2
    assert "No site is asked for M58: it is exact and costs nothing" in told


def test_the_page_about_public_figures_names_every_column_and_figure() -> None:
    page = (Path(__file__).parents[2] / "docs" / "public-figures.md").read_text()
    assert [name for name in COLUMNS if f"| `{name}` |" not in page] == []
    metrics = catalogue.load().metrics.values()
    reading = {each.id for each in metrics if each.estimator.figure is not None}
    assert set(re.findall(r"^\| (M\d\d) ", page, re.MULTILINE)) == reading


def test_the_centre_takes_what_training_sites_invent(months: Months) -> None:
    doubt = facts.doubt(public.load(), SITES)
    for site in SITES:
        text = organisation_month.write(synthetic.months(site=site, seed=1))
        lines = organisation_month.parse(text.encode(), doubt)
        assert not months.add(lines, MINE, now=NOW).revised
    assert {line.site for line in months.standing()} == set(SITES)
