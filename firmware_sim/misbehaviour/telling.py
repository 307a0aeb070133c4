"""Faults of the device's firmware: restarts that begin its numbers again, and clocks that are wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from firmware_sim.devices import DAY_MS, uniform
from firmware_sim.misbehaviour.attempt import Attempt, Sensor
from firmware_sim.misbehaviour.chance import last_start
from firmware_sim.misbehaviour.sensing import REGISTER
from firmware_sim.misbehaviour.settings import lasts_s, per_day, setting


@dataclass(frozen=True, slots=True)
class Restarts:
    """The device starts anew and numbers its messages from zero.

    ``told``: its messages say so, by another boot id, session or address; a node that was activated by personalisation says
    nothing. ``registers``: its registers begin again from zero too.
    """

    per_day: float = per_day(0.5)
    told: bool = setting(True)
    registers: bool = setting(False)
    name: ClassVar[str] = "restarts"

    def befall(self, attempt: Attempt, sensor: Sensor) -> Attempt:
        """Return the number since the latest start; only the first message, and other registers, are put down to the fault."""
        start = last_start(sensor.seed, self.name, attempt.t_ms, self.per_day)
        if start is None:
            return attempt
        first_ms = sensor.next_ms(start.at_ms)
        sequence = (attempt.t_ms - first_ms) // sensor.interval_ms
        boot = attempt.boot + start.number if self.told else attempt.boot
        if self.registers:
            attempt = attempt.befallen_values(self.name, self._since(first_ms, attempt, sensor))
        if sequence == 0 and self.name not in attempt.faults:
            attempt = attempt.befallen(self.name)
        return replace(attempt, boot=boot, sequence=sequence, last_start_ms=start.at_ms)

    @staticmethod
    def _since(first_ms: int, attempt: Attempt, sensor: Sensor) -> dict[str, float]:
        """Return what the registers have counted since the start."""
        now, then = sensor.measure(attempt.t_ms), sensor.measure(first_ms)
        return {name: round(now[name] - then[name], 6) for name in now if name.startswith(REGISTER)}


@dataclass(frozen=True, slots=True)
class EpochUntilNtp:
    """After a start the clock counts from 1970, until a time server has answered, which takes some seconds or minutes.

    It needs ``restarts``, from which the start comes.
    """

    least_s: float = lasts_s(5.0)
    most_s: float = lasts_s(600.0)
    name: ClassVar[str] = "epoch_until_ntp"

    def befall(self, attempt: Attempt, sensor: Sensor) -> Attempt:
        """Return the time since the start as if it had been in 1970."""
        if attempt.last_start_ms is None:
            return attempt
        up_ms = attempt.t_ms - attempt.last_start_ms
        part = uniform(sensor.seed, self.name, attempt.last_start_ms)
        if up_ms >= (self.least_s + (self.most_s - self.least_s) * part) * 1000:
            return attempt
        return attempt.befallen(self.name, said_ms=up_ms)


@dataclass(frozen=True, slots=True)
class LocalTimeAsUtc:
    """The clock is set to local time, and the device says that it is UTC."""

    name: ClassVar[str] = "local_time_as_utc"

    def befall(self, attempt: Attempt, sensor: Sensor) -> Attempt:
        """Return a time that is off by the zone's offset."""
        offset = datetime.fromtimestamp(attempt.said_ms // 1000, UTC).astimezone(ZoneInfo(sensor.zone)).utcoffset()
        if not offset:
            return attempt
        return attempt.befallen(self.name, said_ms=attempt.said_ms + round(offset.total_seconds() * 1000))


@dataclass(frozen=True, slots=True)
class ClockDrift:
    """The clock runs too fast, or too slow, until it is set."""

    ppm: float = setting(40.0, -10_000.0, 10_000.0)
    set_days: float = setting(30.0, 0.01, 3650.0)
    name: ClassVar[str] = "clock_drift"

    def befall(self, attempt: Attempt, _sensor: Sensor) -> Attempt:
        """Return a time that is off by parts per million of the time since the clock was set."""
        off_ms = round(attempt.t_ms % round(self.set_days * DAY_MS) * self.ppm / 1_000_000)
        return attempt.befallen(self.name, said_ms=attempt.said_ms + off_ms) if off_ms else attempt
