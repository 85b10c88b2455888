"""Write the Python code for the messages, or check that it is current.

Run ``python -m proto.generate`` from the top of the repository after changing a
``.proto`` file, and ``python -m proto.generate --check`` to compare only. The
compiler is a development tool (``grpcio-tools``); installing the exchange never
needs it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import resources
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = tuple(
    path.relative_to(ROOT).as_posix()
    for path in sorted((ROOT / "proto" / "cmpp").rglob("*.proto"))
)


def main(arguments: list[str] | None = None) -> int:
    """Generate the code, or say whether the committed code is current.

    Args:
        arguments: Command-line words; the process's own by default.

    Returns:
        0 when the committed code is (now) current, 1 otherwise.
    """
    parser = argparse.ArgumentParser(description="Generate the message code.")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    if not parser.parse_args(arguments).check:
        generate(ROOT)
        return 0
    stale = stale_files()
    for name in stale:
        sys.stderr.write(f"{name} is not current; run python -m proto.generate\n")
    return 1 if stale else 0


def generate(destination: Path) -> None:
    """Write one module and one type stub per source under a folder.

    Raises:
        RuntimeError: The compiler did not accept the sources.
    """
    # Imported here: present only where the code is developed.
    from grpc_tools import protoc  # type: ignore[import-untyped] # noqa: PLC0415

    well_known = resources.files("grpc_tools") / "_proto"
    plugin = Path(sys.executable).with_name("protoc-gen-mypy")
    command = [
        "protoc",
        f"-I{ROOT}",
        f"-I{well_known}",
        f"--plugin=protoc-gen-mypy={plugin}",
        f"--python_out={destination}",
        f"--mypy_out=quiet:{destination}",
        *SOURCES,
    ]
    if protoc.main(command) != 0:
        raise RuntimeError("The message sources do not compile; see the lines above.")


def stale_files() -> list[str]:
    """Name the generated files that differ from a fresh generation."""
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        fresh = {
            path.relative_to(scratch).as_posix(): path.read_bytes()
            for path in Path(scratch).rglob("*")
            if path.is_file()
        }
    return sorted(name for name, code in fresh.items() if _committed(name) != code)


def _committed(name: str) -> bytes | None:
    path = ROOT / name
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
