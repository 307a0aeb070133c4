"""How much a recipient keeps of what nothing shows to be the gateway's: bundles that do not open, and those that no log covers.

Anyone who may publish can send such bundles without end, so they have a quota. What was refused goes first, then what waits for
a checkpoint, the oldest first. What the log covers is never in here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


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
