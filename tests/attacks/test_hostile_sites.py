"""Be a hostile site at the switchboard; no other site, and no call, must suffer."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import grpc
import pytest

from coordinator import linking
from privacy import errors
from proto import link, mtls
from proto.client import DESCRIBE, call
from proto.link import Frame, Kind
from proto.mtls import Identity
from tests import dialled, doors
from tests.raw_links import RawEnd, raw_site

NYC = "spiffe://cmpp.exchange/site/NYC"


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> doors.Centre:
    return doors.Centre(tmp_path_factory.mktemp("centre"))


@pytest.fixture(scope="module")
def nyc(centre: doors.Centre, tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return centre.node(tmp_path_factory.mktemp("nyc"), "NYC")


@pytest.fixture
def exchange(centre: doors.Centre) -> Iterator[dialled.Exchange]:
    opened = dialled.exchange(centre.authority.pem, centre.coordinator, ("NYC", "HOU"))
    with opened as made:
        yield made


WRONG = {
    "the coordinator": doors.Forged(),
    "a site not listed": doors.Forged(uris=("spiffe://cmpp.exchange/site/LAX",)),
    "two names": doors.Forged(uris=(NYC, "spiffe://cmpp.exchange/site/HOU")),
    "an authority": doors.Forged(uris=(NYC,), ca=True),
    "not marked as a leaf": doors.Forged(uris=(NYC,), ca=None),
    "no purpose": doors.Forged(uris=(NYC,), purposes=None),
    "expired": doors.Forged(
        uris=(NYC,), begins=timedelta(days=-2), ends=timedelta(days=-1)
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_certificate_opens_no_link(
    kind: str, centre: doors.Centre, exchange: dialled.Exchange
) -> None:
    forged = doors.forge(
        centre.certificate, centre.key, WRONG[kind], trusted=centre.authority.pem
    )
    with raw_site(exchange.address, forged) as end:
        assert end.ended() in {
            grpc.StatusCode.PERMISSION_DENIED,
            grpc.StatusCode.UNAVAILABLE,  # the handshake itself said no
        }
    assert exchange.switchboard.open_links("NYC") == 0


def _first_words(end: RawEnd, *said: bytes) -> grpc.StatusCode | None:
    for data in said:
        end.out.put(data)
    return end.ended()


@pytest.mark.parametrize(
    "said",
    [b"", b"\xff" * 9, link.PING.to_bytes(), link.end(1, b"x").to_bytes()],
    ids=["nothing", "bytes", "ping", "end"],
)
def test_a_link_begins_with_hello_or_not_at_all(
    said: bytes, exchange: dialled.Exchange, nyc: Identity
) -> None:
    with raw_site(exchange.address, nyc, hello=False) as end:
        assert _first_words(end, said) is grpc.StatusCode.INVALID_ARGUMENT
    assert exchange.switchboard.linked() == ()


@pytest.mark.parametrize(
    "said",
    [
        b"\xff" * 9,
        Frame(kind=Kind.CALL, id=1, method=DESCRIBE).to_bytes(),
        Frame(kind=Kind.HELLO, payload=bytes(32)).to_bytes(),
        link.PING.to_bytes() + b"\x00",
    ],
    ids=["bytes", "a call", "hello again", "a byte more"],
)
def test_what_a_site_may_not_say_ends_its_link(
    said: bytes, exchange: dialled.Exchange, nyc: Identity
) -> None:
    with raw_site(exchange.address, nyc) as end:
        end.next(Kind.PROOF)
        _first_words(end, said)
    dialled.until(lambda: not exchange.switchboard.linked())


def test_the_end_of_a_call_nobody_made_is_ignored(
    exchange: dialled.Exchange, nyc: Identity
) -> None:
    with raw_site(exchange.address, nyc) as end:
        end.next(Kind.PROOF)
        end.say(link.end(12345, b"unasked"), link.PING)
        assert end.next(Kind.PONG)
        thread, said = dialled.called(exchange)
        asked = end.next(Kind.CALL)
        end.say(link.end(asked.id, b"one"), link.end(asked.id, b"two"), link.PING)
        end.next(Kind.PONG)
        thread.join(10)
    assert said == [b"one"]


def test_a_site_cannot_end_another_sites_call(
    centre: doors.Centre,
    exchange: dialled.Exchange,
    nyc: Identity,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    hou = centre.node(tmp_path_factory.mktemp("hou"), "HOU")
    with raw_site(exchange.address, nyc) as one, raw_site(exchange.address, hou) as two:
        one.next(Kind.PROOF)
        two.next(Kind.PROOF)
        thread, said = dialled.called(exchange)
        asked = one.next(Kind.CALL)
        two.say(link.end(asked.id, b"mine"), link.PING)
        two.next(Kind.PONG)
        one.say(link.end(asked.id, b"theirs"))
        thread.join(10)
    assert said == [b"theirs"]


def test_a_site_has_room_for_a_few_links_only(
    exchange: dialled.Exchange, nyc: Identity
) -> None:
    calls = []
    with raw_site(exchange.address, nyc) as first:
        first.next(Kind.PROOF)
        calls.append(dialled.called(exchange, seconds=3))
        first.next(Kind.CALL)  # under way, so the link stays when it is replaced
        with raw_site(exchange.address, nyc) as second:
            second.next(Kind.PROOF)
            calls.append(dialled.called(exchange, seconds=3))
            second.next(Kind.CALL)
            with raw_site(exchange.address, nyc) as third:
                third.next(Kind.PROOF)
                calls.append(dialled.called(exchange, seconds=3))
                third.next(Kind.CALL)
                with raw_site(exchange.address, nyc) as fourth:
                    fourth.next(Kind.PROOF)
                    with raw_site(exchange.address, nyc) as fifth:
                        assert fifth.ended() is grpc.StatusCode.RESOURCE_EXHAUSTED
    for thread, _ in calls:
        thread.join(10)


def test_streams_that_say_nothing_take_no_room_from_other_sites(
    centre: doors.Centre,
    exchange: dialled.Exchange,
    nyc: Identity,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(linking, "_HELLO_SECONDS", 2.0)
    hou = centre.node(tmp_path_factory.mktemp("hou"), "HOU")
    with ExitStack() as silent:
        opened = [
            silent.enter_context(raw_site(exchange.address, nyc, hello=False))
            for _ in range(8)
        ]
        with raw_site(exchange.address, hou) as other:
            other.next(Kind.PROOF)
        codes = Counter(end.ended() for end in opened)
    assert codes[grpc.StatusCode.RESOURCE_EXHAUSTED] == 4
    assert sum(codes.values()) == 8
    with raw_site(exchange.address, nyc) as end:
        end.next(Kind.PROOF)


def test_the_inner_door_is_for_the_coordinator_alone(
    exchange: dialled.Exchange, nyc: Identity
) -> None:
    with raw_site(exchange.address, nyc) as end:
        end.next(Kind.PROOF)
        with (
            exchange.client("NYC", nyc) as client,
            pytest.raises(errors.Untrusted),
        ):
            client.describe()
        # And the outer door carries no calls to sites, whoever asks.
        with (
            mtls.channel(
                exchange.address,
                peer_dns=mtls.COORDINATOR_DNS,
                authority=nyc.authority,
                identity=nyc,
            ) as channel,
            pytest.raises(errors.InvalidQuery),
        ):
            call(
                channel,
                DESCRIBE,
                b"",
                timeout=10,
                peer="coordinator",
                beside=(("cmpp-site", "NYC"),),
            )
        end.say(link.PING)
        assert end.next(Kind.PONG, Kind.CALL).kind is Kind.PONG
