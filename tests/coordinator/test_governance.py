"""What the Board signed is taken, told in the log and brought to every site."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.charter import Charter
from privacy import mandate as signed
from privacy import signing
from privacy.mandate import Mandate
from privacy.period import Period
from tests import signed_samples as sample
from tests.coordinator.governed import SITES, Governed, governed

PERIOD = Period("FY2024-H2")
ASKED = ("--metric", "M08", "--period", "FY2024-H2", "--rho", "0.01")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governed]:
    """Give a network with a roster; tests add to it and take nothing away."""
    with governed(tmp_path_factory.mktemp("network")) as made:
        made.found()
        yield made


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Governed]:
    """Give a network with a roster of a test's own."""
    with governed(tmp_path) as made:
        made.found()
        yield made


def read(file: Path) -> Mandate:
    return signed.parse(signing.read(file.read_bytes(), signing.Kind.MANDATE))


def charter(network: Governed, site: str) -> Charter:
    return network.sites[site].charter


def test_an_encrypted_key_signs_with_its_passphrase(
    shared: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = iter(["a long phrase", "a long phrase", "wrong", "a long phrase"])
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: next(said))
    monkeypatch.setattr(
        "typer._click.termui.hidden_prompt_func", lambda *_: next(said), raising=False
    )
    folder = shared.directory / "own"
    done = shared.cmpp("board", "init", folder, "--name", "zoe")
    assert done.code == 0, done.err
    assert b"ENCRYPTED" in (folder / "zoe.key").read_bytes()
    assert (folder / "zoe.key").stat().st_mode & 0o077 == 0
    file = shared.mandate("zoe.cmpp")
    wrong = shared.cmpp("mandate", "sign", file, "--key", folder / "zoe.key")
    assert (wrong.code, "check the passphrase" in wrong.err) == (2, True)
    done = shared.cmpp("mandate", "sign", file, "--key", folder / "zoe.key")
    assert (done.code, "1 signatures that hold" in done.out) == (0, True)
    assert "Enrolments" in done.out


def test_a_key_is_never_overwritten(shared: Governed) -> None:
    words = ("--name", "ana", "--no-passphrase")
    done = shared.cmpp("board", "init", shared.directory / "board", *words)
    assert (done.code, "never overwritten" in done.err) == (2, True)


def test_two_members_open_a_mandate_at_every_site(network: Governed) -> None:
    file = network.signed(network.mandate("m.cmpp"), "ana", "ben")
    done = network.cmpp("mandate", "submit", file, "--json")
    digest = read(file).digest.hex()
    expected = {"digest": digest, "sites": dict.fromkeys(SITES, "waiting")}
    assert (done.code, done.json) == (0, expected)
    for site in SITES:
        assert digest in charter(network, site).law().sent
    (told,) = [each for each in network.told() if each["kind"] == "mandate"]
    assert (told["number"], told["digest"]) == ("2026-01", digest)
    kept = signing.read(told["document"].encode(), signing.Kind.MANDATE)
    assert network.centre().roster.by_board(kept) == {
        "Shelter Alliance",
        "Legal Aid Union",
    }
    (line,) = network.cmpp("mandate", "list", "--json").json
    assert (line["state"], line["sites"]) == (
        "in force",
        dict.fromkeys(SITES, "waiting"),
    )
    assert read(network.mandate("next.cmpp")).number == "2026-02"


@pytest.mark.parametrize("names", [(), ("ana",), ("dirk",), ("ana", "dirk")])
def test_too_few_signatures_take_nothing(
    shared: Governed, names: tuple[str, ...]
) -> None:
    before = shared.told()
    file = shared.mandate(f"few-{'-'.join(names)}.cmpp")
    done = shared.cmpp("mandate", "submit", shared.signed(file, *names))
    assert done.code == 1
    assert "signatures of board members" in done.err
    assert shared.told() == before
    digest = read(file).digest.hex()
    assert digest not in charter(shared, "NYC").law().sent


def test_two_mandates_never_have_one_number(shared: Governed) -> None:
    asked = ("--metric", "M08", "--period", "FY2024-H2", "--number", "2026-50")
    first = shared.mandate("one.cmpp", *asked, "--rho", "0.01")
    other = shared.mandate("other.cmpp", *asked, "--rho", "0.02")
    assert (
        shared.cmpp("mandate", "submit", shared.signed(first, "ana", "ben")).code == 0
    )
    done = shared.cmpp("mandate", "submit", shared.signed(other, "ana", "ben"))
    assert (done.code, "another mandate 2026-50 already" in done.err) == (2, True)


def test_a_mandate_for_a_site_nobody_knows_is_not_taken(shared: Governed) -> None:
    words = ("--metric", "M08", "--period", "FY2024-H2", "--rho", "1", "--site", "SEA")
    file = shared.signed(shared.mandate("sea.cmpp", *words), "ana", "ben")
    done = shared.cmpp("mandate", "submit", file)
    assert (done.code, "names SEA" in done.err) == (2, True)


def test_a_later_signature_is_added_to_the_copy_that_is_kept(
    shared: Governed,
) -> None:
    words = ("--metric", "M08", "--period", "FY2024-H2", "--number", "2026-60")
    file = shared.mandate("late.cmpp", *words, "--rho", "0.01")
    copy = file.with_name("copy.cmpp")
    copy.write_bytes(file.read_bytes())
    shared.cmpp("mandate", "submit", shared.signed(file, "ana", "ben"))
    told = len(shared.told())
    done = shared.cmpp(
        "mandate", "submit", shared.signed(copy, "ben", "cleo"), "--json"
    )
    assert done.json["sites"] == dict.fromkeys(SITES, "known")
    kept = shared.centre().documents.named(signing.Kind.MANDATE, "2026-60")
    assert len(kept.document.signers) == 3
    assert len(shared.told()) == told
    lines = shared.cmpp("mandate", "list", "--json").json
    (line,) = [each for each in lines if each["number"] == "2026-60"]
    assert line["sites"] == dict.fromkeys(SITES, "waiting")


def test_another_kind_of_file_is_no_mandate(shared: Governed) -> None:
    done = shared.cmpp("mandate", "submit", shared.file("roster.signed"))
    assert (done.code, "not a signed mandate" in done.err) == (1, True)
    done = shared.cmpp("mandate", "submit", shared.key("ana"))
    assert (done.code, "not whole" in done.err) == (1, True)


def test_without_a_roster_nothing_can_be_judged(tmp_path: Path) -> None:
    with governed(tmp_path) as network:
        done = network.cmpp("mandate", "draft", network.file("m.cmpp"), *ASKED)
        assert (done.code, "There is no roster yet" in done.err) == (1, True)
        file = network.file("sample.cmpp")
        file.write_bytes(sample.mandate().file())
        done = network.cmpp("mandate", "submit", file)
        assert (done.code, "There is no roster yet" in done.err) == (1, True)
