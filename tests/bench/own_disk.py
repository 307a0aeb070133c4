"""A disk of its own for what a bench writes: an ext4 in a file, on a loop device whose writes the kernel counts.

What a process writes is not what a memory card gets: the file system adds its journal, and writes a page once that was changed
twice. Needs root, and a machine that lends it loop devices; elsewhere there is none, and the result says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.small_disk import SmallDisk, loop_disk, run_as_root, why_no_loop_disk

_MIB = 2 << 10
_SECTOR_BYTES = 512
_SECTORS_WRITTEN = 6


class OwnDisk:
    """A mounted file system that nobody else uses.

    Attributes:
        folder: Where it is mounted.
    """

    def __init__(self, disk: SmallDisk) -> None:
        self.folder = disk.folder
        self._counts = Path("/sys/block") / Path(disk.device).name / "stat"

    def written_bytes(self) -> int:
        """Write out what waits in memory; return how many bytes the device has taken so far."""
        run_as_root("sync", "--file-system", str(self.folder))
        return int(self._counts.read_text().split()[_SECTORS_WRITTEN]) * _SECTOR_BYTES


@contextmanager
def own_disk(folder: Path) -> Iterator[OwnDisk | None]:
    """Mount a disk for the length of the context, below an existing folder; None where that is not possible."""
    if why_no_loop_disk():
        yield None
        return
    with loop_disk(folder / "disk", _MIB) as disk:
        yield OwnDisk(disk)
