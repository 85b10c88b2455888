"""Many numbers at once get the ids each would get alone, and what is noted stays."""

import secrets
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.importer import keymap, lookup
from node.importer.keymap import KeyMap, Mark
from node.importer.lookup import Sorted
from privacy.errors import Corrupt

numbers = st.text(min_size=1, max_size=12)
columns = st.lists(st.lists(st.none() | numbers, max_size=30), max_size=6)


def fresh() -> KeyMap:
    return KeyMap(secrets.token_bytes(keymap.SECRET_BYTES))


def again(keys: KeyMap) -> KeyMap:
    """Return what is read of what was written."""
    content = b"".join(keys.payload())
    return KeyMap(content[: keymap.SECRET_BYTES], content[keymap.SECRET_BYTES :])


def text(values: Sequence[str | None]) -> pa.StringArray:
    return pa.array(values, pa.string())


@given(columns)
def test_many_at_once_are_what_each_is_alone(batches: list[list[str | None]]) -> None:
    keys = fresh()
    met: dict[str, str] = {}
    for batch in batches:
        found = keys.ids("household", text(batch)).to_pylist()
        for number, own in zip(batch, found, strict=True):
            assert (own is None) is (number is None)
            if number is not None and own is not None:
                assert met.setdefault(number, own) == own
                assert len(bytes.fromhex(own)) == 16
    assert len(set(met.values())) == len(met)
    kept = again(keys)
    for number, own in met.items():
        assert own == kept.find("household", number) == kept.household(number)
        assert kept.find("person", number) is None


def test_a_slice_of_a_column_is_read_as_a_slice() -> None:
    keys = fresh()
    whole = text(["a", None, "b", "c", "b"])
    every = keys.ids("person", whole).to_pylist()
    assert keys.ids("person", whole.slice(2)).to_pylist() == every[2:]


def test_numbers_seen_are_forgotten_in_time_and_their_ids_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keymap, "_SEEN_AT_MOST", 10)
    keys = fresh()
    first = keys.ids("person", text([str(i) for i in range(8)])).to_pylist()
    keys.ids("person", text([str(i) for i in range(8, 40)]))
    assert not keys._seen
    assert keys.ids("person", text([str(i) for i in range(8)])).to_pylist() == first


def test_small_numbers_count_from_one_by_kind_and_stay() -> None:
    keys = fresh()
    assert [keys.number("project", name) for name in "abca"] == [1, 2, 3, 1]
    assert keys.number("case_manager", "c") == 1
    kept = again(keys)
    assert [kept.number("project", name) for name in "cbad"] == [3, 2, 1, 4]


def test_a_map_holds_no_number_it_was_given() -> None:
    keys = fresh()
    case, person = f"CASE{secrets.token_hex(8)}", f"P{secrets.token_hex(8)}"
    keys.ids("household", text([case]))
    keys.person(person)
    keys.number("project", case)
    keys.mark(Mark.WITHDRAWN, "person", person)
    content = b"".join(keys.payload())
    for number in (case, person):
        assert number.encode() not in content
        assert number not in repr(keys)


def test_what_is_noted_of_a_number_is_found_and_taken_back() -> None:
    keys = fresh()
    own = keys.person("p1")
    assert keys.mark(Mark.WITHDRAWN, "person", "p1")
    assert not keys.mark(Mark.WITHDRAWN, "person", "p1")
    keys.mark(Mark.WITHDRAWN, "person", "never met")
    kept = again(keys)
    assert kept.is_marked(Mark.WITHDRAWN, "person", "p1")
    assert not kept.is_marked(Mark.WITHDRAWN, "household", "p1")
    assert kept.marked_ids(Mark.WITHDRAWN) == {own}
    flags = kept.marked(Mark.WITHDRAWN, "person", text(["x", None, "p1"]))
    assert flags.to_pylist() == [False, False, True]
    assert kept.mark(Mark.WITHDRAWN, "person", "p1", on=False)
    assert again(kept).marked_ids(Mark.WITHDRAWN) == frozenset()


def test_a_purged_number_leads_to_no_id_and_gets_none_by_looking() -> None:
    keys = fresh()
    hid, pid, other = keys.household("h"), keys.person("p"), keys.person("q")
    keys.mark(Mark.WITHDRAWN, "person", "p")
    assert keys.purge([hid, pid]) == 2
    kept = again(keys)
    assert kept.find("household", "h") is None
    assert kept.find("person", "p") is None
    assert kept.find("person", "q") == other
    assert kept.marked_ids(Mark.PURGED) == {hid, pid}
    # Whoever had withdrawn stays so in rows that nobody can name any more.
    assert kept.marked_ids(Mark.WITHDRAWN) == {pid}
    assert kept.is_marked(Mark.PURGED, "household", "h")
    assert kept.purge([hid]) == 0


def test_digests_that_begin_alike_are_told_apart() -> None:
    head = secrets.token_bytes(8)
    digests = [head + secrets.token_bytes(8) for _ in range(5)]
    ids = [secrets.token_bytes(16) for _ in digests]
    held = Sorted(b"".join(digests), b"".join(ids))
    missing = head + secrets.token_bytes(8)
    assert held.find([*digests, missing]) == [*ids, None]


def test_entries_survive_in_order_and_without_some() -> None:
    digests = [secrets.token_bytes(16) for _ in range(500)]
    ids = [secrets.token_bytes(16) for _ in digests]
    held = Sorted(b"".join(digests), b"".join(ids))
    same = Sorted(held.digests, held.ids)
    assert same.find(digests) == ids
    fewer = same.without(frozenset(ids[:100]))
    assert len(fewer) == 400
    assert fewer.find(digests) == [None] * 100 + ids[100:]
    assert set(same.digests_of(frozenset(ids[:3]))) == set(digests[:3])
    assert lookup.HALF == 16


@pytest.mark.parametrize("cut", [1, 5, 8, 20])
def test_a_payload_cut_off_is_corrupt(cut: int) -> None:
    keys = fresh()
    keys.household("h")
    content = b"".join(keys.payload())[:-cut]
    with pytest.raises(Corrupt, match="restore both"):
        KeyMap(content[:32], content[32:])
