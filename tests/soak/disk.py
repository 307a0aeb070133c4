"""A small disk for the gateway's state, to be filled and freed: a file system of its own where this user may mount one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MIB = 1 << 20
SIZE_MIB = 256


class Disk:
    """A mounted file system."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._filler = folder / "filler"
        self.kind = kind

    def fill(self) -> int:
        """Write until there is no room left; return how many bytes that took."""
        written = 0
        with self._filler.open("wb", buffering=0) as file:
            for piece in (MIB, 4096, 1):
                with suppress(OSError):
                    while True:
                        written += file.write(bytes(piece))
        return written

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Disk | None]:
    """Mount a small file system over a folder for the length of the context; None where this user may not."""
    kind = _mount(image, folder)
    if kind is None:
        yield None
        return
    try:
        yield Disk(folder, kind)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def _mount(image: Path, folder: Path) -> str | None:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return None
    with image.open("wb") as file:
        file.truncate(SIZE_MIB * MIB)
    ext4 = [["mkfs.ext4", "-q", "-m", "0", str(image)], ["mount", "-o", "loop", str(image), str(folder)]]
    tmpfs = [["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(folder)]]
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    for kind, commands in (("ext4", ext4), ("tmpfs", tmpfs)):
        with suppress(OSError, subprocess.CalledProcessError):
            for command in commands:
                subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PATH": path})
            return kind
    return None
