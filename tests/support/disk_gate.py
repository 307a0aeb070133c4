"""A gateway on a real disk without broker or city: the core driven by hand, every commit in its database, its log published.

For tests that must look at each byte it leaves, at any moment. Its clock stands until it is set; what would go to a sink is kept
by the test. ``copy_of`` gives the disk as a kill at this instant would leave it.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from gateway.audit.verify.report import Report
from gateway.config import load_config
from gateway.core import pipeline
from gateway.core.changes import changes
from gateway.core.inflight import ReadyBundle
from gateway.core.mqtt.events import Frame
from gateway.core.release.bundle import ROWS_BYTES, advance_watermark, bundle_acknowledged, bundle_sent, form_bundle
from gateway.core.release.records import epoch_day
from gateway.durable.configured import start
from gateway.durable.state import Durable
from gateway.edge.keys.keyring import load_keys
from gateway.edge.store.database import DATABASE_FILE
from gateway.edge.store.store import BALLAST_FILE
from gateway.recipient.opening import open_bundle
from gateway.recipient.records import Record
from tests.support.asking import Answer, begin
from tests.support.checking import check_here
from tests.support.gate import FILES, HOUR_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, TOWN
from tests.support.live import LiveGateway

CLOCK = """
[clock]
simulated = true
start = "2026-03-02T00:00:00Z"
rate = 0
"""


class DiskGate:
    """A started gateway's state, and the folder it lies in."""

    def __init__(self, live: LiveGateway, durable: Durable) -> None:
        """Stand on a state that has been started."""
        self.live = live
        self.durable = durable

    @property
    def now_ms(self) -> int:
        """Return its clock's time."""
        return self.durable.clock.now_ms()

    async def ask(self, method: str, **params: Any) -> Answer:
        """Run a control method, and commit and publish what it changed, as the application does."""
        answer = await begin(self.durable, method, params)
        if self.durable.state.commit.log:
            self.durable.checkpoint()
        if self.durable.must_commit():
            await self.durable.commit()
        await self.durable.publisher.drained()
        return answer

    async def home(self, topic: str, *scopes: str, profile: str = "meter", zone: str = "mill") -> dict[str, str]:
        """Register a household with one device, and its consents; return what the crew is told."""
        row = {"profile": profile, "zone": zone, "topic": topic, "owner": "resident", "subject": "new"}
        made: dict[str, str] = (await self.ask("device.add", devices=[row]))["devices"][0]
        for scope in scopes:
            await self.ask("consent.grant", subject=made["subject"], scope=scope)
        return {**made, "topic": topic}

    async def send(self, *readings: tuple[str, dict[str, Any]], packet_id: int = 0) -> None:
        """Take readings as one batch: (topic, fields), at the present time unless they say ``t``."""
        frames = [
            Frame(topic, json.dumps({"t": self.now_ms, **fields}).encode(), packet_id, False, retain=False, generation=1)
            for topic, fields in readings
        ]
        pipeline.take_frames(self.durable.state, frames, self.now_ms)
        await self.durable.commit()

    async def to(self, now_ms: int) -> None:
        """Set the clock forward, and let windows end."""
        self.durable.clock.advance(now_ms)
        changes.expire(self.durable.state, now_ms)
        advance_watermark(self.durable.state, now_ms, LATENESS_MS)
        await self.durable.commit()

    async def hour(self, *homes: dict[str, str], kwh: float = 1.0) -> None:
        """Let some homes report once, and the hour and its lateness pass."""
        t_ms = self.now_ms + MINUTE_MS
        await self.send(*((home["topic"], {"t": t_ms, "kwh": kwh}) for home in homes))
        await self.to(self.now_ms // HOUR_MS * HOUR_MS + HOUR_MS + LATENESS_MS)

    async def form(self, recipient: str = "office") -> ReadyBundle | None:
        """Form a bundle and commit it: it stands ready, and no byte of it has left."""
        rows = await self.durable.store.reader.outbox_rows(recipient, ROWS_BYTES)
        seal = self.durable.seals[recipient].on(epoch_day(self.now_ms))
        unsent = form_bundle(self.durable.state, recipient, rows, self.now_ms, seal)
        self.durable.checkpoint()
        await self.durable.commit()
        await self.durable.publisher.drained()
        return unsent

    async def hand_over(self, recipient: str = "office") -> None:
        """Let the first byte of the bundle that stands ready leave."""
        bundle_sent(self.durable.state, recipient)
        await self.durable.commit()

    async def deliver(self, recipient: str = "office") -> list[Record]:
        """Form bundles, hand them over and have them acknowledged, until nothing may leave; return their records."""
        records: list[Record] = []
        while (unsent := await self.form(recipient)) is not None:
            await self.hand_over(recipient)
            bundle_acknowledged(self.durable.state, unsent.index)
            await self.durable.commit()
            records += self.opened(unsent)
        return records

    def opened(self, unsent: ReadyBundle) -> list[Record]:
        """Open a bundle as its recipient does."""
        from gateway.recipient.keys import load_private

        key = load_private(self.live.private_keys[unsent.recipient]) if unsent.recipient in self.live.private_keys else None
        return list(open_bundle(unsent.content, key).records)

    def verify(self) -> Report:
        """Audit the published log with its openings."""
        return self.live.verify()

    def file_bytes(self) -> dict[str, bytes]:
        """Return every file that it has written, but for the ballast, by its path."""
        return file_bytes_of(self.live)


def file_bytes_of(live: LiveGateway) -> dict[str, bytes]:
    """Return every file that a gateway has written, but for the ballast, by its path."""
    state = live.place.state
    found = [file for file in state.rglob("*") if file.is_file() and file.name != BALLAST_FILE]
    return {str(file.relative_to(state)): file.read_bytes() for file in found}


def configured(folder: Path) -> LiveGateway:
    """Write a gateway's configuration, keys and policies; nothing is started."""
    return LiveGateway(folder, 1, policies={"city.toml": TOWN, **FILES}, extra=CLOCK)


def at(folder: Path, former: LiveGateway) -> LiveGateway:
    """Return what stands for a copy of a gateway's folder."""
    live = object.__new__(LiveGateway)
    live.folder, live.gateway, live.process = folder, former.gateway, None
    live.config = folder / "gateway.toml"
    live.place = load_config(live.config)
    live.keys = load_keys(live.place.keys)
    live.vkey = live.keys.log_signer.vkey()
    live.private_keys = {name: folder / path.relative_to(former.folder) for name, path in former.private_keys.items()}
    return live


def copy_of(live: LiveGateway, folder: Path) -> LiveGateway:
    """Copy all of a gateway's files as they now are, as if it were killed at this instant."""
    shutil.copytree(live.folder, folder, ignore=shutil.ignore_patterns(BALLAST_FILE, "images"))
    return at(folder, live)


@asynccontextmanager
async def started(live: LiveGateway) -> AsyncIterator[DiskGate]:
    """Start a gateway on its folder, connected to a broker whose queue has run dry; close it at the end."""
    durable = await start(live.place, live.keys, check=check_here)
    try:
        pipeline.session_opened(durable.state, durable.state.log.size > 3, durable.clock.now_ms())
        pipeline.queue_drained(durable.state, durable.clock.now_ms())
        yield DiskGate(live, durable)
    finally:
        await durable.close()


@contextmanager
def database(live: LiveGateway) -> Iterator[sqlite3.Connection]:
    """Open the database beside the gateway, to look at it."""
    connection = sqlite3.connect(f"file:{live.place.state / DATABASE_FILE}?mode=ro", uri=True)
    try:
        yield connection
    finally:
        connection.close()


def sealed_blobs(live: LiveGateway, tables: Iterable[str]) -> list[bytes]:
    """Return every byte string in some tables that is sealed, or finds a sealed row."""
    blobs: list[bytes] = []
    with database(live) as connection:
        for table in tables:
            columns = "marks, sealed" if table == "batch" else "*"  # the ledger beside them is in clear, and nobody's
            for row in connection.execute(f"SELECT {columns} FROM {table}"):  # noqa: S608  names from the tests
                blobs += [value for value in row if isinstance(value, bytes) and value]
    return blobs


__all__ = ["HOUR_MS", "LATENESS_MS", "MIDNIGHT_MS", "MINUTE_MS", "DiskGate", "configured", "copy_of", "database", "started"]
