"""The label keys that a citizen has: typed, one a line in a file, in a receipt, or in an export of all that is held about them.

A household gets another key when somebody leaves it, so there may be several. With them ``find`` searches a log.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from consent.core.receipts.canonical_json import Json, read_receipt
from consent.core.receipts.label_key import LABEL_KEY_FORM, read_label_key
from consent.errors import RecordError
from gateway.files import read_regular, reason_of

LONGEST_FILE_BYTES: Final = 1 << 26
"""An export holds all that a household ever said, and every release that it was in."""


class LabelKeyError(ValueError):
    """What was named holds no label key; the message repeats nothing that may be one."""


@dataclass(frozen=True, slots=True)
class LabelKeys:
    """The label keys of one source.

    Attributes:
        keys: At least one.
        origin: The log to which they belong, where the source says so.
        receipt: The receipt that they come from, if they do.
    """

    keys: tuple[bytes, ...]
    origin: str | None = None
    receipt: Json | None = None


class _Log(msgspec.Struct, frozen=True):
    origin: str


class _Kept(msgspec.Struct, frozen=True):
    """What is looked at in a file of JSON: the type of a receipt, or the keys and log of an export."""

    type: str = msgspec.field(name="@type", default="")
    label_keys: list[str] | None = None
    log: _Log | None = None


def parse_label_keys(text: str) -> LabelKeys:
    """Return the keys in a text, one a line; empty lines and those that begin with `#` are passed over.

    Raises: LabelKeyError: a line is no key, or there is none.
    """
    keys = []
    for number, line in enumerate(text.splitlines(), 1):
        word = line.strip()
        if word and not word.startswith("#"):
            try:
                keys.append(read_label_key(word))
            except RecordError as error:
                wanted = "" if keys else "is neither a receipt nor an export, and "
                raise LabelKeyError(f"{wanted}line {number} is {error}") from None
    if not keys:
        raise LabelKeyError(f"there is no label key, which is {LABEL_KEY_FORM}")
    return LabelKeys(tuple(keys))


def named_label_keys(text: str) -> LabelKeys:
    """Return the keys of an argument: a key itself, or a file that holds some.

    Raises: LabelKeyError: it is neither.
    """
    try:
        return LabelKeys((read_label_key(text),))
    except RecordError:
        pass
    if not Path(text).exists():
        raise LabelKeyError(f"`--label-key` names neither a label key, which is {LABEL_KEY_FORM}, nor a file")
    return label_keys_in(Path(text))


def label_keys_in(file: Path) -> LabelKeys:
    """Return the keys in a receipt, an export, or a file with one key a line.

    Raises: LabelKeyError: it cannot be read, or holds no key; the message names the file and says what to do.
    """
    try:
        data = read_regular(file, LONGEST_FILE_BYTES)
    except OSError as error:
        raise LabelKeyError(f"`{file}`: {reason_of(error)}") from error
    data = data.removeprefix(codecs.BOM_UTF8)  # which some editors put before what they save
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise LabelKeyError("is utf-16: save it as utf-8, or name the file as you were given it")
        return _in_json(data) if data.lstrip()[:1] == b"{" else parse_label_keys(data.decode("ascii", "replace"))
    except (LabelKeyError, RecordError) as error:
        raise LabelKeyError(f"`{file}`: {error}") from error


def _in_json(data: bytes) -> LabelKeys:
    try:
        kept = msgspec.json.decode(data, type=_Kept)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        raise LabelKeyError("is neither a receipt nor an export, or was cut short") from None
    if kept.label_keys is not None:
        if not kept.label_keys:
            raise LabelKeyError("this export holds no label key")
        return LabelKeys(tuple(_key(text) for text in kept.label_keys), None if kept.log is None else kept.log.origin)
    if kept.type != "dpv:ConsentReceipt":
        raise LabelKeyError("is neither a receipt nor an export")
    return _in_receipt(read_receipt(data))


def _in_receipt(receipt: Json) -> LabelKeys:
    """Return the key in a receipt, from which its holder may have struck it before showing it to somebody."""
    text, entry = receipt.get("labelKey"), receipt.get("logEntry")
    if not isinstance(text, str):
        raise LabelKeyError("this receipt has no `labelKey`: name the original, from which nothing was left out, or an export")
    origin = entry.get("origin") if isinstance(entry, dict) else None
    return LabelKeys((_key(text),), origin if isinstance(origin, str) else None, receipt)


def _key(text: str) -> bytes:
    try:
        return read_label_key(text)
    except RecordError:
        raise LabelKeyError("its label key was cut or changed: name the file as you were given it") from None


def all_keys(sources: Iterable[LabelKeys]) -> list[bytes]:
    """Return the keys of all sources, each once."""
    return list(dict.fromkeys(key for source in sources for key in source.keys))
