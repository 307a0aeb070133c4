"""The faults by name, in the order in which they befall a message, and their settings read out of a scenario."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any

from firmware_sim.misbehaviour.attempt import Fault
from firmware_sim.misbehaviour.carrying import Duplicates, Late, Loss, Offline
from firmware_sim.misbehaviour.sensing import BitFlips, Drift, NotANumber, Rollover, Sentinel, Spikes, Stuck
from firmware_sim.misbehaviour.telling import ClockDrift, EpochUntilNtp, LocalTimeAsUtc, Restarts

_ORDER: tuple[type, ...] = (
    *(Drift, Stuck, Spikes),
    Restarts,
    *(Rollover, BitFlips, Sentinel, NotANumber),
    *(ClockDrift, LocalTimeAsUtc, EpochUntilNtp),
    *(Offline, Loss, Late, Duplicates),
)
FAULTS: Mapping[str, type] = {kind.name: kind for kind in _ORDER}  # type: ignore[attr-defined]


MOST_LOSS = 0.99


class FaultError(ValueError):
    """A fault's settings are not usable; ``key`` is where, and the message is one line."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def faults_by_name(given: object) -> tuple[Fault, ...]:
    """Return the faults of a scenario's table `faults`: the name of each, and its settings, in the order in which they act.

    Raises:
        FaultError: If a name or a setting is unknown or cannot be.
    """
    if not isinstance(given, Mapping):
        raise FaultError("", "must be a table of faults by name")
    for name in given:
        if name not in FAULTS:
            raise FaultError(str(name), f"unknown fault; there are {', '.join(FAULTS)}")
    if EpochUntilNtp.name in given and Restarts.name not in given:
        raise FaultError(EpochUntilNtp.name, f"needs `{Restarts.name}`, since a clock is lost at a start")
    return tuple(_fault(FAULTS[name], given[name]) for name in FAULTS if name in given)


def _fault(kind: type, given: object) -> Fault:
    name: str = kind.name  # type: ignore[attr-defined]
    if not isinstance(given, Mapping):
        raise FaultError(name, "must be a table of settings")
    known = {item.name: item for item in fields(kind)}
    for key, value in given.items():
        if key not in known:
            raise FaultError(f"{name}.{key}", f"unknown setting; there are {', '.join(known) or 'none'}")
        _check(known[key], value, f"{name}.{key}")
    fault: Any = kind(**given)
    if "least_s" in known and fault.least_s > fault.most_s:
        raise FaultError(f"{name}.least_s", f"`{fault.least_s:g}` is more than most_s, `{fault.most_s:g}`")
    if isinstance(fault, Loss) and fault.channel.loss > MOST_LOSS:
        raise FaultError(name, f"loses {fault.channel.loss:.1%} of all messages; at most {MOST_LOSS:.0%} may be lost")
    checked: Fault = fault
    return checked


def _check(setting: Field[Any], value: object, key: str) -> None:
    """Refuse what is of another type than the setting's default, or outside its range."""
    kind = str(setting.type)
    if kind == "bool" and not isinstance(value, bool):
        raise FaultError(key, f"`{value}` is neither true nor false")
    if kind == "str" and not isinstance(value, str):
        raise FaultError(key, f"`{value}` is not text")
    if kind in ("bool", "str") or (kind == "float | str" and isinstance(value, str)):
        return
    if isinstance(value, bool) or not isinstance(value, int if kind == "int" else int | float) or not math.isfinite(value):
        raise FaultError(key, f"`{value}` is not a {'whole ' if kind == 'int' else ''}number")
    least, most = setting.metadata["least"], setting.metadata["most"]
    if least is not None and not least <= value <= most:
        raise FaultError(key, f"`{value}` is not from {least:g} to {most:g}")
