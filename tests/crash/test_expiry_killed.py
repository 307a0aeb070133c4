"""Consents that expire at one moment are ended in pieces: a kill between any two leaves nobody permitted, and ends each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from consent.core.consents.records import Status
from consent.core.disclosure import DAY_MS
from gateway.core.changes import changes
from gateway.core.state import State
from tests.support.disk_gate import DiskGate, configured, copy_of, started
from tests.support.gate import MIDNIGHT_MS
from tests.support.live import LiveGateway

HOMES = 6


async def _home(gate: DiskGate, number: int) -> dict[str, str]:
    home = await gate.home(f"t/{number}")
    await gate.ask("consent.grant", subject=home["subject"], scope="hourly", expiry="2026-03-03T00:00:00Z")
    return home


def _statuses(state: State, homes: list[dict[str, str]]) -> list[Status]:
    book = state.registry.book
    return [entry.consent.status for home in homes for entry in book.for_subject(bytes.fromhex(home["subject"]))]


async def _consent_rows(gate: DiskGate) -> int:
    """Return how many records of consents are stored: of each, that it was given, and that it has ended."""
    return sum([len(rows) async for rows in gate.durable.store.reader.consents()])


async def test_kill_between_two_pieces_ends_each_consent_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every piece is committed by itself, and the disk copied after each, as a kill would leave it."""
    monkeypatch.setattr(changes, "ENDED", 1)
    monkeypatch.setattr(changes, "LOOKED_AT", 4)
    live = configured(tmp_path / "gw")
    images = list[tuple[list[Status], LiveGateway]]()
    async with started(live) as gate:
        homes = [await _home(gate, number) for number in range(HOMES)]
        gate.durable.clock.advance(MIDNIGHT_MS + DAY_MS)
        for _ in changes.expiring(gate.durable.state, gate.durable.clock.now_ms):
            gate.durable.checkpoint()
            await gate.durable.commit()
            await gate.durable.publisher.drained()
            images.append((_statuses(gate.durable.state, homes), copy_of(live, tmp_path / f"image-{len(images)}")))
    assert [ended.count(Status.EXPIRED) for ended, _ in images] == [1, 2, 3, 4, 5]
    for _, image in images:
        async with started(image) as gate:
            assert _statuses(gate.durable.state, homes) == [Status.EXPIRED] * HOMES
            assert await _consent_rows(gate) == 2 * HOMES
            report = gate.verify()
            assert report.ok, report
            for home in homes:
                await gate.send((home["topic"], {"kwh": 1.0}))
            assert "pairs.contributed" not in gate.durable.state.ledger.totals
            assert gate.durable.state.ledger.imbalances() == []
