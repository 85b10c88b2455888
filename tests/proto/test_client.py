"""Check that what goes wrong at a node has one name at the coordinator."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.door import Done
from privacy import errors
from proto import wire
from proto.canonical import Malformed
from tests import doors


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> doors.Centre:
    return doors.Centre(tmp_path_factory.mktemp("centre"))


@pytest.fixture
def serving(centre: doors.Centre, tmp_path: Path) -> Iterator[doors.Serving]:
    with doors.serving(centre, tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("outcome", "named"),
    [
        (errors.InvalidQuery("x"), errors.InvalidQuery),
        (errors.BadSignature("x"), errors.Untrusted),
        (errors.Busy("x"), errors.Busy),
        (errors.Pending("x"), errors.Pending),
        (ValueError("x"), errors.Unreachable),
    ],
)
def test_each_ending_has_one_name(
    centre: doors.Centre,
    serving: doors.Serving,
    outcome: BaseException,
    named: type[errors.ExchangeError],
) -> None:
    serving.story.outcome = outcome
    with (
        serving.client(centre.coordinator) as client,
        pytest.raises(errors.ExchangeError) as caught,
    ):
        client.answer(doors.ask(), deadline_seconds=0.4)
    assert type(caught.value) is named


def test_a_node_that_is_down_is_unreachable(centre: doors.Centre) -> None:
    node = doors.NodeClient("127.0.0.1:1", site="NYC", identity=centre.coordinator)
    with node as client, pytest.raises(errors.Unreachable, match="NYC"):
        client.answer(doors.ask(), deadline_seconds=2)


def test_a_node_that_describes_itself_as_another_site_is_not_believed(
    centre: doors.Centre, serving: doors.Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = replace(serving.story.describe(), site="LAX")
    monkeypatch.setattr(serving.story, "describe", lambda: facts)
    with (
        serving.client(centre.coordinator) as client,
        pytest.raises(errors.Untrusted, match="another site"),
    ):
        client.describe()


def test_a_reply_to_another_question_is_malformed(
    centre: doors.Centre, serving: doors.Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = wire.reply_to_bytes(doors.answer(values=(1, 2)), cells=2)
    monkeypatch.setattr(serving.server.keeper, "_work", lambda _ask: Done(other))
    with serving.client(centre.coordinator) as client, pytest.raises(Malformed):
        client.answer(doors.ask(), deadline_seconds=2)
