"""The catalogue is sixty definite metrics; an indefinite file is refused."""

from importlib import resources

import pytest

from privacy import catalogue
from privacy.catalogue import EstimatorKind, Pillar, Programme, Status
from privacy.errors import ExchangeError, InvalidProgramme, InvalidQuery, UnknownMetric
from privacy.period import Period

RUNNING = {
    "M01",
    "M04",
    "M07",
    "M08",
    "M09",
    "M12",
    "M14",
    "M18",
    "M22",
    "M29",
    "M32",
    "M43",
}


def files() -> dict[str, str]:
    folder = resources.files("privacy") / "programme"
    return {
        "dictionary": (folder / "dictionary.toml").read_text("utf-8"),
        "programme": (folder / "programme.toml").read_text("utf-8"),
        "reach": (folder / "catalogue" / "reach.toml").read_text("utf-8"),
    }


@pytest.fixture(scope="module")
def programme() -> Programme:
    return catalogue.load()


def test_all_sixty_metrics_are_there_and_twelve_run(programme: Programme) -> None:
    assert [f"M{n:02}" for n in range(1, 61)] == list(programme.metrics)
    running = {m.id for m in programme.metrics.values() if m.status is Status.RUNNING}
    assert running == RUNNING


def test_every_pillar_has_a_metric(programme: Programme) -> None:
    assert set(Pillar) == {metric.pillar for metric in programme.metrics.values()}


def test_every_metric_that_reads_records_says_who_is_counted(
    programme: Programme,
) -> None:
    for metric in programme.metrics.values():
        assert metric.definition.endswith(".")
        if metric.templates:
            assert metric.periods


def test_entry_years_begin_with_the_programme(programme: Programme) -> None:
    one = programme.queries(programme.metric("M09"), Period("FY2024"))["active"]
    assert (Period("FY2023"), Period("FY2024")) == one.entry_years


def test_a_metric_is_only_published_by_its_own_lengths_of_period(
    programme: Programme,
) -> None:
    with pytest.raises(InvalidQuery, match="fiscal-year"):
        programme.queries(programme.metric("M12"), Period("FY2024-Q1"))


def test_a_period_before_the_programme_is_refused(programme: Programme) -> None:
    with pytest.raises(InvalidQuery, match="before the programme"):
        programme.queries(programme.metric("M08"), Period("FY2022"))


def test_an_unknown_metric_is_refused(programme: Programme) -> None:
    with pytest.raises(UnknownMetric, match="cmpp metrics list"):
        programme.metric("M99")


def test_the_version_changes_with_any_byte_of_any_file() -> None:
    one = files()
    versions = {catalogue.parse(one).version}
    for name in one:
        versions.add(catalogue.parse(one | {name: one[name] + "\n"}).version)
    assert len(versions) == 1 + len(one)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "Pool entrants"', 'nmae = "Pool entrants"'),
        ('status = "running"', 'status = "maybe"'),
        ("version = 1", 'version = "1"'),
        ("version = 1", "version = true"),
        ('use = "pool_by_channel"', 'use = "nothing"'),
        ('of = ["pool"]', 'of = ["lake"]'),
        ('metrics = ["M01"]', 'metrics = ["M99"]'),
        ('kind = "count"', 'kind = "mean"'),
        ('kind = "count"', 'kind = "guess"'),
        ("at_least = 1", "at_laest = 1"),
        ("at_least = 1", "at_least = 1.5"),
        ('{ flag = "pool_entry.interested" }', '{ flag = "pool_entry.rich" }'),
        ('{ flag = "pool_entry.interested" }', "{ all = 5 }"),
        ('{ flag = "pool_entry.interested" }', "{ any = [] }"),
        ('"draw+90"', '"draw+ninety"'),
        ('"draw+90"', '"exit+90"'),
        ('within = ["draw", "draw+90"]', 'within = ["draw"]'),
        ("edges = [15, 31, 61]", "edges = [31, 15]"),
        ("edges = [15, 31, 61]", "edges = 15"),
        ('days = ["draw", "enrolment"]', 'days = ["draw"]'),
        ('at = "period_end"', 'at = "period_end+1"\nelse = 1'),
        ('value = "one"', 'value = "two"'),
        (
            'value = "one"',
            'value = { quantity = { number = "a.b" }, lower = 1, upper = 0 }',
        ),
        ('grouping = "stated"', 'grouping = "three"'),
        ('periods = ["fiscal-year"]', 'periods = ["month"]'),
        ("[metrics.M02]", "[metrics.M01]"),
        ("[shared.", "shared = 5\n[shaerd."),
    ],
)
def test_a_file_that_leaves_a_meaning_open_is_refused(old: str, new: str) -> None:
    one = files()
    assert old in one["reach"]
    with pytest.raises((ExchangeError, ValueError)) as caught:
        catalogue.parse(one | {"reach": one["reach"].replace(old, new)})
    assert isinstance(caught.value, ExchangeError)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('otherwise = "not_stated"', 'otherwise = "nobody"'),
        ('man = ["man"]', 'man = ["woman"]'),
        ('list = "gender"', 'list = "sex"'),
        ('site = "three"', 'site = "four"'),
        ('date = "served_on"', 'date = "kind"'),
        ('end = "exited_on"', 'end = "exited"'),
        ('day = "drawn_on"', 'day = "channel"'),
        ('field = "kind"', 'field = "sort"'),
        ("low = 0, high = 4", "low = 4, high = 0"),
        ('kind = "flag"', 'kind = "boolean"'),
        ('class = "D"', 'class = "V"'),
        ('level = "household"', 'level = "street"'),
        ("[tables.household]", "[tables.household]\nextra = 1"),
    ],
)
def test_a_dictionary_that_leaves_a_meaning_open_is_refused(old: str, new: str) -> None:
    one = files()
    assert old in one["dictionary"]
    with pytest.raises(InvalidProgramme):
        catalogue.parse(one | {"dictionary": one["dictionary"].replace(old, new, 1)})


def test_the_estimators_that_can_run_are_those_the_running_metrics_use(
    programme: Programme,
) -> None:
    used = {
        m.estimator.kind
        for m in programme.metrics.values()
        if m.status is Status.RUNNING
    }
    assert used < catalogue.RUNNING_KINDS
    assert catalogue.RUNNING_KINDS - used == {EstimatorKind.HISTOGRAM}
    assert EstimatorKind.WEIGHTED_EFFECT not in used
