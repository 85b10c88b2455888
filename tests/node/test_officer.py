"""Officers at the command line: their keys, the policy they sign, what holds."""

import json
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from node.cli.app import app
from node.cli.home import Home
from privacy.signing import key_text
from proto import keys
from tests.signed_samples import public
from tests.typed_site import TypedSite


@pytest.fixture
def site(tmp_path: Path) -> TypedSite:
    """Give a site that is about to have its first policy."""
    return TypedSite(tmp_path).begun()


def edit(site: TypedSite, old: str, new: str) -> None:
    """Change the draft, as an officer does in an editor."""
    path = site.directory / "policy.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def signed(site: TypedSite, *names: str) -> TypedSite:
    """Have officers sign the draft, and put it in force."""
    for name in names:
        site.done("policy", "sign", *site.signing(name))
    site.done("policy", "adopt")
    return site


# ---- keys ------------------------------------------------------------------


def test_an_officers_key_is_encrypted_with_a_passphrase(tmp_path: Path) -> None:
    typed = ["officer", "init", str(tmp_path), "--name", "ana-ruiz"]
    said = CliRunner().invoke(app, typed, input="much rain\nmuch rain\n")
    assert said.exit_code == 0
    assert "Fingerprint: " in said.stdout
    path = tmp_path / "ana-ruiz.key"
    assert path.stat().st_mode & 0o077 == 0
    key = keys.load(path, passphrase=b"much rain")
    assert isinstance(key, Ed25519PrivateKey)
    with pytest.raises(keys.BadConfiguration, match="did not open"):
        keys.load(path, passphrase=None)


def test_the_passphrase_is_asked_for_when_signing(
    site: TypedSite, tmp_path: Path
) -> None:
    typed = ["officer", "init", str(tmp_path / "new"), "--name", "ana"]
    CliRunner().invoke(app, typed, input="much rain\nmuch rain\n")
    key = str(tmp_path / "new" / "ana.key")
    words = ["--home", str(site.directory), "policy", "sign", "--key", key]
    wrong = CliRunner().invoke(app, words, input="little rain\n")
    assert "did not open" in str(wrong.exception)
    right = CliRunner().invoke(app, words, input="much rain\n")
    assert "not one of an officer who may sign" in str(right.exception)


@pytest.mark.parametrize("name", ["Ana", "ana ruiz", "../ana", "", "-a", "a" * 40])
def test_an_officers_name_is_plain(site: TypedSite, tmp_path: Path, name: str) -> None:
    words = ("officer", "init", str(tmp_path / "x"), f"--name={name}")
    said = site.run(*words, "--no-passphrase")
    assert said.code == 2
    assert "will not do as an officer's name" in said.told


def test_two_officers_are_needed_before_a_policy_is_drafted(tmp_path: Path) -> None:
    site = TypedSite(tmp_path)
    site.done("init", "--site", "NYC")
    olga = site.key("olga").with_suffix(".pub")
    site.done("officer", "trust", str(olga))
    said = site.run("policy", "draft")
    assert said.code == 2
    assert "1 of at least 2 officers" in said.told


def test_one_key_is_not_two_officers(site: TypedSite, tmp_path: Path) -> None:
    twin = tmp_path / "twin.pub"
    twin.write_bytes(site.key("olga").with_suffix(".pub").read_bytes())
    said = site.run("officer", "trust", str(twin))
    assert said.code == 2
    assert "a key of their own" in said.told


def test_a_trusted_officer_is_not_replaced(site: TypedSite, tmp_path: Path) -> None:
    other = tmp_path / "olga.pub"
    other.write_bytes(site.key("eve").with_suffix(".pub").read_bytes())
    assert site.run("officer", "trust", str(other)).code == 2
    assert set(site.done("officer", "list", "--json").json["officers"]) == {
        "olga",
        "omar",
    }


def test_after_the_first_policy_nobody_becomes_an_officer_by_a_file(
    site: TypedSite,
) -> None:
    signed(site, "olga", "omar")
    said = site.run("officer", "trust", str(site.key("eve").with_suffix(".pub")))
    assert said.code == 2
    assert "change them in the next policy" in said.told
    assert site.done("officer", "list", "--json").json["by"] == "policy 1"


# ---- the first policy ------------------------------------------------------


def test_two_signatures_put_the_first_policy_in_force(site: TypedSite) -> None:
    said = site.done("policy", "sign", *site.signing("olga"))
    assert "Missing: 1 more, of omar." in said.words
    refused = site.run("policy", "adopt")
    assert refused.code == 1
    assert "1 of the 2" in refused.told
    site.done("policy", "sign", *site.signing("omar"))
    assert "in force" in site.done("policy", "adopt").words
    shown = site.done("policy", "show", "--json").json
    assert (shown["version"], shown["officers"]) == (1, ["olga", "omar"])
    assert shown["lifetime_rho"] == "0.6"


def test_a_signature_by_the_same_officer_counts_once(site: TypedSite) -> None:
    for _ in range(2):
        said = site.done("policy", "sign", *site.signing("olga"))
    assert "Missing: 1 more" in said.words


def test_the_second_officer_is_told_that_something_waits(site: TypedSite) -> None:
    said = site.folder / "said"
    code = "import sys; print(sys.argv[2], file=open(sys.argv[1], 'a'))"
    words = ", ".join(json.dumps(w) for w in (sys.executable, "-c", code, str(said)))
    path = site.directory / "node.toml"
    path.write_text(f"{path.read_text()}\n[notify]\ncommand = [{words}]\n")
    for _ in range(2):
        site.done("policy", "sign", *site.signing("olga"))
    assert said.read_text() == "Something waits for the privacy officer at site NYC.\n"
    site.done("policy", "sign", *site.signing("omar"))
    assert said.read_text().count("\n") == 1


def test_site_it_cannot_sign_with_a_key_of_its_own(site: TypedSite) -> None:
    said = site.run("policy", "sign", *site.signing("eve"))
    assert said.code == 1
    assert "not one of an officer who may sign" in said.told


def test_the_first_policy_names_exactly_the_trusted_officers(site: TypedSite) -> None:
    # Somebody at the node edits the officers before the officers read it.
    text = (site.directory / "policy.toml").read_text("utf-8")
    forged = text.replace(key_text(public("olga")), key_text(public("eve")))
    (site.directory / "policy.toml").write_text(forged, "utf-8")
    site.done("policy", "sign", *site.signing("eve"))
    site.done("policy", "sign", *site.signing("omar"))
    said = site.run("policy", "adopt")
    assert said.code == 1
    assert "exactly the officers trusted here" in said.told


def test_text_that_is_edited_after_signing_never_holds(site: TypedSite) -> None:
    for name in ("olga", "omar"):
        site.done("policy", "sign", *site.signing(name))
    edit(site, 'lifetime = "0.6"', 'lifetime = "0.7"')
    said = site.run("policy", "adopt")
    assert said.code == 1
    assert "changed after it was signed" in said.told
    progress = site.done("policy", "show", "--draft", "--json").json
    assert progress["signed_by"] == []


def test_a_file_edited_together_with_its_signatures_never_holds(
    site: TypedSite,
) -> None:
    for name in ("olga", "omar"):
        site.done("policy", "sign", *site.signing(name))
    edit(site, 'lifetime = "0.6"', 'lifetime = "0.7"')
    kept = site.directory / "policy.cmpp"
    kept.write_bytes(
        kept.read_bytes().replace(b'lifetime = "0.6"', b'lifetime = "0.7"')
    )
    said = site.run("policy", "adopt")
    assert said.code == 1
    assert "0 of the 2" in said.told


def test_a_draft_with_a_mistake_is_not_signed(site: TypedSite) -> None:
    edit(site, "board_signatures = 2", "board_signatures = 1")
    said = site.run("policy", "sign", *site.signing("olga"))
    assert said.code == 2
    assert "asks for fewer than 2 board signatures" in said.told
    assert not (site.directory / "policy.cmpp").exists()


def test_a_draft_is_not_written_over(site: TypedSite) -> None:
    edit(site, "tolerated_colluders = 1", "tolerated_colluders = 2")
    assert site.run("policy", "draft").code == 2
    assert "colluders = 2" in (site.directory / "policy.toml").read_text("utf-8")
    site.done("policy", "draft", "--again")
    assert "colluders = 1" in (site.directory / "policy.toml").read_text("utf-8")


# ---- later policies --------------------------------------------------------


def later(site: TypedSite, *changes: tuple[str, str]) -> TypedSite:
    """Draft the next policy with some rules changed."""
    site.done("policy", "draft", "--again")
    for old, new in changes:
        edit(site, old, new)
    return site


def test_one_officer_tightens_and_two_loosen(site: TypedSite) -> None:
    signed(site, "olga", "omar")
    signed(later(site, ('lifetime = "0.6"', 'lifetime = "0.5"')), "omar")
    assert site.done("policy", "show", "--json").json["version"] == 2
    later(site, ('lifetime = "0.5"', 'lifetime = "0.55"'))
    said = site.done("policy", "sign", *site.signing("olga"))
    assert "gives away more than before (lifetime), so two officers sign" in said.words
    assert site.run("policy", "adopt").code == 1
    signed(site, "omar")
    assert site.done("policy", "show", "--json").json["lifetime_rho"] == "0.55"


def test_an_open_site_obeys_a_new_policy_at_once(site: TypedSite) -> None:
    signed(site, "olga", "omar")
    running = Home(site.directory)
    assert running.law.policy is not None
    assert running.law.policy.version == 1
    signed(later(site, ('lifetime = "0.6"', 'lifetime = "0.5"')), "olga")
    assert running.law.policy.version == 2


def test_officers_are_changed_by_the_officers_before(site: TypedSite) -> None:
    signed(site, "olga", "omar")
    eve = key_text(public("eve"))
    olga = key_text(public("olga"))
    later(site, ('"olga" = ', '"eve" = '), (olga, eve))
    said = site.run("policy", "sign", *site.signing("eve"))
    assert said.code == 1
    signed(site, "olga", "omar")
    assert set(site.done("officer", "list", "--json").json["officers"]) == {
        "eve",
        "omar",
    }


def test_the_metrics_a_draft_allows_are_explained(site: TypedSite) -> None:
    said = site.done("policy", "metrics")
    assert "People with no missed hearing" in said.words


# ---- keys that never touch the node ----------------------------------------


def test_a_policy_is_signed_away_from_the_node(site: TypedSite, tmp_path: Path) -> None:
    carried = tmp_path / "policy.toml"
    carried.write_bytes((site.directory / "policy.toml").read_bytes())
    laptop = TypedSite(tmp_path / "laptop")
    laptop.folder.mkdir()
    said = laptop.done("officer", "sign", str(carried), *site.signing("olga"))
    assert 'lifetime = "0.6"' in said.out
    file = carried.with_suffix(".cmpp")
    laptop.done("officer", "sign", str(file), *site.signing("omar"))
    assert not laptop.directory.exists()
    (site.directory / "policy.cmpp").write_bytes(file.read_bytes())
    assert "in force" in site.done("policy", "adopt").words


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("policy.toml", b"allow = []"),
        ("other.cmpp", b"cmpp-signed-1 mandate\n---\nx = 1\n"),
        ("other.cmpp", b"cmpp-signed-1 decision\n---\nx = 1\n"),
        ("other.cmpp", b"hello"),
        ("other.cmpp", b""),
    ],
)
def test_an_officer_signs_only_policies_and_decisions(
    site: TypedSite, tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    said = site.run("officer", "sign", str(path), *site.signing("olga"))
    assert said.code in {1, 2}
    assert path.read_bytes() == content
    assert not (tmp_path / "policy.cmpp").exists()
