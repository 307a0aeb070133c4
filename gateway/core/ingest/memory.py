"""What is remembered of a device across changes of its plan, so that nothing is counted twice; and what was heard of it.

The pipeline asks ``admit`` here whether a reading is new, for a device by itself and for one behind a hub alike. What that
changes is written to the journal by what ``Admissions`` gathers, and folded again after a crash by the same methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from consent.core.profiles.profile import AbsentSequence, Repeat
from gateway.core.ingest.admission import Boot, SequenceWindows
from gateway.core.ingest.heard import Heard
from gateway.core.ingest.remembered import RememberedTimes, SharedRoom
from gateway.core.ingest.rules import AdmissionRules
from gateway.core.ingest.runs import Runs
from gateway.core.ingest.series import HeldReadings, Series
from gateway.core.model import DUPLICATE, NO_SEQUENCE, REPLAYED, Reading, Reject

_DIGEST_BYTES: Final = 16


class Admissions:
    """What one batch admitted, as the journal writes it: flat, each with its device in front.

    Attributes:
        numbers: Triples (device, boot, sequence).
        dated: Quadruples (device, boot, sequence, time or None), of profiles whose devices restart without telling.
        arrivals: Triples (device, arrival, digest of the payload), of profiles that tell repeats by arrival.
    """

    __slots__ = ("arrivals", "dated", "numbers")

    def __init__(self) -> None:
        """Begin with none."""
        self.numbers: list[Any] = []
        self.dated: list[Any] = []
        self.arrivals: list[Any] = []


class DeviceMemory:
    """What is remembered of a device.

    Attributes:
        sequences: The numbers that it used.
        seen: By observed property, the phenomenon times of readings that were kept, until their windows close.
        last_arrival: Where its profile tells repeats by arrival: of the last message that was admitted, the gateway's clock and a
            digest of the payload; -1 before the first.
        heard: What was heard of it since the start; never stored.
        previews: The readings of the last two days, property by property, of a household's device; never stored either.
    """

    __slots__ = ("_held", "_room", "_runs", "heard", "last_arrival", "previews", "seen", "sequences")

    def __init__(self, room: SharedRoom, held: HeldReadings) -> None:
        """Begin with nothing; times beyond a few take their place in ``room``, and readings for a household in ``held``."""
        self._room = room
        self._held = held
        self.sequences = SequenceWindows()
        self._runs: Runs | None = None  # of a device that restarts without telling
        self.seen: dict[str, RememberedTimes] = {}
        self.last_arrival: tuple[int, bytes] = (-1, b"")
        self.heard = Heard()
        self.previews: tuple[Series, ...] = ()

    def admit(
        self,
        device: bytes,
        rules: AdmissionRules,
        reading: Reading,
        sequence: int | None,
        payload: bytes,
        now_ms: int,
        admissions: Admissions,
        *,
        may_have_waited: bool,
    ) -> Reject | None:
        """Admit a reading once, or return why it is refused.

        Args:
            device: The id of the device, for the journal.
            rules: Of its profile.
            reading: What its message, or its part of a hub's message, decoded to.
            sequence: The number that its authentication code covers, or None.
            payload: The message's content.
            now_ms: The gateway's clock.
            admissions: Takes what has to be journaled.
            may_have_waited: Whether the message may have waited in the broker: then no interval is known to the one before.
        """
        repeat, digest = rules.repeat, b""
        if repeat is not None:
            digest = sha256(payload).digest()[:_DIGEST_BYTES] if repeat.equal_within_ms else b""
            if self._is_repeat(repeat, digest, now_ms, may_have_waited=may_have_waited):
                return DUPLICATE
        if rules.is_numbered:
            refusal = self._admit_number(device, rules, reading, sequence, now_ms, admissions)
            if refusal is not None:
                return refusal
        if repeat is not None:
            self.arrived(now_ms, digest)
            admissions.arrivals += (device, now_ms, digest)
        return None

    def _is_repeat(self, repeat: Repeat, digest: bytes, now_ms: int, *, may_have_waited: bool) -> bool:
        last_ms, last_digest = self.last_arrival
        since_ms = now_ms - last_ms
        if last_ms < 0 or since_ms < 0:  # the first one, or the clock was set back
            return False
        if digest == last_digest and since_ms < repeat.equal_within_ms:
            return True
        return not may_have_waited and since_ms < repeat.least_interval_ms

    def _admit_number(
        self,
        device: bytes,
        rules: AdmissionRules,
        reading: Reading,
        sequence: int | None,
        now_ms: int,
        admissions: Admissions,
    ) -> Reject | None:
        number = reading.sequence if sequence is None else sequence
        if number is None:
            if rules.absent is AbsentSequence.NONE:
                return None
            if rules.absent is AbsentSequence.REFUSED:
                return NO_SEQUENCE
            number = 0
        if not rules.restarts:
            if not self.sequences.admit(reading.boot, number):
                return REPLAYED
            admissions.numbers += (device, reading.boot, number)
            return None
        time_ms = _believable_ms(rules, reading, now_ms)
        if not self.admit_dated(reading.boot, number, time_ms):
            return REPLAYED
        admissions.dated += (device, reading.boot, number, time_ms)
        return None

    def admit_dated(self, boot: Boot, sequence: int, time_ms: int | None) -> bool:
        """Mark a number of a device that restarts without telling as used; see ``Runs.admit``."""
        if self._runs is None:
            self._runs = Runs()
        return self._runs.admit(boot, sequence, time_ms)

    def _dated(self) -> list[list[Any]]:
        return [] if self._runs is None else self._runs.to_state()

    def arrived(self, at_ms: int, digest: bytes) -> None:
        """Remember an arrival, against which repeats are told."""
        self.last_arrival = (at_ms, digest)

    def runs_known(self) -> list[tuple[Boot, int, int]]:
        """Return the runs that are remembered, whichever way their beginning is known: (boot, highest number, bitmap)."""
        dated = [(boot, highest, bitmap) for boot, _, _, highest, bitmap in self._dated()]
        return [(boot, highest, bitmap) for boot, highest, bitmap in self.sequences.to_state()] + dated

    def times(self, observed_property: str) -> RememberedTimes:
        """Return the times of a property."""
        if observed_property not in self.seen:
            self.seen[observed_property] = RememberedTimes(self._room)
        return self.seen[observed_property]

    def preview(self, observed_property: str, *, is_counter: bool) -> Series:
        """Return the latest readings of a property, begun anew where it has come to be read otherwise."""
        known = next((each for each in self.previews if each.observed_property == observed_property), None)
        if known is not None and known.is_counter == is_counter:
            return known
        if known is not None:
            known.end()
        series = self._held.begin(observed_property, is_counter=is_counter)
        self.previews = (*(each for each in self.previews if each is not known), series)
        return series

    def end_previews(self) -> None:
        """Drop the readings of the last days; the plan that adds to them is gone, or is compiled anew before any comes."""
        for series in self.previews:
            series.end()
        self.previews = ()

    def state(self) -> list[Any]:
        """Return plain data from which ``restore`` makes the same memory."""
        plain: list[Any] = [self.sequences.to_state(), {name: list(times) for name, times in self.seen.items() if times}]
        forgotten = {name: times.forgotten_ms for name, times in self.seen.items() if times.forgotten_ms >= 0}
        runs, arrived = self._dated(), self.last_arrival[0] >= 0
        if runs or arrived:
            return [*plain, forgotten, runs, *(self.last_arrival if arrived else ())]
        return [*plain, forgotten] if forgotten else plain

    def restore(self, state: list[Any]) -> None:
        """Restore a stored state; whoever holds the times of a property goes on with them."""
        self.sequences = SequenceWindows.from_state(state[0])
        forgotten: dict[str, int] = state[2] if len(state) > 2 else {}
        for name in dict.fromkeys([*state[1], *forgotten]):
            self.times(name).restore(state[1].get(name, ()), forgotten.get(name, -1))
        self._runs = Runs(state[3]) if len(state) > 3 and state[3] else None
        self.last_arrival = (state[4], state[5]) if len(state) > 5 else (-1, b"")

    def drop_before(self, horizons_ms: Mapping[str, int], otherwise_ms: int) -> None:
        """Drop the times that no later reading can repeat.

        Args:
            horizons_ms: For each property, the time from which on readings may still be kept.
            otherwise_ms: The same for properties that are not among them.
        """
        for name, times in list(self.seen.items()):
            times.drop_before(horizons_ms.get(name, otherwise_ms))
            if name not in horizons_ms and not times:
                del self.seen[name]


def _believable_ms(rules: AdmissionRules, reading: Reading, now_ms: int) -> int | None:
    """Return the time of a reading where its device tells one that is believable."""
    time_ms = reading.observations[0].phenomenon_time_ms
    is_near = now_ms - rules.most_behind_ms <= time_ms <= now_ms + rules.most_ahead_ms
    return time_ms if reading.has_time and is_near else None
