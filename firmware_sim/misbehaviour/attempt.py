"""One attempt of a device to tell what it measured, on its way through the faults: from the sensor to the network.

``stations`` begins it, each fault returns a changed one, and what is left of it is encoded and published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

from firmware_sim.devices import Values
from firmware_sim.wire import Value


@dataclass(frozen=True, slots=True)
class Sensor:
    """What a fault may know of the device that it befalls.

    Args:
        seed: Of the device.
        interval_ms: From one reading to the next.
        measure: Returns what it really measures at a reading time.
        next_ms: Returns the first reading time at or after a time.
        zone: IANA time zone of the place where it stands.
    """

    seed: str
    interval_ms: int
    measure: Callable[[int], Values]
    next_ms: Callable[[int], int]
    zone: str

    def slot(self, t_ms: int) -> int:
        """Return the number of a reading time since 1970."""
        return t_ms // self.interval_ms


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a device is about to tell.

    Args:
        t_ms: When it measured, in true time.
        values: What it says that it measured.
        said_ms: The time that it says, by its own clock.
        boot: The run of the device, as it says it.
        sequence: The number of the message in the run.
        sent_ms: When each copy of it goes out; empty: it is lost.
        faults: The names of what befell it, in order.
        last_start_ms: When its run really began; None: before anybody remembers.
    """

    t_ms: int
    values: Mapping[str, Value]
    said_ms: int
    boot: int
    sequence: int
    sent_ms: tuple[int, ...]
    faults: tuple[str, ...] = ()
    last_start_ms: int | None = None

    def befallen(self, fault: str, **changes: Any) -> Attempt:
        """Return the attempt with a fault's changes, under the fault's name."""
        return replace(self, faults=(*self.faults, fault), **changes)

    def befallen_values(self, fault: str, changed: Mapping[str, Value]) -> Attempt:
        """Return the attempt with other values, or the same one if they are no others."""
        if all(self.values[name] is value or self.values[name] == value for name, value in changed.items()):
            return self
        return self.befallen(fault, values={**self.values, **changed})


class Fault(Protocol):
    """Something that goes wrong; ``name`` is the key of a scenario and what the truth calls it."""

    name: ClassVar[str]

    def befall(self, attempt: Attempt, sensor: Sensor) -> Attempt:
        """Return what becomes of an attempt; the very same one if the fault spares it."""
