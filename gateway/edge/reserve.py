"""Room set aside on the disk, so that a withdrawal can be committed when there is none left.

A file of 16 MiB in the state folder. It is given up for a change of control alone (see ``gateway.edge.store``), and readings
are taken in only while it is in place.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class Reserve:
    """A file that takes room until it is needed."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        """Name the file; ``fill`` makes it."""
        self._path = path
        self._size_bytes = size_bytes

    @property
    def held(self) -> bool:
        """Whether the room is set aside."""
        with contextlib.suppress(FileNotFoundError):
            return self._path.stat().st_size >= self._size_bytes
        return False

    def fill(self) -> bool:
        """Set the room aside, if it is not.

        Returns: False where the disk has not got so much.
        Raises: OSError: the disk fails otherwise.
        """
        if self.held:
            return True
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._size_bytes)
        except OSError as error:
            self._path.unlink()
            if error.errno not in NO_ROOM:
                raise
            return False
        finally:
            os.close(descriptor)
        return True

    def free(self) -> bool:
        """Give the room up; return False where there was none to give."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
            return True
        return False
