"""Disk space: a reserve for what must always be possible, and a wait while there is none.

A ballast file of 16 MiB lies in the state folder. On a full disk a change of control (a withdrawal, an erasure, policies) gets
its space; readings and releases wait, and are admitted again only once the file is back in its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.edge.loggers import structlog
from gateway.errors import DiskFullError

FULL_DISK_RETRY_S = 1.0
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

_log = structlog.get_logger()


def says_full(error: sqlite3.Error) -> bool:
    """Return whether SQLite failed for want of disk space, and nothing else."""
    return error.sqlite_errorcode == sqlite3.SQLITE_FULL


class DiskSpace:
    """What is known about the space on one disk."""

    def __init__(self, ballast: Path, ballast_bytes: int) -> None:
        """Name the ballast file; ``check`` creates it."""
        self._ballast = ballast
        self._ballast_bytes = ballast_bytes
        self.low = False
        """Whether readings and releases are withheld for want of disk space."""
        self.waits = False
        """Whether a commit waits for disk space at this moment."""
        self.attempts = 0
        """How often a write found no space: one that waits moves on with each."""
        self._called = asyncio.Event()
        self._cancelled = False

    def check(self) -> bool:
        """Return whether readings and releases may be committed: the ballast is in place, and is restored if possible.

        Raises: OSError: the disk fails.
        """
        if not self._set_aside():
            self._run_low()
        elif self.low:
            _log.info("room again: going on")
            self.low = False
        return not self.low

    def release_reserve(self) -> None:
        """Give the ballast's space to the commit under way, if it needs it: a change of control waits behind it."""
        self._called.set()

    def cancel(self) -> None:
        """End every wait, present and future: the process is about to end."""
        self._cancelled = True
        self._called.set()

    async def wait_for(self, write: Callable[[], Awaitable[None]], *, control: bool) -> None:
        """Write, and retry until there is space for it.

        Args:
            write: Leaves nothing behind when it fails.
            control: Whether it may use the ballast's space.
        Raises:
            DiskFullError: The wait was cancelled.
            sqlite3.Error: The disk fails otherwise.
        """
        try:
            while not await _has_room(write):
                self.attempts += 1
                self._run_low()
                self.waits = True
                if not (self._is_control(control) and self._free()):
                    await self._pause()
        finally:
            self.waits = False
            if not self._cancelled:
                self._called.clear()

    def _is_control(self, commit: bool) -> bool:
        """Return whether a change of control is in the commit, or waits behind it."""
        return commit or (self._called.is_set() and not self._cancelled)

    async def _pause(self) -> None:
        if self._cancelled:
            raise DiskFullError(f"`{self._ballast.parent}`: the disk is full")
        if self._called.is_set():
            await asyncio.sleep(FULL_DISK_RETRY_S)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._called.wait(), FULL_DISK_RETRY_S)

    def _run_low(self) -> None:
        if not self.low:
            _log.error("disk full, withholding until there is room")
        self.low = True

    def _set_aside(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            if self._ballast.stat().st_size >= self._ballast_bytes:
                return True
        try:
            self._fill()
        except OSError as error:
            self._free()
            if error.errno not in NO_ROOM:
                raise
            return False
        return True

    def _fill(self) -> None:
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._ballast_bytes)
        finally:
            os.close(descriptor)

    def _free(self) -> bool:
        """Delete the ballast; return False where there is none."""
        with contextlib.suppress(FileNotFoundError):
            self._ballast.unlink()
            return True
        return False


async def _has_room(write: Callable[[], Awaitable[None]]) -> bool:
    try:
        await write()
    except sqlite3.OperationalError as error:
        if not says_full(error):
            raise
        return False
    return True
