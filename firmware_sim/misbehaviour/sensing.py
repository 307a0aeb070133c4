"""Faults of the sensor itself: words and numbers for "no value", drift, values that stick, spikes, and registers.

``of`` names the values that a fault befalls; empty, it is all of them, or all registers (``total...``) for what befalls those.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from firmware_sim.devices import DAY_MS, uniform
from firmware_sim.misbehaviour.attempt import Attempt, Sensor
from firmware_sim.misbehaviour.chance import episode, happens
from firmware_sim.misbehaviour.settings import lasts_s, per_day, setting, share
from firmware_sim.wire import Value

REGISTER = "total"
"""How the names of registers begin."""


def _names(of: str, attempt: Attempt, *, registers: bool) -> Iterable[str]:
    if of:
        return (of,) if of in attempt.values else ()
    return [name for name in attempt.values if name.startswith(REGISTER) == registers]


def _changed(attempt: Attempt, fault: str, names: Iterable[str], change: Callable[[float], Value]) -> Attempt:
    """Return the attempt with every number of those names changed; what an earlier fault made a word stays one."""
    new = {}
    for name in names:
        value = attempt.values[name]
        if isinstance(value, int | float) and not isinstance(value, bool):
            new[name] = change(value)
    return attempt.befallen_values(fault, new)


def _like(before: float, value: float) -> Value:
    """Return a number with no more decimals than the sensor has: a whole one if it was whole, else three."""
    if not math.isfinite(value):
        return value
    return round(value) if isinstance(before, int) else round(value, 3)


@dataclass(frozen=True, slots=True)
class Drift:
    """The sensor shows more, or less, from day to day until it is calibrated."""

    of: str = setting("")
    by_day: float = setting(0.001, -1.0, 1.0)
    calibrated_days: float = setting(365.0, 1.0, 3650.0)
    name: ClassVar[str] = "drift"

    def befall(self, attempt: Attempt, _sensor: Sensor) -> Attempt:
        """Return values that are too great by as many days as have passed since the latest calibration."""
        days = attempt.t_ms / DAY_MS % self.calibrated_days
        names = _names(self.of, attempt, registers=False)
        return _changed(attempt, self.name, names, lambda value: _like(value, value * (1 + self.by_day * days)))


@dataclass(frozen=True, slots=True)
class Stuck:
    """For a while the sensor shows what it showed at the beginning of that while."""

    of: str = setting("")
    per_day: float = per_day(0.2)
    least_s: float = lasts_s(3600.0)
    most_s: float = lasts_s(21_600.0)
    name: ClassVar[str] = "stuck"

    def befall(self, attempt: Attempt, sensor: Sensor) -> Attempt:
        """Return the values of the last reading before the episode began."""
        found = episode(sensor.seed, self.name, attempt.t_ms, self.per_day, (self.least_s, self.most_s))
        if found is None:
            return attempt
        held = sensor.measure(sensor.next_ms(found.start_ms) - sensor.interval_ms)
        return attempt.befallen_values(self.name, {name: held[name] for name in _names(self.of, attempt, registers=False)})


@dataclass(frozen=True, slots=True)
class Spikes:
    """Single values that are many times too great, as from interference on a long wire."""

    of: str = setting("")
    share: float = share(0.002)
    factor: float = setting(10.0, -1e6, 1e6)
    name: ClassVar[str] = "spikes"

    def befall(self, attempt: Attempt, sensor: Sensor) -> Attempt:
        """Return values many times too great."""
        if not happens(sensor.seed, self.name, sensor.slot(attempt.t_ms), self.share):
            return attempt
        names = _names(self.of, attempt, registers=False)
        return _changed(attempt, self.name, names, lambda value: _like(value, value * self.factor))


@dataclass(frozen=True, slots=True)
class Sentinel:
    """A word or a number that means "no value": 85 and -127 of a probe, 6553.5 of a dust sensor, `unavailable`."""

    of: str = setting("")
    value: float | str = setting(-127.0)
    share: float = share(0.01)
    name: ClassVar[str] = "sentinel"

    def befall(self, attempt: Attempt, sensor: Sensor) -> Attempt:
        """Return the sentinel in place of values."""
        if not happens(sensor.seed, self.name, sensor.slot(attempt.t_ms), self.share):
            return attempt
        return attempt.befallen_values(self.name, dict.fromkeys(_names(self.of, attempt, registers=False), self.value))


@dataclass(frozen=True, slots=True)
class NotANumber:
    """NaN in place of a value, which JSON of small firmware writes as the bare word."""

    of: str = setting("")
    share: float = share(0.01)
    name: ClassVar[str] = "not_a_number"

    def befall(self, attempt: Attempt, sensor: Sensor) -> Attempt:
        """Return NaN in place of values."""
        if not happens(sensor.seed, self.name, sensor.slot(attempt.t_ms), self.share):
            return attempt
        return attempt.befallen_values(self.name, dict.fromkeys(_names(self.of, attempt, registers=False), math.nan))


@dataclass(frozen=True, slots=True)
class Rollover:
    """A register of few bits, which begins again at zero when it is full."""

    of: str = setting("")
    bits: int = setting(16, 8, 64)
    step: float = setting(0.001, 1e-9, 1e9)
    name: ClassVar[str] = "rollover"

    def befall(self, attempt: Attempt, _sensor: Sensor) -> Attempt:
        """Return registers as what is left of them by 2 ** bits counts of ``step``."""

        def rolled(value: float) -> Value:
            return round(round(value / self.step) % (1 << self.bits) * self.step, 9)

        return _changed(attempt, self.name, _names(self.of, attempt, registers=True), rolled)


@dataclass(frozen=True, slots=True)
class BitFlips:
    """Single telegrams in which one bit of a register is wrong, and the next one right again."""

    of: str = setting("")
    share: float = share(0.001)
    bits: int = setting(32, 8, 64)
    step: float = setting(0.001, 1e-9, 1e9)
    name: ClassVar[str] = "bit_flips"

    def befall(self, attempt: Attempt, sensor: Sensor) -> Attempt:
        """Return registers with one bit flipped."""
        slot = sensor.slot(attempt.t_ms)
        if not happens(sensor.seed, self.name, slot, self.share):
            return attempt
        flipped = 1 << int(uniform(sensor.seed, "which bit", slot) * self.bits)
        names = _names(self.of, attempt, registers=True)
        return _changed(attempt, self.name, names, lambda value: round((round(value / self.step) ^ flipped) * self.step, 9))
