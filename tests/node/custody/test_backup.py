"""A backup is one moment of a living site; restored, it answers nothing by itself."""

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from node.charter import Charter
from node.cli.home import Home, estate_from
from node.custody import parcel, recipient
from node.custody.backup import backup
from node.custody.restore import restore
from node.ledger import Ledger
from node.secret import Secret
from node.stopping import acts
from node.witness import RolledBack, Standing
from privacy.decision import Act
from privacy.errors import BadConfiguration, BudgetExhausted, Busy, Corrupt
from privacy.statement import BOOT_BYTES
from tests import signed_samples as samples
from tests.governed import Peers
from tests.stopping_site import NOW, charged

WORDS = "four words and more"


def backed_up(site: Home, file: Path, lock: parcel.Lock = WORDS) -> Path:
    backup(file, site.estate, site.records, lock=lock)
    return file


def restored(file: Path, home: Path, **keys: object) -> Home:
    keys = keys or {"passphrase": WORDS}
    restore(file, home, reads=estate_from, **keys)
    return Home(home)


def contents(home: Path) -> dict[str, bytes]:
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file()
    }


def people(site: Home) -> list[str]:
    table = site.schema.records["household"]
    with site.records.open_current().transaction() as connection:
        return list(connection.scalars(select(table.c.hid)))


def test_everything_a_site_needs_comes_back(living: Home, tmp_path: Path) -> None:
    file = backed_up(living, tmp_path / "b")
    other = restored(file, tmp_path / "other")
    assert people(other) == people(living)
    keys = other.key_map.load()
    assert keys.find("household", "QZ-CASE-7731") == people(living)[0]
    assert other.register.head() == living.register.head()
    assert other.ledger.head() == living.ledger.head()
    before, after = contents(living.directory), contents(other.directory)
    missing = {name for name in set(before) - set(after) if "-journal" not in name}
    assert missing <= {"records/lock"}
    for name in ("node.toml", "records.key", "identity/statement.key"):
        assert after[name] == before[name]
    assert all(
        path.stat().st_mode & 0o077 == 0
        for path in other.directory.rglob("*")
        if path.is_file()
    )
    other.records.close()
    other.ledger.close()


def test_a_backup_shows_nobody_and_no_key(living: Home, tmp_path: Path) -> None:
    content = backed_up(living, tmp_path / "b").read_bytes()
    (key,) = living.key_map_key_file.read()
    # Long enough that chance does not write them into what is encrypted.
    words = (b"QZ-CASE", b"QZ-PERSON", b"identity_directory", b"SQLite format")
    for hidden in (*words, key, key.hex().encode(), b"node.toml"):
        assert hidden not in content
    assert (tmp_path / "b").stat().st_mode & 0o077 == 0


def test_a_backup_for_a_recipient_needs_the_key_kept_elsewhere(
    living: Home, tmp_path: Path
) -> None:
    public = recipient.make(tmp_path / "safe", passphrase="hush")
    file = backed_up(living, tmp_path / "b", recipient.public(public))
    private = tmp_path / "safe" / recipient.PRIVATE
    for wrong in ("no", None):
        with pytest.raises(BadConfiguration, match="does not open"):
            recipient.private(private, passphrase=wrong)
    key = recipient.private(private, passphrase="hush")
    with pytest.raises(BadConfiguration, match="recipient's key"):
        restored(file, tmp_path / "other", passphrase=WORDS)
    stranger = recipient.make(tmp_path / "stranger", passphrase=None)
    found = recipient.private(stranger.with_suffix(".key"), passphrase=None)
    with pytest.raises(Corrupt):
        restored(file, tmp_path / "other", key=found)
    other = restored(file, tmp_path / "other", key=key)
    assert people(other) == people(living)
    other.records.close()


def test_a_wrong_passphrase_restores_nothing(living: Home, tmp_path: Path) -> None:
    file = backed_up(living, tmp_path / "b")
    with pytest.raises(Corrupt, match="nothing was restored"):
        restored(file, tmp_path / "other", passphrase="another one here")
    assert contents(tmp_path / "other") == {}


def test_a_short_passphrase_is_refused(living: Home, tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="12 characters"):
        backed_up(living, tmp_path / "b", "short")
    assert not list(tmp_path.glob("b*"))


@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_backup_changed_or_cut_anywhere_restores_nothing(
    living: Home, tmp_path: Path, *, at: float, bit: int, cut: bool
) -> None:
    small = tmp_path / "b"
    if not small.exists():
        # For a recipient: a passphrase takes its time, at every try.
        public = recipient.make(tmp_path / "safe", passphrase=None)
        backed_up(living, small, recipient.public(public))
    key = recipient.private(tmp_path / "safe" / recipient.PRIVATE, passphrase=None)
    whole = bytearray(small.read_bytes())
    place = int(at * len(whole))
    if cut:
        del whole[place:]
    else:
        whole[place] ^= 1 << bit
    changed = small.with_name(secrets.token_hex(8))
    changed.write_bytes(whole)
    home = small.with_name(f"{changed.name}.home")
    with pytest.raises((Corrupt, BadConfiguration)):
        restored(changed, home, key=key)
    assert not home.exists() or contents(home) == {}


@pytest.fixture
def small(living: Home, tmp_path: Path) -> Path:
    """Give a backup of a site."""
    return backed_up(living, tmp_path / "b")


def test_a_restore_writes_over_nothing(small: Path, tmp_path: Path) -> None:
    home = tmp_path / "one" / "site"
    before = contents(home)
    with pytest.raises(BadConfiguration, match="never writes over anything"):
        restored(small, home)
    assert contents(home) == before


def test_a_backup_writes_over_nothing(small: Path, living: Home) -> None:
    before = small.read_bytes()
    with pytest.raises(BadConfiguration, match="not overwritten"):
        backed_up(living, small)
    assert small.read_bytes() == before
    with pytest.raises(BadConfiguration, match="lost with it"):
        backed_up(living, living.directory / "b")


def test_a_restore_cut_off_leaves_no_site(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCutError(BaseException):
        pass

    def dying(*_: object) -> None:
        raise PowerCutError

    monkeypatch.setattr(Path, "replace", dying)
    with pytest.raises(PowerCutError):
        restored(small, tmp_path / "other")
    with pytest.raises(BadConfiguration, match="cannot be read"):
        _ = Home(tmp_path / "other").config


def test_a_backup_waits_for_no_import(living: Home, tmp_path: Path) -> None:
    with living.records.writer(), pytest.raises(Busy):
        backed_up(living, tmp_path / "b")
    assert not list(tmp_path.glob("b*"))


def test_a_name_that_leads_out_of_the_site_is_refused(living: Home) -> None:
    estate = living.estate
    for name in ("home/../x", "home//etc/x", "else/x", "home", "ledger/x", "../x"):
        with pytest.raises(BadConfiguration, match="no place for"):
            estate.target(name)


def started(site: Home, peers: Peers) -> Callable[[], Standing]:
    """Return how a process of this site begins."""

    def begin() -> Standing:
        ledger = Ledger.open(site.ledger_url)
        ledger.boot(secrets.token_bytes(BOOT_BYTES), now=NOW)
        law = Charter(ledger, site="NYC").law
        standing = Standing(ledger, site="NYC", key=samples.key("NYC"), law=law)
        ledger.close()
        peers.attend(standing)
        return standing

    return begin


def test_a_restored_site_answers_nothing_until_two_officers_reopen_it(
    living: Home, tmp_path: Path
) -> None:
    peers = Peers.of("NYC")
    begin = started(living, peers)
    assert begin().began()
    file = backed_up(living, tmp_path / "b")
    charged(living)
    assert begin().began()
    other = restored(file, tmp_path / "other")
    again = started(other, peers)
    with pytest.raises(RolledBack):
        again()
    charter = other.charter
    drafted = charter.decide(Act.REOPEN, reason="Restored.", now=NOW)
    officers = [samples.key(name) for name in ("olga", "omar")]
    acts.enact(charter, acts.signed(drafted, officers), now=NOW)
    assert other.law.epoch == 2
    assert again().began()
    with pytest.raises(BudgetExhausted):
        charged(other)
    other.ledger.close()


def test_a_key_that_systemd_keeps_is_left_for_the_operator(
    living: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (ring,) = living.key_map_key_file.read()
    (folder / "map").write_text(ring.hex())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    text = living.config_file.read_text()
    first, rest = text.split("[records]")
    moved = f'{first}key_map_key = "credential:map"\n'
    living.config_file.write_text(f"{moved}\n[records]{rest}")
    living = Home(living.directory)
    file = backed_up(living, tmp_path / "b")
    done = restore(file, tmp_path / "other", reads=estate_from, passphrase=WORDS)
    (unplaced,) = done.unplaced
    given = Secret.file(unplaced, opens="key map")
    assert given.read() == (ring,)


def test_what_lies_in_a_database_server_is_left_to_it(
    living: Home, tmp_path: Path
) -> None:
    text = living.config_file.read_text()
    served = '"postgresql+psycopg://node@localhost/ledger"'
    living.config_file.write_text(text.replace('"sqlite:///ledger.sqlite"', served))
    elsewhere = Home(living.directory)
    with pytest.raises(BadConfiguration, match="database's own backup"):
        backup(tmp_path / "b", elsewhere.estate, living.records, lock=WORDS)
    assert not list(tmp_path.glob("b*"))
