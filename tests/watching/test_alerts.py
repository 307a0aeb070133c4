"""Each alert is caused once: a gateway is brought into the state, scraped, and Prometheus' own tool says which alerts fire."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest

from gateway.audit.log.payloads import CLOCK_SET
from gateway.audit.log.witness_policy import parse_policy
from gateway.core.effects import OutboxRow
from gateway.edge import system_clock
from gateway.edge.store.store import BALLAST_FILE
from gateway.edge.witnesses.quorum import Witnesses
from gateway.watching.machine import Machine
from tests.support.asking import perform
from tests.support.inside import take
from tests.support.logs import COSIGNERS
from tests.support.watched_gateway import DEVICE, SILENT_MS, Kernel, Samples, Scene, watched_gateway
from tests.watching.alerting import Labels, Stretch, check, promtool, rules

CALM_MIN: Final = 90
HERE: Final[Labels] = {"instance": "127.0.0.1:9469", "job": "sluice"}
NOT_READY: Final[Mapping[str, list[Labels]]] = {"SluiceNotReady": [HERE]}
DISK_BYTES: Final = 32 << 30

Cause = Callable[[Scene, pytest.MonkeyPatch], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    """A state of a gateway that an alert is for.

    Attributes:
        cause: Brings the gateway into it.
        labels: Of the alert.
        besides: The other alerts that fire as well, with their labels.
        minutes: How long the state has lasted when it is looked.
    """

    cause: Cause
    labels: Labels = field(default_factory=lambda: HERE)
    besides: Mapping[str, list[Labels]] = field(default_factory=dict)
    minutes: int = 20


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """A gateway that does its work, on a machine with room and a clock that is kept right, with ten devices that send."""
    statvfs = SimpleNamespace(f_bavail=DISK_BYTES // 2, f_blocks=DISK_BYTES, f_frsize=1)
    monkeypatch.setattr(os, "statvfs", lambda _: statvfs)
    monkeypatch.setattr(system_clock, "clock_state", lambda: "synchronised")
    async with watched_gateway(tmp_path / "g") as found:
        found.connect()
        durable = found.app.durable
        witness = f"witness library {COSIGNERS[0].vkey()} http://127.0.0.1:1\nquorum library\n"
        durable.witnesses = Witnesses(parse_policy(witness.encode(), "policy"), clock_s=found.seconds)
        found.machine = Machine(durable.place, Kernel(tmp_path / "kernel").folder)
        await perform(durable, ("device.add", {"devices": [{**DEVICE, "topic": f"t/{n}"} for n in range(10)]}))
        hear(found, 10)
        durable.state.ledger.add("frames.received", 1000)
        durable.state.ledger.add("frames.ignored", 1000)
        await found.survey()
        yield found


def hear(scene: Scene, count: int) -> None:
    """Have so many devices send a reading now."""
    state = scene.app.durable.state
    for device in list(state.registry.devices.values())[:count]:
        state.memory_of(device.id).heard.add(scene.clock.time_ms)


def kernel_of(scene: Scene) -> Path:
    """Return the folder in which the scene's kernel tells of the process."""
    return scene.app.durable.place.folder.parent / "kernel"


async def not_drained(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """The broker is there and does not give back the marker."""
    scene.app.durable.state.drained = False


async def stuck(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """The loop has turned once, and no more."""
    scene.watch.beat()
    scene.seconds.now += 90
    scene.watch.beat()


async def slow(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """A turn took seconds."""
    scene.app.durable.pulse.turned(2.4)


async def large(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """The process holds nearly all of what it may."""
    (kernel_of(scene) / "statm").write_text(f"0 {450_000_000 // os.sysconf('SC_PAGE_SIZE')} 0 0 0 0 0\n")


async def broker_away(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """The sensors' broker is gone."""
    scene.connect().connected = False


def happens(what: str) -> Cause:
    """Have something happen to the connection to the sensors' broker."""

    async def cause(scene: Scene, _: pytest.MonkeyPatch) -> None:
        scene.connect().counters[what] += 1

    return cause


async def upstream_away(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """The city's broker is gone."""
    scene.sink.away = True


async def bundle_refused(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """The city's broker does not want a bundle."""
    scene.sink.happened["publish_refused"] += 1


async def row_waits(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """A record waits for its recipient since before yesterday."""
    durable = scene.app.durable
    durable.state.outbox.put(OutboxRow(durable.state.outbox.next_number, "open-data", b"record"))
    await durable.commit()
    scene.seconds.now += 7 * 3600
    durable.witnesses = None
    scene.watch.beat()  # the loop is not what waits
    await scene.survey()


async def bundle_waits(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """A bundle was sent, and nobody acknowledges it."""
    durable = scene.app.durable
    durable.state.inflight.resume(durable.state.log.size, "open-data")
    durable.note_gap(CLOCK_SET)  # any entry stands for that of the bundle
    await durable.commit()
    scene.seconds.now += 7 * 3600
    durable.witnesses = None
    scene.watch.beat()
    await scene.survey()


async def checkpoint_old(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """Nothing was published since long."""
    scene.app.durable.publisher._published_s -= 3600


async def unconfirmed(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """It was started, and no witness answers."""
    scene.app.durable.confirmed = False


async def no_quorum(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """The witnesses have fallen silent since."""
    scene.seconds.now += 3700
    scene.app.durable.pulse.turned(0.01)
    scene.watch.beat()


async def unbalanced(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """A frame was counted, and not what became of it."""
    scene.app.durable.state.ledger.add("frames.received")


async def unsupported(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """A flow asks what is no longer permitted."""
    scene.app.durable.state.ledger.add("pairs.considered")
    scene.app.durable.state.ledger.add("pairs.withheld.unsupported")


async def malformed(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """A device sends what nobody understands."""
    for _number in range(5):
        take(scene.app.durable, "t/0", b"\xff")


async def wrong_key(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """Among a hundred messages is one that somebody else has made."""
    ledger = scene.app.durable.state.ledger
    ledger.add("frames.received", 100)
    ledger.add("frames.ignored", 99)
    ledger.add("frames.rejected.bad_mac")


async def silent(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """Two devices of ten have stopped."""
    scene.clock.time_ms += SILENT_MS
    hear(scene, 8)
    await scene.survey()


async def disk_full(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no room for the reserve."""

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_room)
    os.unlink(scene.app.durable.place.state / BALLAST_FILE)
    assert not scene.app.durable.store.disk_space.check()


async def disk_low(_: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Little room is left."""
    statvfs = SimpleNamespace(f_bavail=DISK_BYTES // 20, f_blocks=DISK_BYTES, f_frsize=1)
    monkeypatch.setattr(os, "statvfs", lambda _: statvfs)


async def worn(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """Much was written."""
    (kernel_of(scene) / "io").write_text("write_bytes: 60000000000\n")


async def clock_behind(scene: Scene, _: pytest.MonkeyPatch) -> None:
    """The machine woke up in the past."""
    scene.clock.time_ms = scene.app.durable.state.log.latest_entry_ms - 60_000


async def unsynchronised(_: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time service is gone."""
    monkeypatch.setattr(system_clock, "clock_state", lambda: "unsynchronised")


CITY: Final[Labels] = {**HERE, "sink": "city"}
CASES: Final[dict[str, Case]] = {
    "SluiceNotReady": Case(not_drained),
    "SluiceStuck": Case(stuck, besides=NOT_READY),
    "SluiceSlow": Case(slow),
    "SluiceMemory": Case(large),
    "SluiceBrokerAway": Case(broker_away, besides=NOT_READY),
    "SluiceSessionLost": Case(happens("sessions_lost")),
    "SluiceTakenOver": Case(happens("taken_over")),
    "SluiceSubscriptionRefused": Case(happens("filters_refused")),
    "SluiceUpstreamAway": Case(upstream_away, CITY, minutes=70),
    "SluiceBundlesRefused": Case(bundle_refused, CITY),
    "SluiceOutboxOld": Case(row_waits, {**HERE, "recipient": "open-data"}),
    "SluiceBundleUnanswered": Case(bundle_waits),
    "SluiceCheckpointOld": Case(checkpoint_old),
    "SluiceUnconfirmed": Case(unconfirmed, besides=NOT_READY),
    "SluiceUnwitnessed": Case(no_quorum),
    "SluiceLedgerWrong": Case(unbalanced),
    "SluiceWithheldByError": Case(unsupported, {}),
    "SluiceRejections": Case(malformed, {}),
    "SluiceWrongKey": Case(wrong_key, {}),
    "SluiceDevicesSilent": Case(silent, minutes=70),
    "SluiceDiskFull": Case(disk_full, besides=NOT_READY),
    "SluiceDiskLow": Case(disk_low, {**HERE, "folder": "state"}, {"SluiceDiskLow": [{**HERE, "folder": "log"}]}),
    "SluiceWear": Case(worn),
    "SluiceClockWrong": Case(clock_behind, {**HERE, "reason": "clock_wrong"}, besides=NOT_READY),
    "SluiceClockUnsynchronised": Case(unsynchronised, minutes=70),
}


@pytest.mark.parametrize("alert", CASES)
async def test_state_raises_its_alert_and_calm_before_it_none(
    alert: str, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no other alert than is said; the state is found after ninety minutes in which all was well."""
    promtool()
    case = CASES[alert]
    calm = Stretch(CALM_MIN, scene.samples())
    await case.cause(scene, monkeypatch)
    fires = {**case.besides, alert: [case.labels, *case.besides.get(alert, [])]}
    check(tmp_path, [calm, Stretch(case.minutes, scene.samples())], fires)


async def test_calm_gateway_raises_none(scene: Scene, tmp_path: Path) -> None:
    """However long it goes on."""
    check(tmp_path, [Stretch(240, scene.samples())], {})


async def test_gateway_that_answers_nobody_is_away(scene: Scene, tmp_path: Path) -> None:
    """Whatever it told before."""
    check(tmp_path, [Stretch(CALM_MIN, scene.samples()), Stretch(15, {})], {"SluiceAway": [{}]})


async def test_one_of_several_gateways_that_answers_nobody_is_away(scene: Scene, tmp_path: Path) -> None:
    """Prometheus tells by its `up` which; what the others say of themselves hides nothing."""
    samples = scene.samples()
    well, away = Stretch(CALM_MIN, {**samples, "up": 1.0}), Stretch(15, {"up": 0.0})
    check(tmp_path, [well, away], {"SluiceAway": [HERE]})
    check(tmp_path, [well, well], {})


async def test_gateway_that_is_started_again_and_again_is_told(scene: Scene, tmp_path: Path) -> None:
    """Three times within the hour; it is well in between."""

    def started_at(seconds: float) -> Samples:
        scene.watch.started_s = seconds
        return scene.samples()

    check(tmp_path, [Stretch(10, started_at(1e9 + n)) for n in range(4)], {"SluiceRestarts": [HERE]})


def test_each_alert_is_caused_here() -> None:
    """Whoever adds one shows that it can be raised."""
    assert {*CASES, "SluiceAway", "SluiceRestarts"} == set(rules())


def test_each_alert_says_what_is_so_and_where_to_read_on() -> None:
    """In words that a page on a telephone has room for."""
    for alert, rule in rules().items():
        assert alert.startswith("Sluice")
        assert rule.severity in ("critical", "warning")
        assert 10 < len(rule.summary) < 80
        assert rule.runbook == "docs/operating.md#alerts"
