"""Columns of Arrow arrive in order and whole, and what does not fit is refused."""

import pyarrow as pa
import pytest
from sqlalchemy import select

from node.records import load
from privacy.errors import BadRecords
from tests.record_site import SCHEMA, Site

TYPES = pa.DictionaryArray.from_arrays(
    pa.array([1, None, 0], pa.int32()), pa.array(["single_adult", 'a "b", c'])
)
PLAIN = pa.array(["x", "y", "z"])


def test_columns_keep_their_order_and_their_gaps(site: Site) -> None:
    table = SCHEMA.records["household"]
    columns = {
        "hid": PLAIN,
        "type": TYPES,
        "n_adults": pa.array([None, 2, 1], pa.int32()),
    }
    with site.store.writer() as writer:
        writer.load_arrow("household", pa.table(columns))
        later = {"type": pa.array(["other"]), "hid": pa.array(["w"])}
        writer.load_arrow("household", pa.table(later))
        site.register.materialise(writer)
        site.store.publish(writer)
    asked = select(table.c.seq, table.c.hid, table.c.type, table.c.n_adults)
    with site.store.open_current().transaction() as connection:
        found = connection.execute(asked.order_by(table.c.seq)).all()
    expected = [
        (0, "x", 'a "b", c', None),
        (1, "y", None, 2),
        (2, "z", "single_adult", 1),
        (3, "w", "other", None),
    ]
    assert [tuple(row) for row in found] == expected
    with site.store.open_current().transaction() as connection:
        parts = list(load.read_arrow(connection, asked.order_by(table.c.seq)))
    back = pa.concat_tables(parts)
    assert back.schema.types == [pa.int64(), pa.string(), pa.string(), pa.int64()]
    assert list(zip(*back.to_pydict().values(), strict=True)) == expected


@pytest.mark.parametrize(
    "columns",
    [
        {"hid": pa.array(["a"]), "n_adults": pa.array([99], pa.int32())},
        {"hid": pa.array(["a"]), "n_adults": pa.array(["1"])},
        {"hid": pa.array(["a"]), "n_adults": pa.array([1.5])},
        {"hid": pa.array(["a"]), "type": pa.array([3], pa.int32())},
        {"hid": pa.array(["a"]), "formed_on": pa.array([10**9], pa.int64())},
        {"hid": pa.array(["a"]), "canary": pa.array(["1"])},
        {"hid": pa.array([None], pa.string())},
        {"n_adults": pa.array([1], pa.int32())},
    ],
    ids=[
        "out of range",
        "text for a number",
        "a fraction",
        "a number for a code",
        "a day too far",
        "an unknown column",
        "no key",
        "no key column",
    ],
)
def test_a_value_that_does_not_fit_its_field_is_refused_unquoted(
    site: Site, columns: dict[str, pa.Array]
) -> None:
    with site.store.writer() as writer, pytest.raises(BadRecords) as caught:
        writer.load_arrow("household", pa.table(columns))
    assert "canary" not in caught.value.message
    assert "99" not in caught.value.message
    assert caught.value.__cause__ is None


def test_the_import_before_is_kept_however_often_quarters_were_closed(
    site: Site,
) -> None:
    for count in (1, 2):
        rows = pa.table({"hid": pa.array([f"h{n}" for n in range(count)])})
        with site.store.writer() as writer:
            writer.load_arrow("household", rows)
            site.register.materialise(writer)
            site.store.publish(writer)
    first = site.store.previous()
    for quarter in ("FY2024-Q1", "FY2024-Q2", "FY2024-Q3"):
        site.close(quarter)
    assert site.store.previous() == first
    with site.store.writer(undo=True) as writer:
        site.register.materialise(writer)
        site.store.publish(writer)
    table = SCHEMA.records["household"]
    with site.store.open_current().transaction() as connection:
        assert len(connection.execute(table.select()).all()) == 1


def test_nothing_before_the_first_import_can_be_gone_back_to(site: Site) -> None:
    with (
        pytest.raises(BadRecords, match="no earlier import"),
        site.store.writer(undo=True),
    ):
        pass
