"""A hub's frame: each reading in it is credited to the device that is registered under this hub and id, or counted, or both."""

from __future__ import annotations

import gc
import json
from types import FunctionType, ModuleType

import pytest

from consent.core.profiles.profile import Condition, Match, Repeat, SequenceField
from firmware_sim.wire import mac0_bytes
from gateway.core.changes import changes
from gateway.core.hubs.carried import MOST_PARTS
from gateway.core.mqtt.events import Frame
from gateway.core.pipeline import MAX_PAYLOAD_BYTES
from gateway.core.recovery import snapshot
from tests.support.gate import HOUR_MS, MIDNIGHT_MS, MINUTE_MS, Gate, frame
from tests.support.hubs import HUB, behind, hub_gate, message, readings_of, reasons

T = MIDNIGHT_MS


def used(gate: Gate) -> float:
    """Return what stands in cells, in kWh."""
    return sum(sum(table.sums) for table in gate.state.windows.tables.values()) / 1000


def test_one_frame_carries_a_reading_of_each_device() -> None:
    """One frame, as many readings, each in its own window and none in another's."""
    gate = hub_gate()
    one, two = behind(gate, "a"), behind(gate, "b")
    gate.take(frame(HUB, message({"id": "a", "t": T, "kwh": 1}, {"id": "b", "t": T, "kwh": 2})))
    assert (gate.count("frames.received"), gate.count("frames.admitted")) == (1, 1)
    assert (gate.count("readings.carried"), gate.count("readings.admitted")) == (2, 2)
    assert (gate.count("observations.decoded"), gate.count("pairs.contributed")) == (2, 2)
    assert readings_of(gate, one) == readings_of(gate, two) == (1, {})
    assert used(gate) == 3.0


def test_frame_of_a_device_by_itself_is_no_carried_reading() -> None:
    """The account of readings is of hubs alone, so the books of a city without any are what they were."""
    gate = hub_gate()
    street = gate.device(profile="shy")
    gate.send(street, kwh=1)
    assert (gate.count("frames.admitted"), gate.count("readings")) == (1, 0)


def test_id_that_nobody_registered_counted_and_credited_to_nobody() -> None:
    """Beside a registered one, alone, absent, or that of a device behind another hub."""
    gate = hub_gate()
    own, elsewhere = behind(gate, "a"), behind(gate, "b", topic="hub/south")
    gate.take(frame(HUB, message({"id": "a", "t": T, "kwh": 1}, {"id": "b", "t": T, "kwh": 2}, {"t": T, "kwh": 4})))
    gate.take(frame(HUB, message({"id": "c", "t": T, "kwh": 1})))
    assert reasons(gate, "readings.rejected") == {"unknown_device": 3}
    assert (gate.count("readings.admitted"), gate.count("frames.admitted"), gate.count("observations.decoded")) == (1, 2, 1)
    assert (readings_of(gate, own), readings_of(gate, elsewhere)) == ((1, {}), (0, {}))


def test_hub_that_nobody_registered_is_an_unknown_device() -> None:
    """Nothing of its messages is read."""
    gate = hub_gate()
    behind(gate, "a")
    gate.take(frame("hub/east", message({"id": "a", "t": T, "kwh": 1})))
    assert (reasons(gate, "frames.rejected"), gate.count("readings")) == ({"unknown_device": 1}, 0)


def test_two_devices_behind_one_hub_with_equal_numbers_are_both_admitted() -> None:
    """Each has its own numbers: one's is no replay of the other's, and its own is."""
    gate = hub_gate()
    one, two = behind(gate, "a", "numbered"), behind(gate, "b", "numbered")
    both = message({"id": "a", "t": T, "kwh": 1, "boot": 1, "seq": 7}, {"id": "b", "t": T, "kwh": 1, "boot": 1, "seq": 7})
    gate.take(frame(HUB, both), frame(HUB, both))
    gate.take(frame(HUB, message({"id": "a", "t": T, "kwh": 1, "boot": 1})))
    assert reasons(gate, "readings.rejected") == {"replayed": 2, "no_sequence": 1}
    assert readings_of(gate, one) == (1, {"replayed": 1, "no_sequence": 1})
    assert readings_of(gate, two) == (1, {"replayed": 1})
    assert (gate.count("frames.admitted"), gate.count("pairs.contributed")) == (3, 2)


def test_history_of_one_device_under_one_number_is_one_message_of_it() -> None:
    """Several times under one number are admitted together, and together refused the second time."""
    gate = hub_gate()
    behind(gate, "a", "numbered")
    history = message(*({"id": "a", "t": T + n, "kwh": 1, "boot": 1, "seq": 7} for n in range(3)))
    gate.take(frame(HUB, history), frame(HUB, history))
    assert (gate.count("readings.admitted"), reasons(gate, "readings.rejected")) == (3, {"replayed": 3})


def test_part_that_does_not_decode_costs_only_itself() -> None:
    """Its reason is counted, for its device too."""
    gate = hub_gate()
    one, two = behind(gate, "a"), behind(gate, "b")
    gate.take(frame(HUB, message({"id": "a", "t": T, "kwh": "x"}, {"id": "b", "t": T, "kwh": 2}, {"id": "a"})))
    assert gate.count("readings.admitted") == 1
    assert sum(reasons(gate, "readings.rejected").values()) == 2
    assert (readings_of(gate, one)[0], sum(readings_of(gate, one)[1].values()), readings_of(gate, two)) == (0, 2, (1, {}))


@pytest.mark.parametrize(("payload", "reason"), [(b"[{", "malformed"), (b" " * (MAX_PAYLOAD_BYTES + 1), "too_large")])
def test_frame_that_is_no_message_of_the_hub_rejected_as_a_frame(payload: bytes, reason: str) -> None:
    """It carries nothing that could be counted."""
    gate = hub_gate()
    behind(gate, "a")
    gate.take(frame(HUB, payload))
    assert (reasons(gate, "frames.rejected"), gate.count("readings")) == ({reason: 1}, 0)


def test_message_of_ten_thousand_elements_is_refused_whole() -> None:
    """So one frame cannot hold up all others; as many as are allowed are taken."""
    gate = hub_gate()
    behind(gate, "a")
    gate.take(frame(HUB, b"[" + b",".join([b'{"id":1}'] * 7_000) + b"]"))
    gate.take(frame(HUB, b"[" + b",".join([b'{"id":1}'] * (MOST_PARTS + 1)) + b"]"))
    assert (reasons(gate, "frames.rejected"), gate.count("readings")) == ({"too_large": 2}, 0)
    gate.take(frame(HUB, b"[" + b",".join([b'{"id":1}'] * MOST_PARTS) + b"]"))
    assert reasons(gate, "readings.rejected") == {"unknown_device": MOST_PARTS}


def test_message_that_no_profile_of_the_hub_means_is_ignored() -> None:
    """It is told apart from what is refused."""
    meant = Match(conditions=(Condition("kind", ("reading",)),))
    gate = hub_gate(meter={"each": None, "match": meant})
    behind(gate, "a")
    gate.take(frame(HUB, b'{"kind":"join","id":"a"}'), frame(HUB, b'{"kind":"reading","id":"a","t":%d,"kwh":1}' % T))
    assert (gate.count("frames.ignored"), gate.count("readings.admitted"), gate.count("frames.rejected")) == (1, 1, 0)


def test_hub_with_devices_of_two_profiles_gives_each_device_its_own() -> None:
    """Both profiles read the message; a device's part is taken by its own, and what neither knows is counted once."""
    gate = hub_gate()
    meter, numbered = behind(gate, "a"), behind(gate, "b", "numbered")
    parts = [{"id": name, "t": T, "kwh": 1, "boot": 1, "seq": 1} for name in "abc"]
    gate.take(frame(HUB, message(*parts)))
    assert (readings_of(gate, meter), readings_of(gate, numbered)) == ((1, {}), (1, {}))
    assert (gate.count("readings.carried"), reasons(gate, "readings.rejected")) == (3, {"unknown_device": 1})


def test_part_that_its_devices_profile_ignores_is_not_refused_in_the_name_of_another() -> None:
    """A message that only another device's profile would read is ignored, though that one sees an id that is not its own."""
    plugs = Match(conditions=(Condition("plug"),))
    gate = hub_gate(meter={"each": None}, numbered={"each": None, "match": plugs})
    meter, plug = behind(gate, "a"), behind(gate, "b", "numbered")
    gate.take(frame(HUB, b'{"id":"b","t":%d,"kwh":1}' % T))
    assert (gate.count("frames.ignored"), gate.count("readings")) == (1, 0)
    assert readings_of(gate, meter) == readings_of(gate, plug) == (0, {})


def test_reading_under_a_filter_is_of_the_device_that_the_topic_names() -> None:
    """The id is a level of the topic; whatever stands in the payload changes nothing."""
    gate = hub_gate(meter={"hub": ("$topic[1]",), "each": None})
    one, two = behind(gate, "a", topic="hub/+/up"), behind(gate, "b", topic="hub/+/up")
    for level in "abb":
        gate.take(frame(f"hub/{level}/up", b'{"id":"a","t":%d,"kwh":1}' % (T + gate.count("frames.received"))))
    gate.take(frame("hub/c/up", b'{"id":"a","t":%d,"kwh":1}' % T), frame("hub/a/down", b"{}"))
    assert (readings_of(gate, one), readings_of(gate, two)) == ((1, {}), (2, {}))
    assert reasons(gate, "readings.rejected") == reasons(gate, "frames.rejected") == {"unknown_device": 1}


def test_withdrawal_of_one_member_leaves_the_others() -> None:
    """What it gave leaves the window; the others go on."""
    gate = hub_gate()
    one, two, three = (behind(gate, name) for name in "abc")
    parts = [{"id": name, "t": T, "kwh": 1} for name in "abc"]
    gate.take(frame(HUB, message(*parts)))
    gate.withdraw(one, "hourly")
    assert (gate.count("pairs.withdrawn"), gate.count("pairs.open")) == (1, 2)
    gate.take(frame(HUB, message(*({**part, "t": T + 1} for part in parts))))
    assert (gate.count("readings.admitted"), gate.count("pairs.contributed")) == (6, 5)
    assert used(gate) == 4.0
    assert (readings_of(gate, two), readings_of(gate, three)) == ((2, {}), (2, {}))


def test_device_struck_off_is_unknown_and_the_others_stay() -> None:
    """Until the last one is gone, and with it the hub."""
    gate = hub_gate()
    one, two = behind(gate, "a"), behind(gate, "b")
    changes.revoke_device(gate.state, one.place, gate.now_ms)
    gate.take(frame(HUB, message({"id": "a", "t": T, "kwh": 1}, {"id": "b", "t": T, "kwh": 1})))
    assert (gate.count("readings.admitted"), reasons(gate, "readings.rejected")) == (1, {"unknown_device": 1})
    changes.revoke_device(gate.state, two.place, gate.now_ms)
    gate.take(frame(HUB, message({"id": "b", "t": T, "kwh": 1})))
    assert reasons(gate, "frames.rejected") == {"unknown_device": 1}


def test_device_whose_profile_and_registration_disagree_about_hubs_is_unknown() -> None:
    """Registered behind none under a hub's profile, or behind one under a profile that names no devices: nothing is guessed."""
    gate = hub_gate()
    behind(gate, "", topic="t/plain")
    behind(gate, "a", "shy")
    gate.take(frame("t/plain", message({"id": "", "t": T, "kwh": 1})), frame(HUB, b'{"t":1,"kwh":1}'))
    assert reasons(gate, "frames.rejected") == {"unknown_device": 2}


# authenticated


def test_code_behind_a_hub_is_checked_with_the_key_of_the_device_that_the_message_names() -> None:
    """A device with its own key cannot speak for another, nor can anybody without one; each message counts once."""
    gate = hub_gate()
    one, two = behind(gate, "a", "sealed"), behind(gate, "b", "sealed")
    keys = {device.hub_id: gate.state.identity.device_key(device.id, 0) for device in (one, two)}
    content = message({"id": "a", "t": T, "kwh": 1})
    genuine = mac0_bytes(keys["a"], 7, content)
    gate.take(frame(HUB, genuine), frame(HUB, genuine), frame(HUB, mac0_bytes(keys["b"], 8, content)), frame(HUB, content))
    gate.take(frame(HUB, mac0_bytes(keys["b"], 7, message({"id": "b", "t": T, "kwh": 1}))))
    assert reasons(gate, "readings.rejected") == {"bad_mac": 1, "replayed": 1}
    assert reasons(gate, "frames.rejected") == {"bad_mac": 1}
    assert (readings_of(gate, one), readings_of(gate, two)) == ((1, {"replayed": 1, "bad_mac": 1}), (1, {}))


def test_one_code_is_of_one_device() -> None:
    """A message may carry readings of others beside its own: nothing proves them, and they are refused."""
    gate = hub_gate()
    one, two = behind(gate, "a", "sealed"), behind(gate, "b", "sealed")
    key = gate.state.identity.device_key(one.id, 0)
    parts = ({"id": name, "t": T, "kwh": 1} for name in "abc")
    gate.take(frame(HUB, mac0_bytes(key, 7, message(*parts))))
    assert reasons(gate, "readings.rejected") == {"bad_mac": 1, "unknown_device": 1}
    assert (readings_of(gate, one), readings_of(gate, two)) == ((1, {}), (0, {"bad_mac": 1}))


def test_nothing_counts_before_the_code_fits() -> None:
    """A forged message with a great number does not use the device's numbers up."""
    gate = hub_gate()
    one = behind(gate, "a", "sealed")
    content = message({"id": "a", "t": T, "kwh": 1})
    gate.take(frame(HUB, mac0_bytes(bytes(32), 10**9, content)))
    gate.take(frame(HUB, mac0_bytes(gate.state.identity.device_key(one.id, 0), 1, content)))
    assert (gate.count("readings.admitted"), reasons(gate, "readings.rejected")) == (1, {"bad_mac": 1})


# what has waited, and what repeats


def test_readings_without_time_that_waited_get_a_span() -> None:
    """As those of a device by itself: they came between the last dry moment and now, and count where both lie in one window."""
    gate = hub_gate()
    behind(gate, "a", "timeless"), behind(gate, "b", "timeless")
    both = message({"id": "a", "kwh": 1}, {"id": "b", "kwh": 1})
    for later_ms in (30 * MINUTE_MS, HOUR_MS):
        gate.now_ms += later_ms
        gate.state.arrivals.held_up(gate.now_ms)
        gate.take(frame(HUB, both))
        gate.state.arrivals.drained(gate.now_ms)
    assert (gate.count("pairs.contributed"), reasons(gate, "pairs.withheld")) == (2, {"undated": 2})
    gate.take(Frame(HUB, both, 0, duplicate=False, retain=True, generation=1))
    assert reasons(gate, "pairs.withheld") == {"undated": 4}


def test_repeats_are_told_for_each_device_behind_a_hub() -> None:
    """One device's message is none of another's; two readings in one message do not repeat each other."""
    gate = hub_gate(meter={"repeat": Repeat(equal_within_ms=MINUTE_MS)})
    one, two = behind(gate, "a"), behind(gate, "b")
    first, later = ({"id": "b", "t": T + n, "kwh": 1} for n in range(2))
    gate.take(frame(HUB, message({"id": "a", "t": T, "kwh": 1})), frame(HUB, message(first)))
    gate.take(frame(HUB, message({"id": "a", "t": T, "kwh": 1})), frame(HUB, message(first, later)))
    assert (readings_of(gate, one), readings_of(gate, two)) == ((1, {"duplicate": 1}), (3, {}))
    assert reasons(gate, "readings.rejected") == {"duplicate": 1}


def test_redelivered_frame_of_a_hub_counts_once() -> None:
    """It is known as a whole, before it is opened."""
    gate = hub_gate()
    behind(gate, "a")
    content = json.dumps([{"id": "a", "t": T, "kwh": 1}]).encode()
    gate.take(frame(HUB, content, 5))
    gate.reconnect(session_present=True)
    gate.take(frame(HUB, content, 5, duplicate=True))
    assert (reasons(gate, "frames.rejected"), gate.count("readings.carried")) == ({"redelivered": 1}, 1)


def held_in(root: object, *secrets: bytes) -> list[object]:
    """Return the texts and bytes reachable from an object that hold any of some secrets."""
    found: list[object] = []
    seen: set[int] = set()
    ahead = [root]
    while ahead:
        each = ahead.pop()
        if id(each) in seen or isinstance(each, type | ModuleType):
            continue
        seen.add(id(each))
        if isinstance(each, str | bytes):
            data = each.encode(errors="replace") if isinstance(each, str) else each
            found += [each] if any(secret in data for secret in secrets) else []
        elif isinstance(each, FunctionType):
            ahead += each.__closure__ or ()
        else:
            ahead += [*(each if isinstance(each, dict) else ()), *gc.get_referents(each)]  # which pass keys that are texts over
    return found


@pytest.mark.parametrize(
    "rules", [{}, {"repeat": Repeat(equal_within_ms=MINUTE_MS)}, {"sequence": SequenceField("n", "boot", restarts=True)}]
)
def test_nothing_is_left_of_a_member_that_is_erased(rules: dict[str, object]) -> None:
    """In memory and in what a restart reads: not its id, not its topic, no number and no time of it; the others stay."""

    def sent(n: int, room: str, serial: str, boot: str) -> Frame:
        return frame(f"hub/{room}", json.dumps({"id": serial, "boot": boot, "n": n, "t": T + n, "kwh": 1}).encode())

    gate = hub_gate(meter={"hub": ("$topic[1]", "id"), "each": None, **rules})
    gone = behind(gate, "anas-room/anas-serial", topic="hub/+")
    stays = behind(gate, "door/serial", topic="hub/+")
    for n in range(3):
        gate.take(sent(n, "anas-room", "anas-serial", "anas-boot"), sent(n, "door", "serial", "b"))
    secrets = (b"anas-room", b"anas-serial", b"anas-boot", gone.id, gone.subject or b"?")
    assert "hub/anas-room" in held_in(gate.state, *secrets)

    gate.erase(gone)

    assert held_in(gate.state, *secrets) == []
    assert not any(secret in snapshot(gate.state) for secret in secrets)
    gate.take(sent(9, "door", "serial", "b"))
    assert readings_of(gate, stays)[0] >= 2
