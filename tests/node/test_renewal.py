"""A certificate is renewed by itself, in good time, whole or not at all."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from coordinator import issuance
from node import identity, renewal
from node.config import NotifyConfig
from node.notify import Notifier
from privacy.errors import (
    BadConfiguration,
    Busy,
    Unreachable,
    Untrusted,
)
from proto import credentials, mtls
from proto import renewal as renewals
from tests import doors, exchanging
from tests.exchanging import Exchange

DAY = timedelta(days=1)


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    with exchanging.exchange(doors.Centre(tmp_path)) as opened:
        yield opened


def test_the_last_third_of_its_life_is_when_a_certificate_is_renewed(
    exchange: Exchange, tmp_path: Path
) -> None:
    young = exchanging.aged(exchange.centre, tmp_path / "young", days=17)
    due = exchanging.aged(exchange.centre, tmp_path / "due", days=20)
    before = exchanging.fingerprint(young), exchanging.fingerprint(due)
    for _ in range(20):  # the moment is chosen anew each time, and never this early
        assert not exchange.renewal(young).look(now=doors.now())
    assert exchange.renewal(due).look(now=doors.now())
    assert (
        exchanging.fingerprint(young) == before[0],
        exchanging.fingerprint(due) == before[1],
    ) == (
        True,
        False,
    )
    assert identity.days_left(due, now=doors.now()) == 29
    exchanging.check_whole(exchange, due)
    assert [path.name for path in credentials.key_files(due)] != ["key.pem"]
    assert len(credentials.key_files(due)) == 1
    assert not exchange.renewal(due).look(now=doors.now())


def test_sites_of_one_day_do_not_renew_at_one_moment(
    exchange: Exchange, tmp_path: Path
) -> None:
    folder = exchanging.aged(exchange.centre, tmp_path / "site", days=0)
    leaf = credentials.certificate(folder)
    moment = doors.now() + 18.5 * DAY  # between the earliest and the latest
    due = {exchange.renewal(folder)._is_due(leaf, moment) for _ in range(200)}
    # Each is due with a chance of about two in five: all alike happens once in 10^44.
    assert due == {True, False}
    one = exchange.renewal(folder)
    assert len({one._is_due(leaf, moment) for _ in range(50)}) == 1


def test_a_reply_that_was_lost_is_fetched_and_costs_no_second_certificate(
    exchange: Exchange, tmp_path: Path
) -> None:
    folder = exchanging.aged(exchange.centre, tmp_path / "site", days=21)
    used, key = credentials.load(folder), credentials.next_key(folder)
    with mtls.channel(
        exchange.address,
        peer_dns=mtls.COORDINATOR_DNS,
        authority=used.authority,
        identity=used,
    ) as channel:
        request = credentials.signing_request(credentials.read_key(key))
        lost = renewals.renew(channel, request)
    listed = len(exchange.centre.authority.issued())
    exchange.renewal(folder).renew(now=doors.now())
    assert len(exchange.centre.authority.issued()) == listed
    assert credentials.certificate(folder) == x509.load_der_x509_certificate(lost)


def test_a_revoked_site_renews_nothing_and_neither_does_what_came_of_it(
    exchange: Exchange, tmp_path: Path
) -> None:
    folder = exchanging.aged(exchange.centre, tmp_path / "site", days=21)
    first = exchanging.fingerprint(folder)
    exchange.renewal(folder).renew(now=doors.now())
    second = exchanging.fingerprint(folder)
    assert exchange.centre.authority.revoke(first, now=doors.now()) == 2
    with pytest.raises(Untrusted, match=r"revoked.*join again"):
        exchange.renewal(folder).renew(now=doors.now())
    assert exchanging.fingerprint(folder) == second
    assert {each.fingerprint for each in exchange.centre.authority.issued()} >= {
        first,
        second,
    }


def test_every_certificate_of_a_site_is_revoked_at_once(
    exchange: Exchange, tmp_path: Path
) -> None:
    one = exchanging.aged(exchange.centre, tmp_path / "one", days=21)
    two = exchanging.aged(exchange.centre, tmp_path / "two", days=1)
    other = exchanging.aged(exchange.centre, tmp_path / "other", days=21, site="HOU")
    exchange.renewal(one).renew(now=doors.now())
    assert exchange.centre.authority.revoke_site("NYC", now=doors.now()) == 3
    for folder in (one, two):
        with pytest.raises(Untrusted):
            exchange.renewal(folder).renew(now=doors.now())
    exchange.renewal(other, "HOU").renew(now=doors.now())


def test_nobody_renews_into_another_sites_name(
    exchange: Exchange, tmp_path: Path
) -> None:
    folder = exchanging.aged(exchange.centre, tmp_path / "site", days=21, site="HOU")
    used = credentials.load(folder)
    key = credentials.read_key(credentials.next_key(folder))
    names = x509.SubjectAlternativeName(
        [x509.UniformResourceIdentifier(mtls.site_uri("NYC"))]
    )
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(names, critical=True)
        .sign(key, hashes.SHA256())
    )
    with mtls.channel(
        exchange.address,
        peer_dns=mtls.COORDINATOR_DNS,
        authority=used.authority,
        identity=used,
    ) as channel:
        form = credentials.Encoding.DER
        leaf = renewals.renew(channel, request.public_bytes(form))
    trust = mtls.Trust(allowed=frozenset(), authority=used.authority)
    found = mtls.check_certificate(
        x509.load_der_x509_certificate(leaf), trust=trust, now=doors.now()
    )
    assert found == mtls.site_uri("HOU")


def test_without_a_certificate_that_is_good_now_nothing_is_renewed(
    exchange: Exchange, tmp_path: Path
) -> None:
    expired = exchanging.aged(exchange.centre, tmp_path / "expired", days=31)
    with pytest.raises((Untrusted, Unreachable)):
        exchange.renewal(expired).renew(now=doors.now())
    exchange.sites = ("HOU",)  # taken off the list of sites
    folder = exchanging.aged(exchange.centre, tmp_path / "site", days=21)
    with pytest.raises(Untrusted):
        exchange.renewal(folder).renew(now=doors.now())


def test_the_coordinator_itself_is_not_renewed_at_the_sites_door(
    exchange: Exchange, tmp_path: Path
) -> None:
    mark = doors.fingerprint(exchange.centre.coordinator).hex()
    key = credentials.create_key(tmp_path / "key.pem")
    with pytest.raises(Untrusted, match="not one of a site"):
        exchange.centre.authority.renew(
            credentials.signing_request(key), fingerprint=mark, now=doors.now()
        )


def test_a_site_that_asks_with_ever_new_keys_is_stopped(
    exchange: Exchange, tmp_path: Path
) -> None:
    folder = exchanging.aged(exchange.centre, tmp_path / "site", days=1)
    authority, mark = exchange.centre.authority, exchanging.fingerprint(folder)

    def renew(number: int) -> bytes:
        key = credentials.create_key(tmp_path / f"{number}.pem")
        request = credentials.signing_request(key)
        return authority.renew(request, fingerprint=mark, now=doors.now())

    for number in range(issuance.GOOD_MAX - 1):
        renew(number)
    with pytest.raises(Busy, match="too often"):
        renew(-1)
    authority.revoke_site("NYC", now=doors.now())
    other = exchanging.aged(exchange.centre, tmp_path / "other", days=1)
    exchange.renewal(other).renew(now=doors.now())


def test_a_coordinator_without_room_counts_as_failing_and_is_not_passed_over(
    exchange: Exchange, tmp_path: Path
) -> None:
    folder = exchanging.aged(exchange.centre, tmp_path / "site", days=21)
    authority, mark = exchange.centre.authority, exchanging.fingerprint(folder)
    for number in range(issuance.GOOD_MAX - 1):  # by whoever has the site's key too
        key = credentials.create_key(tmp_path / f"{number}.pem")
        request = credentials.signing_request(key)
        authority.renew(request, fingerprint=mark, now=doors.now())
    keeping, now = exchange.renewal(folder), doors.now()
    assert not keeping.look(now=now)
    found = renewal.failing(folder)
    assert found is not None
    assert found.since == now
    with pytest.raises(Unreachable, match="somebody else renews"):
        keeping.renew(now=now)


def test_a_coordinator_that_was_away_is_asked_again_and_it_is_said_since_when(
    exchange: Exchange, tmp_path: Path
) -> None:
    folder = exchanging.aged(exchange.centre, tmp_path / "site", days=21)
    told = tmp_path / "told.txt"
    command = ["/bin/sh", "-c", f'echo "$0" >> {told}']
    settings = NotifyConfig(command=command)
    notifier = Notifier("NYC", settings, memory=tmp_path / "memory")
    keeping = exchange.renewal(folder, notifier=notifier)
    exchange.stop()
    now = doors.now()
    assert not keeping.look(now=now)
    found = renewal.failing(folder)
    assert found is not None
    assert (found.since, found.code) == (now, "unreachable")
    assert not keeping.look(now=now + timedelta(hours=26))
    again = renewal.failing(folder)
    assert again is not None
    assert again.since == now
    notifier.wait()
    assert told.read_text() == "The certificate could not be renewed at site NYC.\n"
    exchange.start()
    assert keeping.look(now=now + timedelta(hours=28))
    assert renewal.failing(folder) is None


def test_people_are_told_at_three_marks_and_once_at_each(
    exchange: Exchange, tmp_path: Path
) -> None:
    folder = exchanging.aged(exchange.centre, tmp_path / "site", days=0)
    told = tmp_path / "told.txt"
    command = ["/bin/sh", "-c", f'echo "$0" >> {told}']
    notifier = Notifier("NYC", NotifyConfig(command=command), memory=tmp_path / "mem")
    keeping = exchange.renewal(folder, notifier=notifier, address=None)
    end = credentials.certificate(folder).not_valid_after_utc
    for days_left in (25, 8, 7.4, 7, 3.7, 3, 1.2, 0.9, 0.5):
        keeping.look(now=end - days_left * DAY)
        notifier.wait()
    lines = told.read_text().splitlines()
    assert lines == ["A certificate lapses before long at site NYC."] * 3


@pytest.mark.parametrize(
    ("life", "marks"),
    [
        (30, [7.5, 3.75, 1]),  # a quarter, an eighth, a day
        (3650, [30, 7, 1]),
        (1, [0.25, 0.125, 1 / 24]),
    ],
)
def test_the_marks_are_days_or_parts_of_a_short_life(
    life: int, marks: list[float]
) -> None:
    begin = doors.now()
    certificate, _ = doors.other_authority()
    forged = doors.forge(
        certificate,
        _,
        doors.Forged(begins=timedelta(0), ends=life * DAY),
        trusted=b"",
    )
    leaf = x509.load_pem_x509_certificate(forged.chain)
    end, second = leaf.not_valid_after_utc, timedelta(seconds=5)
    assert renewal.mark_passed(leaf, now=begin) is None
    for number, days in enumerate(marks):
        mark = end - days * DAY
        before = renewal.mark_passed(leaf, now=mark - second)
        after = renewal.mark_passed(leaf, now=mark + second)
        assert (before, after) == (number - 1 if number else None, number)


def test_two_processes_of_one_site_do_not_renew_at_once(
    exchange: Exchange, tmp_path: Path
) -> None:
    folder = exchanging.aged(exchange.centre, tmp_path / "site", days=21)
    with exchange.renewal(folder)._lock(), pytest.raises(Busy, match="renewing"):
        exchange.renewal(folder).renew(now=doors.now())
    exchange.renewal(folder).renew(now=doors.now())


def test_a_site_that_does_not_know_the_coordinator_says_what_to_set(
    exchange: Exchange, tmp_path: Path
) -> None:
    folder = exchanging.aged(exchange.centre, tmp_path / "site", days=21)
    with pytest.raises(BadConfiguration, match="coordinator_address"):
        exchange.renewal(folder, address=None).renew(now=doors.now())


def test_a_running_process_renews_by_itself(exchange: Exchange, tmp_path: Path) -> None:
    folder = exchanging.aged(exchange.centre, tmp_path / "site", days=21)
    before, waiting = exchanging.fingerprint(folder), threading.Event()
    with exchange.renewal(folder):
        for _ in range(2000):
            if exchanging.fingerprint(folder) != before:
                break
            waiting.wait(0.01)
    assert exchanging.fingerprint(folder) != before
    exchanging.check_whole(exchange, folder)
