"""What an erasure says that it emptied is kept as long as what it emptied, in the database and for auditors, and no longer."""

from __future__ import annotations

from pathlib import Path

from consent.core.disclosure import DAY_MS
from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.entries import Entry
from gateway.audit.log.handover import LogKeys
from gateway.audit.log.notes import Verifier, open_note
from gateway.audit.log.reader import LogReader, OpeningsReader
from gateway.audit.replay.replay import Replay
from gateway.audit.replay.report import ReplayReport
from tests.support.disk_gate import DiskGate, configured, started
from tests.support.gate import HOUR_MS
from tests.support.live import LiveGateway
from tests.support.victim import day_ends


async def _town(gate: DiskGate) -> list[dict[str, str]]:
    """Register homes, and release figures of two days."""
    homes = [await gate.home(f"t/{number}", "hourly") for number in range(4)]
    for _ in range(2):
        await gate.hour(*homes)
        await day_ends(gate)
        assert await gate.deliver()
    return homes


async def _pass(gate: DiskGate, now_ms: int) -> ReplayReport:
    """Let time pass, old openings with it; return what an auditor finds. The clock is simulated, so an entry has to tell it."""
    await gate.to(now_ms)
    await gate.durable.drop_old_openings(now_ms)
    gate.durable.checkpoint(heartbeat=True)
    await gate.durable.commit()
    await gate.durable.publisher.drained()
    live = gate.live
    assert live.place.openings is not None
    reader, verifier = LogReader(live.place.log), Verifier.parse(live.vkey)
    checkpoint = Checkpoint.parse(open_note(reader.checkpoint(), [verifier]).text)
    return Replay(reader, checkpoint, LogKeys(verifier), OpeningsReader(live.place.openings)).run()


def _openings(live: LiveGateway) -> set[int]:
    assert live.place.openings is not None
    return OpeningsReader(live.place.openings).indices


async def test_list_of_an_erasure_goes_with_the_openings_of_the_latest_release_on_it(tmp_path: Path) -> None:
    """Erased 80 days after the last release: 91 days after that release nothing says any more in which ones the household was."""
    live = configured(tmp_path / "gw")
    async with started(live) as gate:
        homes = await _town(gate)
        releases = await gate.durable.store.reader.label_indices()
        latest_ms = Entry.decode(await gate.durable.store.reader.entry(releases[-1])).time_ms
        assert (await _pass(gate, latest_ms + 80 * DAY_MS)).findings == []
        erased = await gate.ask("consent.erase", subject=homes[0]["subject"])
        index = erased["log_index"]
        assert erased["parts_deleted"] == 3
        found = await _pass(gate, latest_ms + 90 * DAY_MS - HOUR_MS)
        assert (found.findings, [each.releases for each in found.erasures]) == ([], [2])
        assert {index, releases[-1]} <= _openings(live)
        found = await _pass(gate, latest_ms + 90 * DAY_MS + HOUR_MS)
        assert (found.findings, found.erasures, found.earlier_erasures) == ([], [], [])
        assert _openings(live).isdisjoint({index, *releases})
        assert await gate.durable.store.reader.opening(index) is None
    assert live.verify().ok


async def test_erasure_of_a_household_that_was_in_no_release_accuses_nobody_however_soon_it_is_forgotten(tmp_path: Path) -> None:
    """Its consents are kept for their days, empty, and so is the list of them."""
    live = configured(tmp_path / "gw")
    async with started(live) as gate:
        home = await gate.home("t/9", "hourly")
        erased = await gate.ask("consent.erase", subject=home["subject"])
        assert erased["parts_deleted"] == 1
        begun_ms = gate.now_ms
        for days in (0, 89, 91, 200):
            assert (await _pass(gate, begun_ms + days * DAY_MS)).findings == [], days
        assert erased["log_index"] not in _openings(live)
