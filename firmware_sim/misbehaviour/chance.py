"""Chance as pure functions of a seed and the time: shares, episodes, starts, and loss that comes in runs.

Nothing here remembers anything, so that a fleet that starts later joins the same course. The faults draw from here.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from firmware_sim.devices import DAY_MS, uniform

_BLOCK = 1024
_FURTHEST_DAYS = 400


class Episode(NamedTuple):
    """A stretch of time, its end not included."""

    start_ms: int
    end_ms: int


class Start(NamedTuple):
    """The latest start of a device: its number, which grows from start to start, and when it was."""

    number: int
    at_ms: int


class GilbertElliott(NamedTuple):
    """A channel with two states, each with its own share of loss.

    Args:
        good_to_bad: Probability that the channel turns bad from one message to the next.
        bad_to_good: That it turns good again.
        lost_in_good: Share of messages lost while it is good.
        lost_in_bad: Share of messages lost while it is bad.

    Source: E. N. Gilbert, Capacity of a burst-noise channel (1960); E. O. Elliott (1963).
    """

    good_to_bad: float
    bad_to_good: float
    lost_in_good: float
    lost_in_bad: float

    @property
    def bad_share(self) -> float:
        """How much of the time the channel is bad, in the long run."""
        both = self.good_to_bad + self.bad_to_good
        return self.good_to_bad / both if both else 0.0

    @property
    def loss(self) -> float:
        """The share of messages lost in the long run."""
        return self.lost_in_good + (self.lost_in_bad - self.lost_in_good) * self.bad_share


def happens(seed: str, what: str, slot: int, share: float) -> bool:
    """Return whether something that happens to a share of all slots happens in this one."""
    return share > 0 and uniform(seed, what, slot) < share


def is_lost(seed: str, slot: int, channel: GilbertElliott) -> bool:
    """Return whether the channel loses the message of a slot."""
    block, at = divmod(slot, _BLOCK)
    return bool(_losses(seed, block, channel)[at])


@lru_cache(maxsize=2048)
def _losses(seed: str, block: int, channel: GilbertElliott) -> bytes:
    """Return one byte for each message of a block, 1 where it is lost; each block begins in a state drawn anew."""
    first = block * _BLOCK
    bad = uniform(seed, "channel at first", block) < channel.bad_share
    lost = bytearray(_BLOCK)
    for at in range(_BLOCK):
        if at:
            turns = channel.bad_to_good if bad else channel.good_to_bad
            bad ^= uniform(seed, "channel", first + at) < turns
        share = channel.lost_in_bad if bad else channel.lost_in_good
        lost[at] = uniform(seed, "loss", first + at) < share
    return bytes(lost)


@lru_cache(maxsize=4096)
def _moments(seed: str, what: str, day: int, per_day: float) -> tuple[int, ...]:
    """Return at which times of a day something happens that happens so often a day on average, in order."""
    whole = math.floor(per_day)
    many = whole + (uniform(seed, f"{what}: how many", day) < per_day - whole)
    return tuple(sorted(day * DAY_MS + int(uniform(seed, f"{what} {at}", day) * DAY_MS) for at in range(many)))


def episode(seed: str, what: str, t_ms: int, per_day: float, lasts_s: tuple[float, float]) -> Episode | None:
    """Return the episode that a time falls into, or None; of several that overlap, the one that began first.

    Args:
        seed: Of the device.
        what: The name of what happens.
        t_ms: The time.
        per_day: How many episodes begin in a day, on average.
        lasts_s: The least and greatest length, between which all lengths are equally likely.
    """
    today, least_s, most_s = t_ms // DAY_MS, *lasts_s
    for day in range(today - math.ceil(most_s * 1000 / DAY_MS), today + 1):
        for start_ms in _moments(seed, what, day, per_day):
            lasts_ms = round((least_s + (most_s - least_s) * uniform(seed, f"{what}: how long", start_ms)) * 1000)
            if start_ms <= t_ms < start_ms + lasts_ms:
                return Episode(start_ms, start_ms + lasts_ms)
    return None


def last_start(seed: str, what: str, t_ms: int, per_day: float) -> Start | None:
    """Return the latest start before or at a time, of those of the last 400 days."""
    most = math.ceil(per_day)
    for day in range(t_ms // DAY_MS, t_ms // DAY_MS - _FURTHEST_DAYS, -1):
        before = [at_ms for at_ms in _moments(seed, what, day, per_day) if at_ms <= t_ms]
        if before:
            return Start(day * most + len(before), before[-1])
    return None
