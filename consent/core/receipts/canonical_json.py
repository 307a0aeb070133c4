"""The JSON of receipts: read strictly, written for people, and in one canonical form for the signature.

A receipt holds objects, lists, text, whole numbers, true and false, and nothing else. Numbers with a point have more than one
form and null says nothing, so neither can occur; a repeated key is refused, where most readers drop one silently.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from consent.errors import RecordError

Json = dict[str, Any]
"""A JSON object of these."""

LARGEST_BYTES: Final = 1 << 20
_DEEPEST: Final = 32
_LARGEST: Final = (1 << 53) - 1


def canonical_json(value: object) -> bytes:
    """Return the one sequence of bytes that stands for a value: the JSON Canonicalization Scheme of RFC 8785.

    UTF-8 without white space; keys in the order of their UTF-16 code units; in text only the quotation mark, the backslash and
    characters below U+0020 are escaped, in the two-character form where JSON has one and else as `u00` and two lower-case digits
    behind a backslash; nothing is normalised. Since numbers are whole and at most 2^53 - 1 from zero, they are plain digits.

    Raises: RecordError: the value holds something other than objects, lists, text, whole numbers, true and false.
    """
    try:
        return json.dumps(_ordered(value, 0), ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise RecordError("a receipt holds text that is no unicode") from error


def _ordered(value: object, depth: int) -> object:
    if depth > _DEEPEST:
        raise RecordError("a receipt is nested too deep")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise RecordError("a receipt has a key that is no text")
        by_units = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return {key: _ordered(value[key], depth + 1) for key in by_units}
    if isinstance(value, list):
        return [_ordered(each, depth + 1) for each in value]
    if isinstance(value, str | bool) or (isinstance(value, int) and abs(value) <= _LARGEST):
        return value
    raise RecordError("a receipt holds something else than objects, lists, text and whole numbers")


def write_receipt(receipt: Json) -> bytes:
    """Return a receipt as a file that people can read; other spacing or order of keys means the same."""
    canonical_json(receipt)
    return (json.dumps(receipt, ensure_ascii=False, indent=2) + "\n").encode()


def read_receipt(data: bytes) -> Json:
    """Return the receipt in a file; a byte order mark, which some editors put before what they save, is passed over.

    Raises: RecordError: the bytes are not such JSON, or an object repeats a key.
    """
    if len(data) > LARGEST_BYTES:
        raise RecordError(f"a receipt is at most {LARGEST_BYTES} bytes long")
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_each_once, parse_float=_refuse, parse_constant=_refuse)
    except RecordError:
        raise
    except (ValueError, RecursionError) as error:
        raise RecordError("a receipt is not json") from error
    if not isinstance(value, dict):
        raise RecordError("a receipt is no json object")
    canonical_json(value)
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RecordError("a receipt has a key twice in one object")
    return found


def _refuse(_: str) -> NoReturn:
    raise RecordError("a receipt holds a number that is not whole")
