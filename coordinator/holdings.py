"""What the centre holds, from the tables and files that are really there."""

from collections.abc import Iterable
from importlib import resources
from pathlib import Path

import sqlalchemy as sa

from privacy import holding
from privacy.holding import Described, Holding

FILE = "holdings.toml"


def tables(engine: sa.Engine) -> tuple[Holding, ...]:
    """Describe every table of the centre's database."""
    described, _ = _descriptions()
    return described.of(sa.inspect(engine).get_table_names())


def files(home: Path) -> tuple[Holding, ...]:
    """Describe every file below the centre's home directory."""
    _, described = _descriptions()
    return described.of(_names(home))


def _names(home: Path) -> Iterable[str]:
    """Yield the names of all files, from the home directory on."""
    for path in home.rglob("*"):
        if not path.is_dir():
            yield path.relative_to(home).as_posix()


def _descriptions() -> tuple[Described, Described]:
    """Read what is said of tables and of files."""
    return holding.parse((resources.files("coordinator") / FILE).read_text("utf-8"))
