"""A mandate says exactly what was meant, and the right one opens a question."""

import datetime as dt
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from coordinator import mandates
from coordinator.mandates import Wanted
from privacy import catalogue, loss, pack, signing
from privacy import mandate as signed
from privacy.errors import InvalidProgramme, NotAllowed
from privacy.mandate import Mandate, Purpose, Turn
from privacy.period import Period
from tests import signed_samples as sample
from tests.coordinator.governed import SITES, Governed, governed

PROGRAMME = catalogue.load()
PERIOD = Period("FY2024-H2")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governed]:
    """Give a network with a roster; tests add to it and take nothing away."""
    with governed(tmp_path_factory.mktemp("network")) as made:
        made.found()
        yield made


def read(file: Path) -> Mandate:
    return signed.parse(signing.read(file.read_bytes(), signing.Kind.MANDATE))


def test_a_pack_fills_a_mandate_with_exactly_what_it_costs(shared: Governed) -> None:
    words = ("--pack", "half-year", "--period", "FY2024-H2")
    found = read(shared.mandate("pack.cmpp", *words))
    chosen = pack.load("half-year", PROGRAMME)
    planned = chosen.lines_for(PERIOD)
    assert found.metrics == {each.line.metric for each in planned}
    assert found.periods == {PERIOD, Period("FY2024")}
    charged = sum(map(loss.pico, chosen.charges(PROGRAMME, PERIOD).values()))
    assert found.loss_rho == found.worst_rho == loss.from_pico(charged)
    assert int(found.loss_rho * loss.PICO) == charged
    assert (found.sites, found.purposes) == (set(SITES), {Purpose.OVERSIGHT})
    assert found.programme == PROGRAMME.version
    assert found.not_after - found.not_before == dt.timedelta(days=mandates.DAYS)
    assert found.title == "Half-year pack, FY2024-H2"


def test_every_field_has_its_option(shared: Governed) -> None:
    words = [
        *("--metric", "M08", "--metric", "M09", "--period", "FY2025-H1"),
        *("--rho", "1/64", "--purpose", "evaluation", "--purpose", "funding-report"),
        *("--site", "NYC", "--title", 'A "test"', "--number", "2026-77"),
        *("--revision", "2", "--days", "30", "--json"),
    ]
    file = shared.file("whole.cmpp")
    said = shared.cmpp("mandate", "draft", file, *words).json
    found = read(file)
    assert (found.number, found.title, found.revision) == ("2026-77", 'A "test"', 2)
    assert (found.loss_rho, found.sites) == (Fraction(1, 64), {"NYC"})
    assert found.purposes == {Purpose.EVALUATION, Purpose.FUNDING_REPORT}
    assert said["digest"] == found.digest.hex()
    assert (said["loss_rho"], said["signatures"]) == ("0.015625", 0)
    assert "of 100" not in said["number"]
    assert "insider" in said["consequence"]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--metric", "M08", "--period", "FY2024-H2"),
        ("--pack", "half-year"),
        ("--pack", "half-year", "--period", "FY2024-H1", "--period", "FY2024-H2"),
        ("--pack", "half-year", "--period", "FY2024-H2", "--metric", "M08"),
        ("--metric", "M08", "--period", "FY2024-H2", "--rho", "0"),
        ("--metric", "M08", "--period", "sometime", "--rho", "0.01"),
        ("--metric", "M08", "--period", "FY2024-H2", "--rho", "1", "--days", "500"),
        ("--metric", "M08", "--period", "FY2024-H2", "--rho", "1", "--number", "x"),
        (
            "--metric",
            "M08",
            "--period",
            "FY2024-H2",
            "--rho",
            "1",
            "--title",
            "\x1b[2K",
        ),
    ],
)
def test_what_is_not_definite_is_not_drafted(
    shared: Governed, words: tuple[str, ...]
) -> None:
    file = shared.file("never.cmpp")
    done = shared.cmpp("mandate", "draft", file, *words)
    assert done.code == 2
    assert not file.exists()


def test_a_metric_that_is_not_in_the_catalogue_is_not_drafted(
    shared: Governed,
) -> None:
    words = ("--metric", "M77", "--period", "FY2024-H2", "--rho", "0.01")
    done = shared.cmpp("mandate", "draft", shared.file("never.cmpp"), *words)
    assert (done.code, "no metric" in done.err) == (1, True)


def test_a_mandate_is_shown_in_words(shared: Governed) -> None:
    shown = shared.cmpp("mandate", "show", shared.mandate("words.cmpp")).out
    for words in ("Enrolments", "oversight", "HOU, LAX, NYC", "0.01 rho", "insider"):
        assert words in shown


def test_the_next_number_counts_within_its_year() -> None:
    now = sample.NOW
    assert mandates.next_number([], now=now) == "2026-01"
    used = ["2026-09", "2025-44", "2026-11"]
    assert mandates.next_number(used, now=now) == "2026-12"
    assert mandates.next_number(["2026-99"], now=now) == "2026-100"


@pytest.mark.parametrize(
    ("rho", "text"),
    [
        ("1/3", "0.333333333334"),
        ("2", "2"),
        ("0.05", "0.05"),
        ("1/1000000000000000", "0.000000000001"),
    ],
)
def test_a_loss_is_written_in_decimals_and_never_rounded_down(
    rho: str, text: str
) -> None:
    assert mandates.rho_text(Fraction(rho)) == text


def known(**changes: str) -> Mandate:
    return signed.parse(sample.mandate(**changes))


FIRST = known()
LATER = known(number='"2026-02"', periods='["FY2025-H1"]')
TWIN = known(number='"2026-03"')
ANEW = known(number='"2026-04"', revision="1")


def choose(*mandates_: Mandate, now: dt.datetime = sample.NOW, **said: object) -> str:
    wanted = {
        "asked": [("M08", PERIOD)],
        "purpose": Purpose.OVERSIGHT,
        "programme": PROGRAMME.version,
    }
    return mandates.choose(mandates_, Wanted(**wanted | said), now=now).number


def test_the_one_mandate_that_covers_is_chosen() -> None:
    assert choose(FIRST, LATER) == "2026-01"
    assert choose(FIRST, LATER, asked=[("M09", Period("FY2025-H1"))]) == "2026-02"


def test_of_several_one_must_be_named() -> None:
    with pytest.raises(NotAllowed, match="2026-01, 2026-03 all cover"):
        choose(FIRST, LATER, TWIN)
    assert choose(FIRST, TWIN, named="2026-03") == "2026-03"
    assert choose(FIRST, TWIN, named=TWIN.digest.hex()[:12]) == "2026-03"
    with pytest.raises(NotAllowed, match="no mandate called '2026-09'"):
        choose(FIRST, TWIN, named="2026-09")


def test_a_correction_is_asked_only_under_its_own_mandate() -> None:
    assert choose(FIRST, ANEW) == "2026-01"
    assert choose(FIRST, ANEW, named="2026-04") == "2026-04"
    with pytest.raises(NotAllowed, match="revision 0"):
        choose(ANEW)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"asked": [("M29", PERIOD)]}, "metric M29"),
        ({"asked": [("M08", PERIOD), ("M08", Period("FY2023-H2"))]}, "FY2023-H2"),
        ({"purpose": Purpose.EVALUATION}, "purpose evaluation"),
        ({"programme": "1+000000000000"}, r"programme 1\+0"),
        ({"now": sample.NOW - dt.timedelta(days=60)}, "begins on 2026-11-01"),
        ({"now": sample.NOW + dt.timedelta(days=90)}, "ended on 2027-02-01"),
    ],
)
def test_what_is_near_is_named_with_the_reason(
    said: dict[str, object], why: str
) -> None:
    with pytest.raises(NotAllowed, match=why):
        choose(FIRST, **said)
    with pytest.raises(NotAllowed, match=why):
        choose(FIRST, named="2026-01", **said)


def test_an_order_without_a_reason_is_none() -> None:
    with pytest.raises(InvalidProgramme):
        mandates.order(Turn.FREEZE, network="cmpp", number=1, reason=" ")
    with pytest.raises(InvalidProgramme):
        mandates.revocation(FIRST, reason="")
