"""Real nodes that dial out, asked a whole pack; then the same nodes, listening.

The nodes are processes that nobody can call: each holds one connection, through a
proxy, to a switchboard. What they said over it they say again, free, at a door of
their own.
"""

import datetime as dt
import itertools
import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from coordinator import ask
from coordinator.desk import Desk
from coordinator.order import Order
from privacy import pack
from privacy.period import Period
from tests import dialled, proxies
from tests.end_to_end.exchange import PROGRAMME, Centre, NodeProcess

NewSite = Callable[..., NodeProcess]
SITES = ("HOU", "LAX", "NYC")
CLOSED = "FY2024-Q4"
FEW = 3
READY_SECONDS = 90


def _orders() -> list[Order]:
    """Return the orders of the half-year pack."""
    shipped = pack.load("half-year", PROGRAMME)
    return [
        Order(
            metric=PROGRAMME.metric(planned.line.metric),
            period=planned.period,
            rho=dict(planned.line.losses),
        )
        for planned in shipped.lines_for(Period("FY2024-H2"))
    ]


@pytest.fixture
def exchange(centre: Centre) -> Iterator[dialled.Exchange]:
    with dialled.exchange(centre.authority.pem, centre.identity, SITES) as opened:
        yield opened


@pytest.fixture
def sites(new_site: NewSite) -> list[NodeProcess]:
    return [new_site(name, closed_through=CLOSED, sites=SITES) for name in SITES]


def _dials(site: NodeProcess, exchange: dialled.Exchange, proxy: proxies.Proxy) -> None:
    """Tell a site whom to dial, and through what."""
    settings = site.home / "node.toml"
    lines = [
        *settings.read_text().splitlines(),
        "[dial]",
        f'coordinator_address = "{exchange.address}"',
        f'proxy_url = "{proxy.url}"',
    ]
    settings.write_text("\n".join([*lines, ""]))


def _same_both_ways(
    sites: list[NodeProcess],
    exchange: dialled.Exchange,
    centre: Centre,
    orders: list[Order],
) -> None:
    names = itertools.count()

    def asked(change: Callable[[Desk], Desk]) -> tuple[bytes, dict[str, int]]:
        # An empty store each time, so that every number comes from the sites.
        desk = centre.desk(sites, name=f"desk{next(names)}", deadline_seconds=120)
        outcome = ask.ask(orders, desk=change(desk), now=dt.datetime.now(dt.UTC))
        assert all(result.answered == len(SITES) for result in outcome.results)
        assert not outcome.conflicts
        published = [result.content() for result in outcome.results]
        return json.dumps(published).encode(), dict(outcome.charged_pico)

    def over_links(desk: Desk) -> Desk:
        return replace(
            desk,
            connect=lambda site: exchange.client(
                site.name, centre.identity, call_timeout_seconds=60
            ),
        )

    settings = [site.home / "node.toml" for site in sites]
    listening = [path.read_text() for path in settings]
    with proxies.proxy() as proxy:
        for site in sites:
            _dials(site, exchange, proxy)
            site.spawn("dial")
        dialled.until(
            lambda: exchange.switchboard.linked() == SITES, seconds=READY_SECONDS
        )
        assert [dialled.listening(site.number) for site in sites] == [set()] * 3
        assert proxy.tunnels == len(SITES)
        first, charged = asked(over_links)
        assert all(charged.values())
        assert set(charged) == set(SITES)
        again, charged = asked(over_links)
        assert (again, any(charged.values())) == (first, False)
        for site in sites:
            site.signal(signal.SIGTERM)
        assert [site.ended() for site in sites] == [0, 0, 0]
    for site, path, text in zip(sites, settings, listening, strict=True):
        path.write_text(text)
        site.start()
    again, charged = asked(lambda desk: desk)
    assert (again, any(charged.values())) == (first, False)


def test_nodes_that_dial_say_what_nodes_that_listen_say(
    sites: list[NodeProcess], exchange: dialled.Exchange, centre: Centre
) -> None:
    _same_both_ways(sites, exchange, centre, _orders()[:FEW])


@pytest.mark.soak
def test_a_whole_pack_over_links_is_the_pack_over_doors(
    sites: list[NodeProcess], exchange: dialled.Exchange, centre: Centre
) -> None:
    _same_both_ways(sites, exchange, centre, _orders())
