"""How fast entries come into the log, the way that they take in the gateway: into memory, into the database, into files.

A commit is as large as the gateway's largest batch of frames, and on the disk when it returns (SQLite's WAL, FULL sync). A head
is signed once a second, ten times as often as by the shipped configuration, and published in the background. Entries are
accounts, of one part; a release also has a label file that is forced by itself, at most one for each recipient and tick.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import AccountPayload
from gateway.audit.verify.verify import verify_folder
from gateway.durable.configured import start
from gateway.durable.state import Durable
from tests.bench.audit_city import bench_city
from tests.support.live import LiveGateway

BATCH: Final = 1000
_HEAD_EVERY_S = 1.0
_ENTRY_BYTES = 137
_OPENING_BYTES = 400
_TOTALS = {
    "frames.received": 1_000_000,
    "frames.admitted": 1_000_000,
    "observations.decoded": 1_000_000,
    "observations.asked": 1_000_000,
    "pairs.considered": 3_000_000,
    "pairs.contributed": 3_000_000,
    "pairs.open": 3_000_000,
}


@dataclass(frozen=True, slots=True)
class Appended:
    """One round: how many entries, and what they took."""

    entries: int
    seconds: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Entries a second, by the clock on the wall."""
        return self.entries / self.seconds


def appended(folder: Path, rounds: int, entries: int) -> tuple[list[Appended], list[Appended], bool]:
    """Append some rounds of entries to the log of a gateway in an empty folder, and of the floor, by turns.

    Returns: The rounds, those of the floor, and whether the log verifies.
    """
    live = LiveGateway(folder, 1883, policies=bench_city().files(), gateway="gw-bench")
    live.place.openings = None  # as shipped: they lie in the database, and are exported where an auditor is accredited

    async def work() -> list[tuple[Appended, Appended]]:
        durable = await start(live.place, live.keys)
        publishing = asyncio.create_task(durable.publisher.run())
        try:
            return [(await _round(durable, entries), _floor(folder / f"floor-{n}.db", entries)) for n in range(rounds)]
        finally:
            publishing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await publishing
            await durable.close()

    found = asyncio.run(work())
    ours, floor = [one for one, _ in found], [other for _, other in found]
    return ours, floor, verify_folder(live.place.log, live.vkey).exit_status == 0


async def _round(durable: Durable, entries: int) -> Appended:
    payload = AccountPayload(_TOTALS, {}).encode()
    started_s, cpu_s = time.perf_counter(), time.process_time()
    head_s = started_s
    for _ in range(0, entries, BATCH):
        state = durable.state
        now_ms = durable.clock.now_ms()
        for _ in range(BATCH):
            state.log.append_entry(Kind.ACCOUNT, now_ms, state.log.one_part(payload))
        if time.perf_counter() - head_s >= _HEAD_EVERY_S:
            state.log.sign_head()
            head_s = time.perf_counter()
        await durable.commit()
    durable.state.log.sign_head()
    await durable.commit()
    await durable.publisher.drained()
    count = -(-entries // BATCH) * BATCH
    return Appended(count, time.perf_counter() - started_s, time.process_time() - cpu_s)


def _floor(path: Path, entries: int) -> Appended:
    """Do the least that an append can do, on the same disk: hash an entry of that size, and store it and its opening durably."""
    count = -(-entries // BATCH) * BATCH
    rows = [(number, os.urandom(_ENTRY_BYTES), os.urandom(_OPENING_BYTES)) for number in range(count)]
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        for sql in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE entry (n INTEGER PRIMARY KEY, e BLOB, o BLOB)",
        ):
            db.execute(sql)
        started_s, cpu_s = time.perf_counter(), time.process_time()
        for first in range(0, count, BATCH):
            batch = rows[first : first + BATCH]
            for _, entry, _ in batch:
                hashlib.sha256(b"\0" + entry).digest()
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO entry VALUES (?, ?, ?)", batch)
            db.execute("COMMIT")
        return Appended(count, time.perf_counter() - started_s, time.process_time() - cpu_s)
