"""The rules of SenML packs (RFC 8428): records that share base values, each with its own name, unit and time.

``resolve`` is the RFC's section 4.6. ``records`` reads by profile what ``apply_bases`` yields, whether a pack came as JSON or
as CBOR. Times are absolute from 2**28 seconds on, below that relative to the time of arrival.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from gateway.core.model import MALFORMED, NOT_UNDERSTOOD, TOO_LARGE, WRONG_TYPE, Reject

_VERSION = 10
ABSOLUTE_FROM_S: Final = 2**28
"""From here on a time is one of the Unix epoch; below, it counts from the time of arrival."""

VALUES: Final = ("v", "vb", "vs", "vd")
"""The labels of which a record has one: a number, a boolean, a text, or data."""

_NUMBERS = frozenset({"bt", "bv", "bs", "s", "t", "ut"})
_TEXTS = frozenset({"bn", "bu", "n", "u"})
_BASES = frozenset({"bn", "bt", "bu", "bv", "bs", "bver"})
_NO_NUMBERS = frozenset({"vs", "vb", "vd"})
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*", re.ASCII)
"""What a record may be called."""

LONGEST_NAME: Final = 1024
"""Characters; a base name is copied for each record, and with a long one a pack of 64 KiB would hold gigabytes."""

Record = dict[str, Any]
"""A record by its labels, as it came or resolved."""


class PackError(ValueError):
    """A pack that cannot be resolved.

    Attributes:
        reject: The reason for which a frame that holds it is refused.
    """

    def __init__(self, reject: Reject) -> None:
        """Set the reason."""
        self.reject = reject
        super().__init__(reject.reason)


def resolve(records: Sequence[Record], now_s: float) -> list[Record]:
    """Apply the base values of a pack and make its times absolute.

    Records that hold base values only are left out; labels that are neither base values nor known are kept.

    Raises:
        PackError: The pack breaks the rules, is of a newer version, or requires something to be understood that is not.

    Source: RFC 8428, section 4.6.
    """
    resolved = [record for _, record in apply_bases(records)]
    for record in resolved:
        _check_value(record)
        if record["t"] < ABSOLUTE_FROM_S:
            record["t"] += now_s
    return resolved


def apply_bases(records: Sequence[Record]) -> Iterator[tuple[str, Record]]:
    """Yield each record with its base values applied, beside the base name that holds for it.

    A time below ``ABSOLUTE_FROM_S`` is still relative. A value may still be of a wrong type, or null, since it costs nobody but
    its own record; everything else breaks the pack.

    Raises:
        PackError: As for ``resolve``.
    """
    base: Record = {"bn": "", "bt": 0.0}
    for record in records:
        fields = _checked(record)
        base.update((label, fields.pop(label)) for label in _BASES & fields.keys())
        if not fields:
            continue
        name = fields.get("n", "")
        if len(base["bn"]) + len(name) > LONGEST_NAME:
            raise PackError(TOO_LARGE)
        fields["n"] = base["bn"] + name
        if not NAME.fullmatch(fields["n"]):
            raise PackError(MALFORMED)
        if "bu" in base:
            fields.setdefault("u", base["bu"])
        fields["t"] = base["bt"] + fields.get("t", 0.0)
        if "bs" in base:
            fields["s"] = base["bs"] + fields.get("s", 0.0)
        _add_base_value(fields, base.get("bv"))
        values = [label for label in VALUES if label in fields]
        if len(values) > 1 or not (values or "s" in fields):
            raise PackError(MALFORMED)
        yield base["bn"], fields


def _add_base_value(fields: Record, base: float | None) -> None:
    value = fields.get("v", 0.0)
    if type(value) is int and "v" in fields:
        try:
            value = fields["v"] = float(value)
        except OverflowError:
            return
    if base is not None and type(value) is float and _NO_NUMBERS.isdisjoint(fields):
        fields["v"] = base + value


def _checked(record: Record) -> Record:
    """Return a record whose known labels have the types of the RFC, numbers as doubles; its value is not looked at."""
    fields = dict(record)
    for label, value in record.items():
        if label in _NUMBERS:
            fields[label] = _number(value)
        elif label in _TEXTS:
            if type(value) is not str:
                raise PackError(WRONG_TYPE)
        elif label == "bver":
            if type(value) is not int:
                raise PackError(WRONG_TYPE)
            if not 0 < value <= _VERSION:
                raise PackError(NOT_UNDERSTOOD)
        elif label.endswith("_"):
            raise PackError(NOT_UNDERSTOOD)
    return fields


def _number(value: object) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            pass
    raise PackError(WRONG_TYPE)


def _check_value(record: Record) -> None:
    """Refuse a value of another type than its label's."""
    for label, kind in (("v", float), ("vb", bool), ("vs", str), ("vd", str)):
        if label in record and type(record[label]) is not kind:
            raise PackError(WRONG_TYPE)
