"""Long exports: memory stays bounded however long they are."""

import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

FEW = 100_000
MANY = 1_000_000
MOST_MEGABYTES = 1_000

READ = """
import resource, sys
from node.importer.guard import Guard, Use
from node.importer.sources import open_source
guard, rows = Guard(), 0
with open_source(sys.argv[1]) as source:
    (table,) = source.tables
    for batch in source.read(table.name, table.columns):
        rows += batch.num_rows
        for name in table.columns:
            use = Use.KEY if name == "key" else Use.FIELD
            guard.clean(table.name, name, batch.column(name), use)
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def long_file(path: Path, rows: int) -> Path:
    chance = random.Random(1)
    with path.open("w") as file:
        file.write("key,day,code,minutes,flag,blank,label\n")
        for n in range(rows):
            file.write(
                f"case-{n // 3},2024-0{chance.randrange(1, 9)}-1{n % 9},"
                f"code_{n % 7},{n % 240},1,,a label of a code list that is long\n"
            )
    return path


def read(path: Path) -> tuple[int, int]:
    """Read a source in a process of its own; return rows and peak megabytes."""
    run = subprocess.run(
        [sys.executable, "-c", READ, path],
        capture_output=True,
        check=True,
        text=True,
        cwd=Path(__file__).parents[4],
    )
    rows, peak = run.stdout.split()
    return int(rows), int(peak)


def zipped(path: Path) -> Path:
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.write(path, path.name)
    return archive


def test_a_long_file_is_read_in_bounded_memory(tmp_path):
    rows, peak = read(zipped(long_file(tmp_path / "a.csv", FEW)))
    assert rows == FEW
    assert peak < MOST_MEGABYTES


@pytest.mark.soak
@pytest.mark.parametrize("write", [lambda path: path, zipped])
def test_a_million_rows_take_no_more_memory(tmp_path, write):
    rows, peak = read(write(long_file(tmp_path / "a.csv", MANY)))
    assert rows == MANY
    assert peak < MOST_MEGABYTES
