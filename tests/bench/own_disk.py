"""A disk of its own for what a bench writes: an ext4 in a file, on a loop device whose writes the kernel counts.

What a process writes is not what a memory card gets: the file system adds its journal, and writes a page once that was changed
twice. Needs root, and a machine that lends it loop devices; elsewhere there is none, and the result says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BYTES = 2 << 30
_SECTOR_BYTES = 512
_SECTORS_WRITTEN = 6
_QUIET = ("-q", "-E", "lazy_itable_init=0,lazy_journal_init=0")
"""Or the file system itself would go on writing after it was mounted."""


class OwnDisk:
    """A mounted file system that nobody else uses.

    Attributes:
        folder: Where it is mounted.
    """

    def __init__(self, folder: Path, device: str) -> None:
        self.folder = folder
        self._counts = Path("/sys/block") / Path(device).name / "stat"

    def written_bytes(self) -> int:
        """Write out what waits in memory; return how many bytes the device has taken so far."""
        _done("sync", "--file-system", str(self.folder))
        return int(self._counts.read_text().split()[_SECTORS_WRITTEN]) * _SECTOR_BYTES


@contextmanager
def own_disk(folder: Path) -> Iterator[OwnDisk | None]:
    """Mount a disk for the length of the context, below an existing folder; None where that is not possible."""
    device = _attached(folder / "disk.img")
    if device is None:
        yield None
        return
    place = folder / "disk"
    place.mkdir()
    try:
        if not (_done("mkfs.ext4", *_QUIET, device) and _done("mount", device, str(place))):
            yield None
            return
        try:
            yield OwnDisk(place, device)
        finally:
            _done("umount", "--lazy", str(place))
    finally:
        _done("losetup", "--detach", device)


def _attached(image: Path) -> str | None:
    """Return the loop device that a new sparse file is attached to."""
    if os.geteuid() or not all(map(_program, ("losetup", "mkfs.ext4", "mount", "umount"))):
        return None
    with image.open("wb") as file:
        file.truncate(_BYTES)
    found = subprocess.run(
        [str(_program("losetup")), "--find", "--show", str(image)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or None


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _done(name: str, *arguments: str) -> bool:
    """Run a program of the system; return whether it succeeded."""
    program = _program(name)
    return program is not None and subprocess.run([program, *arguments], capture_output=True, check=False).returncode == 0
