"""What the doctor finds at a site, as it is typed."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from proto import credentials
from proto.invitation import Invitation
from tests import doors, exchanging
from tests.exchanging import Exchange
from tests.typed_site import TypedSite


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    with exchanging.exchange(doors.Centre(tmp_path)) as opened:
        yield opened


@pytest.fixture
def site(tmp_path: Path) -> TypedSite:
    return TypedSite(tmp_path)


def invite(exchange: Exchange) -> Invitation:
    return exchange.centre.authority.invite(
        "NYC",
        address=f"127.0.0.1:{exchange.join_port}",
        link=exchange.address,
        now=doors.now(),
    )


def looked(site: TypedSite, *words: str) -> dict[str, dict[str, str]]:
    """Return what the doctor says, by check; the worst counts if it says two."""
    said = site.run("doctor", "--json", *words)
    content = json.loads(said.out)
    codes = {"ok": 0, "look": 10, "wrong": 11}
    assert said.code == codes[content["state"]]
    found: dict[str, dict[str, str]] = {}
    for each in content["findings"]:
        assert bool(each["cause"] and each["fix"]) == (each["state"] != "ok")
        if each["state"] != "ok" or each["check"] not in found:
            found[each["check"]] = each
    return found


def test_all_is_ok_at_a_site_that_has_joined(
    exchange: Exchange, site: TypedSite
) -> None:
    site.done("init", "--invitation", invite(exchange).text())
    found = looked(site)
    assert {each["state"] for each in found.values()} == {"ok"}
    assert set(found) >= {
        *("disk", "home", "home mode", "file modes", "Python", "SQLite", "DuckDB"),
        *("site", "settings", "certificate", "proxy", "DNS", "port", "TLS"),
        *("clock", "coordinator", "ledger role", "ledger", "register", "records"),
    }
    assert "All is ok." in site.done("doctor").words


def test_the_way_is_looked_at_before_there_is_a_site(
    exchange: Exchange, site: TypedSite
) -> None:
    invited = invite(exchange)
    found = looked(site, "--invitation", invited.text())
    assert found["site"]["state"] == "look"
    assert found["coordinator"]["found"] == "It answers where sites join."
    assert found["clock"]["state"] == "ok"
    for door, address in (("join", invited.address), ("dial", invited.link)):
        port = address.rpartition(":")[2]
        assert port in found[f"{door} port"]["found"]
    assert not site.directory.exists()


def test_a_clock_that_is_two_minutes_off_is_wrong(
    exchange: Exchange, site: TypedSite
) -> None:
    site.done("init", "--invitation", invite(exchange).text())
    for seconds, word in ((125, "behind"), (-125, "ahead")):
        exchange.offset = timedelta(seconds=seconds)
        clock = looked(site)["clock"]
        assert clock["state"] == "wrong"
        assert word in clock["found"]
    exchange.offset = timedelta(seconds=20)
    assert looked(site)["clock"]["state"] == "ok"


def test_a_revoked_certificate_is_wrong(exchange: Exchange, site: TypedSite) -> None:
    site.done("init", "--invitation", invite(exchange).text())
    exchange.centre.authority.revoke_site("NYC", now=doors.now())
    assert looked(site)["certificate"]["state"] == "wrong"


def test_keys_that_others_can_read_are_wrong(
    exchange: Exchange, site: TypedSite
) -> None:
    site.done("init", "--invitation", invite(exchange).text())
    (site.directory / "records.key").chmod(0o640)
    site.directory.chmod(0o755)
    found = looked(site)
    assert "records.key" in found["file modes"]["found"]
    assert found["file modes"]["state"] == "wrong"
    assert found["home mode"]["state"] == "look"


def test_a_certificate_for_another_key_is_wrong(
    exchange: Exchange, site: TypedSite
) -> None:
    site.done("init", "--invitation", invite(exchange).text())
    key = site.directory / "identity" / "key.pem"
    key.unlink()
    credentials.create_key(key)
    assert "another key" in looked(site)["certificate"]["found"]


def test_a_missing_ledger_is_wrong_and_the_rest_is_still_looked_at(
    exchange: Exchange, site: TypedSite
) -> None:
    site.done("init", "--invitation", invite(exchange).text())
    (site.directory / "ledger.sqlite").unlink()
    found = looked(site)
    assert found["ledger"]["state"] == "wrong"
    assert found["register"]["state"] == "ok"


def test_a_setting_that_is_wrong_is_said_and_the_machine_looked_at(
    site: TypedSite,
) -> None:
    site.done("init", "--site", "NYC")
    path = site.directory / "node.toml"
    path.write_text(path.read_text() + '\n[dial]\ncoordinator = "x"\n')
    found = looked(site)
    assert found["settings"]["state"] == "wrong"
    assert found["disk"]["state"] == "ok"


def test_a_coordinator_that_is_away_is_said_with_cause_and_fix(
    exchange: Exchange, site: TypedSite
) -> None:
    site.done("init", "--invitation", invite(exchange).text())
    exchange.stop()
    found = looked(site)
    assert found["port"]["state"] == "wrong"
    assert found["ledger"]["state"] == "ok"
    told = site.run("doctor").words
    assert "cause:" in told
    assert "fix:" in told
