"""A trial against the pipeline: what it says of messages is what the gateway does with them, in the same order."""

from __future__ import annotations

import json
from collections import Counter
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.core.decide import Owner
from consent.core.profiles.profile import AbsentSequence, Repeat, SequenceField
from gateway.core import model, pipeline
from gateway.core.changes import changes
from gateway.core.examples.example import REASONS
from gateway.core.examples.trial import Trial
from gateway.core.ingest.mac0 import Mac0Key, mac0
from gateway.core.model import Ignore, Reading, Reject
from gateway.core.plans import Device
from tests.support.gate import DAY_MS, MIDNIGHT_MS, Gate, frame, town
from tests.support.hubs import HUB, hub_gate, with_profiles

Message = tuple[bytes, int]
"""What is sent, and the number under which it is sealed where it is."""

_MESSAGES = st.builds(
    lambda t_ms, seq, boot, kwh, dropped: {
        key: value for key, value in {"t": t_ms, "seq": seq, "boot": boot, "kwh": kwh}.items() if key != dropped
    },
    st.sampled_from([MIDNIGHT_MS, MIDNIGHT_MS - 1, MIDNIGHT_MS + 2 * DAY_MS, 0, -1, "x"]),
    st.integers(-1, 4) | st.just(70),
    st.sampled_from([1, 2, "b", None]),
    st.sampled_from([0.131, 0, 1e300, "0.1", None, True]),
    st.sampled_from(["", "", "", "t", "seq", "boot", "kwh"]),
)
_SENT = st.lists(
    st.tuples(_MESSAGES.map(lambda message: json.dumps(message).encode()) | st.binary(max_size=8), st.integers(0, 3))
)


def tried(gate: Gate, profile: str, messages: list[Message]) -> Counter[str]:
    """Return what a trial says of messages, counted under the accounts of the ledger."""
    trial = Trial(gate.state.policies.profiles[profile], gate.state.policies.properties)
    counts: Counter[str] = Counter()
    for payload, iv in messages:
        found = trial.take("t/1", payload, gate.now_ms, iv if profile == "sealed" else None)
        if isinstance(found.outcome, Reject):
            counts[f"frames.rejected.{found.outcome.reason}"] += 1
        else:
            counts["frames.admitted"] += 1
            assert isinstance(found.outcome, Reading)
            costs = (*found.outcome.refused, *(each for each in found.refused if each is not None))
            counts.update(f"observations.refused.{each.reason}" for each in costs)
    return counts


def taken(gate: Gate, profile: str, messages: list[Message]) -> Counter[str]:
    """Return what the pipeline does with the same messages, sent by one device of the class."""
    device = gate.device(profile=profile)
    key = gate.state.identity.device_key(device.id, 0)
    gate.take(*(frame(device.topic, mac0(key, sent, iv) if profile == "sealed" else sent) for sent, iv in messages))
    accounts = [f"{kind}.{reason}" for kind in ("frames.rejected", "observations.refused") for reason in REASONS]
    return Counter({account: gate.count(account) for account in ("frames.admitted", *accounts)})


@settings(deadline=None, max_examples=150)
@given(profile=st.sampled_from(["meter", "numbered", "sealed", "timeless"]), messages=_SENT)
def test_trial_says_what_the_pipeline_does(profile: str, messages: list[Message]) -> None:
    """Authentication, decoding, replay window, clock, range: the same accounts of the same messages."""
    gate = Gate()
    assert +tried(gate, profile, messages) == +taken(gate, profile, messages)


_PARTS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "", None]), _MESSAGES).map(lambda part: {**part[1], "id": part[0]}), max_size=4
)


def parts_tried(gate: Gate, profile: str, messages: list[Message]) -> Counter[str]:
    """Return what a trial says of a hub's messages, counted under the accounts of the ledger."""
    trial = Trial(gate.state.policies.profiles[profile], gate.state.policies.properties)
    counts: Counter[str] = Counter()
    for payload, iv in messages:
        found = trial.take(HUB, payload, gate.now_ms, iv if profile == "sealed" else None)
        if not found.parts:
            ignored = isinstance(found.outcome, Ignore)
            counts["frames.ignored" if ignored else f"frames.rejected.{found.outcome.reason}"] += 1  # type: ignore[union-attr]
            continue
        counts["frames.admitted"] += 1
        for part in found.parts:
            if isinstance(part.outcome, Reject):
                counts[f"readings.rejected.{part.outcome.reason}"] += 1
                continue
            counts["readings.admitted"] += 1
            costs = (*part.outcome.refused, *(each for each in part.refused if each is not None))
            counts.update(f"observations.refused.{each.reason}" for each in costs)
    return counts


def parts_taken(gate: Gate, profile: str, messages: list[Message]) -> Counter[str]:
    """Return what the pipeline does with the same messages, of a hub whose devices are all registered."""
    for hub_id in ("a", "b"):
        device = Device(sha256(hub_id.encode()).digest()[:16], HUB, profile, "mill", None, 0, 0, Owner.CITY, hub_id=hub_id)
        changes.add_device(gate.state, device, gate.now_ms)
        plan = gate.state.plan_of(device)
        if plan is not None and plan.key is not None:
            plan.key = Mac0Key(bytes(32))
    gate.take(*(frame(HUB, mac0(bytes(32), sent, iv) if profile == "sealed" else sent) for sent, iv in messages))
    groups = ("frames.admitted", "frames.ignored", "frames.rejected.", "readings.", "observations.refused.")
    assert gate.state.ledger.imbalances() == []
    totals = gate.state.ledger.totals
    return Counter({name: n for name, n in totals.items() if name.startswith(groups) and name != "readings.carried"})


@settings(deadline=None, max_examples=40)
@given(
    profile=st.sampled_from(["meter", "numbered", "sealed", "timeless"]),
    messages=st.lists(st.tuples(_PARTS.map(lambda parts: json.dumps(parts).encode()) | st.binary(max_size=8), st.integers(0, 3))),
)
def test_trial_says_of_a_hub_what_the_pipeline_does(profile: str, messages: list[Message]) -> None:
    """For each device behind it, and for what is of no device."""
    assert +parts_tried(hub_gate(), profile, messages) == +parts_taken(hub_gate(), profile, messages)


def test_trial_tells_which_device_each_part_is_of() -> None:
    """With its reading, its number and what is refused of it, in the order of the message."""
    gate = hub_gate()
    trial = Trial(gate.state.policies.profiles["numbered"], gate.state.policies.properties)
    parts = [{"id": name, "t": MIDNIGHT_MS, "kwh": kwh, "boot": 1, "seq": 3} for name, kwh in (("a", 1), ("b", 1e300), ("", 1))]
    found = trial.take(HUB, json.dumps(parts).encode(), MIDNIGHT_MS)
    assert [(part.hub_id, part.sequence, part.refused) for part in found.parts] == [
        ("a", 3, (None,)),
        ("b", 3, (model.OUT_OF_RANGE,)),
        ("", None, ()),
    ]
    assert found.parts[2].outcome is model.UNKNOWN_DEVICE
    assert found.devices == ("a", "b")
    again = trial.take(HUB, json.dumps(parts[:1]).encode(), MIDNIGHT_MS)
    assert (again.outcome, [part.outcome for part in again.parts]) == (model.REPLAYED, [model.REPLAYED])


@pytest.mark.parametrize(
    ("rule", "messages"),
    [
        ({"repeat": Repeat(30_000, 60_000)}, [{"kwh": 1}, {"kwh": 1}, {"kwh": 2}]),
        ({"sequence": SequenceField("seq", None, AbsentSequence.ZERO)}, [{"kwh": 1}, {"kwh": 1}, {"kwh": 1, "seq": 1}]),
        ({"sequence": SequenceField("seq", None, AbsentSequence.NONE)}, [{"kwh": 1}, {"kwh": 2, "seq": 1}, {"kwh": 2, "seq": 1}]),
        ({"sequence": SequenceField("seq", None, restarts=True)}, [{"kwh": 1, "seq": n, "t": n} for n in (900, 5, 6, 6)]),
    ],
)
def test_trial_keeps_the_rules_of_the_profile(rule: dict[str, Any], messages: list[dict[str, int]]) -> None:
    """Repeats, absent numbers and restarts, in the memory of one device."""
    gate = Gate(with_profiles(town(), meter=rule))
    sent = [(json.dumps({"t": MIDNIGHT_MS + n, **message}).encode(), 0) for n, message in enumerate(messages)]
    assert +tried(gate, "meter", sent) == +taken(gate, "meter", sent)


def test_message_too_large_is_refused_as_by_the_pipeline() -> None:
    """Its code counts with it."""
    gate = Gate()
    for size in (pipeline.MAX_PAYLOAD_BYTES - 20, pipeline.MAX_PAYLOAD_BYTES + 1):
        assert +tried(gate, "meter", [(b" " * size, 0)]) == +taken(Gate(), "meter", [(b" " * size, 0)])
    for size in (pipeline.MAX_PAYLOAD_BYTES - 100, pipeline.MAX_PAYLOAD_BYTES - 20):
        assert +tried(gate, "sealed", [(b" " * size, 0)]) == +taken(Gate(), "sealed", [(b" " * size, 0)])


def test_clock_is_asked_only_where_the_arrival_is_told() -> None:
    """An example whose time is its own matter holds for good."""
    gate = Gate()
    message = json.dumps({"t": 4_000_000_000_000, "kwh": 1}).encode()
    for received_ms, refused in ((None, None), (MIDNIGHT_MS, model.CLOCK_AHEAD)):
        found = Trial(gate.state.policies.profiles["meter"], gate.state.policies.properties).take("t/1", message, received_ms)
        assert isinstance(found.outcome, Reading)
        assert found.refused == (refused,)


@pytest.mark.parametrize(("profile", "sequence"), [("numbered", 3), ("sealed", 9), ("meter", None)])
def test_number_by_which_a_message_is_admitted_is_told(profile: str, sequence: Any) -> None:
    """Its own, or the partial IV."""
    gate = Gate()
    payload = json.dumps({"t": MIDNIGHT_MS, "seq": 3, "boot": 1, "kwh": 1}).encode()
    trial = Trial(gate.state.policies.profiles[profile], gate.state.policies.properties)
    assert trial.take("t/1", payload, MIDNIGHT_MS, 9 if profile == "sealed" else None).sequence == sequence
