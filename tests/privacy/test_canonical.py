"""One byte form per question, and no second reading of any bytes."""

import dataclasses
import json
import pathlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy import canonical, catalogue, query
from privacy.errors import ExchangeError, InvalidQuery
from privacy.expression import EVERYBODY, Indicator, Not, One, OneOf
from privacy.period import Period
from privacy.query import Mode, Query

PROGRAMME = catalogue.load()
VECTORS = pathlib.Path(__file__).parents[1] / "vectors" / "release_keys.json"


def enrolments(revision: int = 0) -> Query:
    return PROGRAMME.queries(
        PROGRAMME.metric("M08"), Period("FY2024-H2"), revision=revision
    )["enrolled"]


def test_bytes_and_keys_of_every_metric_are_the_committed_ones() -> None:
    golden = json.loads(VECTORS.read_text())
    found = {}
    for metric in PROGRAMME.metrics.values():
        for kind in metric.periods:
            period = Period(
                {"quarter": "FY2024-Q4", "half-year": "FY2024-H2"}.get(
                    kind.value, "FY2024"
                )
            )
            for name, one in PROGRAMME.queries(metric, period).items():
                found[f"{metric.id}.{name}.{period}"] = {
                    "bytes": one.canonical_form.decode("ascii"),
                    "digest": one.digest.hex(),
                    "release_key": one.release_key(Mode.SITE).hex(),
                }
    assert set(golden) == set(found)
    # The bytes of some are written out; of the others the digest of them stands.
    assert sum("bytes" in one for one in golden.values()) > 30
    for name, one in golden.items():
        assert one == {key: found[name][key] for key in one}


def test_reading_what_was_written_gives_the_same_query() -> None:
    for metric in PROGRAMME.metrics.values():
        for kind in metric.periods:
            period = Period(
                {"quarter": "FY2025-Q1", "half-year": "FY2025-H1"}.get(
                    kind.value, "FY2025"
                )
            )
            for one in PROGRAMME.queries(metric, period).values():
                assert one == query.parse(one.canonical_form)


def test_mode_and_revision_change_the_key_and_nothing_else_does() -> None:
    first = enrolments()
    keys = {
        first.release_key(Mode.SITE),
        first.release_key(Mode.SUM),
        enrolments(1).release_key(Mode.SITE),
    }
    assert len(keys) == 3
    assert first.release_key(Mode.SITE) == enrolments().release_key(Mode.SITE)


def test_metrics_that_read_the_same_population_share_one_key() -> None:
    period = Period("FY2024")
    shared = {
        PROGRAMME.queries(PROGRAMME.metric(m), period)["enrolled"].release_key(
            Mode.SITE
        )
        for m in ("M08", "M18", "M43")
    }
    assert len(shared) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'{"a":1}',
        b'["#Query"]',
        b'["#Nothing"]',
        b'["#All", []]',
        b'["#Not",5.0]',
        b'["#Not",NaN]',
        b"[true]",
        b'["#Period","FY2024"]',
        b'"@FY24"',
        b'"%Unit.nobody"',
        b'"%Nothing.household"',
        b'"#lone"',
        b"[" * 2000 + b"]" * 2000,
        b'"' + b"a" * 20_000 + b'"',
        "\u00e9".encode(),
    ],
)
def test_bytes_that_are_not_canonical_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidQuery):
        query.parse(data)


def test_a_second_encoding_of_a_query_is_refused() -> None:
    data = enrolments().canonical_form
    for other in (
        data + b" ",
        data.replace(b",", b", ", 1),
        data.replace(b"enrol", b"\\u0065nrol", 1),
    ):
        with pytest.raises(InvalidQuery):
            query.parse(other)


@settings(max_examples=300)
@given(st.data())
def test_changed_bytes_are_refused_or_mean_something_else(data: st.DataObject) -> None:
    original = enrolments().canonical_form
    at = data.draw(st.integers(0, len(original) - 1))
    byte = data.draw(st.integers(0, 255))
    changed = original[:at] + bytes([byte]) + original[at + 1 :]
    try:
        read = query.parse(changed)
    except ExchangeError:
        return
    assert read.canonical_form == changed
    assert (read == enrolments()) == (changed == original)


def test_nothing_but_the_language_can_be_written() -> None:
    @dataclasses.dataclass
    class Other:
        x: int

    for value in (1.5, True, b"x", Other(1), {"a": 1}, [1]):
        with pytest.raises(InvalidQuery):
            canonical.encode((value,))


def test_a_code_list_cannot_be_mistaken_for_a_kind() -> None:
    with pytest.raises(InvalidQuery):
        canonical.decode(canonical.encode(("#All", ())))
    assert Not(EVERYBODY) == canonical.decode(canonical.encode(Not(EVERYBODY)))
    assert Indicator(OneOf("a.b", ("c",))) != One()
