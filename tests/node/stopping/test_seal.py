"""A site ends once and for good, whatever interrupts it, unless a hold lasts."""

from pathlib import Path

import pytest

from node.cli.home import Home
from node.stopping import acts, seal, shred
from node.stopping.shred import Doomed
from privacy import archive, export
from privacy.chain import Kind
from privacy.decision import Act
from privacy.errors import (
    NotAllowed,
)
from proto import keys
from tests import signed_samples as samples
from tests.stopping_site import DOOMED, NOW, Run, charged, key, there


class PowerCutError(BaseException):
    """The process is gone; nothing may catch this."""


def test_sealing_ends_with_a_signed_archive_and_no_key(
    run: Run, site: Home, tmp_path: Path
) -> None:
    charged(site)
    public = site.statement_key.public_key().public_bytes_raw()
    assert there(site) == set(DOOMED)
    code, said = run("seal", "--yes", *key(tmp_path))
    assert code == 0, said
    assert there(site) == set()
    kept = (site.directory / "final" / seal.ARCHIVE_FILE).read_bytes()
    found = export.read(archive.read(kept, key=public))
    assert found.entries[-1].kind is Kind.SEALED
    assert len(found.walk.charged) == 1
    report = (site.directory / "final" / seal.REPORT_FILE).read_bytes()
    said = "\n".join(archive.read(report, key=public))
    assert "has stopped for good" in said
    assert "charged for 1 questions and released 0" in said
    with pytest.raises(NotAllowed, match="stopped for good"):
        charged(site)


def test_a_sealed_site_is_sealed_again_for_nothing(
    run: Run, site: Home, tmp_path: Path
) -> None:
    run("seal", "--yes", *key(tmp_path))
    before = {path: path.read_bytes() for path in (site.directory / "final").iterdir()}
    code, said = run("seal")
    assert code == 0
    assert "Destroyed" not in said
    assert {p: p.read_bytes() for p in before} == before


def test_nobody_but_an_officer_seals(run: Run, site: Home, tmp_path: Path) -> None:
    run("seal", "--yes")
    keys.init(tmp_path, name="stranger", passphrase=None)
    run("seal", "--yes", *key(tmp_path, "stranger"))
    assert not site.law.sealed
    assert there(site) == set(DOOMED)


def test_finishing_without_the_officers_entry_destroys_nothing(
    site: Home, tmp_path: Path
) -> None:
    with pytest.raises(NotAllowed, match="not been sealed"):
        seal.finish(
            site.law,
            site.ledger,
            folder=tmp_path / "final",
            statement_key=tmp_path / "none.key",
            doomed=[Doomed(site.key_map_file, "the map")],
        )
    assert site.key_map_file.exists()


@pytest.mark.parametrize("survivors", range(len(DOOMED)))
def test_a_crash_at_any_point_is_finished_by_the_next_run(
    survivors: int,
    run: Run,
    site: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    destroyed: list[Path] = []
    whole = shred.destroy

    def dying(path: Path) -> bool:
        if len(destroyed) == survivors:
            raise PowerCutError
        destroyed.append(path)
        return whole(path)

    monkeypatch.setattr(shred, "destroy", dying)
    with pytest.raises(PowerCutError):
        run("seal", "--yes", *key(tmp_path))
    monkeypatch.setattr(shred, "destroy", whole)
    assert site.law.sealed
    # No officer is needed any more, and what is left of the key still signs.
    assert run("seal")[0] == 0
    assert there(site) == set()
    assert (site.directory / "final" / seal.ARCHIVE_FILE).exists()


def test_a_crash_before_anything_was_written_is_finished_too(
    run: Run, site: Home
) -> None:
    drafted = site.charter.decide(Act.SEAL, reason="Leaving.", now=NOW)
    acts.enact(site.charter, samples.signed(drafted, "olga"), now=NOW)
    assert run("seal")[0] == 0
    assert there(site) == set()
    assert (site.directory / "final" / seal.REPORT_FILE).exists()


def test_a_hold_keeps_every_key_of_a_sealed_site(
    run: Run, site: Home, tmp_path: Path
) -> None:
    assert run("hold", *key(tmp_path))[0] == 0
    code, said = run("seal", "--yes", *key(tmp_path))
    assert code == 0
    assert "Kept the key of the records: a legal hold lasts" in said
    assert there(site) == set(DOOMED)
    with pytest.raises(NotAllowed, match="stopped for good"):
        site.law.check_answering()
    assert run("lift", *key(tmp_path))[0] == 0
    assert run("seal")[0] == 0
    assert there(site) == set()


def test_a_hold_opens_nothing(run: Run, site: Home, tmp_path: Path) -> None:
    run("pause")
    run("hold", *key(tmp_path))
    with pytest.raises(NotAllowed, match="has paused"):
        charged(site)


def test_a_hold_stops_every_purge(run: Run, site: Home, tmp_path: Path) -> None:
    run("hold", *key(tmp_path))
    imported = ("synthesize", "--seed", "3", "--scale", "0.01")
    for _ in range(3):
        assert run(*imported)[0] == 0
    assert generations(site) == 3
    run("lift", *key(tmp_path))
    assert run(*imported)[0] == 0
    assert generations(site) == 2


def generations(site: Home) -> int:
    """Count the imports whose records are still there."""
    return len(list(site.place.directory.glob("g*.duckdb")))
