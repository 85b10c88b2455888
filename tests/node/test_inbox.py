"""The inbox: what waits, what it means here, and who may decide."""

import datetime as dt
from pathlib import Path

import pytest

from privacy import catalogue
from privacy.errors import NotAllowed
from privacy.mandate import Mandate
from tests import programme_samples
from tests import signed_samples as samples
from tests.typed_site import TypedSite, asking

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def site(tmp_path: Path) -> TypedSite:
    """Give a site with a roster and a policy in force."""
    return TypedSite(tmp_path).governed()


def accepted(site: TypedSite) -> list[str]:
    """Return the digests of the mandates that open anything."""
    law = site.home.law
    return [digest for digest, sent in law.sent.items() if sent.fate == "accepted"]


# ---- what waits ------------------------------------------------------------


def test_an_empty_inbox_says_so(site: TypedSite) -> None:
    assert site.done("inbox", "list").words == "Nothing waits at site NYC."
    assert site.done("inbox", "list", "--json").json == []


def test_what_the_board_sent_waits_with_its_last_day(site: TypedSite) -> None:
    assert site.deliver(asking(), days=3) == "waiting"
    assert site.deliver(programme_samples.edition(2)) == "waiting"
    lines = site.done("inbox", "list", "--json").json
    assert [line["kind"] for line in lines] == ["mandate", "edition"]
    assert [line["state"] for line in lines] == [
        "waits, 10 days left",
        "waits, 13 days left",
    ]


def test_what_lapsed_is_no_longer_decided_but_still_told(site: TypedSite) -> None:
    site.deliver(asking(), days=15)
    assert site.done("inbox", "list", "--json").json == []
    (line,) = site.done("inbox", "list", "--all", "--json").json
    assert line["state"] == "lapsed, undecided"
    said = site.run("inbox", "accept", "2026-07", *site.signing("olga"))
    assert said.code == 1
    assert accepted(site) == []


def test_a_thing_is_named_by_number_or_digest(site: TypedSite) -> None:
    document = asking()
    site.deliver(document)
    digest = document.digest.hex()
    for name in ("2026-07", digest, digest[:8], digest[:8].upper()):
        assert site.done("inbox", "show", name, "--json").json["digest"] == digest
    for name in ("2026-08", digest[:3], "", "nothing"):
        said = site.run("inbox", "show", name)
        assert said.code == 1
        assert "sent nothing called" in said.told


def test_two_mandates_of_one_number_are_told_apart(site: TypedSite) -> None:
    site.deliver(asking())
    site.deliver(asking(title='"Another"'))
    said = site.run("inbox", "show", "2026-07")
    assert said.code == 2
    assert "names 2 documents" in said.told


# ---- deciding --------------------------------------------------------------


def test_an_accepted_mandate_opens_and_a_declined_one_does_not(
    site: TypedSite,
) -> None:
    document = asking()
    site.deliver(document)
    running = site.home
    with pytest.raises(NotAllowed, match="not yet accepted"):
        running.law.permit(document.digest)
    site.done("inbox", "accept", "2026-07", *site.signing("olga"))
    assert isinstance(running.law.permit(document.digest), Mandate)
    reason = ("--reason", "Counsel has doubts.")
    site.done("inbox", "decline", "2026-07", *site.signing("omar"), *reason)
    with pytest.raises(NotAllowed, match="declined"):
        running.law.permit(document.digest)
    assert site.done("inbox", "list", "--json").json == []


def test_refuse_is_another_word_for_decline(site: TypedSite) -> None:
    site.deliver(asking())
    words = ("--reason", "Not now.", *site.signing("olga"))
    assert "Declined" in site.done("inbox", "refuse", "2026-07", *words).words


def test_declining_takes_a_reason(site: TypedSite) -> None:
    site.deliver(asking())
    assert site.run("inbox", "decline", "2026-07", *site.signing("olga")).code == 2


def test_a_decision_signed_elsewhere_is_carried_back(site: TypedSite) -> None:
    site.deliver(asking())
    said = site.done("inbox", "accept", "2026-07")
    assert "Not in force yet." in said.words
    assert accepted(site) == []
    path = str(site.directory / "decision-accept-2026-07.cmpp")
    site.done("officer", "sign", path, *site.signing("olga"))
    # Signed to accept: it does not decline, and it serves once.
    words = ("--decision", path, "--reason", "x")
    assert site.run("inbox", "decline", "2026-07", *words).code == 1
    site.done("inbox", "accept", "2026-07", *words)
    assert len(accepted(site)) == 1
    assert site.run("inbox", "accept", "2026-07", *words).code == 1


def test_site_it_accepts_nothing(site: TypedSite) -> None:
    site.deliver(asking())
    for name in ("eve", "NYC", "ana"):
        said = site.run("inbox", "accept", "2026-07", *site.signing(name))
        assert said.code == 1
        assert "takes 1 of the officers" in said.told
    assert accepted(site) == []


def test_an_edition_shows_old_and_new_words_and_is_accepted(site: TypedSite) -> None:
    site.deliver(programme_samples.edition(2))
    words = site.done("inbox", "show", "2").words
    assert "M99, Households in the pool, again: new" in words
    assert "It says: Households whose entry was accepted. Counted: Households." in words
    site.done("inbox", "accept", "2", *site.signing("olga"))
    assert [edition.number for edition in site.home.law.editions] == [2]


def test_an_edition_that_changes_a_meaning_shows_both(site: TypedSite) -> None:
    files = programme_samples.shipped()
    old = catalogue.load().metric("M09").definition
    found = [name for name, text in files.items() if old in text]
    (name,) = found
    new = "Households in which an adult was enrolled at any time in the period."
    files[name] = files[name].replace(old, new)
    made = programme_samples.editions.draft(files, network="cmpp", number=5)
    site.deliver(samples.signed(made, "ana", "ben"))
    words = site.done("inbox", "show", "5").words
    assert "M09, Active caseload: changed" in words
    assert f"It said: {old}" in words
    assert f"It says: {new}" in words


def test_the_mandates_of_a_site_are_listed_with_what_they_cost(
    site: TypedSite,
) -> None:
    document = asking(metrics='["M09"]', loss_rho='"0.0082"', worst_rho='"0.0082"')
    site.deliver(document)
    site.done("inbox", "accept", "2026-07", *site.signing("olga"))
    site.answer(document, metric="M09", period="FY2024-H2")
    (line,) = site.done("mandate", "list", "--json").json
    assert (line["number"], line["state"]) == ("2026-07", "accepted")
    assert line["spent_percent"] == 50
    assert "50 %" in site.done("mandate", "list").words
