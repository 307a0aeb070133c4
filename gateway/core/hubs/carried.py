"""What a hub's message carries: the readings of the devices behind it, each authenticated and admitted as if it had come alone.

Called by the pipeline for each frame of a hub. Every part of a message ends in one account of the ledger: ``readings.admitted``,
or ``readings.rejected`` with its reason. A part is credited to the device that is registered under just this hub and this id; one
that nobody registered is counted and goes nowhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from gateway.core.hubs.filters import HubPlan
from gateway.core.ingest.arrivals import Arrivals
from gateway.core.ingest.mac0 import unverified
from gateway.core.ingest.memory import Admissions
from gateway.core.model import (
    BAD_MAC,
    IGNORE,
    NOT_UNDERSTOOD,
    TOO_LARGE,
    UNKNOWN_DEVICE,
    HubPart,
    HubParts,
    Ignore,
    Reading,
    Reject,
)
from gateway.core.mqtt.events import Frame
from gateway.core.plans import DevicePlan

MOST_PARTS: Final = 1_000
"""How many readings one message may carry; a larger one is refused as a whole."""

Settle = Callable[[list[bytes]], None]

Carried = list[tuple[DevicePlan, Reading, bool]]
"""(plan of the device, its reading, whether it may have waited in the broker)"""


class HubFrames:
    """Opens the hubs' frames of one batch.

    Attributes:
        carried: How many readings they carried.
        admitted: How many of these were admitted.
        rejected: How many were not, by reason.
        has_unknown: Whether the last frame carried a reading of a device that nobody registered.
    """

    __slots__ = ("_admissions", "_arrivals", "_now_ms", "_settle", "admitted", "carried", "has_unknown", "rejected")

    def __init__(self, arrivals: Arrivals, admissions: Admissions, now_ms: int, settle: Settle) -> None:
        """Begin a batch.

        Args:
            arrivals: When readings without a time of their own can have come.
            admissions: Takes what has to be journaled.
            now_ms: The gateway's clock.
            settle: Compiles the plans of contributors whose devices were expected and are heard.
        """
        self._settle = settle
        self._arrivals = arrivals
        self._admissions = admissions
        self._now_ms = now_ms
        self.carried = self.admitted = 0
        self.rejected: defaultdict[str, int] = defaultdict(int)
        self.has_unknown = False

    def open(self, hubs: Sequence[HubPlan], frame: Frame) -> Carried | Ignore | Reject:
        """Return what a frame carries of registered devices, and account for all of its parts.

        A hub whose devices are of several profiles is read by each of them: its devices' parts are taken, and what none of these
        profiles knows is counted once. A part whose device is registered with a profile that ignores the message counts nowhere.

        Args:
            hubs: At least one.
            frame: Within the bounds of any frame.
        Returns: Why the frame as a whole goes no further, if no profile could read it or all ignore it.
        """
        opened: list[tuple[HubPlan, list[HubPart]]] = []
        refusal: Reject | None = None
        for hub in hubs:
            decoded = self.decode(hub, frame)
            if isinstance(decoded, HubParts):
                if hub.expected:
                    self._settle([hub.expected[part.hub_id].contributor for part in decoded.parts if part.hub_id in hub.expected])
                opened.append((hub, decoded.parts))
            elif isinstance(decoded, Reject):
                refusal = refusal or decoded
        before = self.carried
        self.has_unknown = False
        taken: Carried = []
        for place, (hub, parts) in enumerate(opened):
            taken += self._take(hub, parts, frame)
            if place == 0:
                unknown = sum(not any(part.hub_id in other.members for other in hubs) for part in parts)
                self._reject(UNKNOWN_DEVICE, unknown)
                self.has_unknown = unknown > 0
        return taken if self.carried > before else refusal or IGNORE

    def decode(self, hub: HubPlan, frame: Frame) -> HubParts | Ignore | Reject:
        """Return what a hub's frame decodes to, not yet authenticated, and no more parts than one message may have."""
        payload = frame.payload
        if hub.is_authenticated:
            content = unverified(payload)  # it says which device's key to try, and nothing counts before that fits
            if content is None:
                return BAD_MAC
            payload = content
        decoded = hub.decode(frame.topic, payload, self._now_ms)
        if isinstance(decoded, Reading):  # of no device that the message names
            return NOT_UNDERSTOOD
        return TOO_LARGE if isinstance(decoded, HubParts) and len(decoded.parts) > MOST_PARTS else decoded

    def _reject(self, reject: Reject, n: int = 1) -> None:
        if n:
            self.carried += n
            self.rejected[reject.reason] += n

    def _take(self, hub: HubPlan, parts: list[HubPart], frame: Frame) -> Carried:
        """Return what a hub's devices sent in a message, admitted and accounted for; the parts of others are left out."""
        taken: list[tuple[int, DevicePlan, Reading]] = []
        for at, plan, outcome in self.admit(hub, parts, frame):
            if isinstance(outcome, Reject):
                self._reject(outcome)
                plan.memory.heard.reject(outcome.reason, self._now_ms)
            else:
                taken.append((at, plan, outcome))
                plan.memory.heard.add(self._now_ms)
        self.carried += len(taken)
        self.admitted += len(taken)
        if not taken or not (self._arrivals.waited or frame.retain):
            return [(plan, reading, False) for _, plan, reading in taken]
        return self._date(hub, taken, frame)

    def admit(self, hub: HubPlan, parts: list[HubPart], frame: Frame) -> Iterator[tuple[int, DevicePlan, Reading | Reject]]:
        """Authenticate and admit the parts of a hub's own devices; yield what becomes of each, with its place in the message."""
        own = [(at, part.outcome, plan) for at, part in enumerate(parts) if (plan := hub.members.get(part.hub_id)) is not None]
        may_have_waited = self._arrivals.waited or frame.retain
        payload, sequence, proven = frame.payload, None, None
        if hub.is_authenticated and own:
            payload, sequence = self._verify(own[0][2], payload)
            proven = None if sequence is None else own[0][2]  # one code is of one key
        known: dict[tuple[object, ...], Reject | None] = {}
        for at, outcome, plan in own:
            if hub.is_authenticated and plan is not proven:
                yield at, plan, BAD_MAC
            elif isinstance(outcome, Reject):
                yield at, plan, outcome
            else:
                number = (plan.device.id, outcome.boot, outcome.sequence)
                if number not in known:  # several readings of one device under one number are one message of it
                    waited = may_have_waited and not outcome.has_time
                    known[number] = plan.admit(outcome, sequence, payload, self._now_ms, self._admissions, may_have_waited=waited)
                yield at, plan, known[number] or outcome

    def _verify(self, plan: DevicePlan, data: bytes) -> tuple[bytes, int | None]:
        """Return a message's content and the number that its code covers; no number where the code is not the device's."""
        verified = BAD_MAC if plan.key is None else plan.key.verify(data)
        return (b"", None) if isinstance(verified, Reject) else verified

    def _date(self, hub: HubPlan, taken: list[tuple[int, DevicePlan, Reading]], frame: Frame) -> Carried:
        """Return the readings with the earliest that each can be, where their times rest on their arrival."""
        if all(reading.has_time for _, _, reading in taken):
            return [(plan, reading, False) for _, plan, reading in taken]
        payload = unverified(frame.payload) or b"" if hub.is_authenticated else frame.payload
        first_ms = self._arrivals.first_ms(self._now_ms, retained=frame.retain)
        earlier = hub.decode(frame.topic, payload, first_ms)
        parts = earlier.parts if isinstance(earlier, HubParts) else []
        dated: Carried = []
        for at, plan, reading in taken:
            first = parts[at].outcome if at < len(parts) and parts[at].hub_id == plan.device.hub_id else None
            if reading.has_time:
                dated.append((plan, reading, False))
            else:
                dated.append((plan, self._arrivals.between(reading, first, self._now_ms, retained=frame.retain), True))
        return dated
