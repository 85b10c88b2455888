"""A site comes into the network by typing what its operator types."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from coordinator.demo import processes
from node import identity
from privacy.errors import Unreachable, Untrusted
from proto import credentials, mtls
from proto.invitation import Invitation, redeem, spoken
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


def invite(exchange: Exchange, site: str = "NYC", **more: object) -> Invitation:
    known: dict[str, object] = {
        "address": f"127.0.0.1:{exchange.join_port}",
        "link": exchange.address,
        "now": doors.now(),
    }
    return exchange.centre.authority.invite(site, **known | more)  # type: ignore[arg-type]


def status(site: TypedSite) -> dict[str, object]:
    return site.done("status", "--json").json


def settings(site: TypedSite) -> str:
    return (site.directory / "node.toml").read_text("utf-8")


def test_an_invitation_is_all_that_a_new_site_needs(
    exchange: Exchange, site: TypedSite
) -> None:
    invited = invite(exchange)
    said = site.done("init", "--invitation", invited.text())
    for line in spoken(exchange.centre.authority.fingerprint):
        assert " ".join(line.split()) in said.words
    assert "telephone" in said.words
    assert f'coordinator_address = "{exchange.address}"' in settings(site)
    assert "\nlisten_address" not in settings(site)
    now = status(site)
    assert (now["site"], now["listen_address"]) == ("NYC", "none")
    assert now["door"] == f"dials {exchange.address} (cmpp-node dial)"
    assert (now["certificate"], now["certificate_days_left"]) == ("in order", 29)
    assert site.home.config.dial is not None


def test_a_site_listens_only_if_it_is_told_to(
    exchange: Exchange, site: TypedSite
) -> None:
    words = ("--site", "NYC", "--listen", "127.0.0.1:7443")
    site.done("init", *words, "--invitation", invite(exchange).text())
    assert '\nlisten_address = "127.0.0.1:7443"\n' in settings(site)
    now = status(site)
    assert now["door"] == "listens at 127.0.0.1:7443 (cmpp-node serve)"
    assert now["certificate_renewal"] == "by itself, while the node runs"


def test_a_site_made_before_it_is_invited_learns_where_to_dial_when_it_joins(
    exchange: Exchange, site: TypedSite
) -> None:
    site.done("init", "--site", "NYC")
    assert "does not know yet where to" in str(status(site)["door"])
    said = site.run("dial")
    assert (said.code, "whom to dial" in said.told) == (2, True)
    before = settings(site)
    site.done("join", invite(exchange).text())
    assert settings(site).startswith(before.rstrip())
    assert status(site)["door"] == f"dials {exchange.address} (cmpp-node dial)"
    said = site.done("join", invite(exchange, link="other.example.org:443").text())
    assert "which is used" in " ".join(said.told.split())
    assert status(site)["door"] == f"dials {exchange.address} (cmpp-node dial)"


def test_the_proxy_that_was_named_is_kept_with_the_address(
    exchange: Exchange, site: TypedSite
) -> None:
    with exchanging.listening(exchanging.proxy()) as port:
        through = f"http://127.0.0.1:{port}"
        site.done("init", "--invitation", invite(exchange).text(), "--proxy", through)
        dial = site.home.config.dial
        assert dial is not None
        assert (dial.coordinator_address, dial.proxy) == (exchange.address, through)
        site.done("renew")


def test_nobody_is_asked_anything_where_nobody_sits(site: TypedSite) -> None:
    said = site.run("init")
    assert said.code == 2
    assert "--invitation" in said.told
    assert not site.directory.exists()


def test_a_broken_or_foreign_invitation_makes_no_site(
    exchange: Exchange, site: TypedSite
) -> None:
    said = site.run("init", "--invitation", invite(exchange).text()[:-9])
    assert (said.code, "whole invitation" in said.told) == (2, True)
    words = ("--site", "NYC", "--invitation", invite(exchange, "HOU").text())
    said = site.run("init", *words)
    assert (said.code, "is for HOU" in said.told) == (2, True)
    assert not site.directory.exists()


def test_a_site_whose_making_was_cut_off_is_no_site(
    exchange: Exchange, site: TypedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("init", "--invitation", invite(exchange).text())

    def power_cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("node.cli.joining.Ledger.create", power_cut)
        assert site.run(*words).code != 0
    assert site.run("status").code == 2
    said = site.run(*words)
    assert said.code == 2
    assert "cut off before" in " ".join(said.told.split())
    shutil.rmtree(site.directory)
    site.done(*words)


def test_a_used_or_old_invitation_says_to_ask_for_a_new_one(
    exchange: Exchange, site: TypedSite, tmp_path: Path
) -> None:
    used = invite(exchange).text()
    TypedSite(tmp_path / "elsewhere").done("init", "--invitation", used)
    site.done("init", "--site", "NYC")
    old = invite(exchange, now=doors.now() - timedelta(hours=73)).text()
    for text in (used, old):
        said = site.run("join", text)
        assert said.code == 3
        assert "ask for a new one" in " ".join(said.told.split())
    assert not (site.directory / "identity" / "certificate.pem").exists()


def test_joining_again_with_the_same_invitation_changes_nothing(
    exchange: Exchange, site: TypedSite
) -> None:
    text = invite(exchange).text()
    site.done("init", "--invitation", text)
    folder = site.directory / "identity"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    site.done("join", text)
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(exchange.centre.authority.issued()) == 2


@pytest.mark.parametrize("cut", ["before the reply", "while a key is written"])
def test_a_join_that_was_cut_off_goes_on_with_the_same_invitation(
    exchange: Exchange, site: TypedSite, cut: str
) -> None:
    site.done("init", "--site", "NYC")
    folder, invited = site.directory / "identity", invite(exchange)
    if cut == "before the reply":
        key = credentials.create_key(folder / credentials.KEY_FILE)
        redeem(
            invited,
            signing_request=credentials.signing_request(key),
            statement=identity.statement_key(folder),
            masking_key=identity.masking_key(folder),
        )
    else:
        (folder / credentials.KEY_FILE).touch(mode=0o600)
        (folder / "masking.key").write_bytes(b"")
    site.done("join", invited.text())
    pair = credentials.load(folder)
    trust = mtls.Trust(allowed=frozenset(), authority=pair.authority)
    leaf = credentials.certificate(folder)
    assert mtls.check_certificate(leaf, trust=trust, now=doors.now())
    assert len(exchange.centre.authority.issued()) == 2


def test_a_box_that_opens_encryption_is_named_and_nothing_is_installed(
    exchange: Exchange, site: TypedSite, tmp_path: Path
) -> None:
    site.done("init", "--site", "NYC")
    box = exchanging.foreign_tls(tmp_path / "box", "Harbor Secure Web Gateway")
    with exchanging.listening(box) as port:
        invited = invite(exchange, address=f"127.0.0.1:{port}")
        said = site.run("join", invited.text())
    told = " ".join(said.told.split())
    assert said.code == 3
    assert "Harbor Secure Web Gateway" in told
    assert "exempt" in told
    assert not (site.directory / "identity" / "certificate.pem").exists()
    # The token was not spent on it.
    whole = Invitation(
        site="NYC",
        address=f"127.0.0.1:{exchange.join_port}",
        token=invited.token,
        authority=invited.authority,
    )
    site.done("join", whole.text())


def test_a_closed_port_and_a_proxy_that_refuses_are_told_apart(
    exchange: Exchange, site: TypedSite
) -> None:
    site.done("init", "--site", "NYC")
    (port,) = processes.free_ports()
    said = site.run("join", invite(exchange, address=f"127.0.0.1:{port}").text())
    assert said.code == 3
    assert "refuses connections" in said.told
    with exchanging.listening(exchanging.proxy("403 Forbidden")) as port:
        through = f"http://127.0.0.1:{port}"
        said = site.run("join", invite(exchange).text(), "--proxy", through)
    assert said.code == 3
    assert "answered CONNECT with 403" in " ".join(said.told.split())


def test_status_says_since_when_renewing_fails(
    exchange: Exchange, site: TypedSite
) -> None:
    site.done("init", "--invitation", invite(exchange).text())
    folder = site.directory / "identity"
    (folder / "renewal-failing").write_text("2026-11-20T08:30:00+00:00 unreachable\n")
    assert str(status(site)["certificate_renewal"]) == (
        "failing since 2026-11-20 08:30 UTC (unreachable): run cmpp-node doctor"
    )
    site.done("renew")
    assert str(status(site)["certificate_renewal"]).startswith("by itself")


def test_renewing_by_hand_says_what_is_in_the_way(
    exchange: Exchange, site: TypedSite
) -> None:
    site.done("init", "--invitation", invite(exchange).text())
    exchange.stop()
    said = site.run("renew")
    assert said.code == 3
    assert "refuses connections" in " ".join(said.told.split())
    exchange.start()
    exchange.centre.authority.revoke_site("NYC", now=doors.now())
    said = site.run("renew")
    assert (said.code, "revoked" in said.told) == (3, True)


def test_a_site_that_was_revoked_joins_again_with_a_key_nobody_has_seen(
    exchange: Exchange, site: TypedSite
) -> None:
    site.done("init", "--invitation", invite(exchange).text())
    folder = site.directory / "identity"
    stolen = credentials.load(folder).key
    exchange.centre.authority.revoke_site("NYC", now=doors.now())
    site.done("join", invite(exchange).text())
    assert credentials.load(folder).key != stolen
    site.done("renew")
    # Whoever stole the key gets nothing for it any more, not even when invited.
    thief = site.folder / "thief"
    thief.mkdir()
    (thief / "key.pem").touch(mode=0o600)
    (thief / "key.pem").write_bytes(stolen)
    with pytest.raises(Untrusted):
        identity.join(
            invite(exchange).text(), site="NYC", directory=thief, now=doors.now()
        )


def test_a_fingerprint_is_read_out_in_four_lines_of_four_groups() -> None:
    lines = spoken("0123456789abcdef" * 4)
    assert lines == ("0123  4567  89ab  cdef",) * 4


def test_an_invitation_says_where_to_dial_and_older_ones_are_still_read(
    exchange: Exchange,
) -> None:
    with_link, without = invite(exchange), invite(exchange, link="")
    assert Invitation.from_text(with_link.text()).link == exchange.address
    assert Invitation.from_text(without.text()).link == ""
    assert len(without.text()) < len(with_link.text())


def test_no_coordinator_is_not_a_wrong_certificate(tmp_path: Path) -> None:
    centre = doors.Centre(tmp_path)
    (port,) = processes.free_ports()
    invited = centre.authority.invite(
        "NYC", address=f"127.0.0.1:{port}", now=doors.now()
    )
    with pytest.raises(Unreachable):
        identity.join(
            invited.text(), site="NYC", directory=tmp_path / "n", now=doors.now()
        )
