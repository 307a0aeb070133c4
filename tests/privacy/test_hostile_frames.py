"""Ten thousand hostile frames among good ones, through a real Mosquitto into a real gateway.

Each is counted under the reason that fits its fault, memory does not grow with them, and the good readings among them reach the
city once each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import psutil  # type: ignore[import-untyped]
import pytest

from firmware_sim.faults import FAULTS, UNKNOWN_DEVICE, WRONG_TOPIC
from firmware_sim.load import Load
from firmware_sim.messages import Device
from gateway.recipient.records import Record
from tests.privacy.hostile_street import REASONS, REFUSED, REJECTED, UNUSABLE, Street, make_devices
from tests.support.live import Listener, LiveGateway, opened
from tests.support.memory import peak_kib
from tests.support.mosquitto import running_mosquitto
from tests.support.waiting import HANG_S

CLOCK = '\n[clock]\nsimulated = true\nstart = "2026-05-01T00:00:00Z"\nrate = 0\n'
CHUNKS, CHUNK = 5, 2_000
GOOD_EVERY = 4
MOST_GROWTH_BYTES = 6 << 20
HUGE_BYTES = 900_000


def register(live: LiveGateway, devices: Sequence[Device]) -> list[Device]:
    """Register the devices, consent for the households, and return the devices with the keys that they were given."""
    added = live.add_devices(
        [
            {
                "profile": d.kind,
                "zone": "north-quay",
                "topic": d.topic,
                "owner": "city" if d.public else "resident",
                "subject": "none" if d.public else "new",
            }
            for d in devices
        ]
    )
    live.offline([("consent.grant", {"subject": row["subject"], "scope": "energy-hourly"}) for row in added if "subject" in row])
    return [
        replace(device, key=bytes.fromhex(row["key"]) if "key" in row else None)
        for device, row in zip(devices, added, strict=True)
    ]


class Account:
    """The gateway's ledger, beside the number of frames that the broker took over."""

    def __init__(self, live: LiveGateway, port: int) -> None:
        """Publish to a broker, and ask a gateway."""
        self._live = live
        self._port = port
        self.published = 0
        self.totals: Counter[str] = Counter()

    def publish(self, frames: Sequence[tuple[str, bytes]]) -> Counter[str]:
        """Publish frames; once all are accounted for, return what has changed in the accounts of refused and repeated ones."""
        result = Load("127.0.0.1", self._port, frames, client_id=f"street-{self.published}").run(HANG_S)
        assert (result.missing, result.unheard, result.refused) == ((), 0, 0)
        self.published += result.acknowledged
        status = self._live.wait_until(lambda s: s["ledger"].get("frames.received", 0) >= self.published)
        assert status["imbalances"] == []
        before, self.totals = self.totals, Counter(status["ledger"])
        assert self.totals["frames.received"] == self.published
        return Counter(
            {
                name: n
                for name, n in (self.totals - before).items()
                if name.startswith((REJECTED, REFUSED)) or name == "pairs.duplicate"
            }
        )


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[tuple[LiveGateway, Street, Account, Listener]]:
    """A gateway on a standing clock, a street of devices that it knows, and a city that listens."""
    (tmp_path / "m").mkdir()
    with running_mosquitto(tmp_path / "m") as broker:
        live = LiveGateway(tmp_path / "g", broker.port, extra=CLOCK)
        street = Street(register(live, make_devices()), Random("hostile"))
        listener = Listener(broker.port, live.gateway)
        try:
            live.start()
            live.wait_ready()
            account = Account(live, broker.port)
            assert account.publish(list(street.begin())) == {}
            yield live, street, account, listener
            assert "Traceback" not in live.log()
        finally:
            live.end()
            listener.close()


def test_every_fault_is_counted_under_its_reason(stage: tuple[LiveGateway, Street, Account, Listener]) -> None:
    """Fault by fault, one frame of each device and a good reading behind it: the reason that is told is the one that fits."""
    _, street, account, _ = stage
    assert REASONS.keys() == {*FAULTS, UNKNOWN_DEVICE, WRONG_TOPIC}
    for name in REASONS:
        street.expected.clear()
        change = account.publish(
            [frame for device in street.devices for frame in (street.fault(name, device), street.reading(device))]
        )
        assert unusable_as_one(change, street) == street.expected, name


def test_hostile_frames_leave_no_trace_but_their_count(stage: tuple[LiveGateway, Street, Account, Listener]) -> None:
    """Ten thousand in five bursts: all received and accounted for, memory as before, every good reading arrives exactly once."""
    live, street, account, listener = stage
    assert live.process is not None
    process = psutil.Process(live.process.pid)
    resident_bytes = []
    for _ in range(CHUNKS):
        account.publish(list(street.mixed(CHUNK, GOOD_EVERY)))
        resident_bytes.append(process.memory_info().rss)
    assert street.hostile == CHUNKS * CHUNK == 10_000
    assert account.published == street.hostile + len(street.good)
    assert resident_bytes[-1] - resident_bytes[0] < MOST_GROWTH_BYTES, resident_bytes

    refused = Counter({name: n for name, n in account.totals.items() if name.startswith((REJECTED, REFUSED))})
    refused["pairs.duplicate"] = account.totals["pairs.duplicate"]
    assert unusable_as_one(refused, street) == street.expected
    rejected = sum(n for name, n in account.totals.items() if name.startswith(REJECTED))
    assert rejected + account.totals["frames.admitted"] == account.published

    live.wait_drained(account.published)
    live.call("clock.advance", {"to": "2026-05-02T00:20:00Z"})  # the day is over, and its figures leave
    live.wait_drained(account.published)
    assert live.stop() == 0
    check_arrived(street, [record for bundle in opened(live, listener) for record in bundle.records])
    report = live.verify()
    assert report.exit_status == 0, report.to_text()
    assert report.ledger == "balanced"


def test_burst_of_huge_frames_passes_unread(stage: tuple[LiveGateway, Street, Account, Listener]) -> None:
    """Hundreds of frames near the broker's own limit are counted, and not one of them is ever whole in memory."""
    live, street, account, _ = stage
    assert live.process is not None
    before_kib = peak_kib(live.process.pid)
    topics = [street.devices[0].topic, "t/nobody"]
    change = account.publish([(topics[at % 2], bytes(HUGE_BYTES)) for at in range(300)])
    assert change == {f"{REJECTED}too_large": 150, f"{REJECTED}unknown_device": 150}
    assert (peak_kib(live.process.pid) - before_kib) * 1024 < MOST_GROWTH_BYTES


def unusable_as_one(change: Counter[str], street: Street) -> Counter[str]:
    """Count a value that is nothing, which chance may put in the place of a number, as one of a wrong type.

    The frames that lack their fields altogether stay apart, as far as the street expects them.
    """
    nothing = REJECTED + "no_reading"
    by_chance = change[nothing] - street.expected[nothing]
    assert by_chance >= 0
    return +(change + Counter({UNUSABLE: by_chance}) - Counter({nothing: by_chance}))


def check_arrived(street: Street, records: Sequence[Record]) -> None:
    """Compare what the city opened with what was published: records to the last one, and the figures of whole hours."""
    single = [record for record in records if record.id is not None]
    assert len({record.id for record in single}) == len(single)
    told = Counter((record.observed_property, record.phenomenon_time[0], round(float(record.result), 6)) for record in single)
    assert told == street.records()
    figures = {record.phenomenon_time[0]: record for record in records if record.identity == "aggregate"}
    expected = street.figures()
    assert figures.keys() == expected.keys()
    for start_ms, record in figures.items():  # six standard errors hold it in all but two of a thousand million
        assert record.standard_error is not None
        assert abs(record.result - expected[start_ms]) < 6 * record.standard_error
