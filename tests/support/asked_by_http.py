"""What a port of this machine answers to a plain GET, for tests."""

from __future__ import annotations

import http.client
from typing import NamedTuple

from tests.support.waiting import HANG_S


class Answered(NamedTuple):
    """An answer's status and its text."""

    status: int
    text: str


def ask_port(port: int, path: str, host: str = "127.0.0.1") -> Answered:
    """Ask 127.0.0.1, by a host's name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG_S)
    try:
        connection.request("GET", path, headers={"Host": f"{host}:{port}"})
        answer = connection.getresponse()
        return Answered(answer.status, answer.read().decode())
    finally:
        connection.close()
