"""Witnesses in the test's own process: honest ones, and every kind that is slow, silent, wrong or malicious."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gateway.audit.log.cosignature import Cosigner
from gateway.audit.log.submission import Answer, LogWitness, Seen, Submission

NOW_S = 1_800_000_000
Respond = Callable[["LocalWitness", bytes, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class LocalWitness:
    """A witness on a free port.

    Attributes:
        cosigner: Its key.
        witness: Its judgement.
        respond: What it does with a request; `honest` by default.
        bodies: The requests that came.
    """

    cosigner: Cosigner
    witness: LogWitness
    respond: Respond
    port: int = 0
    seen: dict[str, Seen] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its submission prefix."""
        return f"http://127.0.0.1:{self.port}/witness"

    @property
    def old_sizes(self) -> list[int]:
        """What the requests said that the witness had."""
        return [Submission.parse(body).old_size for body in self.bodies]

    def judge(self, body: bytes) -> Answer:
        """Judge and remember."""
        answer = self.witness.add_checkpoint(body, self.seen, NOW_S)
        if answer.seen is not None:
            self.seen[Submission.parse(body).checkpoint.origin] = answer.seen
        return answer


@asynccontextmanager
async def serving(witness: LocalWitness, tls: ssl.SSLContext | None = None) -> AsyncIterator[LocalWitness]:
    """Let it listen."""
    tasks = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            assert head.startswith(b"POST /witness/add-checkpoint HTTP/1.1\r\n")
            witness.bodies.append(await reader.readexactly(length))
            await witness.respond(witness, witness.bodies[-1], writer)
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", witness.port, ssl=tls)
    witness.port = server.sockets[0].getsockname()[1]
    try:
        yield witness
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def reply(status: int, body: bytes, headers: str = "") -> bytes:
    """Return an answer of HTTP."""
    return f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


async def honest(witness: LocalWitness, body: bytes, writer: asyncio.StreamWriter) -> None:
    """Answer as the protocol wants."""
    answer = witness.judge(body)
    writer.write(reply(answer.status, answer.body, f"Content-Type: {answer.content_type}\r\n"))
    await writer.drain()


def saying(data: bytes) -> Respond:
    """Answer the same to everybody, and hang up."""

    async def respond(_: LocalWitness, __: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()

    return respond


def rewritten(rewrite: Callable[[Answer], bytes]) -> Respond:
    """Judge like an honest one, and answer something else."""

    async def respond(witness: LocalWitness, body: bytes, writer: asyncio.StreamWriter) -> None:
        await saying(rewrite(witness.judge(body)))(witness, body, writer)

    return respond


async def silent(witness: LocalWitness, body: bytes, writer: asyncio.StreamWriter) -> None:
    """Take the request, and say nothing for ever."""
    await asyncio.Event().wait()


async def dripping(witness: LocalWitness, body: bytes, writer: asyncio.StreamWriter) -> None:
    """Send an answer without end, a byte at a time."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X")
        await asyncio.sleep(0.01)


async def flooding(witness: LocalWitness, body: bytes, writer: asyncio.StreamWriter) -> None:
    """Send an answer without end, as fast as it goes."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(bytes(1 << 16))
        await writer.drain()
