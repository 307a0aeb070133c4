"""Writes a file whole or not at all, and durably: what a recipient has stored or seen, a power cut does not take back."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from gateway.recipient.secret_file import sync_folder


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, in place of any of that name.

    Raises:
        OSError: If it could not be; what was there before is there still.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
