"""A door that says what a test makes it say, at a Unix socket: the gateway's side of what a portal asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from consent.messages import plain
from tests.support.portal import said_state

HOUR_MS = 3_600_000


@dataclass
class SpokenGateway:
    """A gateway that answers each line by `says`, and counts connections and questions.

    Attributes:
        says: (method, parameters) → the result, as plain data; bytes are sent as they are.
        may_answer: Questions wait for it.
        waiting: A question is waiting.
    """

    says: Callable[[str, Any], Any]
    asked: list[str] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    under_way: int = 0
    serving: set[asyncio.Task[None]] = field(default_factory=set)

    async def line(self, reader: asyncio.StreamReader) -> bytes:
        """Return the next line; empty where the other side has gone."""
        try:
            return await reader.readline()
        except ConnectionError:
            return b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        task = asyncio.current_task()
        assert task is not None
        self.serving.add(task)
        self.connections += 1
        self.writers.add(writer)
        try:
            while line := await self.line(reader):
                request = json.loads(line)
                self.asked.append(request["method"])
                self.under_way += 1
                self.most_at_once = max(self.most_at_once, self.under_way)
                self.waiting.set()
                await self.may_answer.wait()
                self.under_way -= 1
                said = self.says(request["method"], request["params"])
                answer = (
                    said
                    if isinstance(said, bytes)
                    else json.dumps({"jsonrpc": "2.0", "id": request["id"], **said}).encode() + b"\n"
                )
                writer.write(answer)
        finally:
            self.writers.discard(writer)
            writer.close()


@dataclass
class Now:
    """A monotonic clock that a test moves."""

    s: float = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.s


def well(method: str, params: Any) -> Any:
    """Answer as a gateway in order does."""
    if method == "public.state":
        return {"result": plain(said_state(now_ms=30 * HOUR_MS))}
    if method == "public.sensors":
        return {"result": {"sensors": []}}
    if method == "public.balance":
        day = params["day"] or "2026-11-28"
        return {"result": {"day": day, "until_ms": 0, "group": 15, "days": [], "accounts": {}, "steps": {}, "told": []}}
    return {"error": {"code": -32000, "message": "there is none", "data": {"exit_status": 2}}}


@asynccontextmanager
async def spoken(path: Path, says: Callable[[str, Any], Any] = well) -> AsyncIterator[SpokenGateway]:
    """Serve a gateway that may answer at once."""
    gateway = SpokenGateway(says)
    gateway.may_answer.set()
    server = await asyncio.start_unix_server(gateway.serve, path, limit=1 << 24)
    try:
        yield gateway
    finally:
        server.close()
        gateway.may_answer.set()
        for writer in list(gateway.writers):
            writer.transport.abort()
        await server.wait_closed()
        await asyncio.gather(*gateway.serving, return_exceptions=True)
