"""`[time]`, `[sequence]` and `[repeat]` of a device profile: when its readings held, and how one is told from a repeat of it.

``parse`` reads each section by this.
"""

from __future__ import annotations

import re
from typing import Final

from consent.core.disclosure import DAY_MS
from consent.core.profiles.paths import Root
from consent.core.profiles.places import ProfilePaths
from consent.core.profiles.presets import PRESETS
from consent.core.profiles.profile import (
    AbsentSequence,
    Repeat,
    Scheme,
    SequenceField,
    TimeField,
    TimeFormat,
    TimeOrigin,
)
from consent.core.profiles.zones import read_zone
from consent.core.toml.file import Table, TomlFile
from consent.printable import quoted

_DIRECTIVES: Final = re.compile(r"%(.?)")
_SIGNS: Final = tuple("YymdjbBaAHIMSfpz%")
_LONGEST_PATTERN: Final = 100
_IN_WRITING: Final = (TimeFormat.ISO8601, TimeFormat.PATTERN)
_SHORTEST_MS: Final = 1000
_LONGEST_MS: Final = 3660 * DAY_MS
_LONGEST_REPEAT_MS: Final = DAY_MS


class TimeTable(Table, frozen=True, kw_only=True):
    """`[time]`."""

    path: str
    format: str
    source: str = TimeOrigin.DEVICE.value
    pattern: str | None = None
    zone: str | None = None
    most_ahead: str | None = None
    most_behind: str | None = None


class SequenceTable(Table, frozen=True, kw_only=True):
    """`[sequence]`."""

    path: str | None = None
    boot: str | None = None
    absent: str | None = None
    restarts: bool = False


class RepeatTable(Table, frozen=True, kw_only=True):
    """`[repeat]`."""

    least_interval: str | None = None
    equal_within: str | None = None


def read_time(file: TomlFile, table: TimeTable, places: ProfilePaths, timezone: str) -> TimeField:
    """Return where the time stands, and how it is written.

    Args:
        timezone: The city's.
    """
    form = file.choice(table.format, TimeFormat, "time.format")
    zone = "" if table.zone is None else read_zone(file, table.zone, timezone, "time.zone")
    if zone and form not in _IN_WRITING:
        raise file.error("time.zone", f"should be left out: with `{form}` a time is the same everywhere")
    return TimeField(
        path=places.value(table.path, "time.path"),
        format=form,
        source=file.choice(table.source, TimeOrigin, "time.source"),
        pattern=_pattern(file, table.pattern, form, zone),
        zone=zone,
        most_ahead_ms=_span_ms(file, table.most_ahead, "time.most_ahead"),
        most_behind_ms=_span_ms(file, table.most_behind, "time.most_behind"),
    )


def _span_ms(file: TomlFile, text: str | None, key: str) -> int | None:
    return None if text is None else file.duration_ms(text, _SHORTEST_MS, _LONGEST_MS, key)


def _pattern(file: TomlFile, pattern: str | None, form: TimeFormat, zone: str) -> str:
    """Return a pattern that says a day and a time of it, in signs that mean the same on every machine."""
    key = "time.pattern"
    if (pattern is not None) is not (form is TimeFormat.PATTERN):
        raise file.error(key, "is missing" if pattern is None else 'should be left out, or `format` be `"pattern"`')
    if pattern is None:
        return ""
    if len(pattern) > _LONGEST_PATTERN or not pattern.isprintable():
        raise file.error(key, f"should be printable and at most {_LONGEST_PATTERN} characters")
    signs = _DIRECTIVES.findall(pattern)
    for sign in signs:
        if sign not in _SIGNS:
            known = ", ".join(f"%{each}" for each in _SIGNS)
            raise file.error(key, f"{quoted(pattern)} holds `%{sign}`, which is none of {known}")
        if sign != "%" and signs.count(sign) > 1:
            raise file.error(key, f"{quoted(pattern)} holds `%{sign}` twice")
    has = set(signs)
    if not (has & set("Yy") and ("j" in has or ("d" in has and has & set("mbB")))):
        raise file.error(key, f"{quoted(pattern)} names no day: a year, and a month and day or the day of the year")
    if not has & set("HI"):
        raise file.error(key, f"{quoted(pattern)} names no hour")
    if "I" in has and "p" not in has:
        raise file.error(key, f"{quoted(pattern)} counts hours to 12 with `%I`, and lacks `%p`")
    if "z" not in has and not zone:
        raise file.error("time.zone", 'is missing: the pattern has no offset `%z`; say `"city"`, or a zone of the IANA database')
    return pattern


def read_sequence(file: TomlFile, table: SequenceTable, scheme: Scheme, places: ProfilePaths, *, of_whole: bool) -> SequenceField:
    """Return where a device's own numbering stands.

    Args:
        of_whole: Whether the message is a list of readings of one device, which then has one number as a whole.
    """
    preset = places.codec in PRESETS and PRESETS[places.codec].sequence is not None
    if scheme is Scheme.MAC0 and table.path is not None:
        raise file.error("sequence.path", "should be left out: with `mac0` the partial iv is the number")
    if scheme is Scheme.MAC0 and (table.absent is not None or table.restarts):
        key = "absent" if table.absent is not None else "restarts"
        raise file.error(f"sequence.{key}", "should be left out: with `mac0` the partial iv is the number, and proves itself")
    if scheme is Scheme.NONE and table.path is None and not preset:
        raise file.error("sequence.path", "is missing")
    default = AbsentSequence.ZERO if preset and table.path is None else AbsentSequence.REFUSED
    for key, path in (("path", table.path), ("boot", table.boot)):
        if path is not None and of_whole:
            _check_of_message(file, path, places, f"sequence.{key}")
    return SequenceField(
        path=None if table.path is None else places.value(table.path, "sequence.path"),
        boot=None if table.boot is None else places.value(table.boot, "sequence.boot"),
        absent=default if table.absent is None else file.choice(table.absent, AbsentSequence, "sequence.absent"),
        restarts=table.restarts,
    )


def _check_of_message(file: TomlFile, path: str, places: ProfilePaths, key: str) -> None:
    """Refuse a number that stands in an element of a list: of the list as a whole there can be one only."""
    parsed = places.parsed(path, key)
    root = Root.WHOLE if parsed is None and path.startswith("^") else Root.MESSAGE if parsed is None else parsed.root
    if root is Root.MESSAGE:
        raise file.error(key, f"{quoted(path)} should begin with `^`: the number is of the message, and not of each element")


def read_repeat(file: TomlFile, table: RepeatTable, *, has_sequence: bool) -> Repeat:
    """Return how repeats are told without a number."""
    if has_sequence:
        raise file.error("repeat", "should be left out: by `sequence` a repeat is told from a reading")
    if table.least_interval is None and table.equal_within is None:
        raise file.error("repeat", "should say `least_interval` or `equal_within`")
    spans = [
        0 if text is None else file.duration_ms(text, 1, _LONGEST_REPEAT_MS, f"repeat.{key}")
        for key, text in (("least_interval", table.least_interval), ("equal_within", table.equal_within))
    ]
    return Repeat(*spans)
