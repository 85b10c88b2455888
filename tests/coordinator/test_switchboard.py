"""Check the switchboard: whose links it takes, for how long, and who may call there."""

import time
from collections.abc import Iterator
from datetime import timedelta

import grpc
import pytest

from privacy import errors
from proto import link, mtls
from proto.client import ANSWER, NodeClient
from proto.link import Kind
from proto.mtls import Identity
from proto.status import Status
from tests import dialled, doors
from tests.raw_links import raw_site

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


def test_a_call_goes_over_the_link_and_ends_as_the_site_says(
    exchange: dialled.Exchange, nyc: Identity
) -> None:
    with raw_site(exchange.address, nyc) as end:
        end.next(Kind.PROOF)
        for ending in (b"reply", b"", *Status):
            thread, said = dialled.called(exchange)
            asked = end.next(Kind.CALL)
            assert (asked.method, asked.payload) == (ANSWER, b"question")
            end.say(link.end(asked.id, ending))
            thread.join(10)
            assert said == [ending]


def test_a_site_that_never_dialled_in_is_named_at_once(
    centre: doors.Centre, exchange: dialled.Exchange
) -> None:
    exchange.switchboard._began -= 60  # the doors have been open for a while
    began = time.monotonic()
    with (
        exchange.client("NYC", centre.coordinator) as client,
        pytest.raises(errors.Unreachable, match="NYC has not dialled in"),
    ):
        client.answer(doors.ask(), deadline_seconds=30)
    assert time.monotonic() - began < 15


def test_a_machine_without_a_switchboard_says_what_to_start(
    centre: doors.Centre,
) -> None:
    with (
        NodeClient(
            "127.0.0.1:9", site="NYC", identity=centre.coordinator, dialled=True
        ) as client,
        pytest.raises(errors.Unreachable, match="start `cmpp serve`"),
    ):
        client.describe()


def test_a_call_waits_for_a_site_that_was_there_a_moment_ago(
    exchange: dialled.Exchange, nyc: Identity
) -> None:
    with raw_site(exchange.address, nyc) as end:
        end.next(Kind.PROOF)
        dialled.until(exchange.switchboard.linked)
    dialled.until(lambda: not exchange.switchboard.linked())
    thread, said = dialled.called(exchange)
    with raw_site(exchange.address, nyc) as end:
        end.say(link.end(end.next(Kind.CALL).id, b"reply"))
        thread.join(10)
    assert said == [b"reply"]


def test_the_newest_link_takes_the_calls_and_the_older_one_ends_with_its_last(
    exchange: dialled.Exchange, nyc: Identity
) -> None:
    with raw_site(exchange.address, nyc) as old:
        old.next(Kind.PROOF)
        first, said_first = dialled.called(exchange)
        under_way = old.next(Kind.CALL)
        with raw_site(exchange.address, nyc) as new:
            new.next(Kind.PROOF)
            dialled.until(lambda: exchange.switchboard.open_links("NYC") == 2)
            second, said_second = dialled.called(exchange)
            new.say(link.end(new.next(Kind.CALL).id, b"new"))
            second.join(10)
            old.say(link.end(under_way.id, b"old"))
            first.join(10)
            assert (said_first, said_second) == ([b"old"], [b"new"])
            assert old.ended() is grpc.StatusCode.ABORTED
            assert exchange.switchboard.linked() == ("NYC",)


def test_a_site_that_leaves_ends_its_calls_and_gets_no_more(
    exchange: dialled.Exchange, nyc: Identity
) -> None:
    with raw_site(exchange.address, nyc) as end:
        end.next(Kind.PROOF)
        thread, said = dialled.called(exchange)
        asked = end.next(Kind.CALL)
        end.say(link.LEAVE)
        dialled.until(lambda: not exchange.switchboard.linked())
        end.say(link.end(asked.id, b"reply"))
        thread.join(10)
    assert said == [b"reply"]


def test_a_call_whose_link_dies_ends_at_once(
    exchange: dialled.Exchange, nyc: Identity
) -> None:
    with raw_site(exchange.address, nyc) as end:
        end.next(Kind.PROOF)
        thread, said = dialled.called(exchange, seconds=60)
        end.next(Kind.CALL)
    thread.join(10)
    assert [type(each).__name__ for each in said] == ["LinkLost"]


def test_a_revoked_certificate_is_cut_from_its_link_and_stays_out(
    exchange: dialled.Exchange, nyc: Identity
) -> None:
    with raw_site(exchange.address, nyc) as end:
        end.next(Kind.PROOF)
        exchange.revoked.add(doors.fingerprint(nyc))
        assert end.ended() is grpc.StatusCode.PERMISSION_DENIED
    with raw_site(exchange.address, nyc) as end:
        assert end.ended() is grpc.StatusCode.PERMISSION_DENIED
    assert exchange.switchboard.linked() == ()


def test_a_certificate_that_expires_is_cut_from_its_link(
    exchange: dialled.Exchange, nyc: Identity
) -> None:
    with raw_site(exchange.address, nyc) as end:
        end.next(Kind.PROOF)
        exchange.offset_seconds = timedelta(days=31).total_seconds()
        assert end.ended() is grpc.StatusCode.PERMISSION_DENIED


def test_a_site_that_is_no_longer_listed_is_cut_from_its_link(
    exchange: dialled.Exchange, nyc: Identity
) -> None:
    with raw_site(exchange.address, nyc) as end:
        end.next(Kind.PROOF)
        exchange.sites.discard("NYC")
        assert end.ended() is grpc.StatusCode.PERMISSION_DENIED


def test_a_site_that_does_not_answer_in_time_is_not_waited_for(
    exchange: dialled.Exchange, nyc: Identity
) -> None:
    with raw_site(exchange.address, nyc) as end:
        end.next(Kind.PROOF)
        thread, said = dialled.called(exchange, seconds=0.3)
        late = end.next(Kind.CALL)
        thread.join(10)
        assert [type(each) for each in said] == [errors.Unreachable]
        end.say(link.end(late.id, b"late"), link.PING)
        assert end.next(Kind.PONG)


def test_links_end_when_nobody_can_say_who_may_dial_in(
    exchange: dialled.Exchange, nyc: Identity
) -> None:
    with raw_site(exchange.address, nyc) as end:
        end.next(Kind.PROOF)

        def fail() -> mtls.Trust:
            raise OSError("a canary no log may show")

        exchange.switchboard._trust = fail
        end.ended()
    dialled.until(lambda: not exchange.switchboard.linked())
