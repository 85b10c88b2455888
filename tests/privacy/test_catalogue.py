"""The catalogue is sixty definite metrics; an indefinite file is refused."""

from importlib import resources

import pytest

from privacy import catalogue
from privacy.catalogue import EstimatorKind, Measure, Pillar, Programme, Status
from privacy.dictionary import Grain
from privacy.errors import (
    ExchangeError,
    InvalidProgramme,
    InvalidQuery,
    NotAllowed,
    UnknownMetric,
)
from privacy.period import Period
from privacy.query import Mode

NETWORK_ONLY = {"M03", "M23", "M24", "M28", "M47"}
"""Reasons and outcomes in full, trafficking and departure: no site tells of them."""


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


def test_all_sixty_metrics_are_there_and_run(programme: Programme) -> None:
    assert [f"M{n:02}" for n in range(1, 61)] == list(programme.metrics)
    assert {m.status for m in programme.metrics.values()} == {Status.RUNNING}


def test_every_metric_names_the_facts_it_answers(programme: Programme) -> None:
    for metric in programme.metrics.values():
        assert metric.seeds
        assert all(seed[0] in "AB" and seed[1:].isdigit() for seed in metric.seeds)


def test_every_estimator_is_used_by_a_metric(programme: Programme) -> None:
    used = {metric.estimator.kind for metric in programme.metrics.values()}
    assert used == set(EstimatorKind)


def test_every_measure_is_used_and_only_quantities_have_a_unit(
    programme: Programme,
) -> None:
    metrics = programme.metrics.values()
    assert {metric.measure for metric in metrics} == set(Measure)
    for metric in metrics:
        assert bool(metric.unit_shown) is (metric.measure is Measure.QUANTITY)


def test_what_nobody_may_know_of_a_site_is_told_of_the_network_only(
    programme: Programme,
) -> None:
    sums = {m.id for m in programme.metrics.values() if Mode.SITE not in m.modes}
    assert sums == NETWORK_ONLY
    for name in NETWORK_ONLY:
        metric = programme.metric(name)
        assert metric.grain is Grain.NATIONAL
        assert [kind.value for kind in metric.periods] == ["fiscal-year"]
        metric.check_asked(Mode.SUM)
        with pytest.raises(NotAllowed, match="network only"):
            metric.check_asked(Mode.SITE)


def test_only_the_effects_of_the_draw_need_a_plan_signed_beforehand(
    programme: Programme,
) -> None:
    planned = {m.id for m in programme.metrics.values() if m.preregistered}
    assert planned == {"M35", "M36", "M37"}


def test_once_only_events_are_told_from_those_that_come_again(
    programme: Programme,
) -> None:
    once = {m.id for m in programme.metrics.values() if m.once}
    assert {"M01", "M08", "M14", "M35", "M41", "M52"} <= once
    assert once.isdisjoint({"M09", "M29", "M32", "M57", "M58", "M60"})


def test_the_caps_of_a_metric_are_read_from_its_queries(programme: Programme) -> None:
    contacts = programme.metric("M16").caps
    assert "contacts: from 0 to 18 a counted adult, at most two of them" in contacts[0]
    assert "from 0 to 92" in contacts[1]
    assert "a weight of at most 3" in programme.metric("M35").caps[0]
    assert programme.metric("M08").caps == ("enrolled: one a household",)
    assert programme.metric("M58").caps == ()


def test_two_metrics_that_read_one_query_share_its_answer(
    programme: Programme,
) -> None:
    year, quarter = Period("FY2024"), Period("FY2024-Q3")

    def keys(name: str, period: Period) -> dict[str, bytes]:
        known = programme.queries(programme.metric(name), period)
        return {key: query.release_key(Mode.SITE) for key, query in known.items()}

    assert keys("M09", year) == keys("M10", year) == keys("M56", year)
    assert keys("M01", year) == keys("M05", year)
    assert keys("M16", quarter)["days"] == keys("M57", quarter)["days"]
    effect = keys("M35", year)
    assert effect.items() <= keys("M36", year).items()
    assert effect["weight"] == keys("M37", year)["weight"]


def test_a_definition_and_what_it_takes_for_granted_are_sentences(
    programme: Programme,
) -> None:
    assert programme.how_to_read.endswith(".")
    for word in ("Household", "Consent", "Spell", "Unknown", "Newly enrolled"):
        assert f"{word}" in programme.how_to_read
    for metric in programme.metrics.values():
        assert metric.definition[0].isupper()
        assert metric.definition.endswith(".")


def test_every_pillar_has_a_metric(programme: Programme) -> None:
    assert set(Pillar) == {metric.pillar for metric in programme.metrics.values()}


def test_every_metric_that_reads_records_says_who_is_counted(
    programme: Programme,
) -> None:
    for metric in programme.metrics.values():
        assert metric.counted
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
        ('kind = "count"', 'kind = "mean"'),
        ('kind = "count"', 'kind = "ledger"'),
        (', figure = "slots_offered"', ""),
        ('figure = "slots_offered"', 'times = "0"'),
        ('figure = "slots_offered"', 'figure = "slots_offered", times = "a few"'),
        ('kind = "count", of = ["pool"]', 'kind = "count", figure = "capacity"'),
        ('unit_shown = "households a place"\n', ""),
        ('counted = "households"\n', 'counted = "households"\nunit_shown = "them"\n'),
        ('seeds = ["A10"]', "seeds = []"),
        ('seeds = ["A10"]', 'seeds = ["A10"]\nnever_by_site = "no"'),
        ('seeds = ["A10"]', 'seeds = ["A10"]\nnever_by_site = true'),
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
