"""What a street cabinet does to a gateway, for real: a small disk of its own that fills up, turns read-only or slow, and what is
looked at afterwards.

The disks are files behind the loop device, and so need root; where it is missing the tests skip, and say so.
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

import pytest

from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import GapPayload
from gateway.audit.log.reader import OpeningsReader
from gateway.commands.gateway import status_text
from tests.support.asking import Answer
from tests.support.audits import run_audit
from tests.support.killed_gate import first_part
from tests.support.live import LiveGateway
from tests.support.recounted import entries_of
from tests.support.waiting import HANG_S

MOST_MIB = 150
"""So much memory a gateway takes at most, whatever happens."""
DISK_MIB = 96
_FILL = "filler"
_THROTTLE = Path("/sys/fs/cgroup/blkio/blkio.throttle.write_iops_device")


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
        file = os.open(self.folder / _FILL, os.O_WRONLY | os.O_CREAT)
        try:
            os.posix_fallocate(file, 0, (free.f_bavail - 64) * free.f_frsize)
            os.lseek(file, 0, os.SEEK_END)
            while True:
                os.write(file, bytes(1024))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        finally:
            os.close(file)

    def empty(self) -> None:
        """Make room again."""
        (self.folder / _FILL).unlink()

    def fail(self) -> None:
        """Have the kernel find an error on it, after which nobody may write any more, as on a card that dies."""
        Path(f"/sys/fs/ext4/{Path(self.device).name}/trigger_fs_error").write_text("played by a test")

    def mend(self) -> None:
        """Check it and mount it again; nobody may have a file open there."""
        _run("umount", str(self.folder))
        subprocess.run(["e2fsck", "-p", self.device], capture_output=True, timeout=HANG_S, check=False)  # says 1 where it mended
        self.mount()

    def mount(self) -> None:
        """Mount it, to be read-only once an error is found."""
        _run("mount", "-o", "errors=remount-ro", self.device, str(self.folder))

    @contextlib.contextmanager
    def slowed(self, writes_per_s: int) -> Iterator[None]:
        """Let the block device take only so many writes a second, of anybody."""
        number = Path(f"/sys/block/{Path(self.device).name}/dev").read_text().strip()
        if not _THROTTLE.exists():
            pytest.skip("the kernel's block i/o controller of the first kind is not mounted here, so no device can be slowed")
        _THROTTLE.write_text(f"{number} {writes_per_s}")
        try:
            yield
        finally:
            _THROTTLE.write_text(f"{number} 0")


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
        disk = Disk(folder, device)
        disk.mount()
        try:
            (folder / "lost+found").rmdir()
            folder.chmod(0o700)
            yield disk
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


def ended(live: LiveGateway) -> int:
    """Wait until the process ends; return its exit status."""
    assert live.process is not None
    return live.process.wait(HANG_S)


def gaps(live: LiveGateway) -> list[str]:
    """Return the reasons of the gaps in the published log, in order."""
    assert live.place.openings is not None
    openings = OpeningsReader(live.place.openings)
    indices = [index for index, entry in entries_of(live.place.database).items() if entry.kind is Kind.GAP]
    return [GapPayload.decode(first_part(openings.read(index) or b"")).reason for index in indices]


def check_replay(live: LiveGateway) -> None:
    """Fail unless an auditor who replays the published log with its openings finds nothing."""
    found, said = run_audit("replay", str(live.place.log), live.folder, key=live.vkey, openings=live.place.openings)
    assert found == 0, said
