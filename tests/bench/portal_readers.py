"""Readers of the portal for its bench, in a process of their own: each opens a page, reads it for a while, and opens the next.

Each comes from an address of its own on the loopback network, as a hundred visitors do. What went wrong is counted and printed at
the end, as JSON, when the process is told to end.

    python -m tests.bench.portal_readers PORT READERS PAUSE_S PATH...
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

_ANSWER_S: Final = 30.0
_FIRST_HOST: Final = 2
"""127.0.0.2 and the addresses after it are all this machine."""


@dataclass(slots=True)
class Readings:
    """What the readers have got.

    Attributes:
        pages: Whole pages with status 200.
        failures: What came instead, and how often.
    """

    pages: int = 0
    failures: dict[str, int] = field(default_factory=dict)

    def fail(self, what: str) -> None:
        """Count something else than a page."""
        self.failures[what] = self.failures.get(what, 0) + 1


async def read(port: int, number: int, pause_s: float, paths: Sequence[str], got: Readings) -> None:
    """Be one reader, until cancelled; all open their first page at once."""
    chance = random.Random(number)
    while True:
        try:
            async with asyncio.timeout(_ANSWER_S):
                status = await _status(port, f"127.0.0.{_FIRST_HOST + number % 250}", chance.choice(paths))
            if status == 200:
                got.pages += 1
            else:
                got.fail(f"status {status}")
        except (OSError, TimeoutError, EOFError) as error:
            got.fail(type(error).__name__)
        await asyncio.sleep(pause_s * chance.uniform(0.5, 1.5))


async def _status(port: int, host: str, path: str) -> int:
    """Ask for a page as a browser does that comes anew; return the status of a whole answer, 0 of half of one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))
    try:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        answer = await reader.read(-1)
        begin, _, body = answer.partition(b"\r\n\r\n")
        lengths = [line.partition(b":")[2] for line in begin.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return int(begin.split(b" ", 2)[1]) if lengths and int(lengths[0]) == len(body) else 0
    finally:
        writer.close()


async def _run(port: int, readers: int, pause_s: float, paths: Sequence[str]) -> Readings:
    got, stop = Readings(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tasks = [asyncio.create_task(read(port, number, pause_s, paths, got)) for number in range(readers)]
    print("reading", flush=True)
    await stop.wait()
    while not got.pages and not got.failures:  # noqa: ASYNC110  on a busy machine the first page may take longer than a turn
        await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return got


def main(arguments: Sequence[str]) -> None:
    """Read until told to end."""
    port, readers, pause_s, *paths = arguments
    got = asyncio.run(_run(int(port), int(readers), float(pause_s), paths))
    print(json.dumps({"pages": got.pages, "failures": got.failures}))


if __name__ == "__main__":
    main(sys.argv[1:])
