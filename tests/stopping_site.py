"""What the tests of stopping a site share."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from node.cli.home import Home
from node.ledger import Ledger
from tests import governed
from tests.ledger_samples import charge_for

Run = Callable[..., tuple[int, str]]
NOW = dt.datetime.now(dt.UTC)
MANDATE = governed.mandate(now=NOW)
DOOMED = (
    *("records.key", "keys.key", "keys.map", "register.sqlite"),
    *("identity/masking.key", "identity/statement.key"),
)


def key(tmp_path: Path, name: str = "olga") -> tuple[str, ...]:
    """Return the words that have an officer sign."""
    return ("--key", str(tmp_path / f"{name}.key"), "--no-passphrase")


def charged(site: Home) -> None:
    """Charge something, as a serving process does."""
    asked = charge_for("one", mandate=MANDATE.digest)
    ledger = Ledger.open(site.ledger_url)
    try:
        ledger.charge(asked, now=NOW)
    finally:
        ledger.close()


def there(site: Home) -> set[str]:
    """Return which of the files to destroy are there."""
    return {name for name in DOOMED if (site.directory / name).exists()}
