"""The files of received bundles in a recipient's folder: their names, reading and writing them, and which are the first to go.

    <log index>.bundle            the bytes exactly as received
    <log index>-<hash>.bundle     other bytes received under the same log index

What lies there may have been put there by anyone: names of other forms are left alone, and only regular files are read. Who may
publish can send bundles without end, so what nothing shows to be the gateway's has a quota: bundles that do not open, and those
that no log covers.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from gateway.files import read_regular, write_whole
from gateway.recipient.wire import MAX_BUNDLE_BYTES

_NAME: Final = re.compile(r"(0|[1-9][0-9]{0,18})(?:-[0-9a-f]{16})?\.bundle")


@dataclass(frozen=True, slots=True, order=True)
class StoredBundle:
    """A bundle's file as it was found: when it came, in seconds since the Unix epoch, its name, log index and size."""

    arrived_s: float
    name: str
    log_index: int
    size_bytes: int


class StoredBundles:
    """The bundles that lie in a folder.

    Args:
        folder: Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: set[str] = set()

    def find(self) -> Iterator[StoredBundle]:
        """Find the bundles that an earlier run left, and yield them in the order in which they came."""
        found = []
        for name in os.listdir(self._folder):
            if match := _NAME.fullmatch(name):
                with contextlib.suppress(OSError):
                    status = (self._folder / name).lstat()
                    found.append(StoredBundle(status.st_mtime, name, int(match[1]), status.st_size))
        self._names = {each.name for each in found}
        yield from sorted(found)

    def write(self, index: int, data: bytes) -> str | None:
        """Store a bundle durably and return its name; None if the same bytes are stored already.

        Raises:
            OSError: If it could not be stored.
        """
        name, other = first_name(index), _other_name(index, data)
        if name in self._names:
            if other in self._names or self.read(name) == data:
                return None
            name = other
        write_whole(self._folder / name, data)
        self._names.add(name)
        return name

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a stored bundle; None where somebody took it away or put something else in its place."""
        try:
            return read_regular(self._folder / name, MAX_BUNDLE_BYTES)
        except OSError:
            return None

    def make_first(self, name: str, index: int) -> str | None:
        """Give a bundle the name without a hash; return the new name of the one that had it, or None where there was none."""
        first = first_name(index)
        if name == first:
            return None
        data = self.read(first)
        displaced = None if data is None else _other_name(index, data)
        if displaced is not None:
            self._rename(first, displaced)
        self._rename(name, first)
        return displaced

    def delete(self, name: str) -> None:
        """Delete a bundle."""
        with contextlib.suppress(OSError):
            (self._folder / name).unlink()
        self._names.discard(name)

    def _rename(self, old: str, new: str) -> None:
        os.replace(self._folder / old, self._folder / new)
        self._names.discard(old)
        self._names.add(new)


def first_name(index: int) -> str:
    """Return the name of the bundle that came first under a log index, or that the log covers."""
    return f"{index}.bundle"


def _other_name(index: int, data: bytes) -> str:
    return f"{index}-{sha256(data).hexdigest()[:16]}.bundle"


@dataclass(frozen=True, slots=True)
class Quota:
    """The most that is kept: enough for a bundle a minute over a month in which the log is not at hand, and little for a disk."""

    bundles: int = 50_000
    total_bytes: int = 1 << 30


class Unconfirmed:
    """The unconfirmed bundles by file name, in the order in which they came, with their sizes.

    Args:
        quota: The most that is kept of them.
    """

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._refused: dict[str, int] = {}
        self._waiting: dict[str, int] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._refused) + len(self._waiting)

    def wait(self, name: str, size_bytes: int) -> None:
        """Count a bundle that may still turn out to be the gateway's."""
        self._waiting[name] = size_bytes
        self._bytes += size_bytes

    def refuse(self, name: str, size_bytes: int | None = None) -> None:
        """Count a bundle that is not the gateway's, or that does not open; without a size, only if it was counted as waiting."""
        waited = self._waiting.pop(name, None)
        if waited is not None:
            self._refused[name] = waited
        elif size_bytes is not None:
            self._refused[name] = size_bytes
            self._bytes += size_bytes

    def confirm(self, name: str) -> None:
        """Count a bundle no longer: it is the gateway's."""
        self._bytes -= self._waiting.pop(name, 0) + self._refused.pop(name, 0)

    def rename(self, old: str, new: str) -> None:
        """Count a bundle under another name."""
        for counted in (self._refused, self._waiting):
            if old in counted:
                counted[new] = counted.pop(old)

    def excess(self) -> Iterator[str]:
        """Yield the bundles beyond the quota, each counted no longer: those refused before those that wait, the oldest first."""
        while len(self) > self._quota.bundles or self._bytes > self._quota.total_bytes:
            name = next(iter(self._refused or self._waiting))
            self.confirm(name)
            yield name
