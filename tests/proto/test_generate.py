"""Check that the committed message code is what the sources generate."""

import pytest

from proto import generate

pytest.importorskip("grpc_tools", reason="the compiler is a development tool")


def test_the_committed_message_code_is_current() -> None:
    assert generate.stale_files() == []


def test_a_changed_file_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "_committed", lambda _name: b"changed")
    assert generate.main(["--check"]) == 1
    assert "proto/cmpp/v1/node_pb2.py" in capsys.readouterr().err
