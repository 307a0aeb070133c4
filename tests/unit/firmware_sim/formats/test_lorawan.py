"""LoRaWAN behind its network servers: counters that are left out at zero, joins, copies, and receptions as measured."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from firmware_sim.formats.lorawan import HEARD_BY_ONE, HEARD_BY_TWO, WITHOUT_TIME, eui
from firmware_sim.messages import Reading
from tests.support.simulated import IDENTITY, START_MS, course, station, within_bounds

KINDS = ("milesight-em300-th-chirpstack-4", "milesight-em300-th-chirpstack-3", "dragino-lht65-things-stack-3")
DAY_S = 86_400


def uplink(reading: Reading) -> dict[str, Any]:
    """Return the uplink that a message carries."""
    message: dict[str, Any] = json.loads(reading.payload)
    found: dict[str, Any] = message.get("uplink_message", message)
    return found


def receptions(reading: Reading) -> list[dict[str, Any]]:
    """Return which gateways heard it."""
    up = uplink(reading)
    found: list[dict[str, Any]] = up.get("rxInfo") or up["rx_metadata"]
    return found


@pytest.mark.parametrize(("kind", "counter"), [(KINDS[0], "fCnt"), (KINDS[2], "f_cnt")], ids=["chirpstack-4", "things-stack-3"])
def test_first_uplink_of_a_run_has_no_counter(kind: str, counter: str) -> None:
    """What is zero these servers leave out; the second frame is number one."""
    ups = [
        uplink(reading) for _, readings in course(station(kind, restart_s=DAY_S), 200) for reading in readings if reading.carries
    ]
    zero = [up.get(counter) for up in ups].index(None)
    assert [up.get(counter) for up in ups[zero : zero + 3]] == [None, 1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_run_begins_with_a_join_that_gives_a_new_address(kind: str) -> None:
    """The address, or the session, tells the runs apart; the join itself carries no reading."""
    frames = [reading for _, readings in course(station(kind, restart_s=DAY_S), 300) for reading in readings]
    joins = [at for at, reading in enumerate(frames) if reading.topic.endswith("/join")]
    assert len(joins) == 3
    assert not any(frames[at].carries for at in joins)
    runs = [frames[at + 1] for at in joins]
    keys = [json.loads(r.payload) for r in runs]
    addresses = [m.get("devAddr") or m["end_device_ids"]["dev_addr"] for m in keys]
    assert len(set(addresses)) == 3


@pytest.mark.parametrize("kind", KINDS[:2])
def test_chirpstack_tells_the_battery_between_uplinks(kind: str) -> None:
    """As often as nodes do it, and on a topic of its own."""
    events = Counter(reading.topic.rpartition("/")[2] for _, readings in course(station(kind), 250) for reading in readings)
    assert events["up"] == 250
    assert events["status"] == 10


@pytest.mark.parametrize("kind", KINDS)
def test_receptions_are_as_many_and_as_timeless_as_measured(kind: str) -> None:
    """The shares of frames heard by one gateway, and of receptions without a time, lie within binomial bounds."""
    many, timeless, frames = Counter[int](), 0, 1500
    for _, readings in course(station(kind), frames):
        (heard,) = [receptions(reading) for reading in readings if reading.carries]
        many[len(heard)] += 1
        timeless += sum("time" not in reception for reception in heard)
        names = [
            json.dumps(reception.get("gateway_ids", reception.get("gatewayId", reception.get("gatewayID"))))
            for reception in heard
        ]
        assert len(set(names)) == len(names)
    assert within_bounds(many[1], frames, HEARD_BY_ONE)
    assert within_bounds(many[2], frames, HEARD_BY_TWO - HEARD_BY_ONE)
    assert within_bounds(timeless, sum(number * times for number, times in many.items()), WITHOUT_TIME)


@pytest.mark.parametrize("kind", KINDS)
def test_copy_has_the_same_counter_through_another_gateway(kind: str) -> None:
    """As a network passes it on that does not put copies together: the same frame, later, heard elsewhere."""
    sensor = station(kind, faults={"duplicates": {"share": 1, "most_copies": 1}})
    ((truth, readings),) = course(sensor, 1)
    first, again = [reading for reading in readings if reading.carries]
    assert first.payload != again.payload
    assert uplink(first).get("fCnt", uplink(first).get("f_cnt")) == uplink(again).get("fCnt", uplink(again).get("f_cnt"))
    values = uplink(first).get("object") or uplink(first)["decoded_payload"]
    assert values["temperature" if "em300" in kind else "TempC_SHT"] == truth.measured["temperature"]
    assert (first.time_ms, again.time_ms) == truth.sent_ms
    assert not {json.dumps(r) for r in receptions(first)} & {json.dumps(r) for r in receptions(again)}


def test_eui_is_made_of_a_shorter_serial_number() -> None:
    """As IEEE makes one of a MAC address; one that is an EUI already stays."""
    assert eui(IDENTITY) == "02005efffe100001"
    assert eui("24e124136b502217") == "24e124136b502217"
    (_, readings), *_ = course(station(KINDS[0], identity="24e124136b502217"), 1, START_MS)
    assert json.loads(readings[0].payload)["deviceInfo"]["devEui"] == "24e124136b502217"
