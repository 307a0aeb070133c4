"""The control socket: serves a door over a Unix socket, one request a line; an answer means committed and in force.

Whoever may connect can do no harm by it: a line and all lines together have a bound, a line that has begun must end in
time, an answer must be taken in time, and so many connections may stand and no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from consent.control import INVALID_REQUEST, LINE_BYTES, REFUSED, WireError, answered, parse_request, refused
from consent.messages import Result
from gateway.errors import OperatorError, SluiceError
from gateway.files import unusable

PIECE_BYTES = 64 * 1024

Answer = Callable[[str, msgspec.Raw], Awaitable[Result]]
"""(method, parameters) → answer; raises ``SluiceError`` to refuse."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What connections may use of the gateway, together or each.

    Attributes:
        line_bytes: The longest line.
        door_bytes: All lines that are being read or answered, together.
        connections: How many there may be at once.
        line_s: How long a line may take from its first byte to its end.
        answer_s: How long an answer may wait to be taken.
    """

    line_bytes: int = LINE_BYTES
    door_bytes: int = 2 * LINE_BYTES
    connections: int = 64
    line_s: float = 10.0
    answer_s: float = 60.0


class ControlServer:
    """Serves one socket."""

    def __init__(self, path: Path, answer: Answer, bounds: Bounds | None = None) -> None:
        """Name the socket's path; ``start`` binds it."""
        self._path = path
        self._answer = answer
        self._bounds = bounds or Bounds()
        self._held_bytes = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Bind the socket with mode 0600; one left behind by a process that is gone is replaced.

        Raises: OperatorError: the path cannot be used.
        """
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()  # the state folder's lock says that no other gateway serves here
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            before = os.umask(0o177)
            try:
                listener.bind(str(self._path))
            finally:
                os.umask(before)
            self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=PIECE_BYTES)
        except OSError as error:
            raise OperatorError(f"`{self._path}`: cannot listen: {unusable(self._path.parent, error)}") from error

    async def close(self) -> None:
        """Stop serving and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        await asyncio.sleep(0)  # the last answers go out
        for writer in list(self._writers):
            writer.close()
        await self._server.wait_closed()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        lines = _Lines(self, reader)
        try:
            if len(self._writers) > self._bounds.connections:
                raise WireError(INVALID_REQUEST, "too many connections")
            while line := await lines.next():
                await self._write(writer, await self._answer_to(line))
                await asyncio.sleep(0)  # the loop's turn: whoever sends line upon line holds nobody up
        except WireError as error:
            lines.drop()
            with contextlib.suppress(ConnectionError, TimeoutError):
                await self._write(writer, refused(None, error.code, str(error)))
        except (ConnectionError, TimeoutError):  # gone, or it takes no answer
            writer.transport.abort()
        finally:
            lines.drop()
            self._writers.discard(writer)
            writer.close()

    async def _write(self, writer: asyncio.StreamWriter, line: bytes) -> None:
        writer.write(line)
        async with asyncio.timeout(self._bounds.answer_s):
            await writer.drain()

    async def _answer_to(self, line: bytes) -> bytes:
        try:
            request = parse_request(line)
        except WireError as error:
            return refused(None, error.code, str(error))
        try:
            result = await self._answer(request.method, request.params)
        except SluiceError as error:
            return refused(request.id, REFUSED, str(error), error.exit_status)
        return answered(request.id, result)

    # what lines may use

    def hold(self, count: int) -> None:
        """Count bytes of a line that is being read or answered.

        Raises: WireError: all such lines together are too long.
        """
        self._held_bytes += count
        if self._held_bytes > self._bounds.door_bytes:
            raise WireError(INVALID_REQUEST, "too much is being sent at once")

    def release(self, count: int) -> None:
        """Count bytes no more."""
        self._held_bytes -= count

    @property
    def bounds(self) -> Bounds:
        """Return what connections may use."""
        return self._bounds


class _Lines:
    """The lines of one connection, read piece by piece."""

    def __init__(self, server: ControlServer, reader: asyncio.StreamReader) -> None:
        self._server = server
        self._reader = reader
        self._held = bytearray()
        self._taken_bytes = 0

    async def next(self) -> bytes:
        """Return the next line, the last one perhaps without its end; empty where nothing is left. The one before is done with.

        Raises: WireError: it is too long or takes too long.
        """
        bounds = self._server.bounds
        self._give_back()
        if not self._held and not await self._read():
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
        piece = await self._reader.read(PIECE_BYTES)
        self._held += piece
        self._server.hold(len(piece))
        return bool(piece)

    def _give_back(self) -> None:
        self._server.release(self._taken_bytes)
        self._taken_bytes = 0

    def drop(self) -> None:
        """Forget what was read."""
        self._give_back()
        self._server.release(len(self._held))
        self._held.clear()
