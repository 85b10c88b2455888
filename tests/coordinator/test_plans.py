"""An analysis plan is drafted from the definition, published and kept to."""

import datetime as dt
import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from coordinator import plans
from coordinator.plans import Draft
from coordinator.store import Release
from privacy import analysis_plan, definition, mandate, signing
from privacy.analysis_plan import Locked
from privacy.errors import (
    BadConfiguration,
    BadSignature,
    InvalidProgramme,
)
from privacy.period import Period
from privacy.query import Mode, cells
from privacy.signing import Document, Kind
from tests.coordinator.governed import SITES, Governed, governed
from tests.coordinator.network import PROGRAMME
from tests.signed_samples import plan

EARLY = dt.datetime(2022, 9, 1, 8, tzinfo=dt.UTC)
M35 = PROGRAMME.metric("M35")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governed]:
    """Give a network with a roster; tests add to it and take nothing away."""
    with governed(tmp_path_factory.mktemp("network")) as made:
        made.found()
        yield made


def drafted(shared: Governed, name: str, *words: str) -> tuple[Path, str]:
    """Draft a plan that begins next year; return its file and what was shown."""
    file = shared.file(name)
    first = dt.datetime.now(dt.UTC).date().replace(month=1, day=1)
    first = first.replace(year=first.year + 1)
    said = ("--metric", "M35", "--outcome", "No in-absentia order within a year.")
    done = shared.cmpp(
        "plan", "draft", file, *said, "--first-draw", first.isoformat(), *words
    )
    assert done.code == 0, done.err
    return file, done.out


# ---- the paper ------------------------------------------------------------------


def test_a_plan_goes_into_the_log_and_to_every_site(shared: Governed) -> None:
    file, shown = drafted(shared, "plan.cmpp")
    assert "365 days from the draw" in shown
    assert "3.00; draws that would give a larger one are left out" in shown
    few = shared.cmpp("plan", "submit", shared.signed(file, "ana", kind="plan"))
    assert (few.code, "signatures of board members" in few.err) == (1, True)
    shared.signed(file, "cleo", kind="plan")
    done = shared.cmpp("plan", "submit", file, "--json")
    assert done.json["sites"] == dict.fromkeys(SITES, "adopted"), done.err
    (told,) = [each for each in shared.told() if each["kind"] == "analysis-plan"]
    assert (told["number"], told["metric"]) == (1, "M35")
    assert told["document"] == file.read_text("utf-8")
    (listed,) = shared.cmpp("plan", "list", "--json").json
    assert (listed["number"], listed["window_days"]) == (1, 365)
    for site in SITES:
        (kept,) = shared.node(site, "inbox", "plans", "--json").json
        assert (kept["metric"], kept["digest"]) == ("M35", listed["digest"])
        assert shared.node(site, "inbox", "list", "--json").json == []
    again = shared.cmpp("plan", "submit", file, "--json")
    assert again.json["sites"] == dict.fromkeys(SITES, "known"), again.err
    second, _ = drafted(shared, "second.cmpp")
    shared.signed(second, "ana", "ben", kind="plan")
    late = shared.cmpp("plan", "submit", second)
    assert (late.code, "later first draw" in late.err) == (1, True)


def test_what_a_plan_is_for_is_shown_before_it_is_signed(shared: Governed) -> None:
    file, _ = drafted(shared, "shown.cmpp", "--combining", "Each by itself.")
    shown = " ".join(shared.cmpp("plan", "show", file).out.split())
    assert "Each by itself." in shown
    assert "It permits nothing by itself" in shown
    said = shared.cmpp("plan", "show", file, "--json").json
    assert said["definition"] == definition.digest(M35, PROGRAMME).hex()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--metric", "M08", "--first-draw", "2099-01-01"), "needs no analysis plan"),
        (("--metric", "M35", "--first-draw", "soon"), "like 2027-01-01"),
        (("--metric", "M35", "--first-draw", "2020-01-01"), "before its first draw"),
        (
            ("--metric=M35", "--first-draw=2099-01-01", "--locked-on=2020-01-01"),
            "only a training network",
        ),
    ],
    ids=["no need", "no day", "past", "backdated"],
)
def test_what_is_not_definite_is_not_drafted(
    tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    made = Governed(tmp_path)
    assert made.cmpp("init").code == 0
    file = tmp_path / "plan.cmpp"
    done = made.cmpp("plan", "draft", file, "--outcome", "An outcome.", *words)
    assert (done.code, why in done.err) == (2, True), done.err
    assert not file.exists()


def test_a_training_network_may_say_another_day_and_it_is_told(tmp_path: Path) -> None:
    made = Governed(tmp_path)
    assert made.cmpp("init", "--training").code == 0
    file = tmp_path / "plan.cmpp"
    words = ("--metric", "M35", "--outcome", "An outcome.")
    days = ("--locked-on", "2022-09-01", "--first-draw", "2022-10-01")
    done = made.cmpp("plan", "draft", file, *words, *days)
    assert done.code == 0, done.err
    assert "2022-09-01, is believed" in " ".join(done.out.split())


def known(document: Document, at: dt.datetime = EARLY) -> Locked:
    return Locked(plan=analysis_plan.parse(document), at=at)


def test_a_plan_fixes_a_definition_that_the_centre_knows() -> None:
    strange = plan(definition=bytes(32))
    with pytest.raises(BadConfiguration, match="submit its edition"):
        plans.facts(strange, [], [PROGRAMME])
    with pytest.raises(InvalidProgramme, match="draft it again"):
        plans.facts(plan(window_days=30), [], [PROGRAMME])
    with pytest.raises(BadSignature, match="higher number"):
        plans.facts(plan(metric="M37"), [known(plan())], [PROGRAMME])
    assert plans.facts(plan(), [known(plan())], [PROGRAMME])[0] == "1"


def test_a_draft_takes_its_numbers_from_the_definition() -> None:
    made = Draft(
        network="cmpp",
        number=3,
        metric=PROGRAMME.metric("M37"),
        programme=PROGRAMME,
        estimand="The effect.",
        outcome="Three outcomes.",
        combining=plans.COMBINING,
        locked_on=dt.date(2026, 11, 22),
        first_draw_on=dt.date(2027, 1, 1),
    )
    found = analysis_plan.parse(made.document())
    analysis_plan.check_said(found, PROGRAMME.metric("M37"))


# ---- arms that are public -------------------------------------------------------

ARMS = """
[[public_arms]]
draw = "NYC-P2-FY2023-Q3-1"
stratum = "all"
period = "FY2023"
places = 200
households = 400
selected = 180
not_selected = 170
"""


def test_a_mandate_with_public_arms_is_drafted_from_a_file(shared: Governed) -> None:
    file = shared.file("exact.toml")
    file.write_text(ARMS, "utf-8")
    words = ("--metric", "M35", "--period", "FY2023", "--rho", "0.04")
    made = shared.mandate("exact.cmpp", *words, "--site", "NYC", "--public-arms", file)
    document = signing.read(made.read_bytes(), Kind.MANDATE)
    (arms,) = mandate.parse(document).public_arms
    assert (arms.site, arms.weights_percent) == ("NYC", (36_000, 34_000))
    shown = " ".join(shared.cmpp("mandate", "show", made).out.split())
    assert "180 selected and 170 not selected" in shown
    shared.signed(made, "ana", "ben")
    done = shared.cmpp("mandate", "submit", made, "--json")
    assert done.json["sites"] == {"NYC": "waiting"}, done.err
    card = shared.node("NYC", "inbox", "show", mandate.parse(document).number)
    assert "What becomes public WITHOUT noise" in card.out
    assert "180 selected and 170 not selected" in " ".join(card.out.split())


def test_a_mandate_that_makes_arms_public_for_nothing_is_not_taken(
    shared: Governed,
) -> None:
    file = shared.file("arms.toml")
    file.write_text(ARMS, "utf-8")
    words = ("--metric", "M08", "--period", "FY2023", "--rho", "0.04")
    made = shared.mandate(
        "mandate.cmpp", *words, "--site", "NYC", "--public-arms", file
    )
    shared.signed(made, "ana", "ben")
    done = shared.cmpp("mandate", "submit", made)
    assert (done.code, "covers no metric" in done.err) == (1, True)


# ---- adding cohorts up ----------------------------------------------------------


def test_cohorts_are_added_up_by_a_command(shared: Governed) -> None:
    periods = ("FY2023", "FY2024")
    words = [word for each in periods for word in ("--period", each)]
    file = shared.mandate("two.cmpp", "--metric", "M08", *words, "--rho", "0.04")
    shared.signed(file, "ana", "ben")
    shared.cmpp("mandate", "submit", file)
    store = shared.centre().store
    for site, period in itertools.product(SITES[:2], periods):
        wanted = PROGRAMME.metric("M08")
        for query in PROGRAMME.queries(wanted, Period(period)).values():
            made = Release(
                release_key=query.release_key(Mode.SITE),
                site=site,
                values=(120,) * len(cells(query, PROGRAMME.dictionary)),
                variance=Fraction(25),
                rho=Fraction(1, 50),
            )
            store.keep(made, now=dt.datetime.now(dt.UTC))
    done = shared.cmpp("query", "combine", "M08", *periods, "--json")
    assert done.code == 0, done.err
    assert "without NYC" in done.err
    (found,) = done.json
    assert (found["period"], found["sites_answered"]) == ("FY2023 and FY2024", 2)
    assert {cell["value"] for cell in found["cells"]} == {240.0, 480.0}
    again = shared.cmpp("query", "show", found["digest"][:12], "--json")
    assert again.json == done.json
    (told,) = [each for each in shared.told() if each["kind"] == "publication"]
    assert told["digest"] == found["digest"]


def test_the_command_says_why_it_does_not(shared: Governed) -> None:
    done = shared.cmpp("query", "combine", "M09", "FY2023", "FY2024")
    assert (done.code, "families twice" in done.err) == (1, True)
    done = shared.cmpp("query", "combine", "M35", "FY2023", "FY2024")
    assert (done.code, "needs an analysis plan" in done.err) == (1, True)
