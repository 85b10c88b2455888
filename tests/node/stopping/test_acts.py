"""Anybody may stop a site; to go on, to hold and to reopen takes officers."""

from pathlib import Path

import pytest

from node.charter import Charter
from node.cli.home import Home
from node.ledger import Ledger
from node.stopping import acts
from privacy.decision import Act
from privacy.errors import (
    BadSignature,
    BudgetExhausted,
    NotAllowed,
)
from privacy.law import Law
from proto import keys
from tests import signed_samples as samples
from tests.stopping_site import MANDATE, NOW, Run, charged, key


def test_anybody_pauses_the_site_at_once_and_without_a_key(
    run: Run, site: Home
) -> None:
    serving = Charter(Ledger.open(site.ledger_url), site="NYC")
    serving.law().check_answering()
    assert run("pause")[0] == 0
    with pytest.raises(NotAllowed, match="has paused"):
        serving.law().check_answering()
    with pytest.raises(NotAllowed, match="has paused"):
        charged(site)


def test_a_second_pause_changes_nothing(run: Run, site: Home) -> None:
    run("pause")
    before = site.ledger.head()
    code, said = run("pause")
    assert (code, site.ledger.head()) == (0, before)
    assert "was not answering already" in said


def test_going_on_takes_an_officer(run: Run, site: Home, tmp_path: Path) -> None:
    run("pause")
    code, said = run("resume")
    assert code == 0
    assert "one more of olga, omar must sign" in said
    assert site.law.paused
    assert run("resume", *key(tmp_path))[0] == 0
    site.law.check_answering()
    charged(site)


def test_a_stranger_cannot_let_it_go_on(run: Run, site: Home, tmp_path: Path) -> None:
    run("pause")
    keys.init(tmp_path, name="stranger", passphrase=None)
    run("resume", *key(tmp_path, "stranger"))
    assert site.law.paused


def test_a_decision_is_good_once_and_for_one_moment(site: Home) -> None:
    charter = site.charter
    acts.pause(charter, now=NOW)
    drafted = charter.decide(Act.RESUME, reason="Over.", now=NOW)
    decision = samples.signed(drafted, "olga")
    acts.enact(charter, decision, now=NOW)
    acts.pause(charter, now=NOW)
    with pytest.raises(BadSignature, match="before the last change"):
        acts.enact(charter, decision, now=NOW)


def test_a_decision_of_another_kind_is_not_taken(site: Home) -> None:
    drafted = site.charter.decide(Act.HOLD, reason="Asked.", now=NOW)
    with pytest.raises(BadSignature, match="decides to hold, not to lift"):
        acts.read(drafted.file(), Act.LIFT)


def test_reopening_takes_two_officers_one_after_the_other(
    run: Run, site: Home, tmp_path: Path
) -> None:
    code, said = run("reopen", *key(tmp_path))
    assert code == 0
    assert "one more of omar must sign" in said
    assert site.law.epoch == 1
    file = str(site.directory / "decision-reopen.cmpp")
    code, said = run("reopen", "--decision", file, *key(tmp_path, "omar"))
    assert code == 0
    assert site.law.epoch == 2
    with pytest.raises(BudgetExhausted):
        charged(site)


def test_one_officer_twice_is_one(run: Run, site: Home, tmp_path: Path) -> None:
    run("reopen", *key(tmp_path), *key(tmp_path)[:2])
    assert site.law.epoch == 1


def test_the_board_freezes_and_resumes_the_programme(site: Home) -> None:
    site.charter.deliver(samples.order("freeze", 1), now=NOW)
    with pytest.raises(NotAllowed, match="Board"):
        charged(site)
    site.charter.deliver(samples.order("resume", 2), now=NOW)
    charged(site)
    with pytest.raises(BadSignature, match="given before"):
        site.charter.deliver(samples.order("freeze", 1), now=NOW)


def test_after_the_end_only_sealing_is_left(
    run: Run, site: Home, tmp_path: Path
) -> None:
    site.charter.deliver(samples.order("terminate", 1), now=NOW)
    assert run("pause")[0] == 1
    assert run("seal", "--yes", *key(tmp_path))[0] == 0
    assert site.law.sealed


def test_only_a_decision_about_the_whole_site_is_enacted_here(site: Home) -> None:
    drafted = site.charter.decide(
        Act.ACCEPT, subject=MANDATE.digest.hex(), reason="Read it.", now=NOW
    )
    with pytest.raises(BadSignature, match="decide it in the inbox"):
        acts.enact(site.charter, drafted, now=NOW)
    with pytest.raises(NotAllowed, match="nobody may decide"):
        acts.missing(Law(site="NYC"), drafted, Act.SEAL)
