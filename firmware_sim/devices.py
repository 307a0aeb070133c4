"""Models of what the simulated sensors measure: air, noise, people passing, and households' electricity.

Each model is a pure function of its seed and the time, ``reading(t_ms) -> values``, so that the same scenario always
gives the same readings, whenever it is started. ``messages`` encodes the values in a device's own format.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import ClassVar, Protocol, TypeAlias

Values: TypeAlias = Mapping[str, float | int]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_NORMAL = NormalDist()
_METER_EPOCH_MS = 1_262_304_000_000  # 2010-01-01, when every meter's register read zero
_METER_REGISTER_WH = 1_000_000_000

# One value for each hour of the day; between the hours the models interpolate.
_HOUSEHOLD = (5, 4, 3.6, 3.4, 3.4, 3.8, 6, 9, 10, 9, 8.5, 8.5, 9.5, 11, 10, 9, 8.5, 9.5, 12, 16, 19, 18, 13, 8)
_STREET = (3, 2, 1, 0.6, 0.6, 2, 10, 35, 70, 55, 50, 60, 80, 85, 65, 55, 60, 80, 100, 90, 60, 35, 18, 8)
_TRAFFIC = (25, 18, 12, 10, 12, 25, 55, 85, 100, 90, 80, 80, 85, 85, 80, 80, 85, 95, 100, 90, 75, 60, 45, 35)


class Model(Protocol):
    """A sensor: its interval, and its values at a time on the interval's grid."""

    @property
    def interval_s(self) -> int:
        """Seconds from one reading to the next."""

    def reading(self, t_ms: int) -> Values:
        """Return what the sensor measures at a time, or over the interval that ends then."""


def uniform(seed: str, channel: str, slot: int) -> float:
    """Return a number between 0 and 1: the same for the same arguments, independent for different ones."""
    digest = hashlib.blake2b(f"{seed}/{channel}/{slot}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**64


@lru_cache(maxsize=8192)  # what a device draws once for all, or for some hours, it asks for at every reading
def gaussian(seed: str, channel: str, slot: int, limit: float = 2.0) -> float:
    """Return a standard normal number, truncated at ``limit`` standard deviations on either side."""
    low = _NORMAL.cdf(-limit)
    return _NORMAL.inv_cdf(low + uniform(seed, channel, slot) * (1 - 2 * low))


def drift(seed: str, channel: str, t_ms: int, pace_ms: int) -> float:
    """Return a slowly drifting normal number: a new one every ``pace_ms``, with linear interpolation in between."""
    slot, rest = divmod(t_ms, pace_ms)
    here, there = gaussian(seed, channel, slot), gaussian(seed, channel, slot + 1)
    return here + (there - here) * rest / pace_ms


def rhythm(curve: Sequence[float], t_ms: int) -> float:
    """Return the value of a 24-hour curve at the time of day."""
    hour, rest = divmod(t_ms % DAY_MS, HOUR_MS)
    return curve[hour] + (curve[(hour + 1) % 24] - curve[hour]) * rest / HOUR_MS


def is_weekend(t_ms: int) -> bool:
    """Return whether a time falls on a Saturday or Sunday (1 January 1970 was a Thursday)."""
    return (t_ms // DAY_MS + 3) % 7 >= 5


def _area(curve: Sequence[float], t_ms: int) -> float:
    """Return the integral of the repeated curve since 1970, in days: the reading of a counter that follows it."""
    day, in_day = divmod(t_ms, DAY_MS)
    hour, rest = divmod(in_day, HOUR_MS)
    part = rest / HOUR_MS
    here, there = curve[hour], curve[(hour + 1) % 24]
    return day + (sum(curve[:hour]) + (here - curve[0]) / 2 + here * part + (there - here) * part * part / 2) / sum(curve)


@dataclass(frozen=True, slots=True)
class SmartMeter:
    """A household's electricity meter: the consumption of the interval, and the register.

    Households differ by a log-normal factor and by random variation, both truncated at two standard deviations, so that
    none ever dominates a sum over fifteen or twenty of them.
    """

    seed: str
    interval_s: int = 1800
    daily_kwh: float = 8.0
    household_sigma: float = 0.25
    wobble: float = 0.1

    kinds: ClassVar[tuple[str, ...]] = ("meter", "secure-meter")

    def reading(self, t_ms: int) -> Values:
        """Return ``kwh`` of the interval that ends at ``t_ms``, which is the difference of ``total_kwh``, and ``volts``."""
        now_wh, before_wh = self._register_wh(t_ms), self._register_wh(t_ms - self.interval_s * 1000)
        return {
            "kwh": (now_wh - before_wh) / 1000,
            "total_kwh": now_wh % _METER_REGISTER_WH / 1000,
            "volts": round(230 + 2.5 * drift(self.seed, "volts", t_ms, HOUR_MS), 1),
        }

    def _register_wh(self, t_ms: int) -> int:
        factor = math.exp(self.household_sigma * gaussian(self.seed, "household", 0))
        habit_ms = round((uniform(self.seed, "habit", 0) - 0.5) * HOUR_MS / 2)
        daily_wh = self.daily_kwh * 1000 * factor
        steady = daily_wh * (_area(_HOUSEHOLD, t_ms + habit_ms) - _area(_HOUSEHOLD, _METER_EPOCH_MS + habit_ms))
        interval_ms = self.interval_s * 1000
        used = daily_wh * rhythm(_HOUSEHOLD, t_ms + habit_ms) / sum(_HOUSEHOLD) * interval_ms / HOUR_MS
        return math.floor(steady + self.wobble * used * gaussian(self.seed, "use", t_ms // interval_ms))


@dataclass(frozen=True, slots=True)
class Footfall:
    """A counter of people who pass a gate in a street, busy in the evening and nearly empty at night."""

    seed: str
    interval_s: int = 300
    busiest_per_h: float = 400.0

    kinds: ClassVar[tuple[str, ...]] = ("footfall",)

    def reading(self, t_ms: int) -> Values:
        """Return ``count``, the people who passed in the interval that ends at ``t_ms``."""
        street = math.exp(0.3 * gaussian(self.seed, "street", 0))
        mean = self.busiest_per_h * street * rhythm(_STREET, t_ms) / 100 * self.interval_s / 3600
        if is_weekend(t_ms):
            mean *= 0.75
        count = mean + math.sqrt(mean) * gaussian(self.seed, "people", t_ms // (self.interval_s * 1000), 3)
        return {"count": max(0, round(count))}


@dataclass(frozen=True, slots=True)
class NoiseMeter:
    """A sound level meter at a façade: the energy mean and the maximum of each interval, A-weighted."""

    seed: str
    interval_s: int = 300
    quiet_db: float = 42.0
    loud_db: float = 68.0

    kinds: ClassVar[tuple[str, ...]] = ("noise",)

    def reading(self, t_ms: int) -> Values:
        """Return ``LAeq`` and ``LAmax`` in dB."""
        slot = t_ms // (self.interval_s * 1000)
        street = 2 * gaussian(self.seed, "street", 0)
        level = self.quiet_db + (self.loud_db - self.quiet_db) * rhythm(_TRAFFIC, t_ms) / 100
        level += street + 1.5 * gaussian(self.seed, "traffic", slot) - (3 if is_weekend(t_ms) else 0)
        return {"LAeq": round(level, 1), "LAmax": round(level + 6 + 12 * uniform(self.seed, "loudest", slot), 1)}


@dataclass(frozen=True, slots=True)
class AirQuality:
    """An air quality station: particles and nitrogen dioxide follow the traffic, temperature the sun."""

    seed: str
    interval_s: int = 600
    pm25_mean: float = 12.0
    temperature_mean: float = 16.0

    kinds: ClassVar[tuple[str, ...]] = ("air-quality", "air-station")

    def reading(self, t_ms: int) -> Values:
        """Return ``pm25``, ``pm10`` and ``no2`` in µg/m³, ``temperature`` in °C and ``humidity`` in %."""
        traffic = rhythm(_TRAFFIC, t_ms) / 64  # 64 is the curve's mean
        weather = drift(self.seed, "weather", t_ms, 6 * HOUR_MS)
        particles = self.pm25_mean * math.exp(0.35 * weather) * (0.6 + 0.4 * traffic)
        coarse = 1.5 + 0.2 * drift(self.seed, "dust", t_ms, HOUR_MS)
        warmth = -5 * math.cos(2 * math.pi * (t_ms % DAY_MS - 3 * HOUR_MS) / DAY_MS) + 1.5 * weather
        return {
            "pm25": round(particles, 1),
            "pm10": round(particles * coarse, 1),
            "no2": round(max(2.0, 28 * traffic * math.exp(0.2 * weather)), 1),
            "temperature": round(self.temperature_mean + warmth, 2),
            "humidity": round(min(98.0, max(15.0, 60 - 3 * warmth)), 1),
        }


@dataclass(frozen=True, slots=True)
class Plug:
    """A metering plug or a meter on the house's board: what is drawn now, and a register that it keeps."""

    seed: str
    interval_s: int = 300
    daily_kwh: float = 8.0

    def reading(self, t_ms: int) -> Values:
        """Return ``power_w``, the mean of the interval that ends then, ``total_kwh`` and ``volts``."""
        meter = SmartMeter(self.seed, self.interval_s, self.daily_kwh).reading(t_ms)
        power_w = round(meter["kwh"] * 3_600_000 / self.interval_s, 1)
        return {"power_w": power_w, "total_kwh": meter["total_kwh"], "volts": meter["volts"]}


@dataclass(frozen=True, slots=True)
class WaterMeter:
    """A household's water meter, which counts litres."""

    seed: str
    interval_s: int = 3600
    daily_l: float = 280.0

    def reading(self, t_ms: int) -> Values:
        """Return ``total_m3``, what its register shows."""
        litres = SmartMeter(self.seed, self.interval_s, self.daily_l / 1000).reading(t_ms)["total_kwh"]
        return {"total_m3": litres}


@dataclass(frozen=True, slots=True)
class Climate:
    """A sensor of outdoor air: temperature and humidity."""

    seed: str
    interval_s: int = 600
    temperature_mean: float = 16.0

    def reading(self, t_ms: int) -> Values:
        """Return ``temperature`` in °C and ``humidity`` in % RH."""
        air = AirQuality(self.seed, self.interval_s, temperature_mean=self.temperature_mean).reading(t_ms)
        return {"temperature": air["temperature"], "humidity": air["humidity"]}


@dataclass(frozen=True, slots=True)
class DustSensor:
    """A sensor of particles that has a thermometer and hygrometer along."""

    seed: str
    interval_s: int = 150
    pm25_mean: float = 9.0

    def reading(self, t_ms: int) -> Values:
        """Return ``pm10`` and ``pm25`` in µg/m³, ``temperature`` and ``humidity``."""
        air = AirQuality(self.seed, self.interval_s, self.pm25_mean).reading(t_ms)
        return {name: air[name] for name in ("pm10", "pm25", "temperature", "humidity")}


MODELS: Mapping[str, type[SmartMeter | Footfall | NoiseMeter | AirQuality]] = {
    kind: model for model in (SmartMeter, Footfall, NoiseMeter, AirQuality) for kind in model.kinds
}
