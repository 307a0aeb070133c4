"""Files written so that a power cut takes nothing back: whole or not at all, forced to the disk with the names that lead there.

An edge, shared by all who keep files: the log's publisher, witnesses, recipients and the gateway's state.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def replace_file(target: Path, data: bytes, mode: int | None = None) -> None:
    """Put a file in place whole, its content on the disk; its folder is left to the caller to force.

    Args:
        target: Where it goes, in place of any of that name.
        data: All of it.
        mode: Its permissions, whatever the umask; None leaves them to the umask.
    Raises: OSError: it could not be; what was there before is there still.
    """
    draft = target.with_name(f".{target.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666 if mode is None else mode)
    try:
        with open(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(draft, target)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()  # half a file on a full disk only takes the room that is missing
        raise


def write_whole(target: Path, data: bytes, mode: int | None = None) -> None:
    """Put a file in place as ``replace_file`` does, and force its folder too."""
    replace_file(target, data, mode)
    sync_folder(target.parent)


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder and those above it, each durable: what is synced in a folder that a power cut takes away is lost with it."""
    if not folder.is_dir():
        make_folder(folder.parent, mode)
        folder.mkdir(mode=mode, exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Force a folder's listing to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
