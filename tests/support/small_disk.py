"""A small disk of a test's own, to be filled and emptied: a file behind the loop device, or memory where there is none.

Either needs root.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import HANG_S

_FILL = "filler"
_MIB = 1 << 20
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A mounted disk.

    Attributes:
        folder: Where it is mounted.
        device: Its block device; empty where it lies in memory.
    """

    folder: Path
    device: str = ""

    def fill(self) -> None:
        """Leave no room on it, whoever else writes there meanwhile."""
        free = os.statvfs(self.folder)
        with (self.folder / _FILL).open("wb", buffering=0) as file:
            with _until_full():
                os.posix_fallocate(file.fileno(), 0, max(1, (free.f_bavail - 64) * free.f_frsize))
            file.seek(0, os.SEEK_END)
            for piece in (_MIB, 1024):
                with _until_full():
                    while True:
                        file.write(bytes(piece))

    def empty(self) -> None:
        """Make room again."""
        (self.folder / _FILL).unlink(missing_ok=True)

    def mount(self) -> None:
        """Mount it, to be read-only once an error is found."""
        run_as_root("mount", "-o", "errors=remount-ro", self.device, str(self.folder))


@contextlib.contextmanager
def _until_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


@functools.cache
def why_no_loop_disk() -> str:
    """Return why this machine gives a test no block device of its own; empty where it does."""
    if os.geteuid() != 0:
        return "a disk of its own needs root"
    missing = [name for name in ("losetup", "mkfs.ext4", "mount") if shutil.which(name, path=_PATH) is None]
    if missing:
        return f"`{missing[0]}` is not installed"
    found = subprocess.run(["losetup", "--find"], capture_output=True, text=True, timeout=HANG_S, check=False)
    return "" if found.returncode == 0 else f"no loop device here: {found.stderr.strip()}"


@contextlib.contextmanager
def loop_disk(folder: Path, mib: int) -> Iterator[SmallDisk]:
    """Mount an empty ext4 of so many MiB at a folder, which is made; only where ``why_no_loop_disk`` is empty.

    The file system itself writes nothing of its own accord after it is mounted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    image = folder.with_name(f"{folder.name}.img")
    with image.open("wb") as file:
        file.truncate(mib * _MIB)
    run_as_root("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))
    device = run_as_root("losetup", "--find", "--show", str(image))
    try:
        disk = SmallDisk(folder, device)
        disk.mount()
        try:
            (folder / "lost+found").rmdir()
            folder.chmod(0o700)
            yield disk
        finally:
            run_as_root("umount", "--lazy", str(folder))  # a process that was not ended may hold it
    finally:
        run_as_root("losetup", "--detach", device)


@contextlib.contextmanager
def memory_disk(folder: Path, mib: int) -> Iterator[SmallDisk]:
    """Mount an empty disk of so many MiB of memory at a folder, which is made.

    Raises: PermissionError: this user may not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        raise PermissionError("only root may mount a disk of its own")
    command = ("mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "tmpfs", str(folder))
    if subprocess.run(command, capture_output=True, timeout=HANG_S, check=False).returncode != 0:
        raise PermissionError("no disk of its own may be mounted here")
    try:
        yield SmallDisk(folder)
    finally:
        run_as_root("umount", "--lazy", str(folder))  # a process that was not ended may hold it


def run_as_root(*command: str) -> str:
    """Run a program that has to succeed; return what it printed."""
    environment = {**os.environ, "PATH": _PATH}
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG_S, check=False, env=environment)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
    return done.stdout.strip()
