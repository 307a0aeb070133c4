"""The rest of the log compared while the gateway runs; what it finds is in tests/crash/test_log_recovery.py."""

from __future__ import annotations

import asyncio
import errno
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.edge.publisher import Publisher
from tests.support.inside import started
from tests.support.live import LiveGateway
from tests.support.long_log import lengthen

SIZE = 600


@pytest.fixture
def compared(tmp_path: Path) -> LiveGateway:
    """Return a gateway after a start that has compared its whole log."""
    live = LiveGateway(tmp_path, 1)

    async def start() -> None:
        async with started(live):
            pass

    asyncio.run(start())
    lengthen(live, SIZE)
    asyncio.run(start())
    return live


def test_rest_that_is_as_it_was_is_reported_once(compared: LiveGateway) -> None:
    """From the log's beginning to the last full tile before the start; the start after it continues from there too."""

    async def work() -> None:
        async with started(compared) as durable:
            with capture_logs() as logged:
                await durable.compare_rest()
            (reported,) = [each["log_entries"] for each in logged if "from its beginning" in each["event"]]
            assert SIZE <= reported <= durable.state.log.size

    for _ in range(2):
        asyncio.run(work())


def test_full_disk_leaves_lost_labels_for_later_and_ends_nothing(compared: LiveGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """As at a start: the line says so, and nothing else stops."""
    shutil.rmtree(compared.place.log / "labels")

    def no_room(_: Publisher, files: Mapping[str, bytes]) -> None:
        if files:
            raise OSError(errno.ENOSPC, "no room")

    async def work() -> None:
        async with started(compared) as durable:
            monkeypatch.setattr(Publisher, "put_back", no_room)
            with capture_logs() as logged:
                await durable.compare_rest()
            assert [each["event"] for each in logged] == ["disk full: files that the published log has lost are not back"]
            monkeypatch.undo()
            await durable.compare_rest()

    asyncio.run(work())
    assert len(list((compared.place.log / "labels").iterdir())) == len(range(3, SIZE, 2))
