"""A running gateway whose citizens' door is in hostile hands, as of a portal that was broken into: nothing but public methods.

Whoever holds it learns nothing of a person, changes nothing, and holds up neither the operator nor the gateway.
"""

from __future__ import annotations

import contextlib
import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consent.control import REFUSED, SESSION_ENDED, ControlClient
from gateway.control.methods import METHODS
from gateway.control.socket import PUBLIC_BOUNDS
from tests.support.hostile_broker import HostileBroker, peak_bytes
from tests.support.live import LiveGateway
from tests.support.waiting import HANG_S

PUBLIC = {"public.state", "public.sensors", "public.flows", "public.balance", "public.place", "public.entry"}
COMING_IN = {"claim.look", "claim.confirm", "session.challenge", "session.open", "session.paper"}
"""What a visitor may ask with a code or passkey in hand, and gets nothing by without."""
LONGEST_SOCKET_PATH = 107
"""Source: unix(7), `sun_path`."""
MORE_BYTES = 16 << 20
"""How much more memory than at rest the door may ever make the gateway take."""


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveGateway]:
    """A gateway, running, with one household."""
    broker = HostileBroker({})
    gateway = LiveGateway(tmp_path, broker.port)
    gateway.add_devices([{"profile": "meter", "zone": "north-quay", "topic": "t/0", "owner": "resident", "subject": "new"}])
    try:
        yield gateway.start()
    finally:
        gateway.end()
        broker.close()


def connected(live: LiveGateway) -> socket.socket:
    """Connect to the citizens' door."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(HANG_S)
    client.connect(str(live.place.portal_socket))
    return client


def line(method: str, params: str = "{}") -> bytes:
    """Encode a request."""
    return b'{"jsonrpc":"2.0","id":1,"method":%s,"params":%s}\n' % (json.dumps(method).encode(), params.encode())


def answer_of(client: socket.socket) -> dict[str, Any]:
    """Return the next answer."""
    answer: dict[str, Any] = json.loads(client.makefile("rb").readline())
    return answer


def test_only_public_methods_exist_at_the_door(live: LiveGateway) -> None:
    """Every other one is refused in the words of one that nobody has, and changes nothing."""
    subject = live.call("device.list")["devices"][0]["subject"]
    before = live.status()["log"]["size"]
    with connected(live) as client:
        for method in [*sorted(METHODS.keys() - PUBLIC - COMING_IN), "public.secrets", "__class__", ""]:
            client.sendall(line(method, json.dumps({"subject": subject})))
            answer = answer_of(client)
            assert answer["error"]["message"] == f"there is no method `{method}`"
            assert "lines" not in answer["error"]["data"]
    assert live.status()["log"]["size"] <= before + 1, "an account at most, of the time that passed"


def test_token_that_is_none_is_refused_with_its_code_and_a_wrong_code_with_its_reason(live: LiveGateway) -> None:
    """So that the portal can tell a session that has ended from everything else; and guessing has an end."""
    with connected(live) as client:
        reader = client.makefile("rb")
        client.sendall(b'{"jsonrpc":"2.0","id":1,"method":"home.show","session":"%s"}\n' % (b"0" * 64))
        error = json.loads(reader.readline())["error"]
        assert (error["code"], error["data"]["reason"]) == (SESSION_ENDED, "session-ended")
        reasons = []
        for _ in range(60):
            client.sendall(line("claim.look", '{"code":"7K3M-QX2P-9RTA"}'))
            error = json.loads(reader.readline())["error"]
            reasons.append((error["code"], error["data"]["reason"]))
    assert set(reasons) == {(REFUSED, "no-address")}, "this gateway has no address for citizens"


def test_nothing_at_the_door_tells_of_the_household(live: LiveGateway) -> None:
    """No answer holds an id, a topic, or the number one."""
    (device,) = live.call("device.list")["devices"]
    said = b""
    with connected(live) as client:
        for method in sorted(PUBLIC - {"public.place", "public.entry"}):
            client.sendall(line(method))
            said += client.makefile("rb").readline()
        for index in range(live.status()["log"]["size"]):
            client.sendall(line("public.entry", json.dumps({"index": index})))
            said += client.makefile("rb").readline()
        client.sendall(line("public.place", '{"zone":"north-quay"}'))
        said += client.makefile("rb").readline()
    for secret in (device["device"], device["subject"], "t/0"):
        assert secret.encode() not in said
    assert b'"sensors":[]' in said


@pytest.mark.parametrize(
    "sent",
    [
        line("public.place", json.dumps({"zone": "x" * 5000})),
        b"x" * 100_000,
        b'{"jsonrpc":"2.0","id":1,"method":"public.state","params":' + b"[" * 4000,
        line("public.entry", '{"index":"1"}'),
        line("public.entry", '{"index":1,"subject":"00"}'),
        b"\xff\xfe\n",
    ],
    ids=["long", "endless", "deep", "text for a number", "one key more", "no text"],
)
def test_hostile_line_is_refused_and_the_next_connection_served(live: LiveGateway, sent: bytes) -> None:
    """In one line; the door goes on."""
    with connected(live) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        assert "error" in answer_of(client)
    with connected(live) as client:
        client.sendall(line("public.state"))
        assert answer_of(client)["result"]["gateway"] == "gw-test"


def test_hundreds_of_connections_and_slow_lines_hold_nobody_up(live: LiveGateway) -> None:
    """Half lines on all places that one user may have: the others are refused, the operator is answered, memory stays."""
    live.wait_until(lambda shown: True)
    rest = peak_bytes(live)
    with contextlib.ExitStack() as held:
        slow = []
        for _ in range(PUBLIC_BOUNDS.user_connections):
            client = held.enter_context(connected(live))
            client.sendall(line("public.state")[:-5])
            slow.append(client)
        refused = 0
        for _ in range(400):
            client = held.enter_context(connected(live))
            refused += "too many connections" in answer_of(client)["error"]["message"]
        assert refused == 400
        assert live.status()["gateway"] == "gw-test", "the operator's door stands open meanwhile"
        for client in slow:  # each ends by itself, in its time
            assert "did not end within" in answer_of(client)["error"]["message"]
    with connected(live) as client:
        client.sendall(line("public.flows"))
        assert answer_of(client)["result"]["flows"]
    assert peak_bytes(live) < rest + MORE_BYTES


def test_answers_that_nobody_takes_are_not_gathered(live: LiveGateway) -> None:
    """Thousands of questions and no answer read: the gateway stops reading, and the operator is answered."""
    rest = peak_bytes(live)
    with contextlib.ExitStack() as held:
        for _ in range(PUBLIC_BOUNDS.user_connections):
            client = held.enter_context(connected(live))
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionError):
                for _ in range(2000):
                    client.sendall(line("public.flows"))
        assert live.status()["gateway"] == "gw-test"
        assert peak_bytes(live) < rest + MORE_BYTES


def test_door_is_for_owner_and_group_and_lies_alone(live: LiveGateway) -> None:
    """Whoever may enter its folder finds nothing else there; the operator's socket stays the owner's alone."""
    door = live.place.portal_socket
    assert stat.S_IMODE(door.stat().st_mode) == 0o660
    assert stat.S_IMODE(door.parent.stat().st_mode) == 0o750
    assert [path.name for path in door.parent.iterdir()] == ["portal.sock"]
    assert stat.S_IMODE(live.place.control_socket.stat().st_mode) == 0o600
    assert live.stop() == 0
    assert not door.exists()


def test_client_of_the_control_interface_speaks_to_the_door(live: LiveGateway) -> None:
    """As the portal does."""
    with ControlClient(live.place.portal_socket) as client:
        assert client.call("public.state")["gateway"] == "gw-test"


def test_gateway_runs_where_the_path_of_the_portals_socket_is_too_long(tmp_path: Path) -> None:
    """Its folder may be as deep as the operator's socket allows: an upgrade that adds a door must not keep it from starting."""
    broker = HostileBroker({})
    room = LONGEST_SOCKET_PATH - len(str(tmp_path / "d" / "state" / "control.sock"))
    gateway = LiveGateway(tmp_path / ("d" * (1 + room)), broker.port)
    assert len(str(gateway.place.control_socket)) == LONGEST_SOCKET_PATH < len(str(gateway.place.portal_socket))
    try:
        gateway.start()
        assert "no door for the portal" in gateway.log()
        assert gateway.stop() == 0
    finally:
        gateway.end()
        broker.close()
