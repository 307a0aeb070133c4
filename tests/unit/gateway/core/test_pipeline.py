"""The path of a batch: every frame, observation and pair ends in exactly one account, and what was committed counts once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.wire import mac0_bytes
from gateway.core.ingest.minimise import MAX_STEPS
from gateway.core.mqtt.events import Frame
from gateway.core.pipeline import MAX_PAYLOAD_BYTES
from gateway.core.release.records import read_row
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, Gate, frame, only, reading, town
from tests.support.refolded import pairs_standing

T = MIDNIGHT_MS
TOWN = town()


def rejected(gate: Gate) -> dict[str, int]:
    """Return how many frames were rejected, by reason."""
    return _reasons(gate, "frames.rejected.")


def withheld(gate: Gate) -> dict[str, int]:
    """Return how many pairs were withheld, by reason."""
    return _reasons(gate, "pairs.withheld.")


def _reasons(gate: Gate, group: str) -> dict[str, int]:
    assert gate.state.ledger.imbalances() == []
    return {name.removeprefix(group): n for name, n in gate.state.ledger.totals.items() if name.startswith(group) and n}


# frames


def test_frame_of_an_unknown_topic_rejected() -> None:
    """Nobody registered it: closed by default."""
    gate = Gate()
    gate.take(frame("t/none", b'{"kwh":1}'))
    assert rejected(gate) == {"unknown_device": 1}
    assert gate.count("frames.admitted") == gate.count("observations") == 0


def test_frame_too_large_rejected_before_it_is_read() -> None:
    """The bound is 64 KiB, for known devices; a frame of just that size is read."""
    gate = Gate()
    device = gate.device()
    largest = b'{"t":%d,"kwh":1}' % T
    gate.take(frame(device.topic, b" " * MAX_PAYLOAD_BYTES + b"1"), frame(device.topic, largest.ljust(MAX_PAYLOAD_BYTES)))
    assert (rejected(gate), gate.count("frames.admitted")) == ({"too_large": 1}, 1)


def test_copy_by_another_subscription_rejected_and_remembered() -> None:
    """It is counted, acknowledged like any frame, and known when it comes again."""
    gate = Gate()
    device = gate.device()
    frames = [
        Frame(device.topic, b'{"t":%d,"kwh":1}' % T, n, duplicate=False, retain=False, generation=1, copy=n == 1) for n in (1, 2)
    ]
    gate.take(*frames)
    assert (rejected(gate), gate.count("frames.admitted"), gate.count("observations.decoded")) == ({"copy": 1}, 1, 1)
    gate.commit()
    gate.reconnect(session_present=True)
    gate.take(*(Frame(one.topic, one.payload, one.packet_id, True, False, 2, one.copy) for one in frames))
    assert rejected(gate) == {"copy": 1, "redelivered": 2}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "malformed"),
        (b"[1]", "wrong_type"),
        (b'{"t":1,"kwh":"1"}', "wrong_type"),
        (b'{"t":1}', "no_reading"),
        (b'{"kwh":1}', "bad_time"),
        (b"\xff", "malformed"),
        (b'{"x":' * 10_000, "malformed"),
    ],
)
def test_frame_that_does_not_decode_rejected_with_the_decoders_reason(payload: bytes, reason: str) -> None:
    """What no codec understands is counted, and nothing of it stays."""
    gate = Gate()
    gate.take(frame(gate.device().topic, payload))
    assert rejected(gate) == {reason: 1}
    assert gate.count("observations") == 0


def test_authenticated_frame_admitted_and_forged_rejected() -> None:
    """A class with keys: the code is checked over the raw bytes, and its number is the sequence."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly", profile="sealed")
    key = gate.state.identity.device_key(home.id, home.generation)
    message = json.dumps({"t": T, "kwh": 1}).encode()
    genuine = mac0_bytes(key, 7, message)
    gate.take(frame(home.topic, message), frame(home.topic, genuine), frame(home.topic, genuine))
    gate.take(frame(home.topic, mac0_bytes(bytes(32), 8, message)))
    assert rejected(gate) == {"bad_mac": 2, "replayed": 1}
    assert gate.count("pairs.contributed") == 1


def test_numbered_frames_each_number_once_per_boot() -> None:
    """A number is taken once; another run of the device begins anew; without either the message is refused."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly", profile="numbered")
    for boot, seq in ((1, 1), (1, 2), (1, 2), (1, 1), (2, 1)):
        gate.send(home, kwh=1, boot=boot, seq=seq)
    gate.send(home, kwh=1, boot=1)
    assert rejected(gate) == {"replayed": 2, "no_sequence": 1}
    assert gate.count("pairs.contributed") == 3


def test_numbered_profile_without_number_rejected() -> None:
    """A decoder that yields no number does not open the door."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly")
    plan = gate.state.devices[home.topic]
    plan.needs_sequence = True
    gate.send(home, kwh=1)
    assert rejected(gate) == {"no_sequence": 1}


# observations


def test_observation_with_unbelievable_clock_refused() -> None:
    """More than a day ahead, or three years behind; the frame itself is admitted."""
    gate = Gate()
    home = gate.home("hourly")
    for t_ms in (T + DAY_MS + 1, T - 1_097 * DAY_MS, T):
        gate.send(home, t_ms, kwh=1)
    assert _reasons(gate, "observations.refused.") == {"clock_ahead": 1, "clock_behind": 1}
    assert (gate.count("frames.admitted"), gate.count("observations.asked"), gate.count("pairs.considered")) == (3, 1, 3)


def test_observation_that_no_flow_asks_for_unasked() -> None:
    """A declared field that nobody wants is read, counted and forgotten; an undeclared one never exists."""
    gate = Gate()
    gate.send(gate.home("hourly"), temp=20, name="Ann", kwh=1)
    assert (gate.count("observations.decoded"), gate.count("observations.unasked")) == (2, 1)


@pytest.mark.parametrize("value", [1e300, -1e300, (MAX_STEPS + 1) * 0.001 * 2])
def test_observation_beyond_all_sums_refused(value: float) -> None:
    """A value that the exact integers do not hold is refused by name."""
    gate = Gate(only("hourly"))
    gate.send(gate.home("hourly"), kwh=value)
    assert _reasons(gate, "observations.refused.") == {"out_of_range": 1}
    assert gate.count("pairs") == 0


def test_observation_repeated_with_the_same_time_duplicate() -> None:
    """A class without numbers: the same property at the same time is the same observation, for every flow that it feeds."""
    gate = Gate(only("hourly", "raw"))
    home = gate.home("hourly", "raw")
    gate.send(home, kwh=1)
    gate.send(home, kwh=1)
    gate.take(reading(home, T + 1, kwh=1), reading(home, T + 1, kwh=2))
    assert (gate.count("pairs.duplicate"), gate.count("pairs.contributed"), gate.count("pairs.recorded")) == (4, 2, 2)


def test_observation_repeat_of_a_numbered_class_is_told_by_its_number() -> None:
    """Two numbers are two readings, even of the same time."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly", profile="numbered")
    gate.send(home, kwh=1, boot=1, seq=1)
    gate.send(home, kwh=1, boot=1, seq=2)
    assert (gate.count("pairs.contributed"), gate.count("pairs.duplicate")) == (2, 0)


def test_observation_without_time_or_number_cannot_be_told_from_a_second_one() -> None:
    """The time of arrival is no name: both count."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly", profile="timeless")
    gate.take(frame(home.topic, b'{"kwh":1}'), frame(home.topic, b'{"kwh":1}'))
    assert gate.count("pairs.contributed") == 2


# pairs


def test_pair_fates_each_in_one_account() -> None:
    """One observation and three flows: one contributes, one is recorded, one is withheld."""
    gate = Gate()
    gate.send(gate.home("hourly", "raw"), kwh=0.5)
    assert (gate.count("pairs.considered"), gate.count("pairs.contributed"), gate.count("pairs.recorded")) == (3, 1, 1)
    assert withheld(gate) == {"no-consent": 1}
    assert (gate.count("pairs.open"), gate.count("pairs.waiting")) == (1, 1)


def test_pair_late_partial_and_expired() -> None:
    """Behind the watermark, before the first whole day of the consent, after its end."""
    gate = Gate(only("hourly"))
    home = gate.home()
    gate.now_ms = T + 30 * MINUTE_MS
    gate.grant(home, "hourly", expiry_ms=T + DAY_MS + 3 * HOUR_MS)
    gate.now_ms = T + 4 * HOUR_MS
    for minutes in (10, 40, 24 * 60 + 60, 24 * 60 + 180, 24 * 60 + 200):
        gate.send(home, T + minutes * MINUTE_MS, kwh=1)
    gate.to(T + DAY_MS + LATENESS_MS)
    gate.send(home, T + 70 * MINUTE_MS, kwh=1)
    assert withheld(gate) == {"partial": 2, "expired": 2}
    assert (gate.count("pairs.contributed"), gate.count("pairs.late")) == (1, 1)


def test_pair_counter_reset_and_baseline_withheld() -> None:
    """A register's reading that is only measured from, and one that fell."""
    gate = Gate(only("register"))
    home = gate.home("register")
    for minutes, total in ((0, 100), (10, 105), (20, 3)):
        gate.send(home, T + minutes * MINUTE_MS, total=total)
    assert withheld(gate) == {"partial": 1, "reset": 1}
    assert gate.count("pairs.contributed") == 1


def test_withheld_reading_leaves_no_trace() -> None:
    """What nobody permitted is in no window, no outbox row and no journal record."""
    gate = Gate()
    stranger = gate.home()
    gate.commit()
    gate.take(reading(stranger, T, kwh=77.7))
    assert gate.state.windows.is_empty()
    assert gate.outbox == {}
    assert gate.batches[-1] == (b"", b"", [])


def test_records_minimised_before_they_wait() -> None:
    """An outbox row holds the floored value and the coarsened time, and neither topic nor device."""
    gate = Gate(only("street-noise"))
    street = gate.device()
    gate.send(street, T + 20 * MINUTE_MS, db=61.27)
    ((recipient, content),) = gate.outbox.values()
    (waiting,) = read_row(content)
    assert (recipient, waiting.n, waiting.cohort.step) == ("public", 612, "0.1")
    assert (waiting.start_ms, waiting.end_ms) == (T + 15 * MINUTE_MS, T + 30 * MINUTE_MS)
    assert street.topic.encode() not in content


def test_records_rows_by_recipient_and_bounded() -> None:
    """A batch makes one row for each recipient, and more where there are too many for one."""
    gate = Gate(only("raw", "street-noise"))
    home, street = gate.home("raw"), gate.device()
    gate.take(*(reading(home, T + i, kwh=1) for i in range(450)), *(reading(street, T + i, db=60) for i in range(3)))
    rows = [(recipient, len(read_row(content))) for recipient, content in gate.outbox.values()]
    assert rows == [("office", 200), ("office", 200), ("office", 50), ("public", 3)]
    assert gate.state.outbox.waiting == {"office": 3, "public": 1}
    assert gate.state.outbox.next_number == 5
    ids = {waiting.record_id for _, content in gate.outbox.values() for waiting in read_row(content)}
    assert len(ids) == 453


# exactly once


def test_redelivered_frame_counts_once() -> None:
    """Committed, not acknowledged, sent again over the next connection: acknowledged and counted, and nothing else."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly", profile="timeless")
    first = frame(home.topic, b'{"kwh":1}', 5)
    again = frame(home.topic, b'{"kwh":1}', 5, duplicate=True)
    gate.take(first)
    for _ in range(2):
        gate.reconnect(session_present=True)
        gate.take(again, again)
        gate.take(again)
    assert (rejected(gate), gate.count("pairs.contributed")) == ({"redelivered": 6}, 1)


def test_redelivery_needs_session_flag_id_and_content() -> None:
    """A frame that is new in any of them is a new frame: nothing is lost by mistaking it."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly", profile="timeless")
    gate.take(frame(home.topic, b'{"kwh":1}', 5), frame(home.topic, b'{"kwh":1}', 6))
    duplicates = [frame(home.topic, b'{"kwh":2}', 5, duplicate=True), frame(home.topic, b'{"kwh":1}', 7, duplicate=True)]
    gate.take(frame(home.topic, b'{"kwh":1}', 5, duplicate=True))  # within one connection a broker repeats nothing
    gate.reconnect(session_present=True)
    gate.take(*duplicates)
    gate.reconnect(session_present=False)
    gate.take(frame(home.topic, b'{"kwh":1}', 6, duplicate=True))
    assert rejected(gate) == {}
    assert gate.count("frames.admitted") == 6


def test_packet_id_seen_without_dup_frees_its_row() -> None:
    """The broker uses the number anew: what comes under it later with the flag is that later frame's repeat or new."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly", profile="timeless")
    gate.take(frame(home.topic, b'{"kwh":1}', 5))
    gate.reconnect(session_present=True)
    gate.take(frame(home.topic, b'{"kwh":1}', 5))  # the same content under a recycled number: a second reading
    gate.take(frame(home.topic, b'{"kwh":1}', 5, duplicate=True))
    assert rejected(gate) == {}
    assert gate.count("pairs.contributed") == 3


def test_redelivery_after_recycling_goes_by_the_latest_content() -> None:
    """Of an id only the frame that it last stood for can come again."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly", profile="timeless")
    gate.take(frame(home.topic, b'{"kwh":1}', 5))
    gate.take(frame(home.topic, b'{"kwh":2}', 5))
    gate.reconnect(session_present=True)
    gate.take(frame(home.topic, b'{"kwh":2}', 5, duplicate=True))
    gate.take(frame(home.topic, b'{"kwh":1}', 5, duplicate=True))
    assert (rejected(gate), gate.count("pairs.contributed")) == ({"redelivered": 1}, 3)


def test_rejected_frames_are_marked_too() -> None:
    """A frame that was refused and comes again is not refused a second time, but known."""
    gate = Gate()
    gate.take(frame("t/none", b"1", 5))
    gate.reconnect(session_present=True)
    gate.take(frame("t/none", b"1", 5, duplicate=True))
    assert rejected(gate) == {"unknown_device": 1, "redelivered": 1}


def test_qos_0_frames_leave_no_mark() -> None:
    """What is never acknowledged is never sent again."""
    gate = Gate(only("hourly"))
    gate.take(reading(gate.home("hourly"), T, kwh=1))
    assert gate.state.marks.state() == []


def test_session_lost_windows_under_way_suppressed() -> None:
    """Readings may have been lost: what began before gives no figure, what begins after does."""
    gate = Gate(only("hourly"))
    gate.to(T)
    homes = gate.homes(4, "hourly")
    for home in homes:
        gate.send(home, T + MINUTE_MS, kwh=1)
    gate.now_ms = T + 2 * MINUTE_MS
    gate.reconnect(session_present=False)
    assert gate.state.marks.state() == []
    for home in homes:
        gate.send(home, T + HOUR_MS, kwh=2)
    gate.to(T + DAY_MS + LATENESS_MS)
    assert [record.result for record in gate.records()] == [8.0]
    assert gate.count("pairs.suppressed.partial") == 4


def test_session_kept_windows_under_way_stay_whole() -> None:
    """The broker kept what came meanwhile."""
    gate = Gate(only("hourly"))
    gate.to(T)
    for home in gate.homes(4, "hourly"):
        gate.send(home, T + MINUTE_MS, kwh=1)
    gate.now_ms = T + 2 * MINUTE_MS
    gate.reconnect(session_present=True)
    gate.to(T + DAY_MS + LATENESS_MS)
    assert [record.result for record in gate.records()] == [4.0]


# whatever comes

_VALUES = st.one_of(st.floats(-10, 100), st.just(1e300), st.none(), st.text(max_size=2), st.booleans())
_TIMES = st.one_of(
    st.integers(T - HOUR_MS, T + HOUR_MS), st.sampled_from([T, 0, T + 2 * DAY_MS, T - 2 * DAY_MS, "x", None, 2**63])
)
_MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "t": _TIMES,
        "kwh": _VALUES,
        "total": _VALUES,
        "db": _VALUES,
        "temp": _VALUES,
        "seq": st.one_of(st.integers(0, 9), st.none()),
        "boot": st.sampled_from([1, "b", None]),
    },
)
_PAYLOADS = st.one_of(
    _MESSAGES.map(lambda m: json.dumps(m).encode()), _MESSAGES.map(lambda m: json.dumps(m).encode()), st.binary(max_size=40)
)
_TOPICS = st.integers(1, 9).map(lambda number: f"t/{number}")  # the last of which are nobody's
_FRAMES = st.builds(frame, _TOPICS, _PAYLOADS, st.integers(0, 3), duplicate=st.booleans())
_STEPS = st.one_of(st.lists(_FRAMES, min_size=1, max_size=12), st.booleans(), st.integers(0, 30))


@settings(max_examples=150)
@given(st.lists(_STEPS, max_size=12))
def test_everything_ends_in_exactly_one_account(steps: list[Any]) -> None:
    """Whatever frames come, garbage and repeats among them, with reconnects and the clock in between: all units balance."""
    gate = Gate(TOWN)
    for profile in ("meter", "numbered", "sealed", "timeless"):
        gate.home("purpose:energy", profile=profile)
    gate.home("purpose:quiet")
    gate.home()
    gate.device()
    received = 0
    for step in steps:
        if isinstance(step, list):
            received += len(step)
            before = gate.count("frames.admitted") + gate.count("frames.rejected")
            gate.take(*step)
            assert gate.count("frames.admitted") + gate.count("frames.rejected") == before + len(step)
        elif isinstance(step, bool):
            gate.reconnect(session_present=step)
        else:
            gate.to(gate.now_ms + step * 10 * MINUTE_MS)
        assert gate.state.ledger.imbalances() == []
        assert gate.count("pairs.open") == pairs_standing(gate.state)
        assert gate.count("pairs.waiting") == sum(len(read_row(content)) for _, content in gate.outbox.values())
    assert gate.count("frames.received") == received


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=30), st.integers(0, 30), st.data())
def test_crash_at_any_frame_redelivery_changes_nothing(sent: list[tuple[int, int]], committed: int, data: st.DataObject) -> None:
    """The frames that were committed and those that were not come again after the crash: each counts once."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly", profile="timeless")
    frames: dict[int, Frame] = {}
    order: list[Frame] = []
    for packet_id, value in sent:
        made = frame(home.topic, b'{"kwh":%d}' % value, packet_id)
        if packet_id not in frames:  # a broker uses an id again only once it has been acknowledged
            frames[packet_id] = made
            order.append(made)
    for made in order[:committed]:
        gate.take(made)
    gate.reconnect(session_present=True)
    again = data.draw(st.permutations(order)) if len(order) > 1 else order
    gate.take(*(frame(made.topic, made.payload, made.packet_id, duplicate=True) for made in again))
    assert gate.count("frames.admitted") == len(order)
    assert rejected(gate).get("redelivered", 0) == len(order[:committed])
