"""A path of a device profile, compiled: the function that finds the value at a place in a parsed message.

``tree`` asks for one for each path of a profile; the grammar is ``consent.core.profiles.paths``. Messages come from anybody, so
that a step which meets something else than it wants gives a value of no type, and never an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from consent.core.profiles.paths import Index, Name, Path, Root, Step, Where
from gateway.core.codecs.values import as_text


class Misplaced:
    """What stands at a place that cannot exist: the field of a number, an element of a text. Its only instance is below."""

    __slots__ = ()


MISPLACED: Final = Misplaced()
"""It has the type of no value, so that it is refused as such wherever one is wanted."""

Place = Callable[[Any, Any, str], Any]
"""``place(message, whole, topic)``: the value that stands there, None where there is none, or ``MISPLACED``.

Where lists are read by element, `message` is the element and `whole` a ``Whole`` of all of it; else they are the same.
"""


class Whole:
    """A message whose elements are read one by one. What stands in it beside them is sought once, and not for each of them.

    Else a list of thousands beside another of thousands would take as many steps as their product.
    """

    __slots__ = ("_found", "_message", "_topic")

    def __init__(self, message: Any, topic: str) -> None:
        """Begin with nothing found."""
        self._message = message
        self._topic = topic
        self._found: dict[Place, Any] = {}

    def find(self, place: Place) -> Any:
        """Return what stands at a place of the message as a whole, or of its topic."""
        if place not in self._found:
            self._found[place] = place(self._message, self._message, self._topic)
        return self._found[place]


def found_once(place: Place) -> Place:
    """Return the same place of messages that are read by element."""
    return lambda _element, whole, _topic: whole.find(place)


_Follow = Callable[[Any], Any]


def compile_place(path: Path) -> Place:
    """Compile a path."""
    if path.root is Root.TOPIC:
        return _compile_level(path.steps[0])
    if path.root is Root.MESSAGE and len(path.steps) == 1 and isinstance(path.steps[0], Name):
        return _compile_name(path.steps[0].key)
    follow = tuple(_compile_step(step) for step in path.steps)
    from_whole = path.root is Root.WHOLE

    def place(message: Any, whole: Any, _topic: str) -> Any:
        found = whole if from_whole else message
        for step in follow:
            found = step(found)
            if found is None:
                return None
        return found

    return place


def _compile_name(key: str) -> Place:
    """Compile the commonest path of all, a field of the message itself."""

    def place(message: Any, _whole: Any, _topic: str) -> Any:
        return message.get(key) if type(message) is dict else MISPLACED

    return place


def _compile_level(step: Step) -> Place:
    assert isinstance(step, Index)
    position = step.position

    def place(_message: Any, _whole: Any, topic: str) -> Any:
        levels = topic.split("/")
        return levels[position] if -len(levels) <= position < len(levels) else None

    return place


def _compile_step(step: Step) -> _Follow:
    match step:
        case Name(key):
            return lambda found: found.get(key) if type(found) is dict else MISPLACED
        case Index(position):
            return lambda found: _element(found, position)
        case Where(key, value):
            return lambda found: _first_where(found, key, value)


def _element(found: Any, position: int) -> Any:
    if type(found) is not list:
        return MISPLACED
    return found[position] if -len(found) <= position < len(found) else None


def _first_where(found: Any, key: str, value: str) -> Any:
    if type(found) is not list:
        return MISPLACED
    for element in found:
        if type(element) is dict and as_text(element.get(key)) == value:
            return element
    return None
