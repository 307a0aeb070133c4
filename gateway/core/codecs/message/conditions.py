"""Which messages are readings: a profile's conditions on the topic and on what stands in a message, compiled.

``tree`` asks them first. What does not hold makes a message ignored, not refused: it is meant to be no reading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from consent.core.profiles.paths import Root
from consent.core.profiles.profile import Condition, Profile
from gateway.core.codecs.message.locate import compile_path, root_in
from gateway.core.codecs.message.place import MISPLACED, Place
from gateway.core.codecs.values import as_text

Holds = Callable[[Any, Any, str], bool]
"""``holds(message, whole, topic)``"""


def compile_match(profile: Profile) -> tuple[Holds, Holds]:
    """Compile the conditions: those on the message as a whole, and those on each element where lists are read by element."""
    topic = compile_suffix(profile.match.topic)
    whole: list[Holds] = []
    each: list[Holds] = []
    for condition in profile.match.conditions:
        place = compile_path(profile, condition.path, f"match.{condition.path}")
        relative = profile.each is not None and root_in(profile, condition.path) is Root.MESSAGE
        (each if relative else whole).append(_compile_condition(condition, place))
    return _all([lambda _message, _whole, name: topic(name), *whole] if profile.match.topic else whole), _all(each)


def _all(conditions: Sequence[Holds]) -> Holds:
    if not conditions:
        return lambda _message, _whole, _topic: True
    if len(conditions) == 1:
        return conditions[0]
    return lambda message, whole, topic: all(holds(message, whole, topic) for holds in conditions)


def _compile_condition(condition: Condition, place: Place) -> Holds:
    values, present = frozenset(condition.values), condition.present
    if values:
        return lambda message, whole, topic: as_text(place(message, whole, topic)) in values
    return lambda message, whole, topic: _stands(place(message, whole, topic)) is present


def _stands(found: Any) -> bool:
    return found is not None and found is not MISPLACED


def compile_topics(profile: Profile) -> Callable[[str], bool]:
    """Compile whether a message on a topic can be a reading, whatever it holds."""
    matches = compile_suffix(profile.match.topic)
    of_fields = [compile_suffix(field.topic) for field in profile.fields.values()]
    return lambda topic: matches(topic) and any(concerns(topic) for concerns in of_fields)


def compile_suffix(suffix: str) -> Callable[[str], bool]:
    """Compile whether a topic ends in some levels, of which `+` is any."""
    if not suffix:
        return lambda _topic: True
    wanted = suffix.split("/")
    if "+" not in wanted:
        ending = f"/{suffix}"
        return lambda topic: topic == suffix or topic.endswith(ending)

    def ends(topic: str) -> bool:
        levels = topic.split("/")[-len(wanted) :]
        return len(levels) == len(wanted) and all(level in ("+", there) for level, there in zip(wanted, levels, strict=True))

    return ends
