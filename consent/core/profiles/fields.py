"""`[fields.<property>]` of a device profile: where each property stands in a message, and what its values mean.

``parse`` reads each field by this. A unit that differs from the property's is converted by the table of ``conversions``, unless
the file states the scale or the offset itself.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from consent.core.profiles.conversions import UNITS, UNITS_AS_WRITTEN, UNSCALED, Scaling, conversion
from consent.core.profiles.places import RECORDS, ProfilePaths, topic_suffix
from consent.core.profiles.profile import Codec, Counter, Field, Restart
from consent.core.profiles.zones import CITY, read_zone
from consent.core.toml.file import Number, Table, TomlFile
from consent.printable import quoted

_SCALES: Final = (Decimal("1e-9"), Decimal("1e9"))
_NUMBERS: Final = (Decimal("-1e18"), Decimal("1e20"))  # 2 ** 64 - 1 is a sentinel of counters
_PER_HOUR: Final = (Decimal("1e-9"), Decimal("1e12"))
_BITS: Final = (16, 24, 32, 64)
_MOST_PATHS: Final = 16
_MOST_WORDS: Final = 64
_LONGEST_WORD: Final = 64
_PAIR: Final = 2


class CounterTable(Table, frozen=True, kw_only=True):
    """`counter` of a field."""

    most_per_h: Number | None = None
    bits: int | None = None
    restarts: str = Restart.NEVER.value
    zone: str = CITY


class FieldTable(Table, frozen=True, kw_only=True):
    """`[fields.<property>]`."""

    path: str | list[str] | None = None
    unit: str
    scale: Number | None = None
    offset: Number | None = None
    topic: str | None = None
    decimal_mark: str | None = None
    words: dict[str, Number] | None = None
    none: list[Any] | None = None
    plausible: list[Any] | None = None
    bounds_unit: str | None = None
    unit_path: str | None = None
    counter: CounterTable | None = None


def read_field(file: TomlFile, name: str, value: Any, unit: str, places: ProfilePaths, timezone: str) -> Field:
    """Return how one property is read.

    Args:
        unit: The property's.
        timezone: The city's.
    Raises: PolicyError: something in it is wrong, or contradicts something else.
    """
    key = f"fields.{name}"
    table = file.table(value, FieldTable, key)
    topic = "" if table.topic is None else topic_suffix(file, table.topic, f"{key}.topic")
    scaling, bounds = _scaling(file, table, unit, key), _bounds_scaling(file, table, unit, key)
    field = Field(
        paths=_paths(file, table, places, topic, f"{key}.path"),
        unit=table.unit,
        scale=scaling.scale,
        offset=scaling.offset,
        topic=topic,
        decimal_mark=_decimal_mark(file, table.decimal_mark, f"{key}.decimal_mark"),
        words=_words(file, table.words, f"{key}.words"),
        none=_none(file, table.none, f"{key}.none"),
        plausible=_plausible(file, table.plausible, bounds, f"{key}.plausible"),
        unit_path="" if table.unit_path is None else places.value(table.unit_path, f"{key}.unit_path", topic),
        unit_scales={} if table.unit_path is None else _unit_scales(file, table, unit, key),
        counter=None if table.counter is None else _counter(file, table.counter, timezone, bounds.scale, f"{key}.counter"),
    )
    _check_words(file, field, key)
    return field


def _paths(file: TomlFile, table: FieldTable, places: ProfilePaths, topic: str, key: str) -> tuple[str, ...]:
    path = table.path
    if path is None:
        if places.codec is not Codec.VALUE:
            raise file.error(key, "is missing")
        path = ""
    paths = [path] if isinstance(path, str) else path
    if not 1 <= len(paths) <= _MOST_PATHS or len(set(paths)) != len(paths):
        raise file.error(key, f"should be a path, or a list of at most {_MOST_PATHS}, each once")
    if len(paths) > 1 and places.codec in RECORDS:
        raise file.error(key, "should be the name of one record: a pack's records are not summed")
    return tuple(places.value(each, key, topic) for each in paths)


def _scaling(file: TomlFile, table: FieldTable, unit: str, key: str) -> Scaling:
    """Return how the device's unit becomes the property's: what the file states, or else what the table of units knows."""
    if table.scale is None and table.offset is None:
        found = UNSCALED if table.unit == unit else conversion(table.unit, unit)
        if found is None:
            code = UNITS_AS_WRITTEN.get(table.unit)
            meant = f"the UCUM code is `{code}`" if code else f"`scale` should say how many `{unit}` it is"
            said = f"{quoted(table.unit)} is not the property's `{unit}`: {meant}"
            raise file.error(f"{key}.unit", said)
        return found
    if table.unit_path is not None:
        stated = "scale" if table.scale is not None else "offset"
        raise file.error(f"{key}.{stated}", "should be left out: with `unit_path` the unit that the message names says it")
    scale = file.number(1 if table.scale is None else table.scale, *_SCALES, f"{key}.scale")
    return Scaling(scale, file.number(0 if table.offset is None else table.offset, *_NUMBERS, f"{key}.offset"))


def _bounds_scaling(file: TomlFile, table: FieldTable, unit: str, key: str) -> Scaling:
    """Return the same for `plausible` and `most_per_h`, which a file for many cities states in a unit of its own."""
    if table.bounds_unit is None:
        return UNSCALED
    if table.plausible is None and (table.counter is None or table.counter.most_per_h is None):
        raise file.error(f"{key}.bounds_unit", "should be left out: it is of `plausible` and `most_per_h`, and neither is there")
    if (found := conversion(table.bounds_unit, unit)) is None:
        raise file.error(f"{key}.bounds_unit", f"{quoted(table.bounds_unit)} does not convert to the property's `{unit}`")
    return found


def _unit_scales(file: TomlFile, table: FieldTable, unit: str, key: str) -> dict[str, Scaling]:
    """Return every unit that the message may name, in UCUM or as devices write it, and how it becomes the property's."""
    codes = {code: code for code in UNITS} | {code: code for code in (unit, table.unit)} | dict(UNITS_AS_WRITTEN)
    found = {written: conversion(code, unit) for written, code in codes.items()}
    scales = {written: by for written, by in found.items() if by is not None}
    if len(set(scales.values())) < _PAIR:
        raise file.error(f"{key}.unit_path", f"names a unit, but no other than `{unit}` converts to it")
    return scales


def _decimal_mark(file: TomlFile, mark: str | None, key: str) -> str:
    if mark not in (None, ".", ","):
        raise file.error(key, f"{quoted(str(mark))} should be `.` or `,`")
    return mark or ""


def _words(file: TomlFile, words: dict[str, Number] | None, key: str) -> dict[str, Decimal]:
    if words is None:
        return {}
    if not 1 <= len(words) <= _MOST_WORDS:
        raise file.error(key, f"should be 1 to {_MOST_WORDS} words, each with its number")
    for word in words:
        _check_word(file, word, key)
    return {word: file.number(number, *_NUMBERS, f"{key}.{word}") for word, number in words.items()}


def _none(file: TomlFile, values: list[Any] | None, key: str) -> tuple[str | Decimal, ...]:
    if values is None:
        return ()
    if not 1 <= len(values) <= _MOST_WORDS:
        raise file.error(key, f"should be a list of 1 to {_MOST_WORDS} texts and numbers")
    found: list[str | Decimal] = []
    for value in values:
        if isinstance(value, str):
            found.append(_check_word(file, value, key))
        elif isinstance(value, int | Decimal) and not isinstance(value, bool):
            found.append(file.number(value, *_NUMBERS, key))
        else:
            raise file.error(key, "should hold texts and numbers only; `true` and `false` stand there as texts")
    return tuple(found)


def _check_word(file: TomlFile, word: str, key: str) -> str:
    if len(word) > _LONGEST_WORD or word != word.strip():
        raise file.error(key, f"{quoted(word)} should be at most {_LONGEST_WORD} characters, without space around them")
    return word


def _plausible(file: TomlFile, bounds: list[Any] | None, scaling: Scaling, key: str) -> tuple[Decimal, Decimal] | None:
    if bounds is None:
        return None
    if len(bounds) != _PAIR or any(isinstance(each, bool) or not isinstance(each, int | Decimal) for each in bounds):
        raise file.error(key, "should be the least and the greatest value, two numbers in the property's unit")
    least, most = (file.number(each, *_NUMBERS, key) for each in bounds)
    if least >= most:
        raise file.error(key, f"begins at `{least:f}`, which should be less than its end `{most:f}`")
    return scaling.of(least), scaling.of(most)


def _counter(file: TomlFile, table: CounterTable, timezone: str, scale: Decimal, key: str) -> Counter:
    restarts = file.choice(table.restarts, Restart, f"{key}.restarts")
    if table.bits is not None and table.bits not in _BITS:
        raise file.error(f"{key}.bits", f"`{table.bits}` is none of {', '.join(map(str, _BITS))}")
    if table.most_per_h is None and table.bits is None and restarts is Restart.NEVER:
        raise file.error(key, "should say at least one of `most_per_h`, `bits` and `restarts`")
    if restarts is Restart.NEVER and table.zone != CITY:
        raise file.error(f"{key}.zone", "should be left out: it is of the day at whose beginning a counter restarts")
    return Counter(
        most_per_h=None if table.most_per_h is None else file.number(table.most_per_h, *_PER_HOUR, f"{key}.most_per_h") * scale,
        bits=table.bits,
        restarts=restarts,
        zone="UTC" if restarts is Restart.NEVER else read_zone(file, table.zone, timezone, f"{key}.zone"),
    )


def _check_words(file: TomlFile, field: Field, key: str) -> None:
    """Refuse words and sentinels that contradict each other or the plausible range."""
    for word, number in field.words.items():
        if word in field.none:
            raise file.error(f"{key}.words.{word}", "stands in `none` as well")
        if number in field.none:
            raise file.error(f"{key}.words.{word}", f"means `{number}`, which `none` says is no value")
        if field.plausible is not None and not field.unit_path:
            value = number * field.scale + field.offset
            if not field.plausible[0] <= value <= field.plausible[1]:
                raise file.error(f"{key}.words.{word}", f"means `{number}`, which is not `plausible`")
