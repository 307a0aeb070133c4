"""What a street cabinet does to a gateway, for real: a small disk of its own that fills up, turns read-only or slow, and what is
looked at afterwards.

The disks are files behind the loop device, and so need root; where it is missing the tests skip, and say so.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.commands.gateway import status_text
from tests.support.asking import Answer
from tests.support.audits import run_audit
from tests.support.live import LiveGateway
from tests.support.waiting import HANG_S

MOST_MIB = 150
"""So much memory a gateway takes at most, whatever happens."""
DISK_MIB = 96
_FILL = "filler"


@functools.cache
def why_no_disk() -> str:
    """Return why this machine gives a test no disk of its own, empty where it does."""
    if os.geteuid() != 0:
        return "a disk of its own needs root"
    missing = [name for name in ("losetup", "mkfs.ext4", "mount") if shutil.which(name) is None]
    if missing:
        return f"`{missing[0]}` is not installed"
    found = subprocess.run(["losetup", "--find"], capture_output=True, text=True, timeout=HANG_S, check=False)
    return "" if found.returncode == 0 else f"no loop device here: {found.stderr.strip()}"


@dataclass(frozen=True, slots=True)
class Disk:
    """A small disk.

    Attributes:
        folder: Where it is mounted.
        device: Its block device.
    """

    folder: Path
    device: str

    def fill(self) -> None:
        """Leave no room on it."""
        free = os.statvfs(self.folder)
        with (self.folder / _FILL).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, (free.f_bavail - 64) * free.f_frsize)
            file.seek(0, os.SEEK_END)
            with contextlib.suppress(OSError):  # until the last block is taken
                while True:
                    file.write(bytes(free.f_frsize))
                    file.flush()

    def empty(self) -> None:
        """Make room again."""
        (self.folder / _FILL).unlink()

    def remount(self, how: str) -> None:
        """Mount it `ro` or `rw`; what is open for writing keeps it from turning read-only, unless it is forced."""
        _run("mount", "-o", f"remount,{how}", str(self.folder))


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """Mount an empty disk at a folder, which is made; skip where nobody may."""
    if reason := why_no_disk():
        pytest.skip(reason)
    folder.mkdir(parents=True)
    image = folder.with_name(f"{folder.name}.img")
    with image.open("wb") as file:
        file.truncate(DISK_MIB << 20)
    _run("mkfs.ext4", "-q", "-m", "0", str(image))
    device = _run("losetup", "--find", "--show", str(image))
    try:
        _run("mount", device, str(folder))
        try:
            (folder / "lost+found").rmdir()
            folder.chmod(0o700)
            yield Disk(folder, device)
        finally:
            _run("umount", str(folder))
    finally:
        _run("losetup", "--detach", device)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG_S, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
    return done.stdout.strip()


def peak_mib(live: LiveGateway) -> float:
    """Return the most memory that a running gateway has had, in MiB, as the kernel counts it."""
    assert live.process is not None
    status = Path(f"/proc/{live.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024


def line_of(shown: Answer, name: str) -> str:
    """Return a line of what `sluice status` prints, as its operator reads it; empty where there is none."""
    return next((line for line in status_text(shown).splitlines() if line.startswith(f"{name} ")), "")


def check_replay(live: LiveGateway) -> None:
    """Fail unless an auditor who replays the published log with its openings finds nothing."""
    found, said = run_audit("replay", str(live.place.log), live.folder, key=live.vkey, openings=live.place.openings)
    assert found == 0, said
