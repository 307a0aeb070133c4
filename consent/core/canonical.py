"""Deterministic CBOR, defined once: for records, notices and policies here, for log entries, openings and bundles in the gateway.

Each value has exactly one encoding and readers refuse any other, so that hashes and signatures over the bytes are
hashes and signatures over the meaning. ``gateway.audit.log.canonical`` and ``gateway.recipient.wire`` add further
refusals and their own errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from io import BytesIO
from math import inf
from typing import Any, Final, NoReturn

import cbor2

from consent.core.disclosure import LARGEST_GROUP, LONGEST_RETENTION_DAYS, TOP, Disclosure, Identity, Space, Time
from consent.errors import RecordError

_AXES: Final = frozenset({"identity", "time", "space", "precision", "group", "retention"})
_MU: Final = "mu"
_FORMER_EPSILON: Final = "budget"
"""Under this key earlier versions wrote a budget, which was an ε; such records keep their bytes."""
_OPTIONAL: Final = frozenset({_MU, _FORMER_EPSILON})
_DEEPEST: Final = 8
_STEP: Final = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?")


class CborError(ValueError):
    """The bytes are not a CBOR item, or one with indefinite lengths, a repeated key, a tag, or too deep a nesting."""


class _NoTags(dict[int, Any]):
    """Decoders of tagged items that refuse every tag: numbers without bound, patterns, references, dates, addresses."""

    def __missing__(self, tag: int) -> NoReturn:
        raise CborError(f"the tag `{tag}`")

    def get(self, tag: int, default: object = None) -> NoReturn:
        """Refuse a tag."""
        self.__missing__(tag)


_NO_TAGS: Final = _NoTags()


def encode_canonical(value: object) -> bytes:
    """Return the deterministic CBOR of plain data: shortest forms, definite lengths, sorted keys (RFC 8949, section 4.2)."""
    # cbor2 sorts keys by length first; over text keys alone that is the bytewise order of their encodings.
    return cbor2.dumps(value, canonical=True)


def decode_item(data: bytes, deepest: int = _DEEPEST) -> Any:
    """Return the plain data of one CBOR item, which need not be in the form that ``encode_canonical`` writes.

    Raises: CborError: it is not one, or uses what deterministic CBOR forbids.
    """
    try:
        return cbor2.loads(
            data, max_depth=deepest, allow_indefinite=False, allow_duplicate_keys=False, semantic_decoders=_NO_TAGS
        )
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise CborError(str(error)) from error


def decode_first(data: bytes, deepest: int = _DEEPEST) -> tuple[Any, int]:
    """Return the plain data of the CBOR item that bytes begin with, which need not be in deterministic form, and its length.

    Raises: CborError: as ``decode_item``.
    """
    stream = BytesIO(data)
    try:
        decoder = cbor2.CBORDecoder(
            stream, max_depth=deepest, allow_indefinite=False, allow_duplicate_keys=False, semantic_decoders=_NO_TAGS
        )
        return decoder.decode(), stream.tell()
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise CborError(str(error)) from error


def decode_canonical(data: bytes, what: str) -> Any:
    """Return the plain data whose deterministic CBOR is ``data``.

    Args:
        what: What it claims to be, for the message.
    Raises: RecordError: it is not CBOR, or not in its one deterministic form.
    """
    try:
        value = decode_item(data)
        again = encode_canonical(value)
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise RecordError(f"{what} is not cbor") from error
    if again != data:
        raise RecordError(f"{what} is not in canonical form")
    return value


def disclosure_map(point: Disclosure) -> dict[str, Any]:
    """Return a point as plain data, with the axis names and levels that policies use; of budgets, those that are finite.

    `mu` is the budget; `budget` the ε that one was in an earlier version.
    """
    axes: dict[str, Any] = {
        "identity": point.identity.label,
        "time": point.time.label,
        "space": point.space.label,
        "precision": {name: f"{step:f}" for name, step in point.precision},
        "group": point.group,
        "retention": point.retention_days,
    }
    if point.budget != inf:
        axes[_MU] = point.budget
    if point.former_epsilon != inf:
        axes[_FORMER_EPSILON] = point.former_epsilon
    return axes


def bounded_map(point: Disclosure) -> Mapping[str, Any]:
    """Return the axes on which a point bounds anything, as ``disclosure_map`` writes them; none of a point without bounds."""
    unbounded = disclosure_map(TOP)
    return {axis: value for axis, value in disclosure_map(point).items() if value != unbounded.get(axis)}


def disclosure_from_map(value: Any) -> Disclosure:
    """Return the point that ``disclosure_map`` wrote.

    Raises: RecordError: it is not such a map, or a value lies outside its axis.
    """
    if not isinstance(value, dict) or value.keys() - _OPTIONAL != _AXES:
        raise RecordError("a disclosure has other axes than it should")
    try:
        return Disclosure(
            identity=Identity.named(value["identity"]),
            time=Time.named(value["time"]),
            space=Space.named(value["space"]),
            precision=_steps(value["precision"]),
            group=_whole(value["group"], 1, LARGEST_GROUP),
            retention_days=_whole(value["retention"], 0, LONGEST_RETENTION_DAYS),
            budget=_budget(value, _MU),
            former_epsilon=_budget(value, _FORMER_EPSILON),
        )
    except (ValueError, TypeError, InvalidOperation) as error:
        raise RecordError("a disclosure holds a value that its axis does not have") from error


def _steps(value: Any) -> tuple[tuple[str, Decimal], ...]:
    if not isinstance(value, dict):
        raise TypeError
    if not all(isinstance(name, str) and isinstance(text, str) and _STEP.fullmatch(text) for name, text in value.items()):
        raise ValueError  # before anything is made of them: a power of ten is written out, or too great
    steps = tuple((name, Decimal(text)) for name, text in value.items())
    if any(step <= 0 or f"{step.normalize():f}" != text for (_, step), text in zip(steps, value.values(), strict=True)):
        raise ValueError
    return steps


def _whole(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError
    return value


def _budget(value: dict[str, Any], key: str) -> float:
    if key not in value:
        return inf
    budget = value[key]
    if type(budget) is not float or not 0 <= budget < inf:
        raise ValueError
    return budget
