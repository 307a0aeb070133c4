"""The client's side of the control interface, against a server that answers as it is told."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from consent.control import REFUSED, AwayError, ControlClient, RefusedError, answered, refused
from consent.errors import ControlRequestError
from consent.messages import ClockAt, ClockTo, Instant, Nothing


@contextmanager
def answering(path: Path, answer: bytes) -> Iterator[list[bytes]]:
    """Serve one connection: take one line, answer, and close; yield what came."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                heard.append(lines.readline())
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield heard
        thread.join()


def test_answer_is_read_into_its_struct(tmp_path: Path) -> None:
    """The request is one line of JSON-RPC 2.0."""
    with answering(tmp_path / "s", answered(1, ClockAt(now_ms=7))) as heard, ControlClient(tmp_path / "s") as client:
        assert client.ask("clock.advance", ClockTo(to=Instant(0)), ClockAt) == ClockAt(now_ms=7)
    request = json.loads(heard[0])
    assert request == {"jsonrpc": "2.0", "id": 1, "method": "clock.advance", "params": {"to": "1970-01-01T00:00:00+00:00"}}


def test_refusal_brings_its_line_and_exit_status(tmp_path: Path) -> None:
    """As the gateway said it."""
    line = refused(1, REFUSED, "there is no such subject", 2)
    with answering(tmp_path / "s", line), ControlClient(tmp_path / "s") as client, pytest.raises(RefusedError) as error:
        client.call("status")
    assert (str(error.value), error.value.exit_status) == ("there is no such subject", 2)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400\n", answered(1, {"now": 1})], ids=["no json", "another form"])
def test_answer_of_another_form_is_an_error(tmp_path: Path, answer: bytes) -> None:
    """It does not pass for an answer."""
    with answering(tmp_path / "s", answer), ControlClient(tmp_path / "s") as client, pytest.raises(ControlRequestError):
        client.ask("status", Nothing(), ClockAt)


def test_gateway_that_goes_away_is_said_to(tmp_path: Path) -> None:
    """Before it answers, or before one could ask."""
    with answering(tmp_path / "s", b""), ControlClient(tmp_path / "s") as client, pytest.raises(AwayError, match="went away"):
        client.call("status")
    with pytest.raises(AwayError, match="no gateway is running"):
        ControlClient(tmp_path / "absent")
