"""A trial of a device profile: what the gateway would make of the messages of one device, in their order.

It takes the steps of ``gateway.core.pipeline`` up to admission, by the same functions: authenticate, decode, admit, and refuse
single readings. What follows there, decisions and windows, is not the profile's matter. A test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from consent.core.decide import Owner
from consent.core.policies.property import Property
from consent.core.profiles.profile import Profile, Scheme
from gateway.core.codecs.registry import compile_decoder
from gateway.core.hubs.carried import HubFrames
from gateway.core.hubs.filters import HubPlan
from gateway.core.ingest.admission import clock_reject
from gateway.core.ingest.arrivals import Arrivals
from gateway.core.ingest.mac0 import Mac0Key, mac0
from gateway.core.ingest.memory import Admissions, DeviceMemory
from gateway.core.ingest.minimise import LEAST_STEPS, MAX_STEPS, floor_steps
from gateway.core.ingest.remembered import SharedRoom
from gateway.core.ingest.rules import AdmissionRules
from gateway.core.ingest.series import HeldReadings
from gateway.core.model import IGNORE, OUT_OF_RANGE, TOO_LARGE, UNKNOWN_DEVICE, HubPart, Ignore, Observation, Reading, Reject
from gateway.core.mqtt.events import Frame
from gateway.core.pipeline import MAX_PAYLOAD_BYTES
from gateway.core.plans import Device, DevicePlan

_KEY: Final = bytes(32)
"""Of the device in every example; it protects nothing."""


@dataclass(frozen=True, slots=True)
class TriedPart:
    """What became of the part of a hub's message that is of one device.

    Attributes:
        hub_id: Of the device, by which it would be registered; empty where the message names none.
        outcome: Its reading, or why it was refused.
        refused: Of a reading, why each of its observations goes no further, or None, in their order.
    """

    hub_id: str
    outcome: Reading | Reject
    sequence: int | None = None
    refused: tuple[Reject | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a message.

    Attributes:
        outcome: The refusal of the message as a whole, ``IGNORE``, or its reading; of a hub's message those of all its devices in
            one, or the first refusal where none has any.
        sequence: The number by which it was admitted; None where the profile has none.
        refused: Of a reading, why each of its observations goes no further, or None, in their order.
        devices: Of a hub's message, the device of each observation, in their order.
        parts: Of a hub's message, what became of each part, in their order.
    """

    outcome: Reading | Ignore | Reject
    sequence: int | None = None
    refused: tuple[Reject | None, ...] = ()
    devices: tuple[str, ...] = ()
    parts: tuple[TriedPart, ...] = ()


class Trial:
    """A device that publishes nowhere, or a hub with its devices, by one profile, and what would be remembered of them.

    Of a hub every device that it names counts as registered.
    """

    def __init__(self, profile: Profile, properties: Mapping[str, Property]) -> None:
        """Begin with a device that was never heard.

        Raises: PolicyError: the profile cannot be compiled.
        """
        self._profile = profile
        self._rules = AdmissionRules.of(profile)
        self._decode = compile_decoder(profile)
        self._key = Mac0Key(_KEY) if profile.authentication.scheme is Scheme.MAC0 else None
        self._alone = self._device("")
        self._hub = HubPlan(profile.id, self._decode, self._key is not None)
        self._steps = {name: float(properties[name].ladder[0]) for name in profile.fields}

    def take(self, topic: str, payload: bytes, received_ms: int | None, partial_iv: int | None = None) -> Tried:
        """Return what becomes of the device's next message.

        Args:
            payload: As sent; with a partial IV, what the authentication code covers.
            received_ms: The gateway's clock; None: it stands at the epoch, and refuses no time.
            partial_iv: For a profile with `mac0`: the number under which the payload is authenticated first.
        """
        if partial_iv is not None:
            payload = mac0(_KEY, payload, partial_iv)
        if len(payload) > MAX_PAYLOAD_BYTES:
            return Tried(TOO_LARGE)
        if self._profile.hub:
            return self._take_of_hub(topic, payload, received_ms)
        sequence = None
        if self._key is not None:
            verified = self._key.verify(payload)
            if isinstance(verified, Reject):
                return Tried(verified)
            payload, sequence = verified
        reading = self._decode(topic, payload, received_ms or 0)
        if not isinstance(reading, Reading):
            return Tried(reading if isinstance(reading, Ignore | Reject) else UNKNOWN_DEVICE)
        refusal = self._alone.admit(reading, sequence, payload, received_ms or 0, Admissions(), may_have_waited=False)
        if refusal is not None:
            return Tried(refusal)
        return Tried(reading, self._number(reading, sequence), self._refusals(reading, received_ms))

    def _take_of_hub(self, topic: str, payload: bytes, received_ms: int | None) -> Tried:
        frame = Frame(topic, payload, 0, duplicate=False, retain=False, generation=0)
        arrivals = Arrivals()
        arrivals.drained(received_ms or 0)
        frames = HubFrames(arrivals, Admissions(), received_ms or 0, lambda _: None)
        decoded = frames.decode(self._hub, frame)
        if isinstance(decoded, Ignore | Reject):
            return Tried(decoded)
        for hub_id in {part.hub_id for part in decoded.parts} - {"", *self._hub.members}:
            self._hub.members[hub_id] = self._device(hub_id)
        parts = [TriedPart(part.hub_id, UNKNOWN_DEVICE) for part in decoded.parts]
        sequence = None if self._key is None else self._partial_iv(payload)
        for at, _, outcome in frames.admit(self._hub, decoded.parts, frame):
            parts[at] = self._tried(decoded.parts[at], outcome, sequence, received_ms)
        return _together(parts)

    def _partial_iv(self, payload: bytes) -> int | None:
        verified = Mac0Key(_KEY).verify(payload)
        return None if isinstance(verified, Reject) else verified[1]

    def _tried(self, part: HubPart, outcome: Reading | Reject, sequence: int | None, received_ms: int | None) -> TriedPart:
        if isinstance(outcome, Reject):
            return TriedPart(part.hub_id, outcome)
        return TriedPart(part.hub_id, outcome, self._number(outcome, sequence), self._refusals(outcome, received_ms))

    def _number(self, reading: Reading, sequence: int | None) -> int | None:
        return (reading.sequence if sequence is None else sequence) if self._rules.is_numbered else None

    def _refusals(self, reading: Reading, received_ms: int | None) -> tuple[Reject | None, ...]:
        return tuple(self._refusal(each, received_ms) for each in reading.observations)

    def _refusal(self, observation: Observation, received_ms: int | None) -> Reject | None:
        rules, time_ms = self._rules, observation.phenomenon_time_ms
        if received_ms is not None:
            wrong = clock_reject(time_ms, received_ms, rules.most_ahead_ms, rules.most_behind_ms)
            if wrong is not None:
                return wrong
        n = floor_steps(observation.result, self._steps[observation.observed_property])
        return None if LEAST_STEPS <= n <= MAX_STEPS else OUT_OF_RANGE

    def _device(self, hub_id: str) -> DevicePlan:
        """Return the plan of a device from which nothing follows."""
        own_id = sha256(hub_id.encode()).digest()[:16]
        device = Device(own_id, "", self._profile.id, "", None, 0, 0, Owner.CITY, hub_id=hub_id)
        return DevicePlan(device, DeviceMemory(SharedRoom(), HeldReadings()), self._decode, self._key, self._rules, {})


def _together(parts: list[TriedPart]) -> Tried:
    """Return what becomes of a hub's message: the readings of all its devices, or why the first of them has none."""
    admitted = [(part, part.outcome) for part in parts if isinstance(part.outcome, Reading)]
    rejected = [part.outcome for part in parts if isinstance(part.outcome, Reject)]
    if not admitted:
        return Tried(rejected[0] if rejected else IGNORE, parts=tuple(parts))
    whole = Reading(
        boot=None,
        sequence=None,
        has_time=all(reading.has_time for _, reading in admitted),
        observations=[each for _, reading in admitted for each in reading.observations],
        refused=(*(each for _, reading in admitted for each in reading.refused), *rejected),
    )
    devices = tuple(part.hub_id for part, reading in admitted for _ in reading.observations)
    refused = tuple(each for part, _ in admitted for each in part.refused)
    return Tried(whole, None, refused, devices, tuple(parts))
