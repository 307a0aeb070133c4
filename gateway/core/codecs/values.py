"""What values mean: what a device writes in a field, turned into a number in the property's unit, or the reason why it is none.

A value is a number; where the profile says so, a number as text with a decimal point or comma, or a word. It may say "no value"
in a word or a number of its own, and is then scaled, moved and held against what the device can mean. ``tree`` reads each field
of a message by this; the compiled types of ``field_map`` do the same for fields that are plain numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from math import inf, isfinite
from typing import Any, Final

from consent.core.profiles.profile import Field
from gateway.core.model import IMPLAUSIBLE, NO_VALUE, NOT_FINITE, WRONG_TYPE, WRONG_UNIT, Reject

LONGEST_NUMBER: Final = 64
"""The most characters of a number that comes as text."""

NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
"""A number as text, with a decimal point."""

_WITH_COMMA: Final = re.compile(r"[+-]?(?:[0-9]+(?:,[0-9]*)?|,[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_NO_NUMBERS: Final = frozenset({"nan", "inf", "infinity", "-nan", "-inf", "-infinity", "+inf", "+infinity"})

UNKNOWN_SIGN: Final = "\ufffd"
"""Stands in a parsed text for bytes that are no text."""

_LARGEST_AS_TEXT: Final = 2**64
_ROUNDING: Final = 1e-12
_BLANKS: Final = " \t\r\n\0"

ReadValue = Callable[[Any], float | Reject | None]
"""``read(found)``: the number that a parsed value stands for, why it is none, or None where nothing stands there."""

Finish = Callable[[float], float | Reject]
"""``finish(number)``: a number in the device's unit as one in the property's, or why it cannot be meant."""


def compile_value(field: Field) -> ReadValue:
    """Compile the reading of one value: from what stands in the message to the property's unit.

    For a field with `unit_path` the unit is the one that the profile names; ``compile_units`` does the rest.
    """
    number, finish = compile_number(field), compile_finish(field, field.scale, field.offset)

    def value(found: Any) -> float | Reject | None:
        raw = number(found)
        return raw if raw is None or isinstance(raw, Reject) else finish(raw)

    return value


def compile_number(field: Field) -> ReadValue:
    """Compile the first half of reading a value: the number in the device's own unit."""
    words = {word: float(meant) for word, meant in field.words.items()}
    none_words = frozenset(each for each in field.none if isinstance(each, str))
    sentinels = frozenset(float(each) for each in field.none if isinstance(each, Decimal))
    text_number = _compile_text(field.decimal_mark)

    def number(found: Any) -> float | Reject | None:
        kind = type(found)
        if kind is float:
            raw: float | Reject = found
        elif kind is int:
            raw = _as_double(found)
        elif found is None:
            return None
        elif kind is str:
            text = found.strip(_BLANKS)
            if text in none_words:
                return NO_VALUE
            raw = words[text] if text in words else text_number(text)
        elif kind is bool:
            word = "true" if found else "false"
            raw = NO_VALUE if word in none_words else words.get(word, WRONG_TYPE)
        else:
            return WRONG_TYPE
        return NO_VALUE if sentinels and raw in sentinels else raw

    return number


def compile_finish(field: Field, scale: Decimal, offset: Decimal) -> Finish:
    """Compile the second half: scale, offset and plausibility."""
    factor, summand = float(scale), float(offset)
    least, most = (-inf, inf) if field.plausible is None else (float(field.plausible[0]), float(field.plausible[1]))
    if field.plausible is not None:  # a bound itself must not fall out by the rounding of doubles
        margin = max(abs(least), abs(most)) * _ROUNDING
        least, most = least - margin, most + margin

    def finish(raw: float) -> float | Reject:
        value = raw * factor + summand
        if not isfinite(value):
            return NOT_FINITE
        return value if least <= value <= most else IMPLAUSIBLE

    return finish


FindFinish = Callable[[Any], Finish | Reject]
"""``find(unit)``: how to finish a value in the unit that a message names, or why that cannot be done."""


def compile_units(field: Field) -> FindFinish:
    """Compile the choice of unit of a field whose messages name it; one that names none is in the profile's."""
    own = compile_finish(field, field.scale, field.offset)
    finishes: Mapping[str, Finish] = {unit: compile_finish(field, *by) for unit, by in field.unit_scales.items()}

    def find(found: Any) -> Finish | Reject:
        if found is None:
            return own
        unit = as_text(found)
        return WRONG_UNIT if unit is None else finishes.get(unit.strip(_BLANKS), WRONG_UNIT)

    return find


def _as_double(whole: int) -> float | Reject:
    try:
        return float(whole)
    except OverflowError:
        return WRONG_TYPE


def _compile_text(decimal_mark: str) -> Callable[[str], float | Reject]:
    """Compile the reading of a number that comes as text; without a decimal mark none is read."""
    form = {"": None, ".": NUMBER, ",": _WITH_COMMA}[decimal_mark]

    def number(text: str) -> float | Reject:
        if form is None or len(text) > LONGEST_NUMBER:
            return WRONG_TYPE
        if form.fullmatch(text) is None:
            return NOT_FINITE if text.lower() in _NO_NUMBERS else WRONG_TYPE
        return float(text.replace(",", "."))

    return number


def as_text(value: Any) -> str | None:
    """Return a value as profiles write it where texts are compared: `12`, `12.5`, `true`; None of what is no such value.

    So is text that was not UTF-8: what stands for a sign that nobody knows is the same for all of them.
    """
    kind = type(value)
    if kind is str:
        return None if UNKNOWN_SIGN in value else str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value) if abs(value) < _LARGEST_AS_TEXT else None
    if kind is float and isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) < _LARGEST_AS_TEXT else repr(value)
    return None
