"""The commands of a site, as somebody types them."""

from pathlib import Path

import pytest

from tests.typed_site import TypedSite


@pytest.fixture
def site(tmp_path: Path) -> TypedSite:
    """Give a training site with a roster and a policy that two officers signed."""
    return TypedSite(tmp_path).governed(training=True)


def status(site: TypedSite) -> dict[str, object]:
    """Return what the site says of itself."""
    return site.done("status", "--json").json


def test_a_site_goes_from_nothing_to_closed_records(site: TypedSite) -> None:
    assert status(site)["records"] == "none"
    site.done("synthesize", "--seed", "3", "--scale", "0.02")
    site.done("close", "FY2024")
    now = status(site)
    assert (now["policy"], now["closed_through"]) == ("version 1", "FY2024-Q4")
    assert "join" in str(now["next"])
    assert site.directory.stat().st_mode & 0o077 == 0


def test_status_says_what_is_missing_and_why_nothing_is_answered(
    tmp_path: Path,
) -> None:
    site = TypedSite(tmp_path)
    site.done("init", "--site", "NYC")
    made = status(site)
    assert (made["policy"], made["roster"]) == ("none", "none")
    assert str(made["answering"]).startswith("no: ")
    assert "join" in site.done("status").words


def test_invented_records_can_be_written_and_imported(
    site: TypedSite, tmp_path: Path
) -> None:
    folder = tmp_path / "csv"
    site.done("synthesize", "--seed", "3", "--scale", "0.02", "--folder", str(folder))
    assert (folder / "household.csv").exists()
    assert "in use" in site.done("import", str(folder)).words
    (folder / "notes.csv").write_text("a\n")
    said = site.run("import", str(folder))
    assert said.code == 2
    assert "nothing was imported" in said.told
    assert (site.directory / "records" / "current").read_text() == "g00000001"


def test_an_open_period_is_not_closed(site: TypedSite) -> None:
    site.done("synthesize", "--scale", "0.02")
    said = site.run("close", "FY2089")
    assert said.code == 1
    assert "close it then" in said.told
    assert site.run("close", "soon").code == 2


def test_the_ledger_is_shown_and_proved(site: TypedSite) -> None:
    shown = site.done("ledger", "show", "--json", "--entries").json
    assert (shown["site"], shown["accounts"], shown["charges"]) == ("NYC", [], [])
    site.done("ledger", "show", "--entries")
    assert "is whole" in site.done("ledger", "verify").words


def test_a_policy_that_is_edited_changes_nothing_that_holds(site: TypedSite) -> None:
    path = site.directory / "policy.toml"
    path.write_text(path.read_text("utf-8").replace('"0.6"', '"6.0"'), "utf-8")
    assert site.done("policy", "show", "--json").json["lifetime_rho"] == "0.6"
    assert site.run("policy", "adopt").code == 1


def test_a_site_is_made_once(site: TypedSite) -> None:
    before = (site.directory / "ledger.sqlite").read_bytes()
    said = site.run("init", "--site", "NYC")
    assert said.code == 2
    assert "already holds a site" in said.told
    assert (site.directory / "ledger.sqlite").read_bytes() == before


def test_a_broken_invitation_is_explained(site: TypedSite) -> None:
    said = site.run("join", "cmpp-invitation-1.half")
    assert said.code == 2
    assert "whole invitation" in said.told


def test_a_missing_ledger_is_never_an_empty_one(site: TypedSite) -> None:
    (site.directory / "ledger.sqlite").unlink()
    said = site.run("ledger", "verify")
    assert said.code == 4
    assert "would forget what was spent" in said.told
    assert not (site.directory / "ledger.sqlite").exists()


def test_a_home_that_is_none_is_explained(tmp_path: Path) -> None:
    said = TypedSite(tmp_path).run("status")
    assert said.code == 2
    assert "cmpp-node init" in said.told


def test_the_notice_is_written_in_both_languages(
    site: TypedSite, tmp_path: Path
) -> None:
    assert "Who can see my file?" in site.done("notice").out
    assert "¿Quién puede ver mi expediente?" in (
        site.done("notice", "--language", "es").out
    )
    page = tmp_path / "notice.html"
    site.done("notice", "--language", "es", "--html", str(page))
    assert '<html lang="es">' in page.read_text("utf-8")
    assert site.run("notice", "--language", "fr").code == 2
