"""`[match]`, `each` and `[hub]` of a device profile: which messages are readings, and of which devices.

``parse`` reads each by this. Conditions that no message can meet at once are errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from consent.core.profiles.paths import Path, Root
from consent.core.profiles.places import WITHOUT_LISTS, ProfilePaths, topic_suffix
from consent.core.profiles.presets import OWN_HUB_ID, PRESETS
from consent.core.profiles.profile import Codec, Condition, Match
from consent.core.toml.file import Table, TomlFile
from consent.printable import quoted

TOPIC: Final = "$topic"
"""The key of a condition on the last levels of the topic."""

_MOST_CONDITIONS: Final = 32
_MOST_VALUES: Final = 64
_MOST_PARTS: Final = 4
_LONGEST_VALUE: Final = 200
_Parsed = tuple[Condition, Path]


class PresenceTable(Table, frozen=True, kw_only=True):
    """A condition on whether anything stands at a place."""

    present: bool


class HubTable(Table, frozen=True, kw_only=True):
    """`[hub]`."""

    id: str | list[str] | None = None


def read_match(file: TomlFile, tables: Mapping[str, object], places: ProfilePaths) -> Match:
    """Return which messages are readings."""
    if len(tables) > _MOST_CONDITIONS:
        raise file.error("match", f"should have at most {_MOST_CONDITIONS} conditions")
    topic = ""
    conditions: list[Condition] = []
    parsed: list[_Parsed] = []
    for path, value in tables.items():
        key = f"match.{path}"
        if path == TOPIC:
            if not isinstance(value, str):
                raise file.error(key, "should be the last levels of a topic, as text")
            topic = topic_suffix(file, value, key)
            continue
        condition = _condition(file, path, value, key)
        steps = places.parsed(path, key)
        if steps is not None:
            _check_contradiction(file, condition, steps, parsed, key)
            parsed.append((condition, steps))
        conditions.append(condition)
    return Match(topic, tuple(conditions))


def _condition(file: TomlFile, path: str, value: Any, key: str) -> Condition:
    if isinstance(value, dict):
        if value.keys() != {"present"}:
            said = "should be a value, a list of values, or { present = true }; a path with dots stands in quotation marks"
            raise file.error(key, said)
        return Condition(path, present=file.table(value, PresenceTable, key).present)
    values = value if isinstance(value, list) else [value]
    if not 1 <= len(values) <= _MOST_VALUES:
        raise file.error(key, f"should list 1 to {_MOST_VALUES} values: of none, no message is a reading")
    return Condition(path, tuple(_as_text(file, each, key) for each in values))


def _as_text(file: TomlFile, value: Any, key: str) -> str:
    """Return a value as it is compared with what stands in a message."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        if isinstance(value, int) or value == value.to_integral_value():
            return str(int(value))
        return repr(float(value))
    if not isinstance(value, str) or len(value) > _LONGEST_VALUE:
        raise file.error(key, f"should be text of at most {_LONGEST_VALUE} characters, a number, true or false, or some of these")
    return value


def _check_contradiction(file: TomlFile, condition: Condition, path: Path, before: list[_Parsed], key: str) -> None:
    """Refuse a condition that no message meets which meets an earlier one."""
    for other, steps in before:
        if steps.root is not path.root:
            continue
        said = f"contradicts `match.{other.path}`: no message meets both"
        if steps == path:
            both_valued = bool(condition.values and other.values)
            if condition.present is not other.present or (both_valued and not set(condition.values) & set(other.values)):
                raise file.error(key, said)
            continue
        outer, inner = (other, condition) if len(steps.steps) < len(path.steps) else (condition, other)
        shared = min(len(steps.steps), len(path.steps))
        if steps.steps[:shared] == path.steps[:shared] and inner.present and (outer.values or not outer.present):
            raise file.error(key, said)


def check_reachable(file: TomlFile, match: Match, text: str, places: ProfilePaths, key: str) -> None:
    """Refuse a path to a value that stands in no message which meets the conditions."""
    path = places.parsed(text, key)
    if path is None:
        return
    for condition in match.conditions:
        steps = places.parsed(condition.path, f"match.{condition.path}")
        if steps is None or steps.root is not path.root or steps.steps != path.steps[: len(steps.steps)]:
            continue
        if not condition.present or (condition.values and len(steps.steps) < len(path.steps)):
            stands = "a single value" if condition.present else "nothing"
            raise file.error(key, f"{quoted(text)} cannot match: by `match.{condition.path}` {stands} stands there or on the way")


def read_each(file: TomlFile, text: str, codec: Codec, places: ProfilePaths) -> str:
    """Return the path of the list that is read by element."""
    if codec in WITHOUT_LISTS:
        raise file.error("each", f"should be left out: with `{codec}` " + _why_no_list(codec))
    if text.startswith("^"):
        raise file.error("each", f"{quoted(text)} should not begin with `^`: the list stands in the whole message anyway")
    path = places.parsed(text, "each")
    if path is not None and path.root is Root.TOPIC:
        raise file.error("each", f"{quoted(text)} cannot match: a level of the topic is no list")
    return text


def _why_no_list(codec: Codec) -> str:
    return "a payload is one value" if codec is Codec.VALUE else "each record of a pack is read by itself anyway"


def read_hub(file: TomlFile, table: HubTable, places: ProfilePaths) -> tuple[str, ...]:
    """Return where the message names the device behind the hub: as the file says, or else as the format itself does."""
    if table.id is None:
        if places.codec not in PRESETS or not PRESETS[places.codec].hub:
            raise file.error("hub.id", "is missing")
        return OWN_HUB_ID
    paths = [table.id] if isinstance(table.id, str) else table.id
    if not 1 <= len(paths) <= _MOST_PARTS or len(set(paths)) != len(paths):
        raise file.error("hub.id", f"should be a path, or a list of at most {_MOST_PARTS}, each once")
    for text in paths:
        path = places.parsed(text, "hub.id")
        if path is not None and path.root is Root.MESSAGE and not path.steps:
            raise file.error("hub.id", "should name a field or a level of the topic: the payload as a whole names no device")
    return tuple(paths)
