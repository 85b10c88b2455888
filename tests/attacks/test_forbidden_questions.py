"""What may not be asked is refused at the centre, and again at the site.

The centre refuses before a word leaves it. A centre that lies, holding the signing
key and every mandate, is refused by the site itself, in one sentence, before anything
is charged or read.
"""

import datetime as dt
from collections.abc import Callable, Iterator

import pytest

from coordinator import ask as centre
from coordinator import authority
from coordinator.order import Order
from coordinator.result import EVERYWHERE
from privacy import edition, mandate
from privacy.errors import (
    ExchangeError,
    InvalidProgramme,
    InvalidQuery,
    NotAllowed,
    NotMature,
    PeriodNotClosed,
    UnknownMetric,
)
from privacy.mechanism import Tally
from privacy.period import Period
from privacy.query import Query
from privacy.signing import Document, Kind
from privacy.strict import quoted
from proto.wire import Ask
from tests import governed, living_site
from tests import signed_samples as samples
from tests.coordinator import network as networks
from tests.coordinator.network import Network
from tests.living_site import LivingSite, ask, restated
from tests.own_records import NOW, PROGRAMME
from tests.programme_samples import shipped


class Untouched:
    """Records that nobody may read."""

    def closed_through(self) -> Period:
        return Period("FY2026-Q4")

    def read(self, asked: Query) -> Tally:
        raise AssertionError(asked)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivingSite]:
    """Give a site whose officer allows everything."""
    opened = LivingSite(tmp_path_factory.mktemp("site") / "home", Untouched())
    yield opened
    opened.node.ledger.close()


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Give a centre with five sites and a mandate over everything."""
    home = tmp_path_factory.mktemp("network")
    authority.create(home / "authority", now=dt.datetime.now(dt.UTC))
    opened = networks.build(home, ("NYC",), {})
    yield opened
    for member in opened.sites.values():
        member.server.drain(0.1)
        member.ledger.close()


def order(metric: str, period: str) -> Order:
    """Want a metric for a period, at a loss for each of its queries."""
    names = PROGRAMME.metric(metric).templates
    return networks.order(metric, period, **dict.fromkeys(names, "0.001"))


def altered(metric: str, period: str, old: str, new: str) -> Ask:
    """Ask a metric's first question with a word of it changed, and well signed."""
    honest = ask(metric, period)
    text = honest.query.decode("ascii")
    assert old in text
    return restated(honest, query=text.replace(old, new, 1).encode("ascii"))


def asked_for(metric: str, period: str) -> Ask:
    """Ask a metric's first question for a period it has none for."""
    year = ask(metric, "FY2024")
    text = year.query.decode("ascii").replace('["@FY2024"],["#', f'["@{period}"],["#')
    return restated(year, query=text.encode("ascii"))


# What is forbidden, how the centre would ask it, how a liar would, and both answers.
FORBIDDEN: dict[
    str, tuple[Callable[[], Order], Callable[[], Ask], type[ExchangeError], str]
] = {
    "a metric nobody defined": (
        lambda: order("M99", "FY2024"),
        lambda: restated(ask(), metric="M99"),
        UnknownMetric,
        "no metric 'M99'",
    ),
    "trafficking, of one site": (
        lambda: order("M23", "FY2024"),
        lambda: ask("M23", "FY2024"),
        NotAllowed,
        "whole network only",
    ),
    "from trafficking to counsel, of one site": (
        lambda: order("M24", "FY2024"),
        lambda: ask("M24", "FY2024"),
        NotAllowed,
        "whole network only",
    ),
    "departures, of one site": (
        lambda: order("M28", "FY2024"),
        lambda: ask("M28", "FY2024"),
        NotAllowed,
        "whole network only",
    ),
    "a breakdown that is the network's, of one site": (
        lambda: order("M47", "FY2024"),
        lambda: ask("M47", "FY2024"),
        NotAllowed,
        "whole network only",
    ),
    "a length of period the metric is not published by": (
        lambda: order("M12", "FY2024-Q3"),
        lambda: asked_for("M12", "FY2024-Q3"),
        InvalidQuery,
        "published by half-year, fiscal-year, not by quarter",
    ),
    "a period that is still open": (
        lambda: order("M08", "FY2027-Q1"),
        lambda: ask("M08", "FY2027-Q1"),
        PeriodNotClosed,
        "FY2027-Q1",
    ),
    "a cohort that is still followed": (
        lambda: order("M42", "FY2026"),
        lambda: ask("M42", "FY2026"),
        NotMature,
        "M42 follows people",
    ),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_centre_does_not_even_ask_it(network: Network, what: str) -> None:
    wanted, _, error, words = FORBIDDEN[what]
    before = len(network.desk.evidence.asks())
    desk = network.again(mandate=mandate.parse(governed.mandate(now=NOW)))
    with pytest.raises(error, match=words) as caught:
        centre.ask([wanted()], desk=desk, now=NOW)
    assert_one_sentence(caught.value)
    assert len(network.desk.evidence.asks()) == before
    assert not any(member.reads for member in network.sites.values())


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_site_refuses_it_from_a_centre_that_lies(site: LivingSite, what: str) -> None:
    _, lie, error, words = FORBIDDEN[what]
    head = site.head()
    with pytest.raises(error, match=words) as caught:
        site.answer(lie(), now=NOW)
    assert_one_sentence(caught.value)
    assert site.head() == head


BENT = {
    "origin, of one site": lambda: altered(
        "M17", "FY2024", '"participant.language_group","two"',
        '"participant.origin_region","full"',
    ),
    "a third dimension": lambda: altered(
        "M17", "FY2024", '[["#ByField"',
        '[["#ByField","participant.interpreter_needed","full"],["#ByField"',
    ),
    "a 25th cell": lambda: altered(
        "M52", "FY2024", "[60,120,180,240,300,360,420,480,540,600,660,720]]]",
        '[60,120,180,240,300,360,420,480,540,600,660]],["#ByHolds","x",["#All",[]]]]',
    ),
    "somebody else's filter": lambda: altered(
        "M01", "FY2024", '"#Flag","pool_entry.interested"',
        '"#OneOf","pool_entry.channel",["walk_in"]',
    ),
    "another question's two periods": lambda: altered(
        "M08", "FY2024", '["@FY2024"],["#', '["@FY2024","@FY2025"],["#'
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BENT)
def test_a_site_refuses_a_question_bent_by_hand(site: LivingSite, what: str) -> None:
    head = site.head()
    with pytest.raises(InvalidQuery) as caught:
        site.answer(BENT[what](), now=NOW)
    assert_one_sentence(caught.value)
    assert site.head() == head


NEW = """
[metrics.M61]
version = 1
name = "New"
status = "running"
pillar = "reach"
answers = "What it should not"
counted = "households"
definition = "What nobody may ask."
grain = "{grain}"
periods = ["fiscal-year"]
estimator = {{ kind = "{kind}", of = ["it"] }}
[metrics.M61.queries.it]
unit = "{unit}"
entry_lookback_years = 5
value = "one"
{rest}
"""
FIND = (
    'count = "screening", where = { all = [{ field = "screening.tool", in = '
    '["trafficking_short"] }, { field = "screening.result", in = ["indicators"] }] }, '
    'during = "period", at_least = 1'
)
OTHERS = '"negative", "declined", "deferred"'
NOT_FOUND = FIND.replace('"indicators"', OTHERS)
PICKED = (
    'latest = "screening.result", where = { field = "screening.tool", in = '
    '["trafficking_short"] }, during = "period", in = ["indicators"]'
)
REGION = '{ field = "participant.origin_region", grouping = "full" }'
AFRICA = '{ field = "participant.origin_region", in = ["africa"] }'
BANDS = '{{ name = "{name}", band = {{ days = ["draw", "enrolment"] }}, edges = {e} }}'
FIVE, SIX = "[1, 2, 3]", "[1, 2, 3, 4]"


def metric(rest: str, **changes: str) -> str:
    """Write a metric that an edition should not hold."""
    known = {"grain": "site", "kind": "histogram", "unit": "household"}
    return NEW.format(**(known | changes), rest=rest)


EDITIONS = {
    "trafficking, by a filter": (
        metric(f"population = {{ {FIND} }}"),
        "no site may tell",
    ),
    "trafficking, by its opposite": (
        metric(f"population = {{ {NOT_FOUND} }}"),
        "no site may tell",
    ),
    "trafficking, by a share": (
        metric(f'by = [{{ name = "x", holds = {{ {FIND} }} }}]', kind="share"),
        "no site may tell",
    ),
    "trafficking, by the latest": (
        metric(f"population = {{ {PICKED} }}", unit="lead"),
        "no site may tell",
    ),
    "origin by site": (metric(f"by = [{REGION}]", unit="lead"), "may not be shown"),
    "origin by site, as a filter": (
        metric(f"population = {AFRICA}", unit="lead"),
        "at site grain at all",
    ),
    "origin by site, as a yes or no": (
        metric(f'by = [{{ name = "x", holds = {AFRICA} }}]', unit="lead"),
        "at site grain at all",
    ),
    "a 25th cell": (
        metric(
            f"by = [{BANDS.format(name='a', e=FIVE)}, {BANDS.format(name='b', e=FIVE)}]"
        ),
        "more than 24 cells",
    ),
    "a third dimension": (
        metric(
            "by = [{ field = 'household.type', grouping = 'full' }, "
            "{ field = 'pool_entry.selected', grouping = 'full' }, "
            "{ field = 'household.any_child_under_5', grouping = 'full' }]"
        ),
        "at most 2 dimensions",
    ),
}


@pytest.mark.parametrize("what", EDITIONS)
def test_no_edition_may_define_it_at_either_end(
    network: Network, site: LivingSite, what: str
) -> None:
    text, words = EDITIONS[what]
    files = shipped() | {"new.toml": text}
    with pytest.raises(InvalidProgramme, match=words) as caught:
        edition.draft(files, network="cmpp", number=1)
    assert_one_sentence(caught.value)
    # Signed all the same, by members who did not use the product to draft it.
    signed = samples.signed(by_hand(files), "ana", "ben")
    before = network.desk.log.entries()
    with pytest.raises(InvalidProgramme, match=words):
        network.submit(signed)
    assert len(network.desk.log.entries()) == len(before)
    head = site.head()
    with pytest.raises(InvalidProgramme, match=words):
        site.node.charter.deliver(signed, now=NOW)
    assert site.head() == head


def test_the_forbidden_metrics_differ_from_one_that_is_allowed() -> None:
    # 24 cells, two dimensions and a list of results with the negative ones among it.
    two = BANDS.format(name="a", e="[1, 2]"), BANDS.format(name="b", e=SIX)
    screened = FIND.replace('["indicators"]', '["indicators", "negative"]')
    for rest in (f"by = [{', '.join(two)}]", f"population = {{ {screened} }}"):
        files = shipped() | {"new.toml": metric(rest)}
        assert edition.draft(files, network="cmpp", number=1)


def test_the_networks_figures_are_published_for_no_single_site(
    network: Network,
) -> None:
    outcome = centre.ask([order("M31", "FY2024")], desk=network.desk, now=network.now)
    (result,) = outcome.results
    assert result.answered
    assert {cell.site for cell in result.cells} == {EVERYWHERE}


def assert_one_sentence(error: ExchangeError) -> None:
    """Say what, why or what to do next, in one sentence and no more."""
    text = str(error)
    assert text[0].isupper()
    assert text.endswith(".")
    assert ". " not in text


def by_hand(files: dict[str, str]) -> Document:
    """Write an edition's text without the product's own checks."""
    lines = ['network = "cmpp"', "number = 1", "", "[files]"]
    lines += [f"{quoted(name)} = {quoted(files[name])}" for name in sorted(files)]
    return Document(kind=Kind.EDITION, content="\n".join([*lines, ""]).encode())


def test_a_liar_could_otherwise_have_asked(site: LivingSite) -> None:
    """The same site reads its records for a question that is allowed."""
    with pytest.raises(AssertionError):
        site.answer(living_site.ask("M31", "FY2024"), now=NOW)
