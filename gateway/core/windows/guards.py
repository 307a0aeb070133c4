"""Guards: who stands in no exact figure of a quantity and day, and whether somebody has left since the first of them was formed.

Exact figures and pseudonymous totals of one quantity and day could be subtracted from one another; so whoever stands in too small
a class of equal membership (``gateway.core.figures.guard``) is excluded from all exact ones. That is fixed when the first
bundle with any of them is formed, whoever it is for, and given up again if every such bundle was voided. A change of consents
voids what was not sent before anybody leaves: so where a guard still stands when somebody leaves, something of that quantity
and day has been sent, and the rest would tell by comparison what the one who left had contributed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec


class GuardKey(NamedTuple):
    """What a guard is about: the id of a quantity, and the beginning of a UTC day."""

    quantity: str
    day_ms: int


class Guard(msgspec.Struct, array_like=True):
    """A fixed guard.

    Attributes:
        excluded: Who stands in no exact figure.
        has_left: Somebody has left what was not formed yet: nothing more of it may leave.
        bundles: The log indices of bundles that rest on it and may still be voided.
        is_sent: Something of it was sent, or may have been.
    """

    excluded: frozenset[bytes]
    has_left: bool = False
    bundles: list[int] = []
    is_sent: bool = False


class Guards:
    """The guards of all quantities and days of which something has been formed and something has not.

    Attributes:
        fixed: How many were fixed so far: whoever computes with guards aside sees by it that there are others now.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._guards: dict[GuardKey, Guard] = {}
        self.fixed = 0

    def __len__(self) -> int:
        """Return how many are fixed."""
        return len(self._guards)

    def __iter__(self) -> Iterator[GuardKey]:
        """Iterate over what is guarded."""
        return iter(self._guards)

    def get(self, key: GuardKey) -> Guard | None:
        """Return the guard of a quantity and day, or None where nothing of it has been formed."""
        return self._guards.get(key)

    def rest_on(self, key: GuardKey, excluded: Iterable[bytes], index: int) -> None:
        """Record that the bundle at a log index rests on a guard, which is fixed now if it was not."""
        guard = self._guards.get(key)
        if guard is None:
            guard = self._guards[key] = Guard(frozenset(excluded))
            self.fixed += 1
        guard.bundles = [*guard.bundles, index]

    def sent(self, index: int) -> None:
        """Record that the bundle at a log index is final: what it rests on stands."""
        for guard in self._guards.values():
            if index in guard.bundles:
                guard.bundles = [each for each in guard.bundles if each != index]
                guard.is_sent = True

    def void(self, index: int) -> None:
        """Record that the bundle at a log index was voided; guards that nothing rests on any more are given up."""
        for key, guard in list(self._guards.items()):
            if index in guard.bundles:
                guard.bundles = [each for each in guard.bundles if each != index]
                if not guard.bundles and not guard.is_sent:
                    del self._guards[key]
                    self.fixed += 1

    def leaves(self, quantity: str, t_ms: int) -> None:
        """Record that somebody leaves what was not formed yet, of a quantity and the UTC day that an instant lies in."""
        guard = self._guards.get(GuardKey(quantity, t_ms // 86_400_000 * 86_400_000))
        if guard is not None:
            guard.has_left = True

    def forget(self, contributor: bytes) -> None:
        """Drop a contributor that no longer stands in anything, from all of them: nothing of it is left to be excluded."""
        for guard in self._guards.values():
            if contributor in guard.excluded:
                guard.excluded -= {contributor}

    def all_sent(self) -> None:
        """Record that whatever rests on guards may have been sent: after a restart nobody knows better."""
        for guard in self._guards.values():
            guard.bundles = []
            guard.is_sent = True

    def keep_only(self, keys: Collection[GuardKey]) -> None:
        """Drop the guards of quantities and days of which nothing waits any more."""
        self._guards = {key: guard for key, guard in self._guards.items() if key in keys or guard.bundles}

    def state(self) -> list[Any]:
        """Return plain data from which ``restore`` makes the same guards; none of them rests on a bundle that may be voided."""
        return [[*key, sorted(guard.excluded), guard.has_left] for key, guard in self._guards.items()]

    def restore(self, state: Iterable[Any]) -> None:
        """Continue from a stored state."""
        self._guards = {
            GuardKey(quantity, day_ms): Guard(frozenset(excluded), has_left, [], True)
            for quantity, day_ms, excluded, has_left in state
        }
