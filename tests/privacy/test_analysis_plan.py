"""How an effect is worked out is fixed before the draws, or it is not asked."""

import datetime as dt
from dataclasses import replace

import pytest

from privacy import analysis_plan, catalogue, definition, succession
from privacy import mandate as mandates
from privacy.analysis_plan import AnalysisPlan, Locked
from privacy.chain import Kind
from privacy.errors import BadSignature, InvalidProgramme, NotAllowed
from privacy.expression import EVERYBODY, Weighted
from privacy.metric import Metric
from privacy.period import EPOCH, Period
from privacy.signing import Document
from tests import signed_samples as samples
from tests.signed_samples import NOW, Site, agreed, mandate, plan, refuse

PROGRAMME = catalogue.load()
M35 = PROGRAMME.metric("M35")
COHORT = Period("FY2027-H2")
BEGINS = EPOCH + dt.timedelta(days=COHORT.start)


def fixed(document: Document, at: dt.datetime = NOW) -> Locked:
    return Locked(plan=analysis_plan.parse(document), at=at)


def check(
    *known: Locked, metric: Metric = M35, period: Period = COHORT
) -> tuple[AnalysisPlan, ...]:
    return analysis_plan.check_asked(metric, PROGRAMME, period, known)


def refused(*known: Locked, why: str, **asked: object) -> None:
    with pytest.raises(NotAllowed, match=why):
        check(*known, **asked)


# ---- the paper ------------------------------------------------------------------


def test_a_plan_says_what_was_written() -> None:
    document = plan()
    found = analysis_plan.parse(document)
    assert (found.metric, found.window_days, found.weight_limit_percent) == (
        "M35",
        365,
        300,
    )
    assert found.definition == definition.digest(M35, PROGRAMME)
    assert found.document().content == document.content
    assert analysis_plan.note(document) == "1 M35"


@pytest.mark.parametrize(
    "change",
    [
        {"number": 0},
        {"outcome": "x" * 2001},
        {"window_days": 0},
        {"weight_limit_percent": 0},
        {"locked_on": dt.date(2027, 1, 1)},
        {"definition": b"short"},
    ],
    ids=str,
)
def test_a_plan_that_is_not_definite_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidProgramme):
        analysis_plan.parse(plan(**change))


def test_a_plan_written_another_way_is_refused() -> None:
    content = plan().content.replace(b"number = 1", b"number  = 1")
    document = Document(kind=plan().kind, content=content)
    with pytest.raises(InvalidProgramme, match="one form"):
        analysis_plan.parse(document)


def test_numbers_that_are_not_those_of_the_definition_are_refused() -> None:
    analysis_plan.check_said(analysis_plan.parse(plan()), M35)
    for change in ({"window_days": 180}, {"weight_limit_percent": 500}):
        with pytest.raises(InvalidProgramme, match="draft it again"):
            analysis_plan.check_said(analysis_plan.parse(plan(**change)), M35)


# ---- the lock -------------------------------------------------------------------


def test_a_cohort_is_asked_about_under_a_plan_that_was_there_before() -> None:
    (found,) = check(fixed(plan()))
    assert found.number == 1
    last = dt.datetime.combine(BEGINS, dt.time(), dt.UTC) - dt.timedelta(seconds=1)
    assert check(fixed(plan(), at=last))


@pytest.mark.parametrize("period", ["FY2027-H1", "FY2027", "FY2026"])
def test_a_cohort_that_began_before_the_first_draw_is_not_covered(period: str) -> None:
    refused(fixed(plan()), why="came or begin later", period=Period(period))


def test_without_a_plan_nothing_is_asked() -> None:
    refused(why="none is here")
    refused(fixed(plan(metric="M37")), why="none is here")


def test_other_metrics_need_no_plan() -> None:
    assert check(metric=PROGRAMME.metric("M08")) == ()


def test_another_name_for_the_same_outcome_is_no_way_round() -> None:
    again = replace(PROGRAMME.metric("M08"), templates=M35.templates)
    refused(why="M35", metric=again)
    arms = {
        name: made_from
        for name, made_from in M35.templates.items()
        if name in definition.arms(M35)
    }
    assert check(metric=replace(again, templates=arms)) == ()


def test_of_several_plans_the_last_that_began_is_kept_to() -> None:
    first = fixed(plan(first_draw_on=dt.date(2027, 1, 1)))
    second = fixed(plan(number=2, first_draw_on=dt.date(2027, 4, 1)))
    for period, number in {"FY2027-Q2": 1, "FY2027-H2": 2, "FY2028": 2}.items():
        (found,) = check(first, second, period=Period(period))
        assert found.number == number


def test_old_cohorts_stay_under_the_old_plan() -> None:
    """The new definition is not asked of them, and the old one not of new ones."""
    old = fixed(plan(definition=bytes(32), first_draw_on=dt.date(2027, 1, 1)))
    new = fixed(plan(number=2, first_draw_on=dt.date(2027, 4, 1)))
    refused(old, new, why="defined otherwise", period=Period("FY2027-Q2"))
    assert check(old, new, period=Period("FY2027-Q3"))[0].number == 2


def test_on_a_training_network_the_plans_own_day_is_believed() -> None:
    old = {"locked_on": dt.date(2022, 9, 1), "first_draw_on": dt.date(2022, 10, 1)}
    past = Period("FY2023")
    assert check(fixed(plan(network="training-cmpp", **old)), period=past)
    refused(fixed(plan(**old)), why="before 2022-10-01", period=past)
    late = old | {"first_draw_on": dt.date(2022, 10, 2)}
    invented = fixed(plan(network="training-cmpp", **late))
    refused(invented, why="begin later", period=past)


# ---- what a definition is -------------------------------------------------------


def test_a_definition_has_one_digest_whatever_it_is_called() -> None:
    same = replace(M35, name="Another name", definition="Other words.", version=9)
    assert definition.digest(same, PROGRAMME) == definition.digest(M35, PROGRAMME)


@pytest.mark.parametrize("name", ["M35", "M36", "M37"])
def test_every_part_of_a_definition_changes_its_digest(name: str) -> None:
    metric = PROGRAMME.metric(name)
    seen = {definition.digest(metric, PROGRAMME)}
    for key, made_from in metric.templates.items():
        value = made_from.value
        assert isinstance(value, Weighted)
        for changed in (
            replace(made_from, value=replace(value, upper=value.upper + 1)),
            replace(made_from, value=replace(value, outcome=value.arm)),
            replace(made_from, population=EVERYBODY),
            replace(made_from, entry_lookback_years=4),
            replace(made_from, anchor="enrolment"),
        ):
            if changed == made_from:
                continue
            templates = {**metric.templates, key: changed}
            other = replace(metric, templates=templates)
            seen.add(definition.digest(other, PROGRAMME))
    assert len(seen) > 4 * len(metric.templates)


def test_other_codes_under_the_same_words_are_another_definition() -> None:
    words = PROGRAMME.dictionary
    known = words.code_lists["legal_event_kind"]
    wider = replace(known, codes=(*known.codes, "something_new"))
    lists = {**words.code_lists, known.name: wider}
    changed = replace(PROGRAMME, dictionary=replace(words, code_lists=lists))
    assert definition.digest(M35, changed) != definition.digest(M35, PROGRAMME)


def test_the_weight_is_a_recorded_field_and_is_never_worked_out() -> None:
    """There is no word for a probability in the language, so none can be computed."""
    weights = {
        made_from.value.weight
        for metric in PROGRAMME.metrics.values()
        for made_from in metric.templates.values()
        if isinstance(made_from.value, Weighted)
    }
    assert weights == {"pool_entry.inverse_probability_percent"}
    for path in weights:
        field = PROGRAMME.dictionary.field(path)
        assert PROGRAMME.dictionary.table(field.table).rows.value == "one"
    assert Weighted.__annotations__["weight"] in ("str", str)


# ---- how it travels -------------------------------------------------------------


def test_a_plan_enters_the_law_at_its_moment_without_an_officer() -> None:
    site = agreed()
    law = site.enact(Kind.ANALYSIS_PLAN, plan())
    (known,) = law.plans
    assert (known.plan.metric, known.at) == ("M35", NOW)
    assert law.inbox(NOW) == {}
    assert succession.replay("NYC", site.kept) == law


def test_a_plan_opens_nothing() -> None:
    site = agreed()
    before = site.law
    after = site.enact(Kind.ANALYSIS_PLAN, plan())
    assert (after.sent, after.policy, after.turn) == (
        before.sent,
        before.policy,
        before.turn,
    )


@pytest.mark.parametrize("signers", [("ana",), ("ana", "dirk"), ("olga", "omar")])
def test_a_plan_takes_enough_of_the_board(signers: tuple[str, ...]) -> None:
    site = agreed()
    refuse(site, BadSignature, "signatures", Kind.ANALYSIS_PLAN, plan(*signers))


def test_a_plan_is_for_one_network() -> None:
    other = plan(network="elsewhere")
    refuse(agreed(), BadSignature, "network", Kind.ANALYSIS_PLAN, other)


def test_a_plan_comes_after_those_before_it() -> None:
    site = agreed()
    site.enact(Kind.ANALYSIS_PLAN, plan())
    later = {"first_draw_on": dt.date(2027, 4, 1)}
    kind = Kind.ANALYSIS_PLAN
    refuse(site, BadSignature, "higher number", kind, plan())
    refuse(site, BadSignature, "higher number", kind, plan(**later))
    refuse(site, BadSignature, "later first draw", kind, plan(number=2))
    site.enact(kind, plan(number=2, metric="M37"))
    assert len(site.enact(kind, plan(number=3, **later)).plans) == 3


def test_a_site_without_a_roster_believes_no_plan() -> None:
    refuse(Site(), NotAllowed, "roster", Kind.ANALYSIS_PLAN, plan())


# ---- arm sizes that a mandate makes public --------------------------------------


def arms(**changes: object) -> str:
    known = {
        "draw": '"NYC-P2-FY2027-Q3-1"',
        "stratum": '"family"',
        "period": '"FY2027-H2"',
        "places": 20,
        "households": 41,
        "selected": 18,
        "not_selected": 15,
    }
    lines = [f"{name} = {value}" for name, value in (known | changes).items()]
    return "\n".join(["[[public_arms]]", *lines])


def opened(*made: str, **changes: str) -> Document:
    """Return a mandate for NYC alone that makes some arms public."""
    known = {
        "metrics": '["M35"]',
        "sites": '["NYC"]',
        "periods": '["FY2027-H2"]',
    } | changes
    document = mandate(**known)
    content = document.content + "\n".join([*made, ""]).encode()
    changed = Document(kind=document.kind, content=content)
    return samples.signed(changed, "ana", "ben")


def test_public_arms_are_for_a_metric_that_uses_them() -> None:
    analysis_plan.check_arms(mandates.parse(opened(arms())), PROGRAMME)
    other = mandates.parse(opened(arms(), metrics='["M08"]'))
    with pytest.raises(NotAllowed, match="covers no metric"):
        analysis_plan.check_arms(other, PROGRAMME)


def test_a_draw_that_a_metric_leaves_out_has_no_public_arms() -> None:
    lopsided = arms(places=5, selected=5)
    with pytest.raises(NotAllowed, match="leaves out draw NYC-P2-FY2027-Q3-1"):
        analysis_plan.check_arms(mandates.parse(opened(lopsided)), PROGRAMME)
