"""A process that writes a log: a gateway's state that commits some entries, publishes, and says after each commit how far it is.

Run by ``test_disk_errors`` under a tracer that lets a system call fail. What it says goes out by ``writev``, which nothing else
here uses, so that the tracer can tell it from what is written to files.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

import structlog

from gateway.config import load_config
from gateway.durable.configured import start
from gateway.durable.state import ended_by_the_disk
from gateway.edge.keys.keyring import load_keys
from gateway.edge.store import disk_space, store
from gateway.errors import SluiceError
from tests.support.checking import check_here

COMMITS = 2
RETRY_S = 0.02
MOST_TRIES = 100


class _Line:
    """A stream that hands each text on in one ``writev``."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, text: str) -> None:
        os.writev(self._descriptor, [text.encode()])

    def flush(self) -> None:
        """Nothing is held back."""


_STDOUT, _STDERR = _Line(1), _Line(2)


async def write(config: Path) -> None:
    """Commit and publish a few times, and say how many entries are durable."""
    place = load_config(config)
    durable = await start(place, load_keys(place.keys), check=check_here)
    try:
        for _ in range(COMMITS):
            durable.state.ledger.add("frames.received")
            durable.state.ledger.add("frames.admitted")
            durable.state.log.checkpoint(durable.state.ledger, time.time_ns() // 1_000_000)
            await durable.commit()
            _STDOUT.write(f"{durable.state.log.size}\n")
            for _ in range(MOST_TRIES):
                if durable.publisher.write_waiting():
                    break
                await asyncio.sleep(RETRY_S)
    finally:
        await durable.close()


def main() -> int:
    """Write, and say in one line why it could not go on."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    config: Path = parser.parse_args().config
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(_STDERR),  # type: ignore[arg-type]  # it writes and flushes
    )
    disk_space.FULL_DISK_RETRY_S = RETRY_S
    store.BALLAST_BYTES = 4096
    try:
        with ended_by_the_disk(load_config(config)):
            asyncio.run(write(config))
    except SluiceError as error:
        _STDERR.write(f"sluice: {error}\n")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
