"""A trial of a device profile: what the gateway would make of the messages of one device, in their order.

It takes the steps of ``gateway.core.pipeline`` up to admission, by the same functions: authenticate, decode, admit, and refuse
single readings. What follows there, decisions and windows, is not the class's matter. A test holds the two against each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from consent.core.policies.property import Property
from consent.core.profiles.profile import Profile, Scheme
from gateway.core.codecs.registry import compile_decoder
from gateway.core.ingest.admission import SequenceWindows, clock_reject
from gateway.core.ingest.mac0 import Mac0Key, mac0
from gateway.core.ingest.minimise import MAX_STEPS, floor_steps
from gateway.core.model import NO_SEQUENCE, OUT_OF_RANGE, REPLAYED, TOO_LARGE, Ignore, Observation, Parts, Reading, Reject
from gateway.core.pipeline import MAX_PAYLOAD_BYTES

_KEY: Final = bytes(32)
"""Of the device in every example; it protects nothing."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a message.

    Attributes:
        outcome: The refusal of the message as a whole, ``IGNORE``, or its reading.
        sequence: The number by which it was admitted; None where the class has none.
        refused: Of a reading, why each of its observations goes no further, or None, in their order.
        devices: Of a hub's message, the device of each observation, in their order.
    """

    outcome: Reading | Ignore | Reject
    sequence: int | None = None
    refused: tuple[Reject | None, ...] = ()
    devices: tuple[str, ...] = ()


class Trial:
    """One device of a class that publishes nowhere, or a hub with its devices, and what would be remembered of them."""

    def __init__(self, profile: Profile, properties: Mapping[str, Property]) -> None:
        """Begin with a device that was never heard.

        Raises: PolicyError: the class cannot be compiled.
        """
        self._decode = compile_decoder(profile)
        self._key = Mac0Key(_KEY) if profile.authentication.scheme is Scheme.MAC0 else None
        self._needs_sequence = profile.sequence is not None or self._key is not None
        self._sequences: defaultdict[str, SequenceWindows] = defaultdict(SequenceWindows)
        """By device behind the hub; of a device by itself, under an empty id."""
        self._steps = {name: float(properties[name].ladder[0]) for name in profile.fields}

    def take(self, topic: str, payload: bytes, received_ms: int | None, partial_iv: int | None = None) -> Tried:
        """Return what becomes of the device's next message.

        Args:
            payload: As sent; with a partial IV, what the authentication code covers.
            received_ms: The gateway's clock; None: it stands at the epoch, and refuses no time.
            partial_iv: For a class with `mac0`: the number under which the payload is authenticated first.
        """
        sequence = None
        if partial_iv is not None:
            payload = mac0(_KEY, payload, partial_iv)
        if len(payload) > MAX_PAYLOAD_BYTES:
            return Tried(TOO_LARGE)
        if self._key is not None:
            verified = self._key.verify(payload)
            if isinstance(verified, Reject):
                return Tried(verified)
            payload, sequence = verified
        outcome = self._decode(topic, payload, received_ms or 0)
        if isinstance(outcome, Parts):
            return self._take_parts(outcome, received_ms)
        return self._admit("", outcome, sequence, received_ms) if isinstance(outcome, Reading) else Tried(outcome)

    def _take_parts(self, parts: Parts, received_ms: int | None) -> Tried:
        """Return what becomes of a hub's message: the readings of all its devices, or why the first of them has none."""
        tried = [
            (
                part.hub_id,
                self._admit(part.hub_id, part.outcome, None, received_ms)
                if isinstance(part.outcome, Reading)
                else Tried(part.outcome),
            )
            for part in parts.parts
        ]
        admitted = [(hub_id, each, each.outcome) for hub_id, each in tried if isinstance(each.outcome, Reading)]
        if not admitted:
            return tried[0][1]
        whole = Reading(
            boot=None,
            sequence=None,
            has_time=all(reading.has_time for _, _, reading in admitted),
            observations=[each for _, _, reading in admitted for each in reading.observations],
            refused=tuple(each for _, _, reading in admitted for each in reading.refused)
            + tuple(each.outcome for _, each in tried if isinstance(each.outcome, Reject)),
        )
        devices = tuple(hub_id for hub_id, _, reading in admitted for _ in reading.observations)
        return Tried(whole, None, tuple(each for _, part, _ in admitted for each in part.refused), devices)

    def _admit(self, hub_id: str, reading: Reading, sequence: int | None, received_ms: int | None) -> Tried:
        if self._needs_sequence:
            sequence = reading.sequence if sequence is None else sequence
            if sequence is None:
                return Tried(NO_SEQUENCE)
            if not self._sequences[hub_id].admit(reading.boot, sequence):
                return Tried(REPLAYED)
        return Tried(reading, sequence, tuple(self._refusal(each, received_ms) for each in reading.observations))

    def _refusal(self, observation: Observation, received_ms: int | None) -> Reject | None:
        if received_ms is not None and (wrong := clock_reject(observation.phenomenon_time_ms, received_ms)) is not None:
            return wrong
        n = floor_steps(observation.result, self._steps[observation.observed_property])
        return None if -MAX_STEPS <= n <= MAX_STEPS else OUT_OF_RANGE
