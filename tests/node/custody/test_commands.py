"""What people type to keep the records; a number is never part of a command."""

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path

from node import holdings
from node.cli.home import Home
from node.custody.consent import Whose
from node.importer.keymap import Mark
from node.stopping import acts
from privacy import holding
from privacy.decision import Act
from tests import signed_samples as samples
from tests.stopping_site import NOW
from tests.typed_site import Said

Types = Callable[..., Said]
WORDS = "four words and more\n"


def everything(folder: Path) -> bytes:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return b"".join(path.read_bytes() for path in files)


def sealed(site: Home, types: Types, *, act: Act = Act.SEAL) -> None:
    """Have an officer end the site, or begin or end a hold."""
    drafted = site.charter.decide(act, reason="Counsel said so.", now=NOW)
    signed = acts.signed(drafted, [samples.key("olga")])
    acts.enact(site.charter, signed, now=NOW)
    if act is Act.SEAL:
        assert types("seal").code == 0


def test_a_person_withdraws_and_follows_the_source_again(
    living: Home, types: Types
) -> None:
    number = "QZ-PERSON-7731\n"
    said = types("consent", "withdraw", lines=number)
    assert said.code == 0, said.told
    assert "Withdrawn" in said.out
    assert "Withdrawn here: yes" in types("consent", "status", lines=number).out
    assert "From the next import" in types("consent", "restore", lines=number).out
    assert "Withdrawn here: no" in types("consent", "status", lines=number).out
    unknown = types("consent", "withdraw", "--case", lines="QZ-NOBODY\n")
    assert "No import has met this number" in unknown.words
    written = everything(living.directory)
    assert not any(word in written for word in (b"QZ-CASE", b"QZ-PERSON", b"QZ-NOBODY"))
    assert all("QZ-" not in each.out + each.told for each in (said, unknown))


def test_a_number_that_was_forgotten_cannot_follow_the_source_again(
    living: Home, types: Types
) -> None:
    number = "QZ-PERSON-7731\n"
    held = living.key_map.load()
    for mark in (Mark.WITHDRAWN, Mark.PURGED):
        held.mark(mark, Whose.PERSON, number.strip())
    living.key_map.save(held)
    said = types("consent", "restore", lines=number)
    assert said.code == 0, said.told
    assert "they stay as they are" in said.words
    assert "holds again" not in said.words
    again = types("consent", "restore", lines=number)
    assert "nothing was changed" in again.words


def test_a_restore_from_a_recipients_backup_warns_and_stays_in_its_folder(
    living: Home, types: Types, tmp_path: Path
) -> None:
    elsewhere = str(tmp_path / "disk")
    living.records.close()
    Path(living.directory / "records").rename(elsewhere)
    text = living.config_file.read_text()
    living.config_file.write_text(text.replace('= "records"', f'= "{elsewhere}"'))
    safe = tmp_path / "safe"
    assert types("key", "recipient", str(safe), "--no-passphrase").code == 0
    public, private = str(safe / "backup.pub"), str(safe / "backup.key")
    file = str(tmp_path / "b")
    assert types("backup", file, "--recipient", public).code == 0
    Path(elsewhere).rename(tmp_path / "lost")
    words = ("restore", file, "--key", private, "--no-passphrase")
    said = types(*words, folder="two")
    assert said.code == 2
    assert "--outside" in said.told
    assert not Path(elsewhere).exists()
    said = types(*words, "--outside", elsewhere, folder="two")
    assert said.code == 0, said.told
    assert "read its node.toml before you start" in said.words
    assert types("status", folder="two").code == 0


def test_a_number_on_the_command_line_is_no_command(living: Home, types: Types) -> None:
    assert types("consent", "withdraw", "QZ-PERSON-7731").code == 2
    assert not living.key_map.load().has(Mark.WITHDRAWN)


def test_keys_are_rotated_one_by_one(living: Home, types: Types) -> None:
    before = everything(living.directory)
    for what in ("records", "keys"):
        said = types("key", "rotate", what)
        assert said.code == 0, said.told
        assert "old key is destroyed" in said.out
    assert types("key", "rotate", "else").code == 2
    assert living.key_map_key_file.read()[0].hex().encode() not in before
    assert types("status").code == 0


def test_a_backup_is_written_and_restored_in_words(
    living: Home, types: Types, tmp_path: Path
) -> None:
    file = str(tmp_path / "b")
    said = types("backup", file, lines=WORDS)
    assert said.code == 0, said.told
    said = types("restore", file, lines=WORDS, folder="two")
    assert said.code == 0, said.told
    assert "two officers run `cmpp-node reopen`" in said.words
    assert types("status", folder="two").code == 0
    assert types("restore", file, lines="another one\n", folder="three").code == 4
    assert living.directory.exists()


def test_a_backup_for_a_recipient_asks_for_nothing(
    living: Home, types: Types, tmp_path: Path
) -> None:
    safe, file = tmp_path / "safe", str(tmp_path / "b")
    assert types("key", "recipient", str(safe), lines=WORDS).code == 0
    public = str(safe / "backup.pub")
    assert types("backup", file, "--recipient", public).code == 0
    private = ("--key", str(safe / "backup.key"))
    assert types("restore", file, *private, lines="no\n", folder="two").code == 2
    said = types("restore", file, *private, lines=WORDS, folder="two")
    assert said.code == 0, said.told
    assert living.directory.exists()


def test_nothing_is_shredded_before_an_officer_sealed_the_site(
    living: Home, types: Types
) -> None:
    before = everything(living.directory)
    said = types("shred", "--yes")
    assert said.code == 1
    assert "only its officers decide" in said.told.replace("\n", " ")
    assert everything(living.directory) == before


def test_shredding_leaves_the_ledger_and_the_last_report(
    living: Home, types: Types
) -> None:
    sealed(living, types)
    said = types("shred", "--yes")
    assert said.code == 0, said.told
    left = {
        path.relative_to(living.directory).as_posix()
        for path in living.directory.rglob("*")
        if path.is_file()
    }
    assert left - {"ledger.sqlite-journal"} == {
        "node.toml",
        "training.txt",
        "ledger.sqlite",
        "final/ledger.archive",
        "final/final-report.md",
    }
    assert "a disk may keep old copies" in said.words.lower()
    assert "Destroyed 0 other files" in types("shred", "--yes").out


def test_a_hold_keeps_every_file(living: Home, types: Types) -> None:
    sealed(living, types)
    sealed(living, types, act=Act.HOLD)
    before = everything(living.directory)
    said = types("shred", "--yes")
    assert said.code == 1
    assert "legal hold lasts" in said.told.replace("\n", " ")
    assert everything(living.directory) == before


def test_a_purge_says_what_it_cannot_reach(living: Home, types: Types) -> None:
    said = types("purge")
    assert said.code == 0, said.told
    assert "Forgot 0 case and person numbers" in said.out
    assert living.key_map.load().find("household", "QZ-CASE-7731")


def test_every_file_there_is_described(living: Home, types: Types) -> None:
    types("consent", "withdraw", lines="QZ-PERSON-7731\n")
    types("key", "rotate", "records")
    for found in holdings.files(living.directory):
        assert found.holds != holding.UNDESCRIBED, found.name


def test_old_lists_of_draws_go_only_when_somebody_says_so(
    living: Home, types: Types
) -> None:
    folder = living.directory / "draws"
    folder.mkdir()
    old, new = folder / "old.list", folder / "new.list"
    for path in (old, new):
        path.write_text("sealed")
    long_ago = (NOW - dt.timedelta(days=500)).timestamp()
    os.utime(old, (long_ago, long_ago))
    said = types("purge")
    assert "1 lists of old draws still name households" in said.words
    assert old.exists()
    assert "Destroyed 1 lists" in types("purge", "--draws").words
    assert not old.exists()
    assert new.exists()
