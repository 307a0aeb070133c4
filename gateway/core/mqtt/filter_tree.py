"""A tree of topics and topic filters, by level: which of them share a topic with another, without comparing each with each.

The registry is checked with it: of two devices whose filters match one topic, nobody could say whose a message on it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.core.mqtt.topics import without_share


class _Level:
    """What begins with the levels that lead here."""

    __slots__ = ("below", "pattern")

    def __init__(self) -> None:
        self.below: dict[str, _Level] = {}
        self.pattern = ""  # the one that ends here


class FilterTree:
    """Topics and topic filters, which MQTT allows (see ``topics``)."""

    def __init__(self) -> None:
        """Begin with none."""
        self._root = _Level()

    def add(self, pattern: str) -> None:
        """Add one; it may be there already."""
        level = self._root
        for name in without_share(pattern).split("/"):
            level = level.below.setdefault(name, _Level())
        level.pattern = pattern

    def overlapping(self, pattern: str) -> str | None:
        """Return one of them that matches a topic which another pattern matches too; None where there is none but itself."""
        levels = without_share(pattern).split("/")
        return next((found for found in _meeting(self._root, levels, 0) if found != pattern), None)


def _meeting(at: _Level, levels: list[str], depth: int) -> Iterator[str]:
    """Yield the patterns below a level that meet the rest of a pattern."""
    if depth == len(levels):
        yield from _ending(at)
        return
    wanted = levels[depth]
    if wanted == "#":
        yield from _all_below(at, depth)
        return
    for name, below in _next(at, wanted, depth):
        if name == "#":
            yield from _ending(below)
        else:
            yield from _meeting(below, levels, depth + 1)


def _next(at: _Level, wanted: str, depth: int) -> Iterator[tuple[str, _Level]]:
    """Yield the next levels that meet a wanted one; wildcards in the first level do not match what begins with ``$`` (4.7.2)."""
    if wanted == "+":
        yield from ((name, below) for name, below in at.below.items() if depth or not name.startswith("$"))
        return
    wild = ("+", "#") if depth or not wanted.startswith("$") else ()
    yield from ((name, at.below[name]) for name in (wanted, *wild) if name in at.below)


def _ending(at: _Level) -> Iterator[str]:
    """Yield what ends at a level, or matches what does: ``a/#`` matches ``a``."""
    for level in (at, at.below.get("#")):
        if level is not None and level.pattern:
            yield level.pattern


def _all_below(at: _Level, depth: int) -> Iterator[str]:
    if at.pattern:
        yield at.pattern
    for name, below in at.below.items():
        if depth or not name.startswith("$"):
            yield from _all_below(below, depth + 1)
