"""A clock that is set while a process runs: libfaketime gives the gateway another time, and a file says by how much it is off."""

from __future__ import annotations

import os
from pathlib import Path

_LIBRARIES = "*/faketime/libfaketime.so.1"


class FalseClock:
    """The time of a process; right until it is set."""

    def __init__(self, library: Path, file: Path) -> None:
        self._library = library
        self._file = file
        self.set(0)

    def set(self, off_s: float) -> None:
        """Put it so many seconds ahead of the right time; the process knows within a second."""
        whole = self._file.with_suffix(".new")
        whole.write_text(f"{off_s:+.3f}\n")
        whole.replace(self._file)

    def environment(self) -> dict[str, str]:
        """Return what a process has to be started with: only its time of day is another one."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }


def false_clock(file: Path) -> FalseClock | None:
    """Return a false clock that is set by a file; None where there is no libfaketime."""
    found = [] if os.name != "posix" else sorted(Path("/usr/lib").glob(_LIBRARIES))
    return FalseClock(found[0], file) if found else None
