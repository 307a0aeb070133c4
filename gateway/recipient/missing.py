"""Which bundles a recipient never got, as far as the counters in those that it has and the log can show.

A sealed bundle has a number under its content key, one more than the bundle before it; there is a new key at each start of the
gateway and on each UTC day. So between two bundles of one key every number is known, and one that is absent was either voided,
which the log states, or lost. After the last bundle of a key no number follows: there only the log bounds what could be missing,
by the releases that stand in it and are not at hand. For whom those are it does not say.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from gateway.recipient.opening import BundleCounter
from gateway.recipient.voids import LoggedRelease


@dataclass(frozen=True, slots=True, order=True)
class Held:
    """A sealed bundle at hand that the log covers."""

    log_index: int
    counter: BundleCounter


@dataclass(frozen=True, slots=True)
class MissingNumbers:
    """Numbers of one content key that are not at hand.

    Attributes:
        key_id: The content key's id.
        day: Its UTC day.
        first: The first of the numbers.
        last: The last of them.
        after: Log index of the last bundle at hand before them; None where there is none.
        before: Log index of the next bundle at hand.
        releases: How many releases the log holds between those two.
        voided: How many of these it voids.
    """

    key_id: bytes
    day: str
    first: int
    last: int
    after: int | None
    before: int
    releases: int
    voided: int

    @property
    def lost(self) -> int:
        """How many of the numbers, at least, no void can account for; 0 where they came before everything at hand."""
        return 0 if self.after is None else max(0, self.last - self.first + 1 - self.voided)

    def as_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "content_key": self.key_id.hex(),
            "day": self.day,
            "first": self.first,
            "last": self.last,
            "after_log_index": self.after,
            "before_log_index": self.before,
            "releases": self.releases,
            "voided": self.voided,
            "lost": self.lost,
        }

    def as_line(self) -> str:
        """Return it as one readable line."""
        numbers = f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"
        where = f"{self.day}  key {self.key_id.hex()}  {numbers}"
        if self.after is None:
            return f"{where}: before log index {self.before}, the first that is here"
        between = f"between log index {self.after} and {self.before}, where {self.voided} of {self.releases} releases are void"
        return f"{where}: {between}: {self._verdict()}"

    def _verdict(self) -> str:
        if self.lost:
            return f"at least {self.lost} lost"
        return "taken back before they were sent" if self.releases == self.voided else "taken back before they were sent, or lost"


@dataclass(frozen=True, slots=True)
class Completeness:
    """What can be said of how complete the bundles at hand are.

    Attributes:
        held: How many sealed bundles are at hand that the log covers.
        content_keys: Under how many content keys they are.
        missing: The numbers that are not at hand.
        unnumbered: How many releases stand in the log, not voided, after the last number of a key, where nothing shows for whom.
        most_lost: How many bundles, at most, were lost since the first at hand; 0 where all have come.
    """

    held: int
    content_keys: int
    missing: tuple[MissingNumbers, ...]
    unnumbered: int
    most_lost: int

    @property
    def lost(self) -> int:
        """How many bundles, at least, were lost."""
        return sum(each.lost for each in self.missing)


def completeness(held: Iterable[Held], releases: Mapping[int, LoggedRelease]) -> Completeness:
    """Compare the bundles at hand with each other and with the log.

    Args:
        held: Bundles that the log covers, one for each log index.
        releases: The releases in the log, from the earliest of the bundles on.
    """
    bundles = sorted(held, key=lambda each: each.log_index)
    logged = _LoggedReleases(releases)
    missing = list(_missing(bundles, logged))
    keys = {each.counter.key_id for each in bundles}
    return Completeness(len(bundles), len(keys), tuple(missing), _unnumbered(bundles, logged), _most_lost(bundles, logged))


class _LoggedReleases:
    """How many releases stand between two log indices, and how many of them are void."""

    def __init__(self, releases: Mapping[int, LoggedRelease]) -> None:
        self._all = sorted(releases)
        self._void = sorted(index for index, release in releases.items() if release.void is not None)

    def between(self, after: int, before: int | None) -> tuple[int, int]:
        """Return (releases, voided ones) between two log indices, both exclusive; None is the log's end."""
        return _count(self._all, after, before), _count(self._void, after, before)


def _count(indices: list[int], after: int, before: int | None) -> int:
    return (len(indices) if before is None else bisect_left(indices, before)) - bisect_right(indices, after)


def _missing(bundles: list[Held], logged: _LoggedReleases) -> Iterator[MissingNumbers]:
    if bundles and (first := bundles[0].counter).number:
        yield MissingNumbers(first.key_id, first.day, 0, first.number - 1, None, bundles[0].log_index, 0, 0)
    for one, other in pairwise(bundles):
        expected = one.counter.number + 1 if one.counter.key_id == other.counter.key_id else 0
        if expected < other.counter.number:
            found, voided = logged.between(one.log_index, other.log_index)
            counter = other.counter
            yield MissingNumbers(
                counter.key_id, counter.day, expected, counter.number - 1, one.log_index, other.log_index, found, voided
            )


def _unnumbered(bundles: list[Held], logged: _LoggedReleases) -> int:
    """Return how many releases stand where no number can tell: after the last bundle at hand of each key."""
    total = 0
    for one, other in pairwise(bundles):
        if one.counter.key_id != other.counter.key_id:
            found, voided = logged.between(one.log_index, other.log_index)
            total += found - voided - max(0, other.counter.number - voided)  # less those of the new key that are known to be lost
    if bundles:
        found, voided = logged.between(bundles[-1].log_index, None)
        total += found - voided
    return total


def _most_lost(bundles: list[Held], logged: _LoggedReleases) -> int:
    """Return how many bundles, at most, never came: the releases not voided, where numbers tell no more than are missing."""
    total = 0
    for one, other in pairwise(bundles):
        found, voided = logged.between(one.log_index, other.log_index)
        numbers = other.counter.number - one.counter.number - 1
        total += min(found - voided, numbers) if one.counter.key_id == other.counter.key_id else found - voided
    if bundles:
        found, voided = logged.between(bundles[-1].log_index, None)
        total += found - voided
    return total
