"""A scenario describes a fleet of simulated devices and their clock, in JSON, in TOML or as a plain dictionary.

    {"seed": "a small city",
     "timezone": "Europe/Madrid",
     "clock": {"start": "2026-03-20T23:00:00Z", "at": 1774047600.0, "rate": 10800},
     "devices": [
       {"topic": "meters/7f3a", "kind": "meter", "settings": {"interval_s": 1800}},
       {"topic": "city/air/{n}", "kind": "air-quality", "count": 5},
       {"topic": "city/gate/{n}", "kind": "footfall", "count": 8, "public": true},
       {"topic": "rtl_433/roof/events", "kind": "rtl433-events", "count": 3, "faults": {"loss": {}}},
       {"topic": "meters/81cc", "kind": "secure-meter", "key": "<64 hex digits>"}]}

``stations`` makes the devices and yields their readings in order of time; ``run`` publishes them.
"""

from __future__ import annotations

import json
import math
import re
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from firmware_sim.clock import Clock, SimulatedClock, WallClock
from firmware_sim.devices import MODELS
from firmware_sim.formats.kinds import KINDS
from firmware_sim.misbehaviour.attempt import Fault
from firmware_sim.misbehaviour.faults_by_name import FaultError, faults_by_name
from firmware_sim.wire import Value

SCENARIO_KEYS = ("seed", "timezone", "clock", "devices")
CLOCK_KEYS = ("start", "at", "rate")
DEVICE_KEYS = ("topic", "kind", "settings", "key", "public", "identity", "extra", "restart_s", "gzip", "faults", "count")
_KEY_BYTES = 32


class ScenarioError(ValueError):
    """A scenario is not usable; the message is one line and names file and key."""

    def __init__(self, file: str, key: str, message: str) -> None:
        super().__init__(f"`{file}`: `{key}`: {message}" if key else f"`{file}`: {message}")


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """One device of a scenario; omitted values have the default of its kind."""

    topic: str
    kind: str
    settings: Mapping[str, float] = field(default_factory=dict)
    key: bytes | None = None
    public: bool = False
    identity: str = ""
    extra: Mapping[str, Value] = field(default_factory=dict)
    restart_s: int = 0
    gzip: bool = False
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A seed, the devices, the simulated clock, and where they stand; without a clock the fleet runs in real time."""

    seed: str
    devices: tuple[DeviceSpec, ...]
    simulated: SimulatedClock | None = None
    zone: str = "UTC"

    def clock(self) -> Clock:
        """Return the fleet's clock."""
        return self.simulated or WallClock()


def load_scenario(path: Path) -> Scenario:
    """Return the scenario in a file: TOML if its name ends in `.toml`, else JSON.

    Raises:
        ScenarioError: If the file cannot be read, is not of its format, or is not a usable scenario.
    """
    is_toml = path.suffix == ".toml"
    try:
        document = tomllib.loads(path.read_bytes().decode()) if is_toml else json.loads(path.read_bytes())
    except OSError as error:
        raise ScenarioError(str(path), "", (error.strerror or "cannot be read").lower()) from None
    except ValueError:
        raise ScenarioError(str(path), "", "is not toml" if is_toml else "is not json") from None
    return parse_scenario(document, str(path))


def parse_scenario(document: object, file: str = "scenario") -> Scenario:
    """Return a checked scenario; unknown keys are errors.

    Args:
        document: The parsed JSON.
        file: The file's name in error messages.

    Raises:
        ScenarioError: If it is not a usable scenario.
    """
    top = _table(document, file, "", SCENARIO_KEYS)
    listed = top.get("devices")
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        raise ScenarioError(file, "devices", "must be a list of at least one device")
    devices = [spec for index, item in enumerate(listed) for spec in _device_specs(item, file, f"devices[{index}]")]
    _refuse_twins(devices, file)
    simulated = _simulated_clock(top["clock"], file) if "clock" in top else None
    return Scenario(str(top.get("seed", "")), tuple(devices), simulated, _zone(top.get("timezone", "UTC"), file))


def _refuse_twins(devices: Sequence[DeviceSpec], file: str) -> None:
    """Refuse two devices on one topic, but for kinds that share it; those need serial numbers that differ."""
    seen: set[tuple[str, str]] = set()
    for spec in devices:
        shares = spec.kind in KINDS and KINDS[spec.kind].shares_topic
        place = (spec.topic, spec.identity if shares else "")
        if place in seen:
            raise ScenarioError(file, "devices", "two devices have one topic" + (" and one identity" if shares else ""))
        seen.add(place)


def _zone(name: object, file: str) -> str:
    try:
        return ZoneInfo(str(name)).key
    except (ValueError, OSError, KeyError):
        raise ScenarioError(file, "timezone", f"`{name}` is no time zone such as Europe/Madrid") from None


def _device_specs(item: object, file: str, key: str) -> list[DeviceSpec]:
    """Return the devices of one list entry: one, or ``count`` of them, numbered by ``{n}`` in topic and identity."""
    table = _table(item, file, key, DEVICE_KEYS)
    topic, kind = table.get("topic"), table.get("kind")
    if not isinstance(topic, str) or not topic or re.search(r"[+#\0]", topic):
        raise ScenarioError(file, f"{key}.topic", "must be a topic without wildcards")
    if not isinstance(kind, str) or kind not in {*MODELS, *KINDS}:
        raise ScenarioError(file, f"{key}.kind", f"unknown kind `{kind}`; there are {', '.join((*MODELS, *KINDS))}")
    identity = _identity(table, kind, file, key)
    spec = {
        "kind": kind,
        "settings": _settings(table.get("settings", {}), kind, file, f"{key}.settings"),
        "key": _key(table.get("key"), kind, file, f"{key}.key"),
        "public": _typed(table, "public", bool, False, file, key),
        "extra": _extra(table, kind, file, key),
        "restart_s": _typed(table, "restart_s", int, 0, file, key),
        "gzip": _typed(table, "gzip", bool, False, file, key),
        "faults": _faults(table.get("faults", {}), file, f"{key}.faults"),
    }
    if "count" not in table:
        return [DeviceSpec(topic=topic, identity=identity, **spec)]
    count = _typed(table, "count", int, 1, file, key)
    if count < 1 or "{n}" not in topic + identity or "key" in table:
        raise ScenarioError(file, f"{key}.count", "must be at least 1, with `{n}` in the topic and no key")
    return [
        DeviceSpec(topic=topic.replace("{n}", str(number)), identity=identity.replace("{n}", str(number)), **spec)
        for number in range(1, count + 1)
    ]


def _identity(table: Mapping[str, Any], kind: str, file: str, key: str) -> str:
    """Return the serial number; devices that share a topic need one, since nothing else tells them apart."""
    identity: str = _typed(table, "identity", str, "", file, key)
    if not identity and kind in KINDS and KINDS[kind].shares_topic:
        raise ScenarioError(file, f"{key}.identity", f"is missing; devices of `{kind}` share a topic, and need one each")
    return identity


def _extra(table: Mapping[str, Any], kind: str, file: str, key: str) -> Mapping[str, Value]:
    extra: Mapping[str, Value] = _typed(table, "extra", dict, {}, file, key)
    if extra and kind in KINDS:
        raise ScenarioError(file, f"{key}.extra", f"devices of `{kind}` send what their make sends, and nothing else")
    return extra


def _faults(given: object, file: str, key: str) -> tuple[Fault, ...]:
    try:
        return faults_by_name(given)
    except FaultError as error:
        raise ScenarioError(file, f"{key}.{error.key}" if error.key else key, str(error)) from None


def _settings(given: object, kind: str, file: str, key: str) -> Mapping[str, float]:
    model = KINDS[kind].model if kind in KINDS else MODELS[kind]
    known = {item.name for item in fields(model)} - {"seed"}
    settings = _table(given, file, key, tuple(sorted(known)))
    for name, value in settings.items():
        whole = isinstance(value, int) and not isinstance(value, bool)
        if name == "interval_s" and not (whole and 1 <= value <= 86_400):
            raise ScenarioError(file, f"{key}.{name}", f"`{value}` is not a whole number of seconds from 1 to 86400")
        if not (whole or isinstance(value, float)) or not math.isfinite(value):
            raise ScenarioError(file, f"{key}.{name}", f"`{value}` is not a number")
    return settings


def _key(given: object, kind: str, file: str, key: str) -> bytes | None:
    if (given is not None) != (kind == "secure-meter"):
        raise ScenarioError(file, key, "a `secure-meter` needs a key, and no other kind has one")
    if given is None:
        return None
    if not isinstance(given, str) or not re.fullmatch(f"[0-9a-fA-F]{{{2 * _KEY_BYTES}}}", given):
        raise ScenarioError(file, key, f"must be {2 * _KEY_BYTES} hex digits")
    return bytes.fromhex(given)


def _simulated_clock(given: object, file: str) -> SimulatedClock:
    table = _table(given, file, "clock", CLOCK_KEYS)
    start, at_s, rate = table.get("start"), table.get("at", time.time()), table.get("rate", 1.0)
    for name, value in (("at", at_s), ("rate", rate)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            raise ScenarioError(file, f"clock.{name}", f"`{value}` is not a number")
    return SimulatedClock(_start_ms(start, file), float(at_s), float(rate))


def _start_ms(start: object, file: str) -> int:
    if isinstance(start, int | float) and not isinstance(start, bool):
        return round(start * 1000)
    try:
        moment = start if isinstance(start, datetime) else datetime.fromisoformat(str(start))
    except ValueError:
        raise ScenarioError(file, "clock.start", f"`{start}` is neither an iso 8601 time nor unix seconds") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _table(value: object, file: str, key: str, known: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ScenarioError(file, key, "must be a table")
    for name in value:
        if name not in known:
            raise ScenarioError(file, f"{key}.{name}" if key else str(name), f"unknown key; there are {', '.join(known)}")
    return value


def _typed(table: Mapping[str, Any], name: str, kind: type, default: Any, file: str, key: str) -> Any:
    value: Any = table.get(name, default)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)) or (isinstance(value, int) and value < 0):
        raise ScenarioError(file, f"{key}.{name}", f"`{value}` is not of type {kind.__name__}")
    return value
