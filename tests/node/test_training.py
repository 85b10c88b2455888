"""A training site says so, invents its records, and never meets a live network."""

from pathlib import Path

import pytest

from node.charter import Charter
from node.cli.training import BANNER
from node.config import INVENTED, TRAINING_MARK, NodeConfig
from node.importer.apart import apart
from node.importer.rows import batches
from node.ledger import Ledger
from privacy import roster
from privacy.chain import Kind
from privacy.errors import BadRecords, NotAllowed
from tests import governed, signed_samples
from tests.record_site import DICTIONARY
from tests.typed_site import TypedSite

NOW = governed.dt.datetime(2026, 11, 22, 8, tzinfo=governed.dt.UTC)
TRAINING = '"training-cmpp"'


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TypedSite:
    site = TypedSite(tmp_path_factory.mktemp("trained"))
    said = site.done("init", "--site", "NYC", "--training")
    assert said.told.startswith(BANNER)
    return site


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> TypedSite:
    site = TypedSite(tmp_path_factory.mktemp("live"))
    site.done("init", "--site", "NYC")
    return site


# --- it says so --------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [("status",), ("status", "--json"), ("ledger", "show"), ("roster", "show")],
)
def test_every_command_of_a_training_site_begins_with_training(
    trained: TypedSite, words: tuple[str, ...]
) -> None:
    assert trained.run(*words).told.startswith("TRAINING: ")


def test_what_a_program_reads_is_not_disturbed(trained: TypedSite) -> None:
    assert trained.done("status", "--json").json["site"] == "NYC"


def test_a_live_site_does_not_say_training(live: TypedSite) -> None:
    said = live.done("status")
    assert "TRAINING" not in said.told + said.out


def test_settings_say_for_good_what_a_site_is(tmp_path: Path) -> None:
    for training in (True, False):
        file = tmp_path / "node.toml"
        file.write_text(NodeConfig.sample("NYC", training=training))
        assert NodeConfig.load(file).training is training


# --- where records are invented ------------------------------------------------


def test_a_live_site_invents_nothing(live: TypedSite, tmp_path: Path) -> None:
    for words in ((), ("--folder", str(tmp_path / "out"))):
        said = live.run("synthesize", *words)
        assert said.code == 1
        assert "cmpp-node init --training" in said.told
    assert not (tmp_path / "out").exists()


def test_invented_records_do_not_come_into_a_live_site(
    trained: TypedSite, live: TypedSite, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    trained.done("synthesize", "--scale", "0.02", "--folder", str(folder))
    said = live.run("import", str(folder))
    assert said.code == 2
    assert "invented" in said.told
    assert "nothing was imported" in said.told
    assert INVENTED not in said.told.replace("TRAINING:", "")
    assert not (live.directory / "records" / "current").exists()


@pytest.mark.parametrize("key", ["TRAINING-NYC-H0000001", "training-h1"])
def test_one_invented_household_among_real_ones_is_enough(key: str) -> None:
    rows = [("household", {"household_key": name}) for name in ("a", "b", key)]
    found = batches(iter(rows), dictionary=DICTIONARY)
    with pytest.raises(BadRecords, match="live site"):
        list(apart(found, training=False))
    found = batches(iter(rows), dictionary=DICTIONARY)
    assert sum(batch.rows.num_rows for batch in apart(found, training=True)) == 3


def test_the_truth_is_never_written_into_the_export(
    trained: TypedSite, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    words = ("synthesize", "--scale", "0.02", "--folder", str(folder), "--truth")
    said = trained.run(*words, str(folder / "truth.json"))
    assert said.code == 2
    assert "beside it" in said.told
    trained.done(*words, str(tmp_path / "truth.json"))
    assert '"effect_points"' in (tmp_path / "truth.json").read_text()


def test_a_layout_is_for_an_export(trained: TypedSite) -> None:
    said = trained.run("synthesize", "--layout", "eto")
    assert said.code == 2
    assert "--folder" in said.told


# --- it stays what it was made -------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
def test_settings_do_not_make_a_site_another_than_it_was(
    tmp_path: Path, *, training: bool
) -> None:
    site = TypedSite(tmp_path)
    site.done("init", "--site", "NYC", *(["--training"] if training else []))
    settings = site.directory / "node.toml"
    text = settings.read_text()
    if training:
        site.done("synthesize", "--scale", "0.02")
        settings.write_text(text.replace("training = true", ""))
    else:
        settings.write_text(
            text.replace('site = "NYC"', 'site = "NYC"\ntraining = true')
        )
    for words in (("status",), ("serve",), ("synthesize",), ("import", "x")):
        said = site.run(*words)
        assert (said.code, "another directory" in said.told) == (1, True)
    looked = site.run("doctor", "--json")
    assert looked.code == 11
    (found,) = (each for each in looked.json["findings"] if each["check"] == "site")
    assert "Change it back" in found["fix"]
    settings.write_text(text)
    site.done("status")


def test_without_its_mark_a_site_under_signed_rules_still_answers_nothing(
    tmp_path: Path,
) -> None:
    site = TypedSite(tmp_path).governed(training=True)
    settings = site.directory / "node.toml"
    settings.write_text(settings.read_text().replace("training = true", ""))
    (site.directory / TRAINING_MARK).unlink()
    for words in (("status",), ("dial",), ("serve",)):
        assert site.run(*words).code != 0
    with pytest.raises(NotAllowed, match="under rules for training"):
        site.home.charter.law()


# --- whom it meets -------------------------------------------------------------


def charter(tmp_path: Path, *, training: bool) -> Charter:
    ledger = Ledger.create(f"sqlite:///{tmp_path}/ledger", site="NYC", now=NOW)
    return Charter(ledger, site="NYC", training=training)


@pytest.mark.parametrize("training", [True, False])
def test_a_roster_of_the_other_kind_is_never_agreed_to(
    tmp_path: Path, *, training: bool
) -> None:
    ours, other = (TRAINING, '"cmpp"') if training else ('"cmpp"', TRAINING)
    site = charter(tmp_path, training=training)
    wrong = signed_samples.roster(network=other)
    with pytest.raises(NotAllowed, match="begins with training-"):
        site.check_network(wrong)
    site.enact(Kind.AGREED, subject=wrong.digest.hex(), now=NOW)
    with pytest.raises(NotAllowed, match="begins with training-"):
        site.enact(Kind.ROSTER, wrong, now=NOW)
    right = signed_samples.roster(network=ours)
    site.enact(Kind.AGREED, subject=right.digest.hex(), now=NOW)
    site.enact(Kind.ROSTER, right, now=NOW)


@pytest.mark.parametrize("training", [True, False])
def test_a_policy_of_the_other_kind_is_never_adopted(
    tmp_path: Path, *, training: bool
) -> None:
    site = charter(tmp_path, training=training)
    network = '"cmpp"' if training else TRAINING
    policy = governed.policy("NYC", now=NOW, network=network)
    with pytest.raises(NotAllowed, match="begins with training-"):
        site.enact(Kind.POLICY, policy, now=NOW)


def test_a_training_site_drafts_a_policy_for_a_training_network(
    tmp_path: Path,
) -> None:
    site = TypedSite(tmp_path).begun(training=True)
    drafted = (site.directory / "policy.toml").read_text()
    assert 'network = "training-cmpp"' in drafted


@pytest.mark.parametrize(
    ("network", "expected"),
    [("training-cmpp", True), ("training-2", True), ("cmpp", False)],
)
def test_the_signed_name_alone_decides(network: str, *, expected: bool) -> None:
    assert roster.is_training(network) is expected
