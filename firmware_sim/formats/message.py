"""What a format is given and what it returns: a moment of a device, and the messages that it sends then.

``stations`` makes the moments, from what a sensor measured and from what went wrong; the modules beside this one encode them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from firmware_sim.devices import uniform
from firmware_sim.wire import Value


class Message(NamedTuple):
    """One message to publish; ``carries`` tells whether a reading stands in it."""

    topic: str
    payload: bytes
    carries: bool = True


@dataclass(frozen=True, slots=True)
class Moment:
    """What a device knows as it sends, and what the network that carries it adds.

    Args:
        topic: The device's topic, as the scenario has it.
        identity: Its serial number.
        values: What it says that it measured.
        said_ms: The time by its own clock, in Unix milliseconds.
        heard_ms: The time by the clock of the network or hub that passes the message on.
        boot: Which run of the device it is, from 1 on.
        sequence: The number of the message in this run, from 0 on.
        copy: 0 for the message itself; 1 and on where another receiver passes on the same one.
        zone: IANA time zone of a device that says its local time.
    """

    topic: str
    identity: str
    values: Mapping[str, Value]
    said_ms: int
    heard_ms: int
    boot: int
    sequence: int
    copy: int = 0
    zone: str = "UTC"

    def between(self, channel: str, low: int, high: int) -> int:
        """Return a whole number of a range, both ends included: the same for the same device, message, copy and channel."""
        part: float = uniform(self.identity, f"{channel}/{self.copy}", self.boot << 32 | self.sequence)
        return low + int(part * (high - low + 1))

    def hex(self, channel: str, digits: int, *, of_run: bool = False) -> str:
        """Return hex digits for this message, or for the device's whole run."""
        which = f"{self.boot}" if of_run else f"{self.boot}/{self.sequence}/{self.copy}"
        return hashlib.sha256(f"{self.identity}/{channel}/{which}".encode()).hexdigest()[:digits]

    def every(self, number: int) -> bool:
        """Return whether this is one message of so many in the run, the first included."""
        return self.sequence % number == 0

    def decimal_id(self, digits: int) -> int:
        """Return the serial number as a decimal number of at most so many digits; a decimal one is taken as it is."""
        if self.identity.isdecimal():
            return int(self.identity)
        return int(hashlib.sha256(self.identity.encode()).hexdigest()[:15], 16) % int(10**digits)

    def local(self) -> str:
        """Return the device's local time as ISO 8601 without an offset, to the second."""
        at = datetime.fromtimestamp(self.said_ms // 1000, UTC).astimezone(ZoneInfo(self.zone))
        return at.strftime("%Y-%m-%dT%H:%M:%S")


Encode: TypeAlias = Callable[[Moment], Sequence[Message]]


def utc(t_ms: int, suffix: str = "Z", digits: int = 3) -> str:
    """Return a time as ISO 8601 in UTC with so many decimals of a second, 3 to 9."""
    whole = datetime.fromtimestamp(t_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{t_ms % 1000:03d}{'0' * (digits - 3)}{suffix}"


def number(value: Value) -> Value:
    """Return a value as it stands in text: floats without a needless `.0`, all else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def as_text(value: Value, decimals: int) -> str:
    """Return a value as firmware prints it, with a fixed number of decimals; words and nothing at all stay words."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "null" if value is None else str(value)
    return f"{value:.{decimals}f}"


def scaled(value: Value, factor: float, decimals: int) -> Value:
    """Return a number in another unit; what is no number stays what it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return round(value * factor, decimals) if decimals else _whole(value * factor)


def _whole(value: float) -> Value:
    return round(value) if abs(value) < float("inf") else value
