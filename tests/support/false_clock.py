"""A clock that is set while a process runs: libfaketime gives the process another time of day, and a file says which.

The monotonic clock goes on, as it does on a machine whose clock somebody sets.
"""

from __future__ import annotations

from pathlib import Path

_LIBRARIES = sorted(Path("/usr/lib").glob("**/faketime/libfaketimeMT.so.1"))
"""The one for programs with several threads."""


class FalseClock:
    """The time of day of a process; right until it is set.

    Args:
        file: Says how far off it is.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set("+0")

    def set(self, step: str) -> None:
        """Set it, in the words of `faketime`: ahead by `+5.5` s or `+3d`, or beginning at `@1970-01-01 00:00:09`."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{step}\n")
        fresh.replace(self._file)

    def environment(self, *, heard_within_s: int = 0) -> dict[str, str]:
        """Return what a process has to be started with.

        Args:
            heard_within_s: For how long it need not look at the file again; at 0 each look at the clock costs one at the file.
        """
        looks = {"FAKETIME_CACHE_DURATION": str(heard_within_s)} if heard_within_s else {"FAKETIME_NO_CACHE": "1"}
        return {
            "LD_PRELOAD": str(_LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            **looks,
        }


def can_be_set() -> bool:
    """Return whether libfaketime is installed."""
    return bool(_LIBRARIES)
