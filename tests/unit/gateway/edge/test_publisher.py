"""The publisher: where the disk fails, it publishes nothing more, and the run ends with that whoever has found it."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from gateway.audit.log.notes import Signer
from gateway.edge.publisher import Publication, Publisher

SIGNER = Signer("test.example/log", bytes(32))


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS])
async def test_failure_that_a_request_has_found_ends_the_run_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A backup and an erasure have everything written that waits: their failure must not be the last that is heard of the log."""
    publisher = Publisher(tmp_path / "log", None, SIGNER.verifier)
    running = asyncio.create_task(publisher.run())

    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(publisher.log, "publish", fails)
    with publisher._changing:
        publisher._waiting = Publication({}, b"")
    with pytest.raises(OSError, match=os.strerror(number)):
        await publisher.drained()
    with pytest.raises(OSError, match=os.strerror(number)):
        await asyncio.wait_for(running, 60)
