"""Every field case in one run of a real gateway behind a real Mosquitto: what is right leaves, and nothing else does.

The city registers the sensors of all cases, each in a zone of its own, and hands their readings on as they are; a recipient of
everything compares what came with what each case says. Everything that did not leave stands in the books.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware_sim.load import Load
from gateway.recipient.records import Record
from tests.field_cases.cases import RECEIVED_AT, Case, Told, cases, tables, time_ms, town_files
from tests.support.live import Listener, LiveGateway, opened
from tests.support.mosquitto import running_mosquitto
from tests.support.waiting import HANG_S

pytestmark = pytest.mark.outside_data
FILTERS = ("field/#", "field/BLE/+")
"""They overlap, as in case 34."""
BLE = "field/BLE/x"
QUEUED = "field/queued"
NOW_MS = time_ms(RECEIVED_AT)
BEGUN = "2026-05-06T01:30:00Z"
"""When the sensors were registered: nothing from before is anybody's to hand on."""
AFTER = "2026-05-06T04:10:00Z"
"""Of case 37: when the gateway is back."""


@contextmanager
def street(folder: Path) -> Iterator[tuple[LiveGateway, Listener, int]]:
    """Run a gateway that knows the sensors of all cases; give it, a recipient's subscription and the broker's port."""
    clock = f'\n[clock]\nsimulated = true\nstart = "{BEGUN}"\nrate = 0\n'
    with running_mosquitto(folder) as broker:
        live = LiveGateway(
            folder / "gateway", broker.port, policies=town_files(), filters=FILTERS, gateway="field", tick_ms=50, extra=clock
        )
        live.add_devices([*(row(case.zone, case.topic, case.setting.hub_id) for case in cases()), *others()])
        listener = Listener(broker.port, live.gateway)
        try:
            live.start().wait_ready()
            live.call("clock.advance", {"to": RECEIVED_AT})
            yield live, listener, broker.port
        finally:
            listener.close()
            live.end()


def row(zone: str, topic: str, hub_id: str = "") -> dict[str, str]:
    """Return what registers a sensor of the city."""
    behind = {"id": hub_id} if hub_id else {}
    return {"profile": zone, "zone": zone, "topic": topic, "owner": "city", "subject": "none", **behind}


def others() -> list[dict[str, str]]:
    """Return the devices of cases 34 and 37."""
    return [row("case-34", BLE), row("case-37", QUEUED)]


def publish(port: int, messages: list[tuple[str, bytes]]) -> None:
    """Publish in order, and wait until the broker has everything."""
    assert Load("127.0.0.1", port, messages).run(HANG_S).acknowledged == len(messages)


def records(live: LiveGateway, listener: Listener, zone: str) -> list[Record]:
    """Return what a recipient has of a case."""
    return [record for bundle in opened(live, listener) for record in bundle.records if record.cell == zone]


def told(found: list[Record]) -> list[Told]:
    """Return property and value of records, sorted."""
    return sorted((record.observed_property, float(record.result)) for record in found)


def faults(case: Case, found: list[Record]) -> list[str]:
    """Return how what left differs from what is right."""
    if told(found) != case.values:
        return [f"case {case.number}: {told(found)} left, not {case.values}"]
    left = Counter((record.observed_property, record.phenomenon_time[1]) for record in found)
    return [f"case {case.number}: nothing of {time} left" for time in case.times if not left[time]]


def test_every_case_gives_its_right_readings_and_every_other_is_counted(tmp_path: Path) -> None:
    """Through Mosquitto, gateway and bundles; a case that fails is named with what left in its place."""
    known = cases()
    with street(tmp_path) as (live, listener, port):
        messages = [message for case in known for message in case.messages]
        publish(port, [*messages, *((BLE, each["payload"].encode()) for each in tables()["34"]["input"]["messages"])])
        shown = live.wait_drained(len(messages) + 2)
        assert [fault for case in known for fault in faults(case, records(live, listener, case.zone))] == []

        # 34: two filters match, and one of them covers the other
        assert told(records(live, listener, "case-34")) == [("humidity", 41.0), ("humidity", 42.0)]

        # what did not leave is in the books, each for its reason, and nothing else is
        refusals = {name: n for name, n in shown["ledger"].items() if re.search(r"rejected|refused|ignored", name) and n}
        assert refusals == dict(sum((Counter(case.setting.counted) for case in known), Counter()))

        which_sensor_is_it(live, known)
        waited_in_the_queue(live, listener, port)
        nobody_is_named(live, known)
        assert live.stop() == 0
        report = live.verify()
        assert report.exit_status == 0, report.to_text()


def nobody_is_named(live: LiveGateway, known: list[Case]) -> None:
    """No topic and no id behind a hub stands anywhere in clear, of a registered device or of a neighbour's."""
    names = {topic for case in known for topic, _ in case.messages} | {"Acme-Out1", "Livingroom-X"}
    held: dict[str, bytes] = {}
    for path in live.place.state.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # the gateway goes on meanwhile
            held |= {path.name: path.read_bytes()} if path.is_file() else {}
    held |= {"output": live.log().encode(), "status": str(live.status()).encode(), "list": str(live.call("device.list")).encode()}
    assert [(name, place) for name in names for place, data in held.items() if name.encode() in data] == []


def which_sensor_is_it(live: LiveGateway, known: list[Case]) -> None:
    """Case 38: the crew sees of each sensor when it was heard, how often, and what of it was refused for what."""
    by_zone = {each["zone"]: each for each in live.call("device.list")["devices"]}
    for case in known:
        heard = by_zone[case.zone]
        of_device = {"frames.rejected", "observations.refused"}
        refused = {name.rpartition(".")[2]: n for name, n in case.setting.counted.items() if name.rpartition(".")[0] in of_device}
        assert (heard["heard_ms"], heard["rejected"]) == (NOW_MS, refused), case.number
    assert by_zone["case-37"]["heard_ms"] is None
    assert by_zone["case-01"]["readings"] == 1
    assert "case-26" not in str(live.status()), "status carries no device"


def waited_in_the_queue(live: LiveGateway, listener: Listener, port: int) -> None:
    """Case 37: what waited while the gateway was away, and carries no time, leaves with the span of the wait."""
    assert live.stop() == 0
    before = live.config.read_text()
    publish(port, [(QUEUED, b'{"temperature":12.3}'), (QUEUED, b'{"temperature":12.4}')])
    live.config.write_text(before.replace(BEGUN, AFTER))
    received = live.start().status()["ledger"]["frames.received"]
    live.wait_drained(max(received, 2))
    live.wait_until(lambda _: len(records(live, listener, "case-37")) == 2)
    found = records(live, listener, "case-37")
    assert told(found) == [("temperature", 12.3), ("temperature", 12.4)]
    for record in found:
        begin_ms, end_ms = record.phenomenon_time
        assert begin_ms <= NOW_MS < time_ms(AFTER) <= end_ms, "a moment that nobody knows"
