"""Topic filters by their levels: which of thousands match a topic, in as many steps as the topic has levels.

By ``filters``, for every topic that no device has to itself. Also for topics that nobody registered, so that the cost of each is
bounded by the depth of the filters, and not by their number.
"""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class _Node(Generic[T]):
    __slots__ = ("children", "value")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.value: T | None = None


class TopicTree(Generic[T]):
    """Values by topic filter (MQTT 5, section 4.7); a filter without wildcards is a topic."""

    def __init__(self) -> None:
        """Begin empty."""
        self._root: _Node[T] = _Node()

    def get(self, pattern: str) -> T | None:
        """Return the value of just this filter."""
        node: _Node[T] | None = self._root
        for level in pattern.split("/"):
            node = None if node is None else node.children.get(level)
        return None if node is None else node.value

    def put(self, pattern: str, value: T) -> None:
        """Set the value of a filter."""
        node = self._root
        for level in pattern.split("/"):
            node = node.children.setdefault(level, _Node())
        node.value = value

    def drop(self, pattern: str) -> None:
        """Remove a filter's value, and the levels that nothing else needs."""
        node, passed = self._root, []
        for level in pattern.split("/"):
            passed.append((node, level))
            if level not in node.children:
                return
            node = node.children[level]
        node.value = None
        for parent, level in reversed(passed):
            child = parent.children[level]
            if child.children or child.value is not None:
                return
            del parent.children[level]

    def matching(self, topic: str) -> list[T]:
        """Return the values of all filters that match a topic, each once: where they part, those with the level itself first.

        Wildcards in the first level match no topic that begins with ``$``.
        """
        levels = topic.split("/")
        found: list[T] = []
        ahead = [(self._root, 0)]
        while ahead:
            node, at = ahead.pop()
            wild = at > 0 or not topic.startswith("$")
            children = node.children
            rest = children.get("#") if wild else None
            if at == len(levels):
                found += [each.value for each in (node, rest) if each is not None and each.value is not None]
                continue
            level = levels[at]
            # the last pushed is looked at first
            if rest is not None and rest.value is not None:
                ahead.append((_ending(rest.value), len(levels)))
            if wild and (any_level := children.get("+")) is not None:
                ahead.append((any_level, at + 1))
            if level not in {"+", "#"} and (same := children.get(level)) is not None:
                ahead.append((same, at + 1))
        return found


def _ending(value: T) -> _Node[T]:
    """Return a node that stands for all that a trailing `#` matches."""
    node: _Node[T] = _Node()
    node.value = value
    return node
