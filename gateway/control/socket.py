"""The control socket: serves a door over a Unix socket, one request a line; an answer means committed and in force.

Whoever may connect can do no harm by it: a line and all lines together have a bound, a line that has begun must end in
time, an answer must be taken in time, and so many connections may stand and no more. A connection on which nothing is asked may
stand as long as nobody needs its place: the one that has been idle longest gives way to a new one. One user's connections leave
some places to the others, so that root finds one whatever the gateway's own user does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from consent.control import (
    CODES,
    INVALID_REQUEST,
    LINE_BYTES,
    REFUSED,
    ControlRequest,
    WireError,
    answered,
    parse_request,
    refused,
)
from consent.messages import Result
from gateway.errors import OperatorError, SluiceError
from gateway.files import unusable

PIECE_BYTES = 64 * 1024
_PEER_CREDENTIALS = struct.Struct("=iII")  # `struct ucred` of Linux: process, user, group

Answer = Callable[[ControlRequest], Awaitable[Result | msgspec.Raw]]
"""request → answer, or its JSON; raises ``SluiceError`` to refuse."""
Connect = Callable[[], AbstractContextManager[Answer]]
"""Called for each connection: what answers its requests; left when it closes, whichever side has closed it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What connections may use of the gateway, together or each.

    Attributes:
        line_bytes: The longest line.
        door_bytes: All lines that are being read or answered, together.
        connections: How many there may be at once.
        user_connections: How many of them may be of one user.
        line_s: How long a line may take from its first byte to its end.
        answer_s: How long an answer may wait to be taken.
    """

    line_bytes: int = LINE_BYTES
    door_bytes: int = 2 * LINE_BYTES
    connections: int = 64
    user_connections: int = 48
    line_s: float = 10.0
    answer_s: float = 60.0


_PUBLIC_LINE_BYTES = 12 * 1024
PUBLIC_BOUNDS = Bounds(
    line_bytes=_PUBLIC_LINE_BYTES,
    door_bytes=32 * 2 * _PUBLIC_LINE_BYTES,
    connections=32,
    user_connections=24,
    line_s=5.0,
    answer_s=10.0,
)
"""Of a door for anyone: the longest question is a new passkey's registration, of some kilobytes where its key is of RSA; and
every connection may hold two of them at once."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may open a socket, by the modes of the socket and of the folder that is made for it."""

    socket_mode: int
    folder_mode: int


OWNER_ALONE = Access(0o600, 0o700)
OWNER_AND_GROUP = Access(0o660, 0o750)


class ControlServer:
    """Serves one socket."""

    def __init__(self, path: Path, connect: Connect, bounds: Bounds | None = None, access: Access = OWNER_ALONE) -> None:
        """Name the socket's path; ``start`` binds it."""
        self._path = path
        self._connect = connect
        self._bounds = bounds or Bounds()
        self._access = access
        self._held = HeldBytes(self._bounds.door_bytes)
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.StreamWriter, _Connection] = {}  # those idle longest first

    async def start(self) -> None:
        """Bind the socket with its mode; one left behind by a process that is gone is replaced.

        Raises: OperatorError: the path cannot be used.
        """
        try:
            self._make_folder()
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()  # the state folder's lock says that no other gateway serves here
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            before = os.umask(0o777 & ~self._access.socket_mode)
            try:
                listener.bind(str(self._path))
            finally:
                os.umask(before)
            limit = min(PIECE_BYTES, self._bounds.line_bytes)
            self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=limit)
        except OSError as error:
            raise OperatorError(f"`{self._path}`: cannot listen: {unusable(self._path.parent, error)}") from error

    def _make_folder(self) -> None:
        """Make the socket's folder where there is none; one that is for others too gets its mode whatever the process masks."""
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._access is not OWNER_ALONE:
            folder.chmod(self._access.folder_mode)

    async def close(self) -> None:
        """Stop serving and remove the socket; what is still being done for a connection is given up, and has ended by then."""
        if self._server is None:
            return
        self._server.close()
        await asyncio.sleep(0)  # the last answers go out
        at_work = [connection.task for connection in self._connections.values() if connection.answers]
        for writer in list(self._connections):
            writer.close()
        for task in at_work:
            task.cancel()
        await asyncio.gather(*at_work)
        await self._server.wait_closed()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = Lines(reader, self._bounds, self._held)
        task = asyncio.current_task()
        assert task is not None
        connection = _Connection(_peer_user(writer), lines, task)
        try:
            self._make_room(connection.user)
            self._connections[writer] = connection
            with self._connect() as answer:
                while line := await lines.next():
                    connection.answers = True
                    reply = await _answer_to(line, answer)
                    connection.answers = False
                    await self._write(writer, reply)
                    self._connections[writer] = self._connections.pop(writer)  # the last to be idle
                    await asyncio.sleep(0)  # the loop's turn: whoever sends line upon line holds nobody up
        except WireError as error:
            lines.drop()
            with contextlib.suppress(ConnectionError, TimeoutError):
                await self._write(writer, refused(None, error.code, str(error)))
        except (ConnectionError, TimeoutError):  # gone, or it takes no answer
            writer.transport.abort()
        except asyncio.CancelledError:  # the process is ending; asyncio would print a traceback of it
            writer.transport.abort()
        finally:
            lines.drop()
            self._connections.pop(writer, None)
            writer.close()

    def _make_room(self, user: int) -> None:
        """Make room for one more connection, by ending one that is idle.

        Raises: WireError: none is.
        """
        own = [writer for writer, connection in self._connections.items() if connection.user == user]
        if len(own) >= self._bounds.user_connections:
            among = own
        elif len(self._connections) >= self._bounds.connections:
            among = list(self._connections)
        else:
            return
        for writer in among:
            if self._connections[writer].lines.idle:
                del self._connections[writer]
                _end(writer)
                return
        raise WireError(INVALID_REQUEST, "too many connections")

    async def _write(self, writer: asyncio.StreamWriter, line: bytes) -> None:
        writer.write(line)
        async with asyncio.timeout(self._bounds.answer_s):
            await writer.drain()


@dataclass(slots=True)
class _Connection:
    """A connection, whose it is, the task that serves it, and whether a request of it is being answered."""

    user: int
    lines: Lines
    task: asyncio.Task[None]
    answers: bool = False


async def _answer_to(line: bytes, answer: Answer) -> bytes:
    try:
        request = parse_request(line)
    except WireError as error:
        return refused(None, error.code, str(error))
    try:
        result = await answer(request)
    except SluiceError as error:
        code = CODES.get(error.reason, REFUSED)
        return refused(request.id, code, str(error), error.exit_status, error.lines, error.reason)
    return answered(request.id, result)


def _end(writer: asyncio.StreamWriter) -> None:
    """End an idle connection, with a word if it is read at once."""
    writer.write(refused(None, INVALID_REQUEST, "this connection was idle, and another needed its place"))
    if writer.transport.get_write_buffer_size():
        writer.transport.abort()
    else:
        writer.close()


def _peer_user(writer: asyncio.StreamWriter) -> int:
    """Return the user at the other end; our own where the system does not tell."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return os.getuid()
    credentials = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, option, _PEER_CREDENTIALS.size)
    user: int = _PEER_CREDENTIALS.unpack(credentials)[1]
    return user


class HeldBytes:
    """The bytes of all lines that are being read or answered at a door.

    Attributes:
        count: How many there are.
    """

    def __init__(self, most: int) -> None:
        """Begin with none, of so many at most."""
        self.count = 0
        self._most = most

    def hold(self, count: int) -> None:
        """Count more.

        Raises: WireError: all lines together are too long.
        """
        self.count += count
        if self.count > self._most:
            raise WireError(INVALID_REQUEST, "too much is being sent at once")

    def release(self, count: int) -> None:
        """Count so many no more."""
        self.count -= count


class Lines:
    """The lines of one connection, read piece by piece.

    Attributes:
        idle: Whether a line is awaited of which nothing has come.
    """

    def __init__(self, reader: asyncio.StreamReader, bounds: Bounds, door: HeldBytes) -> None:
        """Read from ``reader``; what is held counts at the ``door``."""
        self._reader = reader
        self._bounds = bounds
        self._door = door
        self._held = bytearray()
        self._taken_bytes = 0
        self.idle = False

    async def next(self) -> bytes:
        """Return the next line, the last one perhaps without its end; empty where nothing is left. The one before is done with.

        Raises: WireError: it is too long or takes too long.
        """
        bounds = self._bounds
        self._give_back()
        if not self._held:
            self.idle = True
            came = await self._read()
            self.idle = False
            if not came:
                return b""
        looked_at = 0
        try:
            async with asyncio.timeout(bounds.line_s):
                while (end := self._held.find(b"\n", looked_at)) < 0:
                    looked_at = len(self._held)
                    if looked_at > bounds.line_bytes:
                        raise WireError(INVALID_REQUEST, f"the line is longer than {bounds.line_bytes} bytes")
                    if not await self._read():
                        end = looked_at - 1
                        break
        except TimeoutError as error:
            raise WireError(INVALID_REQUEST, f"the line did not end within {bounds.line_s:g} s") from error
        line = bytes(self._held[: end + 1])
        del self._held[: end + 1]
        self._taken_bytes = len(line)
        return line

    async def _read(self) -> bool:
        piece = await self._reader.read(min(PIECE_BYTES, self._bounds.line_bytes))
        self._held += piece
        self._door.hold(len(piece))
        return bool(piece)

    def _give_back(self) -> None:
        self._door.release(self._taken_bytes)
        self._taken_bytes = 0

    def drop(self) -> None:
        """Forget what was read."""
        self._give_back()
        self._door.release(len(self._held))
        self._held.clear()
