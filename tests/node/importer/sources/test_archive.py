import io
import struct
import zipfile

import pytest

from node.importer.sources import Reading, archive, open_source
from privacy.errors import BadRecords


def packed(path, members, **info):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            for key, value in info.items():
                setattr(entry, key, value)
            made.writestr(entry, content)
    return path


def test_members_are_read_where_they_lie(tmp_path, rows):
    path = packed(
        tmp_path / "x.zip",
        {"export/Client.csv": "a,b\n1,2\n", "export/Exit.csv": "c,d\n3,4\n"},
    )
    before = sorted(tmp_path.iterdir())
    with open_source(path) as source:
        assert [table.name for table in source.tables] == ["Client", "Exit"]
        assert rows(source, "Exit") == [{"c": "3", "d": "4", "source_row": 2}]
        assert rows(source, "Client", ["b"]) == [{"b": "2", "source_row": 2}]
    assert sorted(tmp_path.iterdir()) == before


def test_two_members_can_be_read_at_once(tmp_path):
    lines = "a,b\n" + "1,2\n" * 200_000
    path = packed(tmp_path / "x.zip", {"one.csv": lines, "two.csv": lines})
    with open_source(path) as source:
        both = zip(source.read("one", ["a"]), source.read("two", ["b"]), strict=True)
        assert sum(one.num_rows + two.num_rows for one, two in both) == 400_000


def test_what_is_not_text_is_passed_over_and_counted(tmp_path):
    path = packed(
        tmp_path / "x.zip",
        {"a.csv": "a,b\n1,2\n", "read.pdf": "x", "__MACOSX/a.csv": "x", ".b.csv": "x"},
    )
    with open_source(path) as source:
        assert [table.name for table in source.tables] == ["a"]
        (remark,) = source.remarks
    assert (remark.check, remark.count) == ("passed-over-file", 3)


@pytest.mark.parametrize(
    "name", ["../a.csv", "/a.csv", "x/../../a.csv", "..\\a.csv", "C:\\a.csv"]
)
def test_a_name_that_points_outside_is_refused(tmp_path, name):
    path = packed(tmp_path / "x.zip", {name: "a,b\n1,2\n"})
    with pytest.raises(BadRecords, match="points outside"):
        open_source(path)


def test_a_link_is_refused(tmp_path):
    path = packed(tmp_path / "x.zip", {"a.csv": "target"}, external_attr=0o120777 << 16)
    with pytest.raises(BadRecords, match="link"):
        open_source(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    bomb = b"a,b\n" + bytes([49]) * (65 << 20)
    path = packed(tmp_path / "x.zip", {"a.csv": bomb})
    with pytest.raises(BadRecords, match="absurd size"):
        open_source(path)


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_MEMBERS", 3)
    path = packed(tmp_path / "x.zip", {f"{n}.csv": "a,b\n" for n in range(4)})
    with pytest.raises(BadRecords, match="more than 3"):
        open_source(path)


def test_a_password_is_told_plainly(tmp_path):
    path = packed(tmp_path / "x.zip", {"a.csv": "a,b\n1,2\n"})
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.index(mark) + at
        data[place : place + 2] = struct.pack("<H", 1)
    path.write_bytes(data)
    with pytest.raises(BadRecords, match="password"):
        open_source(path)


def test_a_zip_cut_short_is_broken(tmp_path):
    path = packed(tmp_path / "x.zip", {"a.csv": "a,b\n" + "1,2\n" * 1000})
    path.write_bytes(path.read_bytes()[:80])
    with pytest.raises(BadRecords, match="broken"):
        open_source(path)


def test_a_member_with_a_wrong_checksum_is_broken(tmp_path, rows):
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w", zipfile.ZIP_STORED) as made:
        made.writestr("a.csv", "a,b\n1,planted\n")
    path = tmp_path / "x.zip"
    path.write_bytes(inside.getvalue().replace(b"planted", b"plantes"))
    with pytest.raises(BadRecords) as refused, open_source(path) as source:
        rows(source, "a")
    assert "plante" not in refused.value.message


def test_two_tables_of_one_name_are_refused(tmp_path):
    path = packed(tmp_path / "x.zip", {"x/a.csv": "a,b\n", "y/A.csv": "a,b\n"})
    with pytest.raises(BadRecords, match="Two tables"):
        open_source(path, Reading())


def test_a_zip_without_tables_is_refused(tmp_path):
    path = packed(tmp_path / "x.zip", {"a.pdf": "x"})
    with pytest.raises(BadRecords, match="no CSV"):
        open_source(path)
