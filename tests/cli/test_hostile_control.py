"""A running gateway whose control socket is in hostile hands: it neither ends nor grows, and its operator gets in."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hostile_broker import HostileBroker, peak_bytes
from tests.support.live import LiveGateway

MORE_BYTES = 64 << 20
"""How much more memory than at rest it may ever take: twice what all lines together may hold."""
HALF_LINE_BYTES = 15 << 20


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveGateway]:
    """A gateway, running."""
    broker = HostileBroker({})
    gateway = LiveGateway(tmp_path, broker.port)
    try:
        yield gateway.start()
    finally:
        gateway.end()
        broker.close()


def connected(live: LiveGateway) -> socket.socket:
    """Connect to the control socket."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(live.place.control_socket))
    return client


def request(parameters: str) -> bytes:
    """Encode a request."""
    return b'{"jsonrpc":"2.0","id":1,"method":"consent.grant","params":%s}\n' % parameters.encode()


@pytest.mark.parametrize(
    ("parameters", "refusal"),
    [
        ('{"limits":' * 900 + "1" + "}" * 900, "nested too deep"),
        ('{"limits":' + "[" * 1_000_000, "nested too deep"),
        ('{"scope":"a","scope":"b"}', "the key `scope` stands twice"),
    ],
    ids=["900 deep", "a million deep", "a key twice"],
)
def test_hostile_request_is_refused_in_one_line(live: LiveGateway, parameters: str, refusal: str) -> None:
    """And the gateway answers the next one."""
    with connected(live) as client:
        client.sendall(request(parameters))
        answer = json.loads(client.makefile("rb").readline())
    assert refusal in answer["error"]["message"]
    assert live.status()["gateway"] == "gw-test"
    assert live.stop() == 0


def test_half_lines_and_idle_connections_take_neither_memory_nor_the_operators_place(live: LiveGateway) -> None:
    """Forty half lines of 15 MiB each, then two hundred connections on which nothing is asked."""
    rest_bytes = peak_bytes(live)
    with contextlib.ExitStack() as open_ones:
        for _ in range(40):
            client = open_ones.enter_context(connected(live))
            client.settimeout(0.2)
            with contextlib.suppress(OSError):  # it is refused in the middle of it, or not read on
                client.sendall(b"x" * HALF_LINE_BYTES)
        for _ in range(200):
            open_ones.enter_context(connected(live))
        assert live.status()["gateway"] == "gw-test"
    more_bytes = peak_bytes(live) - rest_bytes
    print(f"{more_bytes >> 10} KiB more than at rest")
    assert more_bytes < MORE_BYTES, f"{more_bytes >> 20} MiB more than at rest"
    assert live.stop() == 0
