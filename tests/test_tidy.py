"""The habits of this repository, kept by a machine.

Rules that read Python use the syntax tree; rules that read text use the files
git would put in a commit. The import contracts live in ``pyproject.toml``.
"""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import proto
from proto import generate

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("privacy", "proto", "node", "coordinator")
FILE_LINES = 350
FUNCTION_LINES = 50

BANNED_MODULES = {
    *("base", "common", "constants", "helper", "helpers", "manager", "misc"),
    *("models", "service", "util", "utils"),
}
# One word per idea: a site is never a worker, a refusal never a rejection.
BANNED_WORDS = {
    *("hub", "job", "jobs", "kpi", "kpis", "leader", "reject", "rejected"),
    *("rejects", "worker", "workers"),
}
# Where an unforeseen error may be caught, and where the clock may be read.
DOORS = {"cli", "demo", "dial", "door", "linking", "server", "stream"}
CLOCKS = {"cli", "demo"}

# Every address in the repository is one we chose to name.
HOSTS = {
    *("127.0.0.1", "localhost", "host", "apache.org", "arxiv.org", "doi.org"),
    *("github.com", "keepachangelog.com", "rfc-editor.org", "semver.org"),
    *("w3.org", "example.com", "example.org", "cmpp.exchange"),
}


def committed() -> list[Path]:
    """List the files git would commit: tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
    ).stdout
    return [ROOT / name for name in listed.split("\0") if (ROOT / name).is_file()]


COMMITTED = committed()
PYTHON = [
    path for path in COMMITTED if path.suffix == ".py" and "_pb2" not in path.name
]
PRODUCT = [path for path in PYTHON if path.relative_to(ROOT).parts[0] in PACKAGES]


def texts() -> Iterator[tuple[str, str]]:
    """Yield the name and text of each committed file that is text."""
    for path in COMMITTED:
        data = path.read_bytes()
        if b"\0" not in data:
            yield place(path), data.decode()


def place(path: Path, node: ast.AST | None = None) -> str:
    """Say where something is, as an editor would."""
    name = path.relative_to(ROOT).as_posix()
    return name if node is None else f"{name}:{getattr(node, 'lineno', 1)}"


def tree(path: Path) -> ast.Module:
    """Read a file's syntax."""
    return ast.parse(path.read_text(), filename=str(path))


def parts(path: Path) -> set[str]:
    """Name the folders and the stem on the way to a file."""
    return set(path.relative_to(ROOT).with_suffix("").parts)


def test_no_file_is_long() -> None:
    long = {place(p): n for p in PYTHON if (n := lines(p)) > FILE_LINES}
    assert long == {}


def lines(path: Path) -> int:
    """Count the lines of a file."""
    return len(path.read_text().splitlines())


def test_no_function_is_long() -> None:
    long = {
        f"{place(path, node)} {node.name}": length
        for path in PYTHON
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    }
    assert long == {}


def test_a_package_file_only_names_what_the_package_offers() -> None:
    other = [
        place(path, statement)
        for path in PRODUCT
        if path.name == "__init__.py"
        for statement in tree(path).body
        if not is_docstring(statement)
        and not isinstance(statement, ast.Import | ast.ImportFrom)
        and not is_all(statement)
    ]
    assert other == []


def is_docstring(statement: ast.stmt) -> bool:
    """Tell whether a statement is only a string."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def is_all(statement: ast.stmt) -> bool:
    """Tell whether a statement sets ``__all__``."""
    return (
        isinstance(statement, ast.Assign)
        and ast.unparse(statement.targets) == "__all__"
    )


def test_tests_are_not_a_package() -> None:
    found = [place(p) for p in PYTHON if "tests" in parts(p) and p.stem == "__init__"]
    assert found == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [place(p) for p in PRODUCT if parts(p) & BANNED_MODULES] == []


def test_only_a_door_catches_what_it_does_not_know() -> None:
    caught = [
        place(path, node)
        for path in PRODUCT
        if not parts(path) & DOORS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and catches_everything(node)
    ]
    assert caught == []


def catches_everything(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler swallows errors it cannot name."""
    match handler.body[-1]:
        case ast.Raise(exc=None):
            return False  # it only tidies up on the way
    named = [] if handler.type is None else list(ast.walk(handler.type))
    names = {node.id for node in named if isinstance(node, ast.Name)}
    return not names or bool(names & {"Exception", "BaseException"})


@pytest.mark.parametrize(
    "code", ["except:", "except Exception:", "except (OSError, BaseException) as e:"]
)
def test_a_handler_that_catches_everything_is_seen(code: str) -> None:
    (statement,) = ast.parse(f"try:\n    pass\n{code}\n    pass").body
    assert isinstance(statement, ast.Try)
    assert catches_everything(statement.handlers[0])


def test_a_handler_that_only_tidies_up_is_let_through() -> None:
    (statement,) = ast.parse("try:\n    pass\nexcept:\n    close()\n    raise").body
    assert isinstance(statement, ast.Try)
    assert not catches_everything(statement.handlers[0])


def test_only_the_command_line_reads_the_clock() -> None:
    reading = re.compile(
        r"\b(datetime|date)\.(now|utcnow|today)\b|\btime\.(time|time_ns)\b"
    )
    read = [
        place(path, node)
        for path in PRODUCT
        if not parts(path) & CLOCKS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and reading.search(ast.unparse(node))
    ]
    assert read == []


def test_one_word_stands_for_one_idea() -> None:
    found = [
        f"{place(path, node)} {name}"
        for path in PRODUCT
        for node in ast.walk(tree(path))
        for name in defined(node)
        if words(name) & BANNED_WORDS
    ]
    assert found == []


def defined(node: ast.AST) -> list[str]:
    """Name what a piece of syntax defines."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.ClassDef(name=name):
            return [name]
        case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
            return [name]
        case _:
            return []


def words(name: str) -> set[str]:
    """Split a name at underscores and capitals."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}


def test_documents_use_the_same_words() -> None:
    found = [
        f"{name}: {word}"
        for name, text in texts()
        if name.endswith(".md")
        for word in re.findall(r"[A-Za-z]+", text)
        if word.lower() in BANNED_WORDS
    ]
    assert found == []


def test_nothing_is_left_to_do_in_a_comment() -> None:
    marks = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b")
    assert [name for name, text in texts() if marks.search(text)] == []


def test_nothing_points_at_one_machine() -> None:
    private = re.compile(
        r"(?<![\w.~-])/(?:root|home|Users|work)/\w|\.\.[/]shared\b|\bindex[-]url\b"
    )
    found = [
        f"{name}: {match[0]}"
        for name, text in texts()
        if name != place(Path(__file__))
        for match in private.finditer(text)
    ]
    assert found == []


def test_every_address_is_one_we_chose() -> None:
    found = {
        f"{name}: {host}"
        for name, text in texts()
        for host in re.findall(r"https?://(?:[^\s/@]*@)?([\w.-]*\w)", text)
        if not any(host == known or host.endswith(f".{known}") for known in HOSTS)
    }
    assert found == set()


def test_the_message_code_is_current() -> None:
    assert generate.main(["--check"]) == 0


def test_proto_is_ours() -> None:
    # Another well-known distribution also installs a package called proto.
    assert proto.__file__ is not None
    assert Path(proto.__file__).is_relative_to(ROOT)


def test_the_import_contracts_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout


LOCKS = ("requirements.lock", "requirements-dev.lock")


def pins(lock: str) -> dict[str, set[str]]:
    """Read a lock: each pinned requirement with its hashes."""
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line and line.lstrip()[0] != "#"]
    return {
        entry.split("--hash=")[0].strip(): set(
            re.findall(r"--hash=sha256:([0-9a-f]{64})\b", entry)
        )
        for entry in entries
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_locked_is_pinned_and_hashed(lock: str) -> None:
    locked = pins(lock)
    assert len(locked) > 1
    pinned = re.compile(r"[a-z0-9-]+==[\w.+!]+( ; [\w.<>=!' ]+)?")
    assert [entry for entry in locked if not pinned.fullmatch(entry)] == []
    assert [entry for entry, hashes in locked.items() if not hashes] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place(lock: str) -> None:
    code = re.sub(r"^ *#.*$", "", (ROOT / lock).read_text(), flags=re.MULTILINE)
    places = re.compile(r"://|@|^\s*-(?!-hash=)|(?<!\w)[./~]+/", re.MULTILINE)
    assert places.findall(code) == []
    assert "://" not in (ROOT / lock).read_text()


def names(requirements: list[str]) -> set[str]:
    """Reduce requirements to distribution names."""
    return {re.split(r"[\[<>=!~; ]", name, maxsplit=1)[0] for name in requirements}


def test_the_locks_know_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    runtime = names(project["dependencies"])
    everything = runtime.union(*(names(extra) for extra in extras))
    assert runtime <= names(list(pins("requirements.lock")))
    assert everything <= names(list(pins("requirements-dev.lock")))


def test_a_site_runs_the_versions_that_were_tested() -> None:
    """Compare versions and hashes; where a tool needs more, a platform may differ."""
    run, tested = (
        {entry.partition(" ; ")[0]: hashes for entry, hashes in pins(lock).items()}
        for lock in ("requirements.lock", "requirements-dev.lock")
    )
    assert run
    assert run.items() <= tested.items()


def test_the_message_compiler_matches_the_library() -> None:
    locked = {entry.split("==")[0]: entry.split("==")[1] for entry in pins(LOCKS[1])}
    assert locked["grpcio-tools"] == locked["grpcio"]
    assert locked["duckdb-extension-httpfs"] == locked["duckdb"]
