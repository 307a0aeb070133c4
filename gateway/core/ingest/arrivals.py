"""Arrivals: when a reading without a time of its own can have come, where it may have waited in the broker.

While the gateway is connected and the broker's queue is dry, such a reading is dated when it arrives. What arrives after a start
or a reconnect, until the queue has run dry, came at some time between the last moment at which the queue was known to be dry and
now; so did what arrives once intake has been held up. That moment is committed with the batches, so that it outlives a crash: a
crash can only make it earlier, and the span longer.

A session that the broker has lost held nothing, so all that comes in the next one is new. A message that the broker had retained
is of no known age at all.
"""

from __future__ import annotations

from gateway.core.model import UNKNOWN_MS, Decoder, Observation, Reading

_NOTED_EVERY_MS = 1_000


class Arrivals:
    """What is known about the waiting of what arrives.

    Attributes:
        dry_ms: The last moment at which the queue was known to be dry, by the gateway's clock; 0 where none is known.
        waited: Whether what arrives now may have waited since then.
    """

    __slots__ = ("_noted_ms", "dry_ms", "waited")

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.dry_ms = self._noted_ms = 0
        self.waited = True

    def resume(self, dry_ms: int) -> None:
        """Continue from what is stored."""
        self.dry_ms = self._noted_ms = dry_ms

    def opened(self, session_present: bool, now_ms: int) -> None:
        """Record a connection: only in a session that the broker has kept can something have waited."""
        self.waited = session_present
        if not session_present:
            self.dry_ms = now_ms

    def drained(self, now_ms: int) -> None:
        """Record that the queue has run dry."""
        self.waited = False
        self.dry_ms = now_ms

    def held_up(self, now_ms: int) -> None:
        """Record that intake has stopped: the queue grows meanwhile.

        By a clock that was set back the last dry moment is still to come. It is forgotten, or once the clock has reached it, all
        that has waited until then would seem to have come behind it.
        """
        self.waited = True
        if now_ms < self.dry_ms:
            self.dry_ms = 0

    def still_dry(self, at_ms: int) -> None:
        """Record that at this moment everything that the broker had was received."""
        if not self.waited:
            self.dry_ms = at_ms

    def take_news(self) -> int | None:
        """Return ``dry_ms`` where it should be committed anew, at most about once a second."""
        if abs(self.dry_ms - self._noted_ms) < _NOTED_EVERY_MS:
            return None
        self._noted_ms = self.dry_ms
        return self.dry_ms

    def date(self, reading: Reading, decode: Decoder, topic: str, payload: bytes, now_ms: int, *, retained: bool) -> Reading:
        """Return a reading whose times rest on its arrival, with the earliest that each can be.

        It is decoded once more as if it had arrived at the beginning of the span: a time that is given relative to the arrival
        moves with it, and an absolute one stays.
        """
        earlier = decode(topic, payload, self.first_ms(now_ms, retained=retained))
        return self.between(reading, earlier, now_ms, retained=retained)

    def first_ms(self, now_ms: int, *, retained: bool) -> int:
        """Return the beginning of the span in which a message can have come; where that is not known, a moment before now."""
        return self.dry_ms if self._is_known(now_ms, retained=retained) else now_ms - 1

    def between(self, reading: Reading, earlier: object, now_ms: int, *, retained: bool) -> Reading:
        """Return a reading with the earliest that its times can be.

        Args:
            reading: As it decodes now.
            earlier: The same as if it had come at ``first_ms``; anything but a reading where it does not decode so.
            now_ms: The gateway's clock.
            retained: Whether the broker had kept it.
        """
        if not isinstance(earlier, Reading):
            return reading
        known = self._is_known(now_ms, retained=retained)
        observations = [
            observed
            if observed.phenomenon_time_ms == first.phenomenon_time_ms
            else Observation(
                observed.observed_property,
                observed.phenomenon_time_ms,
                observed.result,
                first.phenomenon_time_ms if known else UNKNOWN_MS,
            )
            for observed, first in zip(reading.observations, earlier.observations, strict=False)
        ]
        return Reading(reading.boot, reading.sequence, reading.has_time, observations, reading.refused)

    def _is_known(self, now_ms: int, *, retained: bool) -> bool:
        return not retained and 0 < self.dry_ms <= now_ms
