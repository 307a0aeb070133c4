"""Faults of the way from the device: time offline, loss in runs, delay, and copies.

Measured on real networks: loss and its runs on 9,418 uplinks of one LoRaWAN node in a city, which lost 31.7 % of its frames,
the longest run being 32; copies and delays on 17,000 frames of trackers whose network passes on what each gateway heard.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import ClassVar

from firmware_sim.devices import uniform
from firmware_sim.misbehaviour.attempt import Attempt, Sensor
from firmware_sim.misbehaviour.chance import GilbertElliott, episode, happens, is_lost
from firmware_sim.misbehaviour.settings import lasts_s, per_day, setting, share

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Offline:
    """The device is cut off for a while, keeps what it measures, and then sends it in a burst, the oldest first.

    What its memory cannot hold is lost, the oldest of it first.
    """

    per_day: float = per_day(0.5)
    least_s: float = lasts_s(600.0)
    most_s: float = lasts_s(14_400.0)
    kept: int = setting(1000, 1, 1_000_000)
    burst_per_s: float = setting(50.0, 0.001, 1000.0)
    name: ClassVar[str] = "offline"

    def befall(self, attempt: Attempt, sensor: Sensor) -> Attempt:
        """Return an attempt that goes out after the episode, in its turn, or one that the memory lost."""
        found = episode(sensor.seed, self.name, attempt.t_ms, self.per_day, (self.least_s, self.most_s))
        if found is None:
            return attempt
        first_ms = sensor.next_ms(found.start_ms)
        place = (attempt.t_ms - first_ms) // sensor.interval_ms
        in_all = (sensor.next_ms(found.end_ms) - first_ms) // sensor.interval_ms
        forgotten = max(0, in_all - self.kept)
        if place < forgotten:
            return attempt.befallen(self.name, sent_ms=())
        return attempt.befallen(self.name, sent_ms=(found.end_ms + round((place - forgotten) * 1000 / self.burst_per_s),))


@dataclass(frozen=True, slots=True)
class Loss:
    """Messages get lost in runs, by a channel of two states (Gilbert-Elliott)."""

    good_to_bad: float = share(0.0194)
    bad_to_good: float = share(0.1585)
    lost_in_good: float = share(0.2387)
    lost_in_bad: float = share(0.9466)
    name: ClassVar[str] = "loss"

    @property
    def channel(self) -> GilbertElliott:
        """The channel with these settings."""
        return GilbertElliott(self.good_to_bad, self.bad_to_good, self.lost_in_good, self.lost_in_bad)

    def befall(self, attempt: Attempt, sensor: Sensor) -> Attempt:
        """Return an attempt that nobody hears of."""
        if not is_lost(sensor.seed, sensor.slot(attempt.t_ms), self.channel):
            return attempt
        return attempt.befallen(self.name, sent_ms=())


@dataclass(frozen=True, slots=True)
class Late:
    """Messages come late, most by a second or so, a few by much, and so out of order."""

    median_s: float = lasts_s(0.8)
    sigma: float = setting(0.98, 0.0, 5.0)
    share_of_hour: float = share(0.001)
    name: ClassVar[str] = "late"

    def befall(self, attempt: Attempt, sensor: Sensor) -> Attempt:
        """Return an attempt that goes out later: log-normally, or by up to an hour for a small share."""
        slot = sensor.slot(attempt.t_ms)
        part = uniform(sensor.seed, "how late", slot)
        if happens(sensor.seed, "an hour late", slot, self.share_of_hour):
            late_s = 3600 * part
        else:
            late_s = min(3600.0, self.median_s * math.exp(self.sigma * _NORMAL.inv_cdf(part)))
        late_ms = round(late_s * 1000)
        if not late_ms or not attempt.sent_ms:
            return attempt
        return attempt.befallen(self.name, sent_ms=tuple(at_ms + late_ms for at_ms in attempt.sent_ms))


@dataclass(frozen=True, slots=True)
class Duplicates:
    """A message comes more than once: through several gateways, or again because no answer was heard."""

    share: float = share(0.28)
    most_copies: int = setting(2, 1, 10)
    most_s: float = lasts_s(2.0)
    name: ClassVar[str] = "duplicates"

    def befall(self, attempt: Attempt, sensor: Sensor) -> Attempt:
        """Return an attempt that goes out again, soon after, once or several times."""
        slot = sensor.slot(attempt.t_ms)
        if not attempt.sent_ms or not happens(sensor.seed, self.name, slot, self.share):
            return attempt
        copies = 1 + int(uniform(sensor.seed, "copies", slot) * self.most_copies)
        delays = [uniform(sensor.seed, f"copy {number}", slot) * self.most_s for number in range(copies)]
        again = sorted(attempt.sent_ms[0] + round(delay_s * 1000) for delay_s in delays)
        return attempt.befallen(self.name, sent_ms=(*attempt.sent_ms, *again))
