"""Editions: new definitions reach every site as data that the Board signed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator import editions
from privacy import catalogue, edition, signing
from privacy.errors import BadConfiguration, WrongProgramme
from privacy.signing import Kind
from tests.coordinator.governed import SITES, Governed, governed
from tests.programme_samples import shipped, with_metric


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Governed]:
    with governed(tmp_path) as made:
        made.found()
        yield made


def written(directory: Path, files: dict[str, str]) -> Path:
    """Lay a programme's texts out as the shipped ones are."""
    (directory / "catalogue").mkdir(parents=True)
    for name, text in files.items():
        plain = name in ("dictionary", "programme")
        path = directory / f"{name}.toml" if plain else directory / "catalogue" / name
        path.write_text(text, "utf-8")
    return directory


def test_the_shipped_texts_are_the_shipped_programme(tmp_path: Path) -> None:
    assert editions.shipped() == shipped()
    assert editions.read(written(tmp_path / "texts", shipped())) == shipped()
    made = edition.draft(editions.shipped(), network="cmpp", number=1)
    assert edition.parse(made).programme == catalogue.load()


def test_a_directory_without_the_texts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"dictionary\.toml"):
        editions.read(tmp_path)
    folder = written(tmp_path / "texts", shipped())
    (folder / "catalogue" / "odd.toml").write_bytes(b"\xff")
    with pytest.raises(BadConfiguration):
        editions.read(folder)


def test_the_newest_programme_is_used_unless_one_is_named() -> None:
    known = editions.programmes([])
    first = catalogue.load().version
    assert editions.find(known, None).version == first
    assert editions.find(known, first) == catalogue.load()
    with pytest.raises(WrongProgramme, match="knows no programme 9"):
        editions.find(known, "9")


def test_a_new_metric_travels_to_every_site(network: Governed) -> None:
    folder = written(network.file("texts"), with_metric(shipped()))
    file = network.file("edition.cmpp")
    drafted = network.cmpp("edition", "draft", file, folder)
    assert drafted.code == 0, drafted.err
    assert "New: M99, Households in the pool, again." in drafted.out
    few = network.cmpp("edition", "submit", network.signed(file, "ana", kind="edition"))
    assert (few.code, "signatures of board members" in few.err) == (1, True)
    network.signed(file, "cleo", kind="edition")
    done = network.cmpp("edition", "submit", file, "--json")
    assert done.json["sites"] == dict.fromkeys(SITES, "waiting"), done.err
    (told,) = [each for each in network.told() if each["kind"] == "edition"]
    new = edition.parse(signing.read(file.read_bytes(), Kind.EDITION)).programme
    assert (told["number"], told["version"]) == (1, new.version)
    centre = network.centre()
    assert centre.programme == new
    assert centre.programme.metric("M99").name == "Households in the pool, again"
    listed = network.cmpp("--programme", catalogue.load().version, "metrics", "list")
    assert "M99" not in listed.out
    words = ("--metric", "M99", "--period", "FY2024", "--rho", "0.01")
    made = network.mandate("new.cmpp", *words)
    shown = network.cmpp("mandate", "show", made, "--json").json
    assert shown["programme"] == new.version


def test_an_edition_is_numbered_after_the_last(network: Governed) -> None:
    first, second = network.file("first.cmpp"), network.file("second.cmpp")
    assert network.cmpp("edition", "draft", first, "--shipped").code == 0
    network.signed(first, "ana", "ben", kind="edition")
    assert network.cmpp("edition", "submit", first).code == 0
    folder = written(network.file("texts"), with_metric(shipped()))
    assert network.cmpp("edition", "draft", second, folder).code == 0
    network.signed(second, "ana", "ben", kind="edition")
    assert network.cmpp("edition", "submit", second).code == 0
    shown = network.cmpp("edition", "show", second, "--json").json
    assert (shown["number"], shown["signatures"], shown["added"]) == (2, 2, [])
    stale = network.file("stale.cmpp")
    made = edition.draft(shipped() | {"x.toml": "# another"}, network="cmpp", number=2)
    stale.write_bytes(made.file())
    network.signed(stale, "ana", "ben", kind="edition")
    done = network.cmpp("edition", "submit", stale)
    assert (done.code, "not newer than edition 2" in done.err) == (2, True)


def test_what_to_draft_is_said_in_one_way(network: Governed) -> None:
    file = network.file("never.cmpp")
    for words in ((), (network.file("texts"), "--shipped")):
        done = network.cmpp("edition", "draft", file, *words)
        assert (done.code, "Name a directory" in done.err) == (2, True)
    assert not file.exists()


def test_a_changed_definition_is_read_before_it_is_signed(network: Governed) -> None:
    name = catalogue.load().metric("M08").definition
    files = {
        key: text.replace(name, f"{name} Anew.").replace('version = "1"', 'version="2"')
        for key, text in shipped().items()
    }
    file = network.file("changed.cmpp")
    network.cmpp("edition", "draft", file, written(network.file("texts"), files))
    words = ("--key", network.key("ana"), "--no-passphrase")
    said = network.cmpp("edition", "sign", file, *words).out
    assert "Changed: M08" in said
    assert "Anew." in said
    assert "The dictionary changed" in said
