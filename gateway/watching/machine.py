"""What the machine knows of the gateway: space on its disks, sizes of files, memory, and how much was written.

What a system does not tell, or does not let a confined service see, is None.

Source: proc(5), Linux' `Documentation/ABI/stable/sysfs-block`.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from gateway.config import Installation
from gateway.edge.store.store import BALLAST_FILE

_SECTOR_BYTES: Final = 512  # whatever the disk's own are
_SECTORS_WRITTEN: Final = 6


class Machine:
    """The machine under one installation."""

    def __init__(self, place: Installation, proc: Path = Path("/proc/self"), sys: Path = Path("/sys/dev/block")) -> None:
        """Name what is looked at.

        Args:
            place: The configuration.
            proc: Where the kernel tells of this process.
            sys: Where it tells of disks, by their numbers.
        """
        self._place = place
        self._proc = proc
        self._sys = sys

    def disks(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return the free bytes and the size of the disks of the state folder (`state`) and of the published log (`log`)."""
        free, size = dict[str, float](), dict[str, float]()
        for name, folder in (("state", self._place.state), ("log", self._place.log)):
            with contextlib.suppress(OSError):
                found = os.statvfs(folder)
                free[name], size[name] = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
        return free, size

    def reserve(self) -> int:
        """Return how many bytes are set aside on the disk of the state folder."""
        return _size(self._place.state / BALLAST_FILE)

    def database(self) -> int:
        """Return the size of the database."""
        return _size(self._place.database)

    def write_ahead_log(self) -> int:
        """Return the size of its write-ahead log."""
        return _size(self._place.database.with_name(f"{self._place.database.name}-wal"))

    def memory(self) -> int | None:
        """Return how many bytes the process holds in memory."""
        fields = self._words(self._proc / "statm")
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if len(fields) > 1 else None

    def open_files(self) -> int | None:
        """Return how many files and sockets the process holds open."""
        with contextlib.suppress(OSError):
            return len(os.listdir(self._proc / "fd"))
        return None

    def written(self) -> int | None:
        """Return how many bytes the process has had written to disks since its start."""
        fields = self._words(self._proc / "io")
        return int(fields[fields.index("write_bytes:") + 1]) if "write_bytes:" in fields else None

    def disk_written(self) -> int | None:
        """Return how many bytes were written to the disk of the state folder since the machine started, by all programs."""
        with contextlib.suppress(OSError):
            device = os.stat(self._place.state).st_dev
            fields = self._words(self._sys / f"{os.major(device)}:{os.minor(device)}" / "stat")
            return int(fields[_SECTORS_WRITTEN]) * _SECTOR_BYTES if len(fields) > _SECTORS_WRITTEN else None
        return None

    def _words(self, file: Path) -> list[str]:
        with contextlib.suppress(OSError):
            return file.read_text().split()
        return []


def _size(file: Path) -> int:
    with contextlib.suppress(OSError):
        return file.stat().st_size
    return 0
