"""Read the sample settings, and refuse every wrong one by its name."""

from pathlib import Path

import pytest

from node.config import NodeConfig
from privacy.errors import BadConfiguration


def _load(folder: Path, text: str) -> NodeConfig:
    path = folder / "node.toml"
    path.write_text(text, encoding="utf-8")
    return NodeConfig.load(path)


def test_the_sample_is_read_and_its_paths_start_from_its_folder(
    tmp_path: Path,
) -> None:
    config = _load(tmp_path, NodeConfig.sample(site="NYC"))
    assert config.site == "NYC"
    assert config.identity_directory == tmp_path / "identity"
    assert config.records.path == tmp_path / "records"
    ledger = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    assert ledger == config.ledger_url.get_secret_value()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (('site = "NYC"', 'site = "nyc"'), "site"),
        (('site = "NYC"', ""), "site"),
        (('size_class = "small"', 'size_class = "none"'), "size_class"),
        (("drain_seconds = 30", "deadline_seconds = 0"), "deadline_seconds"),
        (("drain_seconds = 30", "drain = 30"), "drain"),
        (("drain_seconds = 30", "drain_seconds = 0"), "drain_seconds"),
        (("drain_seconds = 30", "noise = false"), "noise"),
        (("spiffe://cmpp.exchange/coord", "spiffe://other/coord"), "coordinator"),
        (("127.0.0.1:7443", "somewhere"), "listen_address"),
        (("[records]", '[dial]\ncoordinator_address = "x"\n[records]'), "dial"),
        (("[records]", "[dial]\n[records]"), "dial"),
        (('kind = "duckdb"', 'kind = "csv"'), "records"),
        (('kind = "duckdb"', 'kind = "sqlite"'), "records"),
        (('kind = "duckdb"', 'kind = "postgresql"'), "records"),
        (('site = "NYC"', 'site = "NYC'), "TOML"),
    ],
)
def test_a_wrong_setting_is_named(
    tmp_path: Path, change: tuple[str, str], named: str
) -> None:
    text = NodeConfig.sample(site="NYC", listen_address="127.0.0.1:7443")
    assert change[0] in text
    with pytest.raises(BadConfiguration, match=named):
        _load(tmp_path, text.replace(*change))


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="cmpp-node init"):
        NodeConfig.load(tmp_path / "none.toml")


def test_passwords_in_addresses_are_not_printed(tmp_path: Path) -> None:
    url = "postgresql+psycopg://node:hunter2@db/site"
    text = NodeConfig.sample(site="NYC").replace("sqlite:///ledger.sqlite", url)
    config = _load(tmp_path, text)
    assert url == config.ledger_url.get_secret_value()
    assert "hunter2" not in repr(config)
    with pytest.raises(BadConfiguration) as caught:
        _load(tmp_path, text.replace(f'"{url}"', f'["{url}"]'))
    assert "hunter2" not in str(caught.value)
