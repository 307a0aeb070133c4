"""Three months of a LoRaWAN node, replayed whole: every message has its account, and the totals are those of a plain count."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consent.core.decide import Owner
from consent.core.policies.parse import parse_policies
from firmware_sim.load import Load
from gateway.core import pipeline
from gateway.core.changes import changes
from gateway.core.plans import Device
from tests.field_cases.capture import FILTER, NODE, PROFILE, Counted, Recorded, counted, recording
from tests.support.city import city
from tests.support.data import DataSet, outside_data
from tests.support.gate import Gate, frame
from tests.support.live import Listener, LiveGateway, opened
from tests.support.mosquitto import running_mosquitto
from tests.support.waiting import HANG_S

pytestmark = pytest.mark.outside_data

OF_A_GATEWAY = """
[time]
path = "rxInfo[0].time"
format = "iso8601"
source = "network"
"""
"""Times of whichever gateway is named first; most have no clock."""
PART = 400
"""Of the recording, through a real gateway."""


def files(profile: str) -> dict[str, str]:
    """Return a city that hands on what the node reads."""
    built = (
        city()
        .ceiling(identity="per-record", space="block")
        .district("north")
        .zone("door", "north")
        .measures("temperature")
        .measures("pressure")
        .purpose("streets", legal_basis="public-task")
        .recipient("public", sealed=False)
        .flow(
            "single",
            "temperature",
            "pressure",
            purpose="streets",
            recipient="public",
            identity="per-record",
            time="exact",
            space="block",
            retention=30,
        )
    )
    return built.files() | {"devices/node.toml": profile}


def replayed(messages: Iterable[Recorded], profile: str = PROFILE) -> tuple[Gate, dict[str, int]]:
    """Replay messages through the pipeline, each when it came; return the gate, and its accounts as far as they are not zero."""
    gate = Gate(parse_policies({name: text.encode() for name, text in files(profile).items()}), next(iter(messages)).received_ms)
    device = Device(bytes(16), FILTER, "node", "door", None, 0, gate.now_ms, Owner.CITY, hub_id=NODE)
    changes.add_device(gate.state, device, gate.now_ms)
    for number, each in enumerate(messages):
        pipeline.take_frames(gate.state, [frame(each.topic, each.data)], each.received_ms)
        if number % 500 == 0:
            gate.commit()
    gate.commit()
    assert gate.state.ledger.imbalances() == []
    return gate, {name: n for name, n in gate.state.ledger.totals.items() if n}


def refusals(totals: dict[str, int]) -> dict[str, int]:
    """Return the accounts of what went no further."""
    return {name: n for name, n in totals.items() if re.search(r"rejected|refused|ignored", name)}


def test_plain_count_is_what_was_measured() -> None:
    """The counts that come with the recording: uplinks, events, repeats and gaps."""
    (path,) = outside_data(DataSet.MEASURED)
    measured: dict[str, Any] = json.loads(path.read_text())["lorawan_chirpstack3_wyres32"]
    plain = counted(recording())
    assert (plain.uplinks, plain.events) == (measured["uplinks"], measured["status_events"])
    assert plain.repeated == measured["repeated_fcnt"]
    assert max(plain.gaps) == measured["longest_gap"]
    runs = Counter({length if length < 6 else 6: 0 for length in plain.gaps})
    for length, n in plain.gaps.items():
        runs[min(length, 6)] += n
    assert {f"{n}" if n < 6 else ">=6": runs[n] for n in range(1, 7)} == measured["gap_runs"]
    assert round(plain.missing / (plain.missing + plain.uplinks - plain.repeated), 3) == measured["loss"]


def test_recording_replayed_whole_is_accounted_for_to_the_last_message() -> None:
    """Uplinks, events and the empty ones, of which the repeat is one, and of every value that there is an observation."""
    messages = recording()
    plain = counted(messages)
    _, totals = replayed(messages)
    tell(plain, totals)
    assert totals["frames.received"] == len(messages)
    assert refusals(totals) == {
        "frames.ignored": plain.events,
        "readings.rejected.no_reading": plain.empty,
    }
    assert totals["frames.admitted"] == totals["readings.carried"] == plain.uplinks
    assert totals["readings.admitted"] == plain.uplinks - plain.empty
    assert totals["observations.decoded"] == plain.values.total()
    assert totals["pairs.recorded"] == plain.values.total()


def test_recording_that_comes_twice_counts_once() -> None:
    """A bridge that sends all it has again, and one that sends each message twice: no value counts a second time."""
    messages = recording()[:500]
    _, once = replayed(messages)
    again = [replace(each, received_ms=each.received_ms + messages[-1].received_ms) for each in messages]
    twice = [each for each in messages for _ in range(2)]
    for repeated in ([*messages, *again], twice):
        _, totals = replayed(repeated)
        assert totals["observations.decoded"] == once["observations.decoded"]
        assert totals["readings.rejected.replayed"] == once["readings.admitted"]


def test_uplinks_whose_gateway_has_no_clock_are_refused_where_the_profile_wants_its_time() -> None:
    """Most gateways stamp nothing: each such uplink is counted, and none gets a time that nobody knows."""
    messages = recording()[:3000]
    uplinks = [each.message for each in messages if each.is_uplink]
    _, totals = replayed(messages, PROFILE + OF_A_GATEWAY)
    untimed = [each for each in uplinks if "time" not in each["rxInfo"][0]]
    refused = totals["readings.rejected.bad_time"]
    empty = totals["readings.rejected.no_reading"]
    told = f"of {len(uplinks)} uplinks {len(untimed)} untimed: {refused} refused for it, {empty} empty anyway"
    print(told)
    assert refused <= len(untimed) <= refused + empty
    assert totals["readings.admitted"] + sum(refusals(totals).values()) == len(messages)


def tell(plain: Counted, totals: dict[str, int]) -> None:
    """Print what the recording came to."""
    print(
        f"{plain.uplinks} uplinks, {plain.events} events, {plain.repeated} repeated, {plain.missing} lost in {plain.gaps.total()}"
    )
    print(f"gaps, {plain.empty} without a value, {plain.timed} stamped by a gateway; of values {dict(plain.values)}")
    for name, n in sorted(totals.items()):
        print(f"  {name:<32}{n:>8}")


def test_part_of_the_recording_through_mosquitto_and_a_gateway(tmp_path: Path) -> None:
    """The first of the messages, at QoS 1: a recipient has each value once."""
    messages = recording()[:PART]
    plain = counted(messages)
    start = "2023-07-01T00:00:00Z"
    extra = f'\n[clock]\nsimulated = true\nstart = "{start}"\nrate = 0\n'
    with running_mosquitto(tmp_path) as broker:
        live = LiveGateway(tmp_path / "gateway", broker.port, policies=files(PROFILE), tick_ms=50, extra=extra)
        row = {"profile": "node", "zone": "door", "topic": FILTER, "owner": "city", "subject": "none", "id": NODE}
        live.add_devices([row])
        listener = Listener(broker.port, live.gateway)
        try:
            live.start().wait_ready()
            sent = [(each.topic, each.data) for each in messages]
            assert Load("127.0.0.1", broker.port, sent).run(HANG_S).acknowledged == PART
            totals = live.wait_drained(PART)["ledger"]
            records = [record for bundle in opened(live, listener) for record in bundle.records]
            assert Counter(record.observed_property for record in records) == plain.values
            assert totals["frames.ignored"] == plain.events
            assert live.stop() == 0
            assert live.verify().exit_status == 0
        finally:
            listener.close()
            live.end()
