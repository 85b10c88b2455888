"""Each thing that can be in the way to the coordinator has its own words."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from coordinator.demo import processes
from node import reach
from node.reach import Step, Way
from proto import mtls
from tests import doors, exchanging
from tests.exchanging import Exchange

PATIENCE_SECONDS = 0.5
NOBODY = "proxy.invalid"


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    with exchanging.exchange(doors.Centre(tmp_path)) as opened:
        yield opened


@pytest.fixture
def centre(exchange: Exchange) -> doors.Centre:
    return exchange.centre


def walk(centre: doors.Centre, address: str, **more: object) -> Way:
    known: dict[str, object] = {
        "authority": centre.authority.pem,
        "proxy": None,
        "now": doors.now(),
        "patience_seconds": 5.0,
    }
    return reach.examine(address, **known | more)  # type: ignore[arg-type]


def stopped(way: Way) -> tuple[Step, str]:
    """Return where a way ends, and all that is said about it."""
    end = way.stopped
    assert end is not None
    assert end.cause
    assert end.fix
    return end.step, f"{end.found} {end.cause} {end.fix}"


def test_an_open_way_is_walked_to_its_end(exchange: Exchange) -> None:
    for port in (exchange.link_port, exchange.join_port):
        way = walk(exchange.centre, f"127.0.0.1:{port}")
        assert way.stopped is None
        steps = [each.step for each in way.steps]
        assert steps == [Step.NAME, Step.PORT, Step.TLS, Step.CLOCK]


def test_a_name_that_nobody_knows(centre: doors.Centre) -> None:
    step, said = stopped(walk(centre, "coordinator.invalid:443"))
    assert step is Step.NAME
    assert "coordinator.invalid" in said
    assert "DNS" in said


def test_a_closed_port(centre: doors.Centre) -> None:
    step, said = stopped(walk(centre, f"127.0.0.1:{processes.free_ports()[0]}"))
    assert step is Step.PORT
    assert "refuses" in said


def test_a_port_that_never_says_anything(centre: doors.Centre) -> None:
    with exchanging.listening(lambda link: link.recv(1 << 20) and link.recv(1)) as port:
        way = walk(centre, f"127.0.0.1:{port}", patience_seconds=PATIENCE_SECONDS)
    step, said = stopped(way)
    assert step is Step.TLS
    assert "no TLS handshake" in said


def test_a_port_at_which_something_else_listens(centre: doors.Centre) -> None:
    with exchanging.listening(lambda link: link.sendall(b"220 mail\r\n")) as port:
        step, said = stopped(walk(centre, f"127.0.0.1:{port}"))
    assert step is Step.TLS
    assert "Something else listens there" in said


def test_a_box_that_opens_encryption_is_named_by_its_issuer(
    centre: doors.Centre, tmp_path: Path
) -> None:
    box = exchanging.foreign_tls(tmp_path / "box", "Harbor Secure Web Gateway")
    with exchanging.listening(box) as port:
        step, said = stopped(walk(centre, f"127.0.0.1:{port}"))
    assert step is Step.TLS
    assert "Harbor Secure Web Gateway" in said
    assert "TLS inspection" in said


def test_an_issuers_name_cannot_write_on_the_terminal(
    centre: doors.Centre, tmp_path: Path
) -> None:
    box = exchanging.foreign_tls(tmp_path / "box", "Evil\x1b[2J[red]" + "x" * 40)
    with exchanging.listening(box) as port:
        _, said = stopped(walk(centre, f"127.0.0.1:{port}"))
    assert "\x1b" not in said
    assert "[red]" not in said


def test_another_machine_of_the_network_is_not_the_coordinator(
    centre: doors.Centre, tmp_path: Path
) -> None:
    with doors.serving(centre, tmp_path) as node:
        step, said = stopped(walk(centre, node.address))
    assert step is Step.TLS
    assert "not the coordinator's" in said


@pytest.mark.parametrize(
    ("shift", "word"), [(timedelta(days=-40), "behind"), (timedelta(days=40), "ahead")]
)
def test_a_clock_that_is_far_off(
    exchange: Exchange, shift: timedelta, word: str
) -> None:
    way = walk(exchange.centre, exchange.address, now=doors.now() + shift)
    step, said = stopped(way)
    assert step is Step.CLOCK
    assert f"clock is {word}" in said


def test_a_way_through_a_proxy(exchange: Exchange) -> None:
    with exchanging.listening(exchanging.proxy()) as port:
        way = walk(exchange.centre, exchange.address, proxy=f"http://127.0.0.1:{port}")
    assert way.stopped is None
    assert Step.PROXY in [each.step for each in way.steps]


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("407 Proxy Authentication Required", "name:password"),
        ("403 Forbidden", "does not allow"),
        ("502 Bad Gateway", "502"),
    ],
)
def test_a_proxy_that_says_no(exchange: Exchange, status: str, word: str) -> None:
    with exchanging.listening(exchanging.proxy(status)) as port:
        way = walk(
            exchange.centre,
            exchange.address,
            proxy=f"http://bob:secret-word@127.0.0.1:{port}",
        )
    step, said = stopped(way)
    assert step is Step.PROXY
    assert word in said
    assert "secret-word" not in said


def test_a_proxy_that_is_none(exchange: Exchange) -> None:
    def hangs_up(link: socket.socket) -> None:
        link.recv(4096)

    with exchanging.listening(hangs_up) as port:
        way = walk(exchange.centre, exchange.address, proxy=f"http://127.0.0.1:{port}")
    assert stopped(way)[0] is Step.PROXY
    way = walk(exchange.centre, exchange.address, proxy=f"http://{NOBODY}:3128")
    step, said = stopped(way)
    assert step is Step.NAME
    assert "The proxy's name" in said


def test_walking_sends_nothing_of_the_site(centre: doors.Centre) -> None:
    heard: list[bytes] = []

    def listen(link: socket.socket) -> None:
        heard.append(link.recv(1 << 16))

    with exchanging.listening(listen) as port:
        walk(centre, f"127.0.0.1:{port}", patience_seconds=PATIENCE_SECONDS)
    # One hello of TLS, which names the coordinator and nobody else.
    assert len(heard) == 1
    assert mtls.COORDINATOR_DNS.encode() in heard[0]
    assert b"NYC" not in heard[0]
