"""Power cuts at random moments: what a start finds on the disk has every entry that was acknowledged, and contradicts no head.

A real run is recorded write by write (``recording``); then the power is cut again and again, at random points, with a random
outcome for everything that had not been synced (``disk_model``), and the gateway is started on what is left.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.verify.verify import verify_folder
from gateway.config import load_config
from gateway.core import pipeline, recovery
from gateway.core.mqtt.events import Frame
from gateway.durable.configured import start
from gateway.durable.state import Durable
from gateway.edge.connections import broker_link
from gateway.edge.sinks.port import Acknowledged, Outgoing
from gateway.edge.store import database, store
from gateway.errors import CorruptionError
from tests.crash.disk_model import RecordedDisk, Told
from tests.crash.published import check_heads, head_of
from tests.crash.recording import recorded
from tests.crash.scene import MIDNIGHT_MS, fresh_seed
from tests.crash.street import ZONES
from tests.crash.town import POLICIES
from tests.support.asking import Answer, call
from tests.support.inside import ReluctantSink, SetClock, started
from tests.support.live import LiveGateway
from tests.support.ports import free_port

STEPS = 250
"""So many that the log gets past its first full tile."""
SEGMENT_BYTES = 1500
DAY_MS = 86_400_000


@dataclass(slots=True)
class Run:
    """A recorded run.

    Attributes:
        entries: The log as it was in the end.
    """

    live: LiveGateway
    disk: RecordedDisk
    entries: list[bytes]

    def told(self, cut: int, what: str) -> list[int | bytes]:
        """Return what the world outside had been told of one thing, the latest last."""
        return [event.value for event in self.disk.events[:cut] if isinstance(event, Told) and event.what == what]

    def heads(self, cut: int) -> list[Checkpoint]:
        """Return the heads that had been published."""
        return [head_of(note, self.live.vkey) for note in self.told(cut, "head") if isinstance(note, bytes)]


class _QuickSink(ReluctantSink):
    """Takes every bundle; the city acknowledges it at once."""

    def __init__(self, acknowledged: Acknowledged) -> None:
        super().__init__()
        self._acknowledged = acknowledged

    def offer(self, bundle: Outgoing) -> bool:
        self._acknowledged(bundle.index)
        return True


async def _run(folder: Path, steps: int) -> Run:
    """Run a gateway for some steps, each with readings, now and then a change of registry, and a release tick."""
    live = LiveGateway(folder, free_port(), policies=POLICIES, tick_ms=50)
    clock = SetClock(MIDNIGHT_MS)
    with recorded(folder) as disk:
        for start in range(2):
            async with started(live, clock) as durable:
                disk.events.append(Told("entries", durable.state.log.size))
                connect = partial(broker_link, durable.place)
                app = Gateway(durable, connect, lambda acknowledged, _: {"city": _QuickSink(acknowledged)})
                task = asyncio.create_task(app.run())
                for step in range(start * steps // 2, (start + 1) * steps // 2):
                    clock.time_ms += 1000
                    await app.ask(partial(_step, durable, step), tick=True)
                    disk.events.append(Told("entries", durable.state.log.size))
                    disk.events.append(Told("frames", durable.state.ledger.totals["frames.received"]))
                    if step % 6 == 0:
                        await durable.publisher.drained()
                app.stop()
                await task
                entries = [entry async for entry in durable.store.reader.entries()]
    return Run(live, disk, entries)


def _step(durable: Durable, step: int) -> Answer:
    if step % 10 == 0:
        row = {"profile": "footfall", "zone": ZONES[0], "topic": f"t/{step}", "subject": "none"}
        call(durable, "device.add", {"devices": [row]})
    now_ms = durable.clock.now_ms()
    payload = b'{"t":%d,"seq":%d,"boot":1,"count":3}' % (now_ms // 1000, step)
    frame = Frame(f"t/{step // 10 * 10}", payload, 1, duplicate=False, retain=False, generation=1)
    pipeline.take_frames(durable.state, [frame], now_ms)
    if step % 3 == 0:
        durable.checkpoint()
    return {}


async def _check_image(run: Run, cut: int, chance: random.Random, folder: Path) -> None:
    """Cut the power, start the gateway on what is left, and see that nothing is lost and nothing contradicted."""
    for name in ("gateway.toml", "keys", "policies"):
        source = run.live.folder / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    for path, content in run.disk.image(cut, chance).items():
        target = folder / path.relative_to(run.live.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    place = load_config(folder / "gateway.toml")
    if (place.log / "checkpoint").exists():
        found = verify_folder(place.log, run.live.vkey)
        assert found.ok, f"the checkpoint promises what is not there\n{found.to_text()}"
    durable = await start(place, run.live.keys, SetClock(MIDNIGHT_MS + DAY_MS))
    try:
        entries = [entry async for entry in durable.store.reader.entries()]
        totals = durable.state.ledger.totals
        assert durable.state.ledger.imbalances() == []
    finally:
        await durable.close()
    kept = int(max(run.told(cut, "entries"), default=0))
    assert entries[:kept] == run.entries[:kept], "an acknowledged entry is lost"
    assert totals.get("frames.received", 0) >= int(max(run.told(cut, "frames"), default=0)), "an acknowledged reading is lost"
    check_heads(run.heads(cut), entries)
    report = verify_folder(place.log, run.live.vkey, place.openings)
    assert report.ok, report.to_text()


async def _check_images(folder: Path, steps: int, images: int, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(recovery, "SEGMENT_BYTES", SEGMENT_BYTES)
    monkeypatch.setattr(store, "BALLAST_BYTES", 4096)
    seed = fresh_seed()
    chance = random.Random(seed)
    (folder / "run").mkdir()
    run = await _run(folder / "run", steps)
    for number in range(images):
        image = folder / f"image-{number}"
        image.mkdir()
        cut = chance.randrange(len(run.disk.events) + 1)
        try:
            await _check_image(run, cut, chance, image)
        except BaseException as error:
            error.add_note(f"seed `{seed}`, image `{number}`: the first `{cut}` of {len(run.disk.events)} events")
            raise
        shutil.rmtree(image)
    return run


async def test_power_cut_twelve_times_loses_and_contradicts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short run, and a power cut at a dozen random moments of it."""
    await _check_images(tmp_path, 12, 12, monkeypatch)


@pytest.mark.slow
async def test_power_cut_two_hundred_times_loses_and_contradicts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run past the first full tile, with releases, checkpoints and journal segments, and a restart in the middle."""
    run = await _check_images(tmp_path, STEPS, 200, monkeypatch)
    assert len(run.entries) > 256
    assert len(run.heads(len(run.disk.events))) > 20


FOUND_OUT = "is lost|ahead of the log|an old state was restored|is published with other content"
"""What a start says of a database that has lost what it acknowledged: its size or a file of the published log tells."""


async def test_power_cut_with_synchronous_normal_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check itself checked: a store that leaves out the sync at each commit loses what it has acknowledged."""
    monkeypatch.setattr(database, "PRAGMAS", tuple(p.replace("=FULL", "=NORMAL") for p in database.PRAGMAS))
    with pytest.raises((AssertionError, CorruptionError), match=FOUND_OUT):
        await _check_images(tmp_path, 12, 12, monkeypatch)
