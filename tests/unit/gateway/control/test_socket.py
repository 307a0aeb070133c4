"""The control socket in hostile hands: nested, huge, half-sent and many; each is refused with one line, and holds nothing up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from consent.control import DEPTH, PARTS, ControlRequest, WireError, parse_request
from consent.messages import ClockAt, Result
from gateway.control.socket import Bounds, ControlServer, HeldBytes, Lines
from gateway.errors import OperatorError
from tests.support.inside import until
from tests.support.waiting import HANG_S

SMALL = Bounds(line_bytes=200_000, door_bytes=400_000, connections=8, user_connections=8, line_s=0.3, answer_s=0.3)
PATIENT = Bounds(line_bytes=200_000, door_bytes=400_000, connections=8, user_connections=8, line_s=HANG_S, answer_s=HANG_S)
GOOD = b'{"jsonrpc":"2.0","id":7,"method":"now","params":{}}\n'
REQUEST = '{"jsonrpc":"2.0","id":1,"method":"consent.grant","params":{"limits":%s}}'


async def _now(request: ControlRequest) -> Result:
    if request.method != "now":
        raise OperatorError(f"there is no method `{request.method}`")
    return ClockAt(now_ms=len(bytes(request.params)))


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Serving:
    """A server, and those who connect to it."""

    def __init__(self, path: Path, bounds: Bounds) -> None:
        self.path = path
        self.server = ControlServer(path, lambda: contextlib.nullcontext(_now), bounds)
        self.connections: list[Connection] = []

    async def connect(self) -> Connection:
        """Connect once more."""
        connection = await asyncio.open_unix_connection(str(self.path), limit=1 << 20)
        self.connections.append(connection)
        return connection

    async def close(self) -> None:
        """Close every connection, and the server."""
        for _, writer in self.connections:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        await self.server.close()


@asynccontextmanager
async def serving(folder: Path, bounds: Bounds = SMALL) -> AsyncIterator[Serving]:
    """Serve a socket that knows one method."""
    scene = Serving(folder / "s", bounds)
    await scene.server.start()
    try:
        yield scene
    finally:
        await scene.close()


async def line_from(connection: Connection) -> dict[str, Any]:
    """Return the next answer."""
    line = await asyncio.wait_for(connection[0].readline(), HANG_S)
    answer: dict[str, Any] = json.loads(line)
    return answer


async def is_closed(connection: Connection) -> bool:
    """Return whether the server has closed a connection, once it has said all that it says."""
    return await asyncio.wait_for(connection[0].read(), HANG_S) == b""


async def test_close_ends_what_is_still_being_answered_before_it_returns(tmp_path: Path) -> None:
    """Whoever closes the database next would otherwise take it away from a backup, or from the end of an erasure."""
    order, begun = list[str](), asyncio.Event()

    async def long(_: ControlRequest) -> Result:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # it puts away its things
            order.append("ended")
        return ClockAt(now_ms=0)

    server = ControlServer(tmp_path / "s", lambda: contextlib.nullcontext(long), SMALL)
    await server.start()
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
    idle = await asyncio.open_unix_connection(str(tmp_path / "s"))
    writer.write(GOOD)
    await begun.wait()
    await server.close()
    order.append("closed")
    assert order == ["ended", "closed"]
    for connection in ((reader, writer), idle):
        assert await is_closed(connection)
        connection[1].close()


async def test_half_line_is_given_up_after_its_time_and_others_are_answered_meanwhile(tmp_path: Path) -> None:
    """Whoever sends half a line and waits hears why it is closed; nothing of it is held any longer."""
    async with serving(tmp_path) as scene:
        half = await scene.connect()
        half[1].write(GOOD[:-10])
        other = await scene.connect()
        other[1].write(GOOD)
        assert (await line_from(other))["result"] == {"now_ms": 2}
        assert "did not end within 0.3 s" in (await line_from(half))["error"]["message"]
        assert await is_closed(half)
        other[1].write(GOOD)  # a connection that has sent whole lines may stay as long as it likes
        assert (await line_from(other))["id"] == 7
        assert scene.server._held.count == 0


async def test_half_lines_together_have_a_bound(tmp_path: Path) -> None:
    """However many send: what is held stays below the bound of the door, and the ones beyond it are refused."""
    async with serving(tmp_path, PATIENT) as scene:
        connections = [await scene.connect() for _ in range(6)]
        for _, writer in connections[:2]:
            writer.write(b"x" * 180_000)
        await until(lambda: scene.server._held.count == 360_000)
        for connection in connections[2:]:
            connection[1].write(b"y" * 150_000)
            assert (await line_from(connection))["error"]["message"] == "too much is being sent at once"
            assert scene.server._held.count == 360_000
        for _, writer in connections:
            writer.close()
        await until(lambda: scene.server._held.count == 0)
        again = await scene.connect()
        again[1].write(GOOD)
        assert (await line_from(again))["id"] == 7


async def test_request_upon_request_leaves_others_their_turn(tmp_path: Path) -> None:
    """One connection full of requests is not answered to its end before another is answered at all."""
    lines, answered = 1000, 0

    async def count(request: ControlRequest) -> Result:
        nonlocal answered
        answered += 1
        return await _now(request)

    async with serving(tmp_path) as scene:
        scene.server = await _replaced(scene, count)
        busy, other = await scene.connect(), await scene.connect()
        busy[1].write(GOOD * lines)
        other[1].write(GOOD)
        assert (await line_from(other))["id"] == 7
        assert answered < lines // 2
        for _ in range(lines):
            await line_from(busy)


async def _replaced(scene: Serving, answer: Callable[[ControlRequest], Awaitable[Result]]) -> ControlServer:
    await scene.server.close()
    server = ControlServer(scene.path, lambda: contextlib.nullcontext(answer), SMALL)
    await server.start()
    return server


async def test_line_that_is_too_long_is_refused(tmp_path: Path) -> None:
    """It is not read to its end."""
    async with serving(tmp_path) as scene:
        connection = await scene.connect()
        connection[1].write(b"x" * 200_001)
        assert (await line_from(connection))["error"]["message"] == "the line is longer than 200000 bytes"


async def half_lines(scene: Serving, count: int) -> list[Connection]:
    """Connect so often, and begin a line on each."""
    connections = [await scene.connect() for _ in range(count)]
    for connection in connections:
        connection[1].write(b"x")
    await until(lambda: scene.server._held.count == count)
    return connections


async def test_connections_have_a_bound(tmp_path: Path) -> None:
    """Where all are in the middle of something the one beyond it is told so; when one leaves there is room again."""
    async with serving(tmp_path, PATIENT) as scene:
        connections = await half_lines(scene, 8)
        beyond = await scene.connect()
        assert (await line_from(beyond))["error"]["message"] == "too many connections"
        connections[0][1].close()
        await until(lambda: len(scene.server._connections) < 8)
        again = await scene.connect()
        again[1].write(GOOD)
        assert (await line_from(again))["id"] == 7


async def test_idle_connections_give_way_the_one_idle_longest_first(tmp_path: Path) -> None:
    """Whoever holds places and asks nothing keeps nobody out, and is told so; whoever asks keeps their place."""
    async with serving(tmp_path) as scene:
        connections = [await scene.connect() for _ in range(8)]
        await until(lambda: len(scene.server._connections) == 8)
        connections[0][1].write(GOOD)
        assert (await line_from(connections[0]))["id"] == 7
        for gives_way in connections[1:4]:
            new = await scene.connect()
            new[1].write(GOOD)
            assert (await line_from(new))["id"] == 7
            assert "another needed its place" in (await line_from(gives_way))["error"]["message"]
            assert await is_closed(gives_way)
        connections[0][1].write(GOOD)
        assert (await line_from(connections[0]))["id"] == 7
        assert len(scene.server._connections) == 8


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be two users")
async def test_one_users_connections_leave_places_to_others(open_folder: Path) -> None:
    """However many half lines one user sends, another gets in, and makes none of theirs give way."""
    bounds = Bounds(line_bytes=200_000, door_bytes=400_000, connections=8, user_connections=6, line_s=HANG_S, answer_s=HANG_S)
    async with serving(open_folder, bounds) as scene:
        scene.path.chmod(0o666)  # a door that more than one user may open
        with as_nobody():
            await half_lines(scene, 6)
            beyond = await scene.connect()
        assert (await line_from(beyond))["error"]["message"] == "too many connections"
        operator = await scene.connect()
        operator[1].write(GOOD)
        assert (await line_from(operator))["id"] == 7
        assert len(scene.server._connections) == 7


async def _ask_for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(GOOD * 100)
        await asyncio.wait_for(writer.drain(), HANG_S)


async def test_answers_that_nobody_takes_end_a_connection(tmp_path: Path) -> None:
    """A client that asks and never reads is let go, and holds no answers in memory."""
    async with serving(tmp_path) as scene:
        reader, writer = await scene.connect()
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # asyncio has no other way not to read
        with pytest.raises(ConnectionError):
            await _ask_for_ever(writer)
        assert not scene.server._connections
        assert scene.server._held.count == 0


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 900 + "1" + "}" * 900, "[" * DEPTH + "]" * DEPTH, '{"a":[{"b":' * 10 + "1" + "}]}" * 10],
    ids=["arrays", "900 deep", "one too deep", "mixed"],
)
def test_nested_request_is_refused_before_it_is_parsed(text: str) -> None:
    """Depth is counted over the whole line."""
    with pytest.raises(WireError, match="nested too deep"):
        parse_request((REQUEST % text).encode())


def test_brackets_in_texts_and_beside_each_other_are_no_depth() -> None:
    """Only what lies in each other counts."""
    text = json.dumps({"a": '"[[[[{{{{\\' * 50, "b": [[] for _ in range(500)], "\\": "["})
    request = parse_request((REQUEST % text).encode())
    assert json.loads(bytes(request.params))["limits"] == json.loads(text)


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"b":2,"a":3}', '{"a":1,"a" :1}', '{"b":[{"a":{},"a":[]}]}', r'{"a":1,"\u0061":2}', '{"":1,"":2}'],
    ids=["again", "with a space", "deep", "written otherwise", "empty"],
)
def test_key_that_stands_twice_is_refused_by_name(text: str) -> None:
    """Who reads the request before the gateway may take the other of the two."""
    with pytest.raises(WireError, match=r"the key `a?` stands twice in one object"):
        parse_request((REQUEST % text).encode())
    with pytest.raises(WireError, match="the key `method` stands twice"):
        parse_request(b'{"jsonrpc":"2.0","id":1,"method":"a","params":{},"method":"b"}')


def test_equal_keys_in_different_objects_and_equal_texts_are_no_key_twice() -> None:
    """Only what stands twice in one object."""
    text = '{"a":{"a":["a","a",{"a":"a"}]},"b":{"a":"x\\":\\""},"c":[{"d":1},{"d":2}]}'
    request = parse_request((REQUEST % text).encode())
    assert json.loads(bytes(request.params))["limits"] == json.loads(text)


@pytest.mark.parametrize("text", ["[],", '"",'], ids=["arrays", "texts"])
def test_request_of_more_parts_than_any_has_is_refused(text: str) -> None:
    """Counting their depth would hold the gateway up."""
    with pytest.raises(WireError):
        parse_request((REQUEST % f"[{text * PARTS}[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]").encode())


# the lines of one connection

TINY = Bounds(line_bytes=100, door_bytes=150, line_s=HANG_S)


def lines_of(data: bytes, door: HeldBytes, bounds: Bounds = TINY, *, ended: bool = True) -> Lines:
    """Return the lines of a connection that has sent this."""
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    if ended:
        reader.feed_eof()
    return Lines(reader, bounds, door)


async def test_lines_come_one_by_one_and_the_last_perhaps_without_its_end() -> None:
    """Each counts until the next is asked for."""
    door = HeldBytes(150)
    lines = lines_of(b"one\ntwo\nthree", door)
    assert [await lines.next() for _ in range(4)] == [b"one\n", b"two\n", b"three", b""]
    assert door.count == 0


@pytest.mark.parametrize(
    ("data", "ended", "bounds", "problem"),
    [
        (b"x" * 101, True, TINY, "longer than 100 bytes"),
        (b"x" * 160, True, TINY, "too much is being sent at once"),
        (b"x", False, Bounds(line_s=0.01), "did not end within 0.01 s"),
    ],
)
async def test_line_beyond_a_bound_is_refused_and_dropped(data: bytes, ended: bool, bounds: Bounds, problem: str) -> None:
    """Nothing of it counts any more."""
    door = HeldBytes(150)
    lines = lines_of(data, door, bounds, ended=ended)
    with pytest.raises(WireError, match=problem):
        await lines.next()
    lines.drop()
    assert door.count == 0


async def test_connection_is_idle_while_nothing_of_a_line_has_come() -> None:
    """From the first byte on it is in the middle of something."""
    reader = asyncio.StreamReader()
    lines = Lines(reader, TINY, HeldBytes(150))
    asking = asyncio.create_task(lines.next())
    await asyncio.sleep(0)
    before = lines.idle
    reader.feed_data(b"x")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (before, lines.idle) == (True, False)
    reader.feed_data(b"\n")
    assert await asking == b"x\n"


# another user of the machine


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Act as a user without any rights, where the tests run as root."""
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter and list."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("umask", [0o000, 0o022])
async def test_another_user_cannot_connect_wherever_the_socket_lies(umask: int, open_folder: Path) -> None:
    """The socket's own mode keeps others out, whatever the umask and the folder's mode."""
    before = os.umask(umask)
    try:
        serving = Serving(open_folder / "control.sock", SMALL)
        await serving.server.start()
    finally:
        os.umask(before)
    try:
        assert stat.S_IMODE(serving.path.stat().st_mode) == 0o600
        if os.getuid() == 0:
            with as_nobody(), socket.socket(socket.AF_UNIX) as client, pytest.raises(PermissionError):
                client.connect(str(serving.path))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(serving.path))
    finally:
        await serving.close()


async def test_another_user_finds_no_way_into_a_runtime_folder_that_the_gateway_makes(open_folder: Path) -> None:
    """It is closed: nobody can put a socket of their own in the place of the gateway's."""
    serving = Serving(open_folder / "run" / "control.sock", SMALL)
    before = os.umask(0)
    try:
        await serving.server.start()
    finally:
        os.umask(before)
    try:
        assert stat.S_IMODE(serving.path.parent.stat().st_mode) == 0o700
        if os.getuid() == 0:
            with as_nobody(), pytest.raises(PermissionError):
                serving.path.rename(open_folder / "run" / "other.sock")
    finally:
        await serving.close()
