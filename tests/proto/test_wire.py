"""Check that what is written is read back, at one length, in one encoding."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proto import description, wire
from proto.canonical import Malformed
from proto.cmpp.v1 import node_pb2
from tests import doors
from tests import signed_samples as samples

RHOS = st.fractions(min_value=Fraction(1, 10**12), max_value=100)
PICOS = st.integers(0, wire.PICO_MAX)
VALUES = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=70)


@given(rho=RHOS, query=st.binary(min_size=1, max_size=200), cells=st.integers(1, 4096))
def test_a_question_is_read_back_as_it_was_written(
    rho: Fraction, query: bytes, cells: int
) -> None:
    asked = doors.ask(rho=rho, query=query, cells=cells)
    assert asked == wire.ask_from_bytes(wire.ask_to_bytes(asked))


ANSWERS = st.fixed_dictionaries(
    {
        "values": VALUES.map(tuple),
        "variance": st.fractions(min_value=Fraction(1, 2**100), max_value=2**100),
        "rho": RHOS,
        "sequence": st.integers(1, wire.PICO_MAX),
        "receipt": st.binary(min_size=64, max_size=64),
    }
)


@given(parts=ANSWERS, charged=PICOS, worst=PICOS)
def test_an_answer_is_read_back_as_it_was_written(
    parts: dict[str, Any], charged: int, worst: int
) -> None:
    made = doors.answer(
        **parts, charged_pico=min(charged, worst), worst_pico=worst, free=not worst
    )
    cells = len(made.values)
    data = wire.reply_to_bytes(made, cells=cells)
    assert made == wire.reply_from_bytes(data, cells=cells)
    assert wire.reply_size(cells) == len(data)


@given(code=st.sampled_from(wire.RefusalCode), left=PICOS, asked=PICOS)
def test_a_refusal_is_read_back_as_it_was_written(
    code: wire.RefusalCode, left: int, asked: int
) -> None:
    refusal = wire.Refusal(code=code, left_pico=left, asked_pico=asked)
    data = wire.reply_to_bytes(refusal, cells=5)
    assert refusal == wire.reply_from_bytes(data, cells=5)
    assert wire.reply_size(5) == len(data)


def test_every_outcome_has_one_length_and_the_next_step_is_32_cells_away() -> None:
    sizes = {cells: wire.reply_size(cells) for cells in (1, 31, 32, 33, 64, 65)}
    assert sizes[1] == sizes[31] == sizes[32]
    assert sizes[33] == sizes[64] == sizes[32] + 8 * 32 + 0
    assert sizes[65] > sizes[64]


def test_the_largest_reply_fits_in_a_message() -> None:
    assert wire.reply_size(wire.CELLS_MAX) < 64 * 1024


def test_an_answer_with_another_number_of_cells_cannot_be_written() -> None:
    with pytest.raises(Malformed):
        wire.reply_to_bytes(doors.answer(values=(1, 2)), cells=3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"query": b""},
        {"query": bytes(wire.QUERY_BYTES_MAX + 1)},
        {"metric": "M8'"},
        {"metric": "m08"},
        {"metric": "M08\n"},
        {"query_name": "Orders"},
        {"query_name": ""},
        {"catalogue_version": "../x"},
        {"rho": Fraction(0)},
        {"rho": Fraction(-1, 2)},
        {"rho": Fraction(101)},
        {"rho": Fraction(1, 2**257)},
        {"purpose": "enforcement"},
        {"mode": "sum"},
        {"cells": 0},
        {"cells": wire.CELLS_MAX + 1},
        {"site": "nyc"},
        {"site": ""},
        {"mandate": bytes(31)},
        {"asked_by": ""},
        {"asked_by": "please call us"},
        {"asked_by": "a" * 65},
        {"not_after": 0},
        {"not_after": wire.SECONDS_MAX + 1},
        {"signature": bytes(63)},
    ],
)
def test_a_question_out_of_range_cannot_exist(wrong: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        doors.ask(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"release_key": bytes(31)},
        {"values": ()},
        {"values": (2**63,)},
        {"variance": Fraction(0)},
        {"rho": Fraction(0)},
        {"charged_pico": -1},
        {"charged_pico": 5, "free": True},
        {"charged_pico": 5, "worst_pico": 4},
        {"charged_pico": 0, "free": True},
        {"charged_pico": 0, "worst_pico": 0},
        {"sequence": 0},
        {"receipt": bytes(63)},
        {"register_through": "a sentence"},
        {"register_through": "FY2025H2-and-more"},
    ],
)
def test_an_answer_out_of_range_cannot_exist(wrong: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        doors.answer(**wrong)


def test_an_answer_does_not_print_its_values() -> None:
    assert "-7" not in repr(doors.answer(values=(-7, 123456)))
    assert "123456" not in str(doors.answer(values=(-7, 123456)))


def _reply(**changes: object) -> bytes:
    reply = node_pb2.Reply.FromString(wire.reply_to_bytes(wire.NotReady(), cells=3))
    for name, value in changes.items():
        setattr(reply, name, value)
    return reply.SerializeToString(deterministic=True)


@pytest.mark.parametrize(
    "smuggled",
    [
        {"left_pico": 7},
        {"charged_pico": 7},
        {"free": True},
        {"worst_pico": 7},
        {"sequence": 7},
        {"receipt": bytes(63) + b"x"},
        {"release_key": bytes(31) + b"x"},
        {"register_through": b"a secret".ljust(16, b"\0")},
        {"refusal": 3},
        {"outcome": 0},
        {"outcome": 77},
        {"outcome": node_pb2.OUTCOME_REFUSED},
        {"outcome": node_pb2.OUTCOME_RELEASED},
        {"cells": 4},
    ],
)
def test_a_reply_cannot_hide_words_in_fields_its_outcome_does_not_use(
    smuggled: dict[str, object],
) -> None:
    with pytest.raises(Malformed):
        wire.reply_from_bytes(_reply(**smuggled), cells=3)


def test_a_reply_cannot_hide_numbers_in_its_padding() -> None:
    reply = node_pb2.Reply.FromString(wire.reply_to_bytes(doors.answer(), cells=3))
    reply.values[3] = 1
    with pytest.raises(Malformed):
        wire.reply_from_bytes(reply.SerializeToString(deterministic=True), cells=3)


def test_a_fraction_not_in_lowest_terms_is_malformed() -> None:
    message = node_pb2.AskRequest.FromString(wire.ask_to_bytes(doors.ask()))
    message.rho.numerator = (2).to_bytes(32, "big")
    message.rho.denominator = (2000).to_bytes(32, "big")
    with pytest.raises(Malformed):
        wire.ask_from_bytes(message.SerializeToString(deterministic=True))
    message.rho.denominator = bytes(32)
    with pytest.raises(Malformed):
        wire.ask_from_bytes(message.SerializeToString(deterministic=True))


def test_a_description_is_short_words_only() -> None:
    facts = doors.Steady().describe()
    written = description.description_to_bytes(facts)
    assert facts == description.description_from_bytes(written)
    with pytest.raises(Malformed):
        description.Description(
            site="NYC",
            catalogue_version="please call us",
            closed_through="FY2025H2",
            size_class="small",
            software_version="0.1.0",
        )


GOOD = wire.ask_to_bytes(doors.ask())
SIGNATURE = 2 + 64
CELLS = b"\x45\x03\x00\x00\x00"


@settings(max_examples=300)
@given(at=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255))
def test_a_changed_byte_gives_another_question_or_none(at: int, byte: int) -> None:
    changed = GOOD[:at] + bytes([byte]) + GOOD[at + 1 :]
    try:
        asked = wire.ask_from_bytes(changed)
    except Malformed:
        return
    assert changed == wire.ask_to_bytes(asked)


@pytest.mark.parametrize(
    "second_form",
    [
        GOOD + b"\x98\x06\x01",  # an unknown field
        GOOD + GOOD[-SIGNATURE:],  # a field twice
        GOOD[-SIGNATURE:] + GOOD[:-SIGNATURE],  # another order
        GOOD.replace(b"\x30\x01", b"\x30\x81\x00"),  # a longer integer
        GOOD.replace(CELLS, b"\x45\x00\x00\x00\x00"),  # a zero that should be absent
        GOOD[:-SIGNATURE],  # no room for a signature
        GOOD[:-1],  # a short signature
        b"",
        b"\xff" * 40,
        b"\x0b" * 5000,  # deep groups
    ],
)
def test_a_second_encoding_is_malformed(second_form: bytes) -> None:
    assert second_form != GOOD
    with pytest.raises(Malformed):
        wire.ask_from_bytes(second_form)


def test_the_lists_here_and_in_the_message_definitions_agree() -> None:
    defined = {
        name.removeprefix("REFUSAL_CODE_"): number
        for name, number in node_pb2.RefusalCode.items()
        if number
    }
    assert defined == {code.name: code.value for code in wire.RefusalCode}
    for kind, names, prefix in (
        (node_pb2.Purpose, wire.PURPOSES, "PURPOSE_"),
        (node_pb2.Mode, wire.MODES, "MODE_"),
        (node_pb2.SizeClass, description.SIZE_CLASSES, "SIZE_CLASS_"),
    ):
        spoken = {
            name.removeprefix(prefix).lower().replace("_", "-"): number
            for name, number in kind.items()
            if number
        }
        assert spoken == dict(names)


def test_numbers_that_must_take_one_byte_do() -> None:
    for kind in (node_pb2.Outcome, node_pb2.RefusalCode):
        assert max(kind.values()) < 128


def test_a_signature_holds_for_exactly_what_was_signed() -> None:
    key = samples.key("coordinator")
    asked = doors.ask().signed_by(key)
    read = wire.ask_from_bytes(wire.ask_to_bytes(asked))
    assert read.is_signed_by(samples.public("coordinator"))
    assert not read.is_signed_by(samples.public("NYC"))
    assert not doors.ask().is_signed_by(samples.public("coordinator"))
    for name, other in (
        ("query", b"another query"),
        ("metric", "M09"),
        ("query_name", "pool"),
        ("catalogue_version", "2026.2"),
        ("rho", Fraction(1, 1001)),
        ("purpose", "evaluation"),
        ("cells", 4),
        ("site", "LAX"),
        ("mandate", bytes(32)),
        ("asked_by", "ben"),
        ("not_after", 2_000_000_001),
    ):
        altered = replace(asked, **{name: other})
        assert not altered.is_signed_by(samples.public("coordinator")), name
        assert altered.digest != asked.digest


def test_two_signed_questions_never_have_one_digest() -> None:
    asked = doors.ask()
    signed = {
        asked.digest,
        asked.signed_by(samples.key("coordinator")).digest,
        asked.signed_by(samples.key("NYC")).digest,
    }
    assert len(signed) == 3
