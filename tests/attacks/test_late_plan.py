"""An effect that was not fixed before its draws is not worked out, whoever asks.

The attack: the figures are nearly known, and somebody chooses window, outcome or
cohort afterwards so that they please. The coordinator and k of n of the Board are in
it; the site is not. Every try is refused by the site itself, costs nothing and reads
nothing; the honest plan, signed in time, is answered.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.answer import Node
from privacy import analysis_plan, definition, edition
from privacy.chain import Kind
from privacy.errors import ExchangeError, NotAllowed, NotMature
from privacy.mechanism import Tally
from privacy.period import EPOCH, GRACE_DAYS, Period
from privacy.query import Query, cells
from privacy.signing import Document
from tests import governed, programme_samples
from tests import signed_samples as samples
from tests.governed import accept
from tests.living_site import MANDATE, LivingSite, ask
from tests.own_records import NOW, PROGRAMME
from tests.signed_samples import plan

EARLY = dt.datetime(2022, 9, 1, 8, tzinfo=dt.UTC)
BEGUN = dt.datetime(2022, 10, 3, 8, tzinfo=dt.UTC)
IN_TIME = {"locked_on": EARLY.date(), "first_draw_on": dt.date(2022, 10, 1)}
COHORT = Period("FY2023")


class Counted:
    """Records that only tell whether somebody read them."""

    def __init__(self) -> None:
        self.reads: list[Query] = []

    def closed_through(self) -> Period:
        return Period("FY2025-Q4")

    def read(self, asked: Query) -> Tally:
        self.reads.append(asked)
        return Tally([7] * len(cells(asked, PROGRAMME.dictionary)))

    def close(self) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[LivingSite]:
    """Give a live site whose rules are older than the first draws."""
    made = LivingSite(tmp_path / "site", Counted(), ruled=EARLY, opens=())
    yield made
    made.node.ledger.close()


def opened(site: LivingSite, *plans: tuple[Document, dt.datetime]) -> Node:
    """Have plans arrive at moments, then today's policy and mandate."""
    charter = site.node.charter
    for document, at in plans:
        charter.deliver(document, now=at)
    renewed = governed.policy("NYC", now=NOW, version=2)
    charter.enact(Kind.POLICY, renewed, now=NOW)
    charter.deliver(MANDATE, now=NOW)
    accept(charter, MANDATE, now=NOW)
    return site.node


def refused(
    site: LivingSite, period: str = "FY2023", why: str = "analysis plan", **said: object
):
    before = site.spent()
    with pytest.raises(NotAllowed, match=why):
        site.answer(ask("M35", period, **said), now=NOW)
    assert site.spent() == before
    assert site.records.reads == []


def test_a_plan_signed_in_time_is_answered(site: LivingSite) -> None:
    opened(site, (plan(**IN_TIME), EARLY))
    answer = site.answer(ask("M35", "FY2023"), now=NOW)
    assert answer.charged_pico > 0
    assert len(site.records.reads) == 1


def test_without_a_plan_a_mandate_is_not_enough(site: LivingSite) -> None:
    opened(site)
    refused(site, why="none is here")


def test_a_plan_signed_after_the_first_draw_is_too_late(site: LivingSite) -> None:
    opened(site, (plan(**IN_TIME), BEGUN))
    refused(site, why="signed and published before 2022-10-01")


def test_a_backdated_plan_is_as_late_as_it_came(site: LivingSite) -> None:
    """It says 2022 and came today; on a live network only the coming counts."""
    opened(site, (plan(**IN_TIME), NOW))
    refused(site)
    refused(site, period="FY2024")


def test_turning_the_clock_back_makes_no_plan_older(site: LivingSite) -> None:
    opened(site)
    with pytest.raises(NotAllowed, match="set the clock right"):
        site.node.charter.deliver(plan(**IN_TIME), now=EARLY)
    refused(site, why="none is here")


def test_a_plan_with_one_signature_is_none(site: LivingSite) -> None:
    for signers in (("ana",), ("ana", "dirk")):
        with pytest.raises(ExchangeError, match="signatures"):
            site.node.charter.deliver(plan(*signers, **IN_TIME), now=EARLY)
    opened(site)
    refused(site, why="none is here")


def test_a_plan_for_a_training_network_is_none_on_a_live_one(site: LivingSite) -> None:
    invented = plan(network="training-cmpp", **IN_TIME)
    with pytest.raises(ExchangeError, match="network"):
        site.node.charter.deliver(invented, now=NOW)
    opened(site)
    refused(site)


def test_a_changed_outcome_window_needs_a_plan_of_its_own(site: LivingSite) -> None:
    """A new edition looks for 180 days instead of 365: the old cohorts stay."""
    texts = {
        name: text.replace(
            'in = ["in_absentia_order"] }, within = ["draw", "draw+365"]',
            'in = ["in_absentia_order"] }, within = ["draw", "draw+180"]',
        )
        for name, text in programme_samples.shipped().items()
    }
    document = samples.signed(
        edition.draft(texts, network="cmpp", number=1), "ana", "ben"
    )
    shorter = edition.parse(document).programme
    metric = shorter.metric("M35")
    assert definition.window_days(metric) == 180
    changed = plan(
        number=2,
        definition=definition.digest(metric, shorter),
        window_days=180,
        locked_on=NOW.date(),
        first_draw_on=dt.date(2027, 1, 1),
    )
    node = opened(site, (plan(**IN_TIME), EARLY), (changed, NOW))
    mandate = governed.mandate(
        now=NOW, number='"2026-02"', programme=f'"{shorter.version}"'
    )
    for sent in (document, mandate):
        node.charter.deliver(sent, now=NOW)
        accept(node.charter, sent, now=NOW)
    query = shorter.queries(metric, COHORT)["effect"]
    said = {
        "query": query.canonical_form,
        "catalogue_version": shorter.version,
        "mandate": mandate.digest,
    }
    refused(site, why="defined otherwise .* analysis plan 1 fixed", **said)
    assert site.answer(ask("M35", "FY2023"), now=NOW).charged_pico > 0


def test_the_same_outcome_under_another_name_needs_a_plan_too(site: LivingSite) -> None:
    opened(site)
    before = site.spent()
    for name in ("effect", "enrolled_effect", "mean"):
        with pytest.raises(NotAllowed, match="M36"):
            site.answer(ask("M36", "FY2023", name), now=NOW)
    assert site.spent() == before


def test_a_ledger_that_charged_without_a_plan_is_found_out() -> None:
    """The auditor asks the same question of every charge: see `privacy.audit`."""
    with pytest.raises(NotAllowed):
        analysis_plan.check_asked(PROGRAMME.metric("M35"), PROGRAMME, COHORT, ())


# ---- a cohort is over before it is asked about ----------------------------------

FOLLOWED = ("M35", "M36", "M37", "M38", "M42", "M43")


@pytest.mark.parametrize("metric", FOLLOWED)
def test_a_day_too_early_is_refused_and_the_day_itself_is_not(
    site: LivingSite, metric: str
) -> None:
    """For the whole cohort: the last household's window counts, and the grace."""
    followed = {"M42": 365, "M43": 180}.get(metric, 425)
    days = Period("FY2025").end + followed + GRACE_DAYS + 1
    ripe = dt.datetime.combine(EPOCH + dt.timedelta(days=days), dt.time(), dt.UTC)
    node, before = site.node, ripe - dt.timedelta(days=2)
    for n, name in enumerate(("M35", "M36", "M37"), 1):
        node.charter.deliver(plan(number=n, metric=name, **IN_TIME), now=EARLY)
    rules = governed.policy("NYC", now=before, version=2)
    node.charter.enact(Kind.POLICY, rules, now=before)
    made = governed.mandate(now=before, number='"2027-01"')
    node.charter.deliver(made, now=before)
    accept(node.charter, made, now=before)
    put = ask(metric, "FY2025", mandate=made.digest, rho="0.001")
    with pytest.raises(NotMature):
        node.answer(put, now=ripe - dt.timedelta(seconds=1))
    assert node.answer(put, now=ripe).charged_pico > 0
