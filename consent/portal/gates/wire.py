"""Connections to `portal.sock`, a few at once: one question at a time on each, with bounded answers; see ``consent.control``."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from consent.control import Failure
from consent.messages import JsonObject, encode

ANSWER_BYTES: Final = 4 * 1024 * 1024
"""The longest answer that is read."""


class GateReply(msgspec.Struct, frozen=True):
    """A line that the gateway answers; without an id it refuses a line, or a connection, of which it has carried out nothing."""

    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Failure | None = None


@dataclass(slots=True)
class GateConnection:
    """A connection.

    Attributes:
        has_sent: Whether a part of the present request may have reached the gateway.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    has_sent: bool = False
    _asked: int = 0

    @classmethod
    async def to(cls, path: Path) -> GateConnection:
        """Open one.

        Raises: OSError: nobody listens there.
        """
        return cls(*await asyncio.open_unix_connection(str(path), limit=ANSWER_BYTES))

    async def ask(self, request: JsonObject) -> GateReply:
        """Return the reply to a request.

        Raises: EOFError, OSError: the gateway has gone. ValueError: it answers without end, or something else.
            msgspec.DecodeError: what it says is no reply.
        """
        self._asked += 1
        line = encode({**request, "id": self._asked}) + b"\n"
        self.has_sent = True
        self.writer.write(line)
        await self.writer.drain()
        answer = await self.reader.readline()
        if not answer.endswith(b"\n"):
            raise EOFError
        reply = msgspec.json.decode(answer, type=GateReply)
        if reply.id is None and reply.error is not None:
            self.has_sent = False
            raise EOFError
        if reply.id != self._asked:
            raise ValueError("the answer to another question")
        return reply

    def close(self) -> None:
        """Close it, whatever is still to come."""
        self.writer.transport.abort()


@dataclass(slots=True)
class GateConnections:
    """Those that are free.

    Attributes:
        places: So many questions are asked at once.
    """

    path: Path
    places: asyncio.Semaphore
    _free: list[GateConnection] = field(default_factory=list)

    async def question(self, request: JsonObject) -> GateReply:
        """Ask on a free connection, or on a new one: the gateway may have closed the free one, or be another by now.

        Raises: as ``GateConnection.ask``.
        """
        async with self.places:
            while self._free:
                connection = self._free.pop()
                with contextlib.suppress(OSError, EOFError, ValueError):
                    return await self._asked_on(connection, request)
            return await self._asked_on(await GateConnection.to(self.path), request)

    async def change(self, request: JsonObject, sent: asyncio.Event) -> GateReply:
        """Ask on a new connection, on which nothing can be in the way; set ``sent`` where the gateway may have carried it out.

        Raises: as ``GateConnection.ask``.
        """
        async with self.places:
            connection = await GateConnection.to(self.path)
            sent.set()
            try:
                return await self._asked_on(connection, request)
            finally:
                if not connection.has_sent:
                    sent.clear()

    async def _asked_on(self, connection: GateConnection, request: JsonObject) -> GateReply:
        try:
            reply = await connection.ask(request)
        except BaseException:  # in time or not: what comes after this on the connection would be another question's
            connection.close()
            raise
        self._free.append(connection)
        return reply

    def close(self) -> None:
        """Close those that are free."""
        while self._free:
            self._free.pop().close()
