import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from node.importer.sources import Reading, open_source
from privacy.errors import BadRecords

# Exports know no time zone.
MOMENT = dt.datetime(2024, 1, 2, 3, 4)  # noqa: DTZ001


def test_typed_columns_are_written_one_way(tmp_path, rows):
    table = pa.table(
        {
            "id": pa.array([1, 2, None], pa.int64()),
            "day": pa.array([dt.date(2024, 5, 6), None, None]),
            "moment": pa.array([MOMENT, None, None]),
            "flag": pa.array([True, False, None]),
            "half": pa.array([2.0, 2.5, float("nan")]),
            "money": pa.array([Decimal("7.00"), Decimal("7.25"), None]),
            "code": pa.array([" x ", "-", None]).dictionary_encode(),
            "list": pa.array([[1], [2], None]),
        }
    )
    pq.write_table(table, tmp_path / "intake.parquet")
    reading = Reading(blanks=frozenset({"-"}))
    with open_source(tmp_path / "intake.parquet", reading) as source:
        (about,) = source.tables
        found = rows(source, "intake")
    assert about.columns == ("id", "day", "moment", "flag", "half", "money", "code")
    assert [tuple(row.values()) for row in found] == [
        ("1", "2024-05-06", "2024-01-02", "1", "2", "7", "x", 2),
        ("2", None, None, "0", "2.5", "7.25", None, 3),
    ]


def test_a_long_file_comes_in_bounded_batches(tmp_path):
    pq.write_table(pa.table({"a": pa.arange(0, 120_000)}), tmp_path / "a.parquet")
    with open_source(tmp_path / "a.parquet") as source:
        sizes = [batch.num_rows for batch in source.read("a", ["a"])]
        assert source.progress == (120_000, 120_000)
    assert sum(sizes) == 120_000
    assert max(sizes) <= 50_000


def test_a_broken_file_is_told_plainly(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1" + b"x" * 100)
    with pytest.raises(BadRecords, match="broken"):
        open_source(path)


def test_bytes_that_are_no_text_are_refused_without_them(tmp_path):
    pq.write_table(pa.table({"a": [b"planted\xff"]}), tmp_path / "a.parquet")
    with (
        pytest.raises(BadRecords) as refused,
        open_source(tmp_path / "a.parquet") as source,
    ):
        list(source.read("a", ["a"]))
    assert "planted" not in refused.value.message


def test_text_that_is_no_text_is_refused_without_it(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"a": ["planted-x"]})
    pq.write_table(table, path, compression=None, use_dictionary=False)
    path.write_bytes(path.read_bytes().replace(b"planted-x", b"planted-\xff"))
    with pytest.raises(BadRecords) as refused, open_source(path) as source:
        list(source.read("a", ["a"]))
    assert "planted" not in refused.value.message
