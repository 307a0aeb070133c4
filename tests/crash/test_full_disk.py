"""A disk without room: readings wait at the broker, a withdrawal is committed in the room set aside, and all goes on afterwards.

The disk is full as SQLite and the operating system say it, at the places where they say it (``test_disk_errors`` has the
kernel say so); the ballast is a real file.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from consent.messages import plain
from gateway import app as gateway_app
from gateway.audit.log import folder as audit_folder
from gateway.audit.verify.verify import verify_folder
from gateway.commands.gateway import status_text
from gateway.control.status import status
from gateway.core.mqtt.events import Frame
from gateway.durable.state import Durable
from gateway.edge import publisher as edge_publisher
from gateway.edge.broker_terms import BrokerTerms
from gateway.edge.store import disk_space as edge_disk_space
from gateway.edge.store.store import BALLAST_FILE
from gateway.edge.store.writing import StoreWriter
from gateway.errors import DiskFullError
from gateway.files import replace_file
from tests.crash.scene import MIDNIGHT_MS
from tests.crash.street import ZONES
from tests.crash.town import POLICIES, SCOPE
from tests.support.asking import ask, call
from tests.support.inside import SetClock, assembled, running, started, until
from tests.support.live import LiveGateway
from tests.support.ports import free_port
from tests.support.waiting import HANG_S

RETRY_S = 0.01


class FullDisk:
    """A disk that is full or not, as the test says; freeing the ballast makes room.

    Attributes:
        full: Whether it is.
        tables: Those that were written to, in order, since the test began.
    """

    def __init__(self, state: Path, patch: pytest.MonkeyPatch) -> None:
        self.full = False
        self.tables: list[str] = []
        self._ballast = state / BALLAST_FILE
        write, fill, replace = StoreWriter._write, edge_disk_space.DiskSpace._fill, replace_file

        async def write_if_room(writer: StoreWriter, statements: list[Any]) -> None:
            if self.full and self._ballast.exists():
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            await write(writer, statements)
            self.tables += [sql.split()[2] for sql, _ in statements]

        def fill_if_room(room: edge_disk_space.DiskSpace) -> None:
            if self.full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            fill(room)

        def replace_if_room(target: Path, data: bytes, mode: int) -> None:
            if self.full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
            replace(target, data, mode)

        patch.setattr(StoreWriter, "_write", write_if_room)
        patch.setattr(edge_disk_space.DiskSpace, "_fill", fill_if_room)
        patch.setattr(audit_folder, "replace_file", replace_if_room)
        for module in (edge_disk_space, edge_publisher):
            patch.setattr(module, "FULL_DISK_RETRY_S", RETRY_S)
        patch.setattr(gateway_app, "INTAKE_RETRY_S", RETRY_S)

    def has_ballast(self) -> bool:
        """Say whether the ballast is in its place."""
        return self._ballast.exists()


class QueuedLink:
    """A connection to a broker at which frames wait.

    Attributes:
        frames: Not taken yet.
        acknowledged: Their packet ids, in order.
    """

    connected = True
    problem = None
    terms = BrokerTerms()
    counters: Counter[str] = Counter()  # noqa: RUF012  never changed

    def __init__(self, frames: Iterable[Frame]) -> None:
        self.frames = list(frames)
        self.acknowledged: list[int] = []

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """It has none."""
        return ()

    def unsubscribe(self, patterns: Sequence[str]) -> None:
        """There is nothing to end."""

    @property
    def silent_s(self) -> float:
        """It has just been heard."""
        return 0.0

    def mark(self) -> None:
        """Nothing waits behind it."""

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self.frames)

    def rest(self, seconds: float) -> None:
        """Whatever comes is there at once."""

    def take_frames(self, limit: int) -> list[Frame]:
        """Hand over the oldest."""
        taken, self.frames = self.frames[:limit], self.frames[limit:]
        return taken

    def acknowledge(self, packet_ids: Sequence[int], generation: int) -> None:
        """Take note."""
        self.acknowledged += packet_ids

    async def run(self) -> None:
        """Stay connected."""
        await asyncio.Event().wait()


@pytest.fixture
def live(tmp_path: Path) -> LiveGateway:
    """Return a gateway that has never run."""
    return LiveGateway(tmp_path, free_port(), policies=POLICIES, tick_ms=50)


@pytest.fixture
def disk(live: LiveGateway, monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    """Return its disk, which has room."""
    return FullDisk(live.place.state, monkeypatch)


def frames(first: int, count: int) -> list[Frame]:
    """Return frames of readings."""
    payload = b'{"t":%d,"seq":%d,"boot":1,"count":3}'
    return [
        Frame("t/gate", payload % (MIDNIGHT_MS // 1000, n), n, duplicate=False, retain=False, generation=1)
        for n in range(first, first + count)
    ]


def consented(durable: Durable) -> str:
    """Register a public device, and a household that consents; return its id."""
    gate = {"profile": "footfall", "zone": ZONES[0], "topic": "t/gate", "owner": "city", "subject": "none"}
    home = {"profile": "home", "zone": ZONES[0], "topic": "t/home", "owner": "resident", "subject": "new"}
    added = call(durable, "device.add", {"devices": [gate, home]})
    subject: str = added["devices"][1]["subject"]
    call(durable, "consent.grant", {"subject": subject, "scope": SCOPE})
    return subject


async def test_full_disk_readings_wait_and_a_withdrawal_is_committed_in_the_room_set_aside(
    live: LiveGateway, disk: FullDisk, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is acknowledged that is not durable, nothing is released, status says so; with room again, all goes its way."""
    async with started(live, SetClock(MIDNIGHT_MS)) as durable:
        subject = consented(durable)
        await durable.commit()
        link = QueuedLink(frames(1, 3))
        app = assembled(durable, link=link)
        async with running(app):
            await app.ask(dict)
            disk.full = True
            app._batch_now()
            await until(lambda: durable.store.disk_space.waits)
            await asyncio.sleep(5 * RETRY_S)
            assert disk.has_ballast()
            assert link.acknowledged == []
            assert "FULL: withholding" in status_text(await ask(app, "status"))
            withdrawal = ask(app, "consent.withdraw", {"subject": subject, "scope": SCOPE})
            withdrawn = await asyncio.wait_for(withdrawal, HANG_S)
            assert not disk.has_ballast()
            assert link.acknowledged == [1, 2, 3]  # what had been taken went before it
            assert withdrawn["log_index"] < durable.state.log.size
            size, link.frames = durable.state.log.size, frames(4, 3)
            app._batch_now()
            await asyncio.sleep(20 * RETRY_S)
            assert (link.acknowledged, durable.state.log.size) == ([1, 2, 3], size), "readings used the room set aside"
            disk.full = False
            await until(lambda: link.acknowledged == [1, 2, 3, 4, 5, 6])
            assert disk.has_ballast()
            await until(lambda: "has room" in status_text(plain(status(app, 0))))
    printed = "".join(capfd.readouterr())  # where it is logged to, another test may have set
    assert printed.count("disk full, withholding until there is room") == 1
    assert printed.count("room again: going on") == 1


async def test_full_disk_asked_to_end_ends_with_a_line_and_commits_nothing_more(live: LiveGateway, disk: FullDisk) -> None:
    """It does not wait for room for ever; the broker has what was not acknowledged."""
    async with started(live, SetClock(MIDNIGHT_MS)) as durable:
        consented(durable)
        await durable.commit()
        link = QueuedLink(frames(1, 3))
        app = assembled(durable, link=link)
        task = asyncio.create_task(app.run())
        await app.ask(dict)
        disk.full = True
        app._batch_now()
        await until(lambda: durable.store.disk_space.waits)
        app.stop()
        with pytest.raises(DiskFullError, match="the disk is full"):
            await asyncio.wait_for(task, HANG_S)
        assert link.acknowledged == []
        disk.full = False


def test_full_disk_start_and_withdrawal_from_a_shell_still_go_through(live: LiveGateway, disk: FullDisk) -> None:
    """Where no gateway runs, the command does the same itself, in the same room."""
    row = {"profile": "home", "zone": ZONES[0], "topic": "t/home", "owner": "resident", "subject": "new"}
    subject = live.add_devices([row])[0]["subject"]
    live.offline([("consent.grant", {"subject": subject, "scope": SCOPE})])
    disk.full = True
    (withdrawn,) = live.offline([("consent.withdraw", {"subject": subject, "scope": SCOPE})])
    assert not disk.has_ballast()
    disk.full = False
    live.offline([])
    assert disk.has_ballast()
    report = live.verify()
    assert report.ok, report.to_text()
    assert report.size is not None
    assert report.size > withdrawn["log_index"]


async def test_full_log_folder_delays_publication_and_loses_none_of_it(live: LiveGateway, disk: FullDisk) -> None:
    """Publications are put together while they wait; what is published then verifies, past the end of a tile."""
    async with started(live, SetClock(MIDNIGHT_MS)) as durable:
        before = (live.place.log / "checkpoint").read_bytes()
        task = asyncio.create_task(durable.publisher.run())
        disk.full = True
        disk._ballast.unlink()  # the database lies on another disk
        for _ in range(300):
            durable.state.log.checkpoint(durable.state.ledger, MIDNIGHT_MS, heartbeat=True)
            if durable.state.log.size % 20 == 0:
                await durable.commit()
                await asyncio.sleep(0)
        await durable.commit()
        await until(lambda: durable.publisher.full)
        assert (live.place.log / "checkpoint").read_bytes() == before
        assert not await durable.publisher.drained()
        disk.full = False
        await until(lambda: not durable.publisher.full)
        task.cancel()
    report = verify_folder(live.place.log, live.vkey, live.place.openings)
    assert report.ok, report.to_text()
    assert report.size is not None
    assert report.size > 300


async def test_failing_log_folder_ends_the_run_and_nothing_is_published_after(
    live: LiveGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any error of the disk but want of room: a later checkpoint would cover files that are not there."""
    async with started(live, SetClock(MIDNIGHT_MS)) as durable:
        before = (live.place.log / "checkpoint").read_bytes()

        def fail(target: Path, data: bytes, mode: int) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(target))

        app = assembled(durable)
        monkeypatch.setattr(audit_folder, "replace_file", fail)
        task = asyncio.create_task(app.run())
        durable.state.log.checkpoint(durable.state.ledger, MIDNIGHT_MS, heartbeat=True)
        await durable.commit()
        with pytest.raises(OSError, match="Input/output error"):
            await asyncio.wait_for(task, HANG_S)
        monkeypatch.setattr(audit_folder, "replace_file", replace_file)
    assert (live.place.log / "checkpoint").read_bytes() == before
