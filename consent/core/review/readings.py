"""What a device profile reads more, less or otherwise than a former one: which messages, which values, from when, and how often.

``rules`` names what is found here. Where there is an order, more is a rise: a condition fewer, a word more, a wider range, a
longer clock window. Where there is none, another place, unit or way of reading is something that nobody has agreed to, and a
rise as well. What no flow asks for can reveal nothing, whatever is read: it merely differs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal
from math import inf
from typing import Final, NamedTuple

from consent.core.profiles.profile import AbsentSequence, Compression, Condition, Counter, Field, Match, Profile
from consent.core.review.reach import Direction

_ANY: Final = "any"
_NOTHING: Final = ""


class ReadingChange(NamedTuple):
    """A part of a profile that differs.

    Attributes:
        part: Its path in the profile's file.
        old: As files write it; empty where nothing is said.
        new: The later value, likewise.
    """

    direction: Direction
    part: str
    old: str
    new: str


def profile_changes(before: Profile, after: Profile, asked: Collection[str]) -> Iterator[ReadingChange]:
    """Yield the differences between two profiles of one name.

    Args:
        asked: The properties that flows ask for.
    """
    read = {name for name in before.fields.keys() | after.fields.keys() if name in asked}
    for change in _of_messages(before, after):
        yield change if read else _unasked(change)
    for name in before.fields.keys() | after.fields.keys():
        for change in _of_field(f"fields.{name}", before.fields.get(name), after.fields.get(name)):
            yield change if name in asked else _unasked(change)
    for part in ("codec", "time", "sequence", "authentication"):
        if getattr(before, part) != getattr(after, part) and _written(before, part) != _written(after, part):
            yield ReadingChange(Direction.DIFFERS, part, _written(before, part), _written(after, part))


def _unasked(change: ReadingChange) -> ReadingChange:
    """Return a change of what goes nowhere: it can fall, but nothing rises by it."""
    return change._replace(direction=Direction.DIFFERS) if change.direction is Direction.RISES else change


def _changed(direction: Direction, part: str, old: str, new: str) -> Iterator[ReadingChange]:
    if old != new:
        yield ReadingChange(direction, part, old, new)


def _by(old: float, new: float) -> Direction:
    """Return the direction of a change between two amounts of what is read."""
    return Direction.RISES if new > old else Direction.FALLS


# which messages


def _of_messages(before: Profile, after: Profile) -> Iterator[ReadingChange]:
    yield from _changed(_match_direction(before.match, after.match), "match", _match(before.match), _match(after.match))
    direction = Direction.RISES if after.compression is Compression.GZIP else Direction.FALLS
    yield from _changed(direction, "compression", before.compression, after.compression)
    yield from _changed(Direction.RISES, "each", _each(before), _each(after))
    yield from _changed(Direction.RISES, "hub.id", " and ".join(before.hub), " and ".join(after.hub))
    yield from _changed(Direction.RISES, "jmespath", _truth(before.jmespath), _truth(after.jmespath))
    yield from _of_repeats(before, after)
    yield from _of_clock(before, after)
    yield from _of_numbers(before, after)


def _match_direction(before: Match, after: Match) -> Direction:
    """Return whether a message can be read that was ignored: only where whatever meets the later conditions met the former."""
    return Direction.FALLS if _implies(after, before) else Direction.RISES


def _implies(one: Match, other: Match) -> bool:
    """Return whether every message that meets the one meets the other, as far as each of their conditions tells by itself."""
    topic = not other.topic or one.topic == other.topic or one.topic.endswith(f"/{other.topic}")
    return topic and all(any(_stronger(mine, theirs) for mine in one.conditions) for theirs in other.conditions)


def _stronger(one: Condition, other: Condition) -> bool:
    if one.path != other.path or one.present is not other.present:
        return False
    return not other.values or (bool(one.values) and set(one.values) <= set(other.values))


def _match(match: Match) -> str:
    topics = [f"topic {match.topic}"] if match.topic else []
    return "; ".join(topics + [_condition(each) for each in match.conditions])


def _condition(condition: Condition) -> str:
    if condition.values:
        return f"{condition.path} is {' or '.join(condition.values)}"
    return f"{condition.path} is {'there' if condition.present else 'not there'}"


def _each(profile: Profile) -> str:
    return _NOTHING if profile.each is None else profile.each or "the payload"


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _of_repeats(before: Profile, after: Profile) -> Iterator[ReadingChange]:
    """Yield by how much more often a reading may count: the less is dropped, the more is read."""
    for name in ("least_interval", "equal_within"):
        was, now = (0 if each.repeat is None else getattr(each.repeat, f"{name}_ms") for each in (before, after))
        yield from _changed(_by(now, was), f"repeat.{name}", _span(was), _span(now))


def _of_clock(before: Profile, after: Profile) -> Iterator[ReadingChange]:
    for name in ("most_ahead", "most_behind"):
        was, now = (None if each.time is None else getattr(each.time, f"{name}_ms") for each in (before, after))
        direction = _by(inf if was is None else was, inf if now is None else now)
        yield from _changed(direction, f"time.{name}", _span(was), _span(now))


def _of_numbers(before: Profile, after: Profile) -> Iterator[ReadingChange]:
    if before.sequence is None or after.sequence is None:
        return
    was, now = before.sequence, after.sequence
    refused = [each.absent is AbsentSequence.REFUSED for each in (was, now)]
    direction = Direction.RISES if refused[0] else Direction.FALLS if refused[1] else Direction.DIFFERS
    yield from _changed(direction, "sequence.absent", was.absent, now.absent)
    yield from _changed(_by(was.restarts, now.restarts), "sequence.restarts", _truth(was.restarts), _truth(now.restarts))


def _span(span_ms: int | None) -> str:
    return _NOTHING if not span_ms else f"{span_ms / 1000:g} s"


# which values


def _of_field(part: str, before: Field | None, after: Field | None) -> Iterator[ReadingChange]:
    if before is None or after is None:
        yield from _changed(Direction.FALLS if after is None else Direction.RISES, part, _place(before), _place(after))
        return
    yield from _changed(Direction.RISES, part, _place(before), _place(after))
    wider = bool(before.topic) and (not after.topic or before.topic.endswith(f"/{after.topic}"))
    narrower = bool(after.topic) and (not before.topic or after.topic.endswith(f"/{before.topic}"))
    direction = Direction.FALLS if narrower and not wider else Direction.RISES
    yield from _changed(direction, f"{part}.topic", before.topic or _ANY, after.topic or _ANY)
    direction = Direction.RISES if after.decimal_mark else Direction.FALLS
    yield from _changed(direction, f"{part}.decimal_mark", before.decimal_mark, after.decimal_mark)
    fewer = after.words.items() <= before.words.items()
    yield from _changed(Direction.FALLS if fewer else Direction.RISES, f"{part}.words", _words(before), _words(after))
    more = set(after.none) >= set(before.none)
    yield from _changed(Direction.FALLS if more else Direction.RISES, f"{part}.none", _none(before), _none(after))
    yield from _of_range(f"{part}.plausible", before.plausible, after.plausible)
    yield from _changed(Direction.RISES, f"{part}.unit_path", before.unit_path, after.unit_path)
    yield from _of_counter(f"{part}.counter", before.counter or Counter(), after.counter or Counter())


def _place(field: Field | None) -> str:
    if field is None:
        return _NOTHING
    scale = "" if field.scale == 1 else f" times {field.scale:f}"
    offset = "" if field.offset == 0 else f" {'plus' if field.offset > 0 else 'minus'} {abs(field.offset):f}"
    return f"{' + '.join(field.paths) or 'the payload'} in {field.unit}{scale}{offset}"


def _words(field: Field) -> str:
    return ", ".join(f"{word} = {number:f}" for word, number in sorted(field.words.items()))


def _none(field: Field) -> str:
    return ", ".join(sorted(each if isinstance(each, str) else f"{each:f}" for each in field.none))


_Range = tuple[Decimal, Decimal] | None


def _of_range(part: str, before: _Range, after: _Range) -> Iterator[ReadingChange]:
    inside = before is None or (after is not None and before[0] <= after[0] and after[1] <= before[1])
    yield from _changed(Direction.FALLS if inside else Direction.RISES, part, _range(before), _range(after))


def _range(bounds: _Range) -> str:
    return _ANY if bounds is None else f"{bounds[0]:f} to {bounds[1]:f}"


def _of_counter(part: str, before: Counter, after: Counter) -> Iterator[ReadingChange]:
    was, now = (inf if each.most_per_h is None else float(each.most_per_h) for each in (before, after))
    yield from _changed(_by(was, now), f"{part}.most_per_h", _amount(before), _amount(after))
    yield from _changed(Direction.RISES, f"{part}.bits", _bits(before), _bits(after))  # falls become consumption
    yield from _changed(Direction.RISES, f"{part}.restarts", _restarts(before), _restarts(after))


def _amount(counter: Counter) -> str:
    return _ANY if counter.most_per_h is None else f"{counter.most_per_h:f}"


def _bits(counter: Counter) -> str:
    return _NOTHING if counter.bits is None else str(counter.bits)


def _restarts(counter: Counter) -> str:
    return f"{counter.restarts} in {counter.zone}" if counter.zone != Counter().zone else str(counter.restarts)


def _written(profile: Profile, part: str) -> str:
    """Return a part of which no difference by itself reveals anything new."""
    if part == "codec":
        return profile.codec.value
    if part == "authentication":
        return profile.authentication.scheme.value
    if part == "time":
        time = profile.time
        if time is None:
            return _NOTHING
        zone = f" in {time.zone}" if time.zone else ""
        return f"{time.path} as {time.pattern or time.format}{zone}, {time.source} clock"
    return _NOTHING if profile.sequence is None else f"{profile.sequence.path}, boot {profile.sequence.boot}"
