"""Why a parsed TOML value does not fit the type it is read as: the key at fault, and what should stand there in TOML's words.

``file`` asks once a value has been refused, so it may take its time. Policies and the gateway's configuration share it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final

from msgspec import inspect as types

from consent.printable import one_line

Misfit = tuple[str, str]
"""The dotted path of a key below the value, empty for the value itself; and what is wrong there."""

# What TOML has, in its own words; a boolean is an integer and an instant a date to Python, so the narrower come first.
_KINDS: Final[tuple[tuple[tuple[type, ...], str], ...]] = (
    ((bool,), "true or false"),
    ((int,), "a whole number"),
    ((float, Decimal), "a number"),
    ((str,), "text"),
    ((list, tuple), "a list"),
    ((dict,), "a table"),
    ((datetime,), "a date and time"),
    ((date,), "a date"),
    ((time,), "a time"),
)
_WANTED: Final[tuple[tuple[tuple[type[types.Type], ...], str], ...]] = (
    ((types.BoolType,), "true or false"),
    ((types.IntType,), "a whole number"),
    ((types.FloatType, types.DecimalType), "a number"),
    ((types.StrType, types.EnumType), "text"),
    ((types.ListType, types.VarTupleType, types.TupleType, types.FrozenSetType, types.SetType), "a list"),
    ((types.StructType, types.DictType), "a table"),
    ((types.DateTimeType,), "a date and time"),
    ((types.DateType,), "a date"),
    ((types.TimeType,), "a time"),
)
_ALIKE: Final = 0.6


def misfit(value: Any, wanted: Any) -> Misfit | None:
    """Return what of a value does not fit a type, the first in the order of the type's keys; None where all of it does.

    Args:
        value: Parsed TOML.
        wanted: A struct, or any other type that msgspec reads.
    """
    return _misfit(value, types.type_info(wanted))


def _misfit(value: Any, wanted: types.Type, said: str = "") -> Misfit | None:
    match wanted:
        case types.Metadata(type=inner, extra_json_schema=extra):
            return _misfit(value, inner, (extra or {}).get("description", said))
        case types.UnionType(types=several):
            return _in_union(value, several, said)
        case types.AnyType() | types.RawType() | types.CustomType():
            return None
    word, got = _word(wanted), kind_of(value)
    if not _has_kind(word, got):
        if (word, got) == ("a whole number", "a number"):
            return "", "should be a whole number, without a point"
        return "", f"should be {word}, not {got}"
    match wanted:
        case types.StructType():
            return _in_struct(value, wanted)
        case types.DictType(value_type=inner):
            return _first((key, _misfit(each, inner)) for key, each in value.items())
        case types.ListType(item_type=inner) | types.VarTupleType(item_type=inner):
            if wanted.min_length is not None and len(value) < wanted.min_length:
                return "", f"should be a list of {wanted.min_length} or more"
            return _first((f"[{index}]", _misfit(each, inner)) for index, each in enumerate(value))
        case types.IntType() | types.FloatType():
            return _out_of_range(value, wanted, word)
        case types.EnumType(cls=choices) if value not in list(choices):
            return "", f"`{one_line(value)}` is none of {', '.join(choices)}"
        case types.StrType(pattern=pattern) if pattern is not None and not re.search(pattern, value):
            return "", f"`{one_line(value)}` should be {said or f'text that matches `{pattern}`'}"
    return None


def _in_union(value: Any, several: Iterable[types.Type], said: str) -> Misfit | None:
    """Try the members of a union that have the value's kind; None, which TOML has no word for, is left out."""
    members = [each for each in several if not isinstance(each, types.NoneType)]
    found = [_misfit(value, each, said) for each in members]
    if None in found:
        return None
    got = kind_of(value)
    fitting = [one for each, one in zip(members, found, strict=True) if _has_kind(_word(each), got)]
    if fitting:
        return fitting[0]
    kinds = dict.fromkeys(_word(each) for each in members)
    words = " or ".join(word for word in kinds if not (word == "a whole number" and "a number" in kinds))
    return "", f"should be {words}, not {got}"


def _in_struct(value: Mapping[str, Any], wanted: types.StructType) -> Misfit | None:
    names = {field.encode_name: field for field in wanted.fields}
    for key in value:
        if key not in names and key != wanted.tag_field and wanted.forbid_unknown_fields:
            return key, f"is not a known key{_nearest(key, names)}"
    if found := _first((name, _misfit(value[name], field.type)) for name, field in names.items() if name in value):
        return found
    return next(((name, "is missing") for name, field in names.items() if name not in value and field.required), None)


def _nearest(key: str, names: Iterable[str]) -> str:
    close = get_close_matches(key, list(names), n=1, cutoff=_ALIKE)
    return f"; did you mean `{close[0]}`?" if close else ""


def _out_of_range(value: Any, wanted: types.IntType | types.FloatType, word: str) -> Misfit | None:
    least, most = wanted.ge, wanted.le
    number = float(value)  # a decimal that is no number cannot be compared; nan can, and lies nowhere
    if (least is None or number >= least) and (most is None or number <= most):
        return None
    if most is None:
        return "", f"`{value}` should be {_digits(least)} or more"
    if least is None:
        return "", f"`{value}` should be {_digits(most)} or less"
    return "", f"`{value}` should be {word} from {_digits(least)} to {_digits(most)}"


def _digits(bound: float | None) -> str:
    return f"{bound:.0f}" if isinstance(bound, float) and bound.is_integer() else f"{bound}"


def _first(found: Iterable[tuple[str, Misfit | None]]) -> Misfit | None:
    """Return the first misfit among parts, by its path from the whole."""
    for name, one in found:
        if one is not None:
            inner = one[0]
            return f"{name}{'' if not inner or inner.startswith('[') else '.'}{inner}", one[1]
    return None


def _has_kind(word: str, got: str) -> bool:
    return word == got or (word, got) == ("a number", "a whole number")


def _word(wanted: types.Type) -> str:
    if isinstance(wanted, types.Metadata):
        return _word(wanted.type)
    return next((word for kinds, word in _WANTED if isinstance(wanted, kinds)), "something else")


def kind_of(value: Any) -> str:
    """Return what a parsed value is, in TOML's words."""
    return next((word for kinds, word in _KINDS if isinstance(value, kinds)), "something else")
