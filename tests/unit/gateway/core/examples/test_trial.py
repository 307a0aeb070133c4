"""A trial against the pipeline: what it says of messages is what the gateway does with them, in the same order."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import model, pipeline
from gateway.core.examples.example import REASONS
from gateway.core.examples.trial import Trial
from gateway.core.ingest.mac0 import mac0
from gateway.core.model import Reading, Reject
from tests.support.gate import DAY_MS, MIDNIGHT_MS, Gate, frame

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
            counts.update(f"observations.refused.{refused.reason}" for refused in found.refused if refused is not None)
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
