"""Telling people that something needs them, and nothing else."""

import dataclasses
import datetime as dt
import http.server
import stat
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import ValidationError

from node.config import MailConfig, NotifyConfig
from node.ledger import Account, Scope
from node.notify import Lookout, Notice, Notifier, due
from privacy.amount import Amount
from privacy.chain import Kind
from privacy.errors import Busy
from privacy.law import Law
from privacy.mandate import Turn
from tests import programme_samples
from tests import signed_samples as samples
from tests.signed_samples import NOW

DAY = dt.timedelta(days=1)


@pytest.fixture
def law() -> Law:
    """Give a law under which something waits."""
    site = samples.agreed()
    site.enact(Kind.MANDATE, samples.mandate())
    return site.law


def level(percent: int, scope: Scope = Scope.LIFETIME) -> tuple[Account, Fraction]:
    """Return an account that is so full."""
    account = Account(
        scope=scope,
        name="FY2024",
        fiscal_year="",
        spent=Amount(percent, percent),
        cap=Amount(100, 100),
    )
    return account, account.share


def notices(law: Law, *levels: tuple[Account, Fraction], at: dt.datetime) -> list[str]:
    """Return the names of what is due."""
    return [notice.name for notice, _ in due(law, levels, now=at)]


def test_what_waits_is_told_and_told_again_after_days(law: Law) -> None:
    assert notices(law, at=NOW) == ["WAITS"]
    assert notices(law, at=NOW + 5 * DAY) == ["WAITS"]
    assert notices(law, at=NOW + 6 * DAY) == ["WAITS", "WAITS_LONG"]
    assert notices(law, at=NOW + 15 * DAY) == []


def test_nothing_is_told_when_nothing_needs_anybody() -> None:
    assert notices(samples.agreed().law, level(74), at=NOW) == []
    assert notices(Law(site="NYC"), at=NOW) == []


@pytest.mark.parametrize(
    ("percent", "mark"), [(75, 75), (89, 75), (90, 90), (100, 100)]
)
def test_the_highest_mark_passed_is_told(percent: int, mark: int) -> None:
    found = list(due(samples.agreed().law, [level(percent)], now=NOW))
    assert [notice for notice, _ in found] == [Notice.BUDGET]
    assert found[0][1].endswith(f" {mark}")


def test_a_mandate_that_is_used_up_is_no_alarm() -> None:
    full = level(100, Scope.MANDATE)
    assert notices(samples.agreed().law, full, at=NOW) == []


@pytest.mark.parametrize(
    ("days", "told"), [(31, 0), (30, 1), (8, 1), (7, 1), (1, 1), (-1, 1)]
)
def test_a_policy_about_to_lapse_is_told(days: int, told: int) -> None:
    law = samples.agreed().law
    assert law.policy is not None
    assert notices(law, at=law.policy.not_after - days * DAY) == ["LAPSES"] * told


def test_each_of_the_three_last_warnings_is_an_event_of_its_own() -> None:
    law = samples.agreed().law
    assert law.policy is not None
    ends = law.policy.not_after
    events = {e for d in (30, 20, 7, 3, 1) for e in due(law, (), now=ends - d * DAY)}
    assert len(events) == 3


@pytest.mark.parametrize(
    "change", [{"paused": True}, {"sealed": True}, {"turn": Turn.FREEZE}]
)
def test_a_site_that_stands_still_is_told(change: dict[str, object]) -> None:
    law = replace(samples.agreed().law, **change)
    assert notices(law, at=NOW) == ["STOPPED"]


# ---- nothing but fixed words -----------------------------------------------


def test_only_the_sites_name_is_ever_put_into_a_sentence() -> None:
    for notice in Notice:
        assert notice.value.count("{") == 1
        text = notice.text("NYC")
        assert text.endswith("at site NYC.")
        assert not any(letter.isdigit() for letter in text)


def test_two_different_events_say_the_very_same(tmp_path: Path) -> None:
    heard: list[bytes] = []
    for name, document in (
        ("a", samples.mandate(title='"One title"')),
        ("b", programme_samples.edition(1)),
    ):
        site = samples.agreed()
        kind = Kind.MANDATE if name == "a" else Kind.EDITION
        site.enact(kind, document)
        path = tmp_path / f"{name}.said"
        notifier = Notifier("NYC", writing(path), memory=tmp_path / name)
        notifier.look(site.law, (), now=NOW)
        notifier.wait()
        heard.append(path.read_bytes())
    assert heard == [b"Something waits for the privacy officer at site NYC.\n"] * 2


def writing(path: Path) -> NotifyConfig:
    """Return settings by which a program appends what it is told to a file."""
    code = "import sys; print(sys.argv[2], file=open(sys.argv[1], 'a'))"
    return NotifyConfig(command=[sys.executable, "-c", code, str(path)])


def test_an_event_is_told_once_across_processes(law: Law, tmp_path: Path) -> None:
    path, memory = tmp_path / "said", tmp_path / "told"
    for _ in range(3):
        notifier = Notifier("NYC", writing(path), memory=memory)
        for hour in range(3):
            notifier.look(law, (), now=NOW + hour * dt.timedelta(hours=1))
        notifier.wait()
    assert path.read_text().count("\n") == 1


def test_of_many_at_once_one_tells(tmp_path: Path) -> None:
    told: list[bool] = []
    notifier = Notifier("NYC", NotifyConfig(), memory=tmp_path / "told")
    ready = threading.Barrier(8)

    def tell() -> None:
        ready.wait()
        told.append(notifier.tell(Notice.WAITS, about="one event"))

    threads = [threading.Thread(target=tell) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False] * 7 + [True]


def test_what_is_kept_of_events_names_none(law: Law, tmp_path: Path) -> None:
    memory = tmp_path / "told"
    Notifier("NYC", NotifyConfig(), memory=memory).look(law, [level(80)], now=NOW)
    kept = list(memory.iterdir())
    assert len(kept) == 2
    assert all(path.read_bytes() == b"" and len(path.name) == 64 for path in kept)
    assert stat.S_IMODE(memory.stat().st_mode) == 0o700


def test_a_second_pause_is_told_again(tmp_path: Path) -> None:
    path = tmp_path / "said"
    notifier = Notifier("NYC", writing(path), memory=tmp_path / "told")
    law = samples.agreed().law
    for paused in (True, True, False, True):
        notifier.look(replace(law, paused=paused), (), now=NOW)
        notifier.wait()
    assert path.read_text().splitlines() == [Notice.STOPPED.text("NYC")] * 2


# ---- ways to tell, and failures --------------------------------------------


@pytest.fixture
def listener() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Give an address on this machine, and what arrives there."""
    heard: list[tuple[str, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            heard.append((self.path, self.rfile.read(size)))
            elsewhere = self.path == "/elsewhere"
            self.send_response(302 if elsewhere else 204)
            if elsewhere:
                self.send_header("Location", "/followed")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", heard
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_address_gets_the_sentence_alone(
    listener: tuple[str, list[tuple[str, bytes]]], tmp_path: Path
) -> None:
    url, heard = listener
    settings = NotifyConfig(webhook_url=f"{url}/elsewhere")
    notifier = Notifier("NYC", settings, memory=tmp_path / "told")
    assert notifier.tell(Notice.BUDGET, about="x")
    notifier.wait()
    # A redirect is not followed: the operator named one address.
    assert heard == [("/elsewhere", b"A budget mark was passed at site NYC.")]


@pytest.mark.parametrize(
    "settings",
    [
        NotifyConfig(command=["/nowhere/at-all"]),
        NotifyConfig(command=[sys.executable, "-c", "raise SystemExit(3)"]),
        NotifyConfig(webhook_url="http://127.0.0.1:9/closed"),
        NotifyConfig(
            mail=MailConfig(
                host="127.0.0.1",
                port=9,
                from_address="node@example.org",
                to_addresses=["officer@example.org"],
            )
        ),
    ],
    ids=["no program", "a failing program", "nobody listens", "no mail server"],
)
def test_a_message_that_does_not_arrive_stops_nothing(
    settings: NotifyConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    notifier = Notifier("NYC", settings, memory=tmp_path / "told")
    assert notifier.tell(Notice.WAITS, about="x")
    notifier.wait()
    assert capfd.readouterr() == ("", "")
    assert not notifier.tell(Notice.WAITS, about="x")


def test_a_memory_that_cannot_be_kept_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "told").write_text("a file where the folder should be")
    path = tmp_path / "said"
    notifier = Notifier("NYC", writing(path), memory=tmp_path / "told")
    assert not notifier.tell(Notice.WAITS, about="x")
    notifier.wait()
    assert not path.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"webhook_url": "http://example.org/plain"},
        {"webhook_url": "file:///etc/passwd"},
        {"webhook_url": "https://"},
        {"command": []},
        {"command": "tell me"},
        {"surprise": True},
    ],
)
def test_settings_that_could_not_be_meant_are_refused(
    wrong: dict[str, object],
) -> None:
    with pytest.raises(ValidationError):
        NotifyConfig.model_validate(wrong)


def test_an_account_has_a_lasting_name() -> None:
    account, share = level(80)
    wider = dataclasses.replace(account, cap=Amount(101, 101))
    law = samples.agreed().law
    first = list(due(law, [(account, share)], now=NOW))
    again = list(due(law, [(wider, share)], now=NOW))
    assert first == list(due(law, [(account, share)], now=NOW))
    assert first != again


def test_the_lookout_tells_without_being_asked_and_outlives_trouble(
    law: Law, tmp_path: Path
) -> None:
    path = tmp_path / "said"
    looks = iter([samples.agreed().law, None, law])
    seen = threading.Event()

    def read() -> Law:
        found = next(looks, law)
        if found is None:
            raise Busy("Somebody else holds the ledger.")
        if found is law:
            seen.set()
        return found

    lookout = Lookout(
        Notifier("NYC", writing(path), memory=tmp_path / "told"),
        law=read,
        levels=lambda: (),
        clock=lambda: NOW,
        every_seconds=0.01,
    )
    lookout.start()
    assert seen.wait(30)
    lookout.stop()
    assert path.read_text().splitlines() == [Notice.WAITS.text("NYC")]
