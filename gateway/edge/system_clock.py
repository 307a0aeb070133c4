"""What the kernel reports about the machine: its boot id, whether its clock is synchronised, and whether it was set."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
CLOCK_SET_MS = 5_000
"""The smallest step of the wall clock against the monotonic one that counts; corrections while running are far smaller."""

_TIMEX_BYTES = 256
_TIME_ERROR = 5


def boot_id() -> str:
    """Return the kernel's id of this boot, empty where it gives none."""
    try:
        return BOOT_ID_FILE.read_text().strip()
    except OSError:
        return ""


def clock_state() -> str:
    """Return `synchronised` or `unsynchronised`, as the kernel knows it from the clock's time service, or `unknown`.

    Source: adjtimex(2), called in a way that only reads.
    """
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is None:
        return "unknown"
    state = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return "unknown" if state < 0 else "unsynchronised" if state == _TIME_ERROR else "synchronised"


def real_ms() -> int:
    """Return the real time, Unix milliseconds: for people, who have no other, however the gateway's clock goes."""
    return time.time_ns() // 1_000_000


def since_boot_ms() -> int:
    """Return the time since the machine started, including sleep; nobody can set it."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1_000_000


class ClockWatch:
    """Detects that the wall clock was set, by comparison with a clock that nobody can set."""

    def __init__(self) -> None:
        """Begin with nothing to compare with at the first call."""
        self._ahead_ms: int | None = None

    def was_set(self, wall_ms: int, since_boot_ms: int) -> bool:
        """Return whether the wall clock was set since the last call."""
        before, self._ahead_ms = self._ahead_ms, wall_ms - since_boot_ms
        return before is not None and abs(self._ahead_ms - before) > CLOCK_SET_MS
