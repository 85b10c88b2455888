"""The officer's rules: what is allowed, what is refused, whose signature counts."""

import datetime as dt
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from node import policy
from node.policy import officer
from privacy.errors import (
    BadConfiguration,
    BadSignature,
    BudgetExhausted,
    Expired,
    NotAllowed,
    WrongProgramme,
)
from privacy.period import Period

Keys = tuple[Ed25519PrivateKey, Ed25519PublicKey]

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
DRAFT = policy.Draft(
    site="NYC",
    programme="1.0.0",
    metrics=("M08", "M01"),
    first_entry_year="FY2023",
    last_entry_year="FY2026",
    not_before=NOW,
    per_release_rho="0.01",
)
ALLOWED: dict[str, Any] = {
    "metric": "M08",
    "programme": "1.0.0",
    "periods": (Period("FY2026-H1"),),
    "entry_years": (Period("FY2025"), Period("FY2026")),
    "rho": Fraction(1, 200),
    "now": NOW,
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    directory = tmp_path_factory.mktemp("officer")
    public = officer.init(directory, passphrase=None)
    key = officer.load_key(directory / officer.KEY_FILE, passphrase=None)
    return key, officer.load_public(public)


def write(directory: Path, text: str) -> Path:
    path = directory / "policy.toml"
    path.write_text(text)
    return path


def signed(directory: Path, keys: Keys, text: str | None = None) -> Path:
    text = policy.draft_policy(DRAFT) if text is None else text
    path = write(directory, text)
    policy.sign(path, key=keys[0])
    return path


def load(
    path: Path, keys: Keys, *, site: str = "NYC", last_version: int = 0
) -> policy.Policy:
    return policy.load(
        path,
        signature_path=path.with_suffix(".sig"),
        officer=keys[1],
        site=site,
        last_version=last_version,
    )


@pytest.fixture
def rules(tmp_path: Path, keys: Keys) -> policy.Policy:
    return load(signed(tmp_path, keys), keys)


def test_a_signed_draft_loads_as_written(rules: policy.Policy, keys: Keys) -> None:
    assert rules.site == "NYC"
    assert rules.version == 1
    assert rules.metrics == {"M01", "M08"}
    assert rules.lifetime_rho == Fraction(3, 5)
    assert rules.delta == Fraction(1, 10**6)
    assert rules.caps == policy.Caps(lifetime_pico=6 * 10**11, per_release_pico=10**10)
    assert rules.not_before == NOW
    assert rules.officer == officer.fingerprint(keys[1])


def test_an_allowed_question_passes(rules: policy.Policy) -> None:
    rules.check(**ALLOWED)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"metric": "M02"}, NotAllowed),
        ({"programme": "1.0.1"}, WrongProgramme),
        ({"periods": ()}, NotAllowed),
        ({"entry_years": ()}, NotAllowed),
        ({"entry_years": (Period("FY2022"), Period("FY2023"))}, NotAllowed),
        ({"entry_years": (Period("FY2027"),)}, NotAllowed),
        ({"entry_years": (Period("FY2025-Q1"),)}, NotAllowed),
        ({"rho": Fraction(1, 100) + Fraction(1, 10**13)}, BudgetExhausted),
        ({"now": NOW - dt.timedelta(seconds=1)}, NotAllowed),
        ({"now": NOW + dt.timedelta(days=366, seconds=1)}, Expired),
    ],
)
def test_a_question_outside_the_policy_is_refused(
    rules: policy.Policy, change: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        rules.check(**ALLOWED | change)


def test_a_grain_the_officer_left_out_is_refused(tmp_path: Path, keys: Keys) -> None:
    text = policy.draft_policy(DRAFT).replace('"half-year", ', "")
    rules = load(signed(tmp_path, keys, text), keys)
    with pytest.raises(NotAllowed, match="fiscal-year or quarter"):
        rules.check(**ALLOWED)


def test_a_refusal_for_cost_names_both_amounts(rules: policy.Policy) -> None:
    with pytest.raises(BudgetExhausted) as refusal:
        rules.check(**ALLOWED | {"rho": Fraction(1, 50)})
    assert refusal.value.left_pico_rho == 10**10
    assert refusal.value.asked_pico_rho == 2 * 10**10


def test_a_question_that_costs_exactly_the_cap_passes(rules: policy.Policy) -> None:
    rules.check(**ALLOWED | {"rho": Fraction(1, 100)})


def test_caps_are_rounded_down() -> None:
    caps = policy.Caps.of(lifetime_rho=Fraction(2, 3), per_release_rho=Fraction(1, 3))
    assert caps.lifetime_pico == 666_666_666_666
    assert caps.per_release_pico == 333_333_333_333


@pytest.mark.parametrize(
    ("lifetime", "per_release"),
    [(0, 0), (10, 0), (10, 11), (10**14 + 1, 1), (10, -1), (10.0, 1), (10, True)],
)
def test_impossible_caps_are_refused(lifetime: int, per_release: int) -> None:
    with pytest.raises(BadConfiguration):
        policy.Caps(lifetime_pico=lifetime, per_release_pico=per_release)


# ---- the file and its signature --------------------------------------------


def test_an_unsigned_policy_is_refused(tmp_path: Path, keys: Keys) -> None:
    path = write(tmp_path, policy.draft_policy(DRAFT))
    with pytest.raises(BadConfiguration, match=r"policy\.sig could not be read"):
        load(path, keys)
    path.with_suffix(".sig").write_bytes(b"")
    with pytest.raises(BadSignature):
        load(path, keys)


def test_every_single_changed_byte_of_a_signed_policy_is_refused(
    tmp_path: Path, keys: Keys
) -> None:
    path = signed(tmp_path, keys)
    content = path.read_bytes()
    for position in range(len(content)):
        edited = bytearray(content)
        edited[position] ^= 1
        path.write_bytes(edited)
        with pytest.raises(BadSignature):
            load(path, keys)


@pytest.mark.parametrize("extra", [b" ", b"\n", b"# more\n"])
def test_text_added_after_signing_is_refused(
    tmp_path: Path, keys: Keys, extra: bytes
) -> None:
    path = signed(tmp_path, keys)
    path.write_bytes(path.read_bytes() + extra)
    with pytest.raises(BadSignature):
        load(path, keys)


def test_a_policy_signed_by_another_key_is_refused(tmp_path: Path, keys: Keys) -> None:
    path = signed(tmp_path, keys)
    policy.sign(path, key=Ed25519PrivateKey.generate())
    with pytest.raises(BadSignature):
        load(path, keys)


def test_a_signature_over_the_bare_bytes_is_refused(tmp_path: Path, keys: Keys) -> None:
    # The officer's key may have signed other documents: the domain keeps them apart.
    path = signed(tmp_path, keys)
    good = officer.sign(b"", key=keys[0])
    bare = keys[0].sign(path.read_bytes())
    with pytest.raises(BadSignature):
        officer.verify(path.read_bytes(), signature=good, officer=keys[1])
    path.with_suffix(".sig").write_bytes(bare)
    with pytest.raises(BadSignature):
        load(path, keys)


@pytest.mark.parametrize(
    "text", ["cmpp-policy-v2 {0}", "{0}", "cmpp-policy-v1  {0}", "cmpp-policy-v1 {0}!"]
)
def test_a_signature_in_another_form_is_refused(
    tmp_path: Path, keys: Keys, text: str
) -> None:
    path = signed(tmp_path, keys)
    signature = path.with_suffix(".sig")
    encoded = signature.read_text().split()[1]
    signature.write_text(text.format(encoded))
    with pytest.raises(BadSignature):
        load(path, keys)


def test_an_older_version_than_last_seen_is_refused(tmp_path: Path, keys: Keys) -> None:
    path = signed(tmp_path, keys, policy.draft_policy(replace(DRAFT, version=3)))
    assert load(path, keys, last_version=3).version == 3
    with pytest.raises(BadConfiguration, match="version 4 was already in force"):
        load(path, keys, last_version=4)


def test_another_sites_policy_is_refused(tmp_path: Path, keys: Keys) -> None:
    with pytest.raises(BadConfiguration, match="for site NYC"):
        load(signed(tmp_path, keys), keys, site="HOU")


GOOD = policy.draft_policy(DRAFT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('delta = "0.000001"', 'delta = "0.000001"\nsecret_extra = 1'),
        ('lifetime_rho = "0.60"', ""),
        ('lifetime_rho = "0.60"', "lifetime_rho = 0.60"),
        ('lifetime_rho = "0.60"', 'lifetime_rho = "nan"'),
        ('lifetime_rho = "0.60"', 'lifetime_rho = "0"'),
        ('lifetime_rho = "0.60"', 'lifetime_rho = "-1"'),
        ('lifetime_rho = "0.60"', 'lifetime_rho = "101"'),
        ('lifetime_rho = "0.60"', 'lifetime_rho = "0.001"'),
        ('per_release_rho = "0.01"', 'per_release_rho = "0.0000000000001"'),
        ('delta = "0.000001"', 'delta = "1e-6"'),
        ('delta = "0.000001"', 'delta = "0.5"'),
        ('delta = "0.000001"', 'delta = "0.0"'),
        ("version = 1 ", "version = 0 "),
        ("version = 1 ", 'version = "1" '),
        ("version = 1 ", "version = true "),
        ('site = "NYC"', 'site = "N Y C"'),
        ('"M01", ', '"M1", '),
        ('["M01", "M08"]', "[]"),
        ('"half-year"', '"week"'),
        ('first_entry_year = "FY2023"', 'first_entry_year = "FY2027"'),
        ('first_entry_year = "FY2023"', 'first_entry_year = "FY2001"'),
        ("not_before = 2026-11-22T12:00:00+00:00", "not_before = 2026-11-22"),
        (
            "not_before = 2026-11-22T12:00:00+00:00",
            "not_before = 2026-11-22T12:00:00",
        ),
        (
            "not_before = 2026-11-22T12:00:00+00:00",
            "not_before = 2026-11-22T12:00:00-05:00",
        ),
        (
            "not_before = 2026-11-22T12:00:00+00:00",
            "not_before = 2028-11-22T12:00:00Z",
        ),
        ('site = "NYC"', 'site = "NYC'),
    ],
)
def test_a_malformed_policy_is_never_signed(
    tmp_path: Path, keys: Keys, old: str, new: str
) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(BadConfiguration):
        policy.sign(path, key=keys[0])
    assert not path.with_suffix(".sig").exists()


def test_bytes_that_are_not_text_are_refused_even_when_signed(
    tmp_path: Path, keys: Keys
) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b"\xff\xfe")
    path.with_suffix(".sig").write_bytes(officer.sign(b"\xff\xfe", key=keys[0]))
    with pytest.raises(BadConfiguration, match="not a TOML file"):
        load(path, keys)


def test_an_oversized_policy_is_refused(tmp_path: Path, keys: Keys) -> None:
    path = write(tmp_path, GOOD + "#" * 70_000)
    with pytest.raises(BadConfiguration, match="larger than"):
        policy.sign(path, key=keys[0])
