"""SenML packs in CBOR: an array of maps whose keys are small numbers, parsed into records with the labels that JSON has.

A parser of its own for so little, since maps with keys that a sender chooses freely are what attacks on hash tables are made of:
only numbers that stand for labels, and texts, become keys here. Numbers may be decimal fractions (tag 4), as the RFC wants.
What stands under other labels is passed over, whatever it is. Array and maps may be of indefinite length, as embedded encoders
write them; texts may not.

Source: RFC 8428, section 6 with table 4, "CBOR Representation"; RFC 8949, section 3 and appendix C.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from struct import Struct
from typing import Any, Final

from gateway.core.codecs.senml.pack import Record

LABELS: Final = {
    -1: "bver",
    -2: "bn",
    -3: "bt",
    -4: "bu",
    -5: "bv",
    -6: "bs",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}
"""The labels by their numbers."""

_LABEL_BYTES: Final = {number if number >= 0 else 0x1F - number: label for number, label in LABELS.items()}
"""The labels by the byte that each number is."""

_SHORT_TEXT: Final = 0x60
_DOUBLE: Final = 0xFB
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_INDEFINITE: Final = 31
_BREAK: Final = 0xFF
_DECIMAL_FRACTION: Final = 4
_GREATEST_EXPONENT: Final = 400
_MOST_DEPTH: Final = 16
_SIMPLE_VALUES: Final = {20: False, 21: True, 22: None, 23: None}
_FLOATS: Final = {25: Struct(">e"), 26: Struct(">f"), 27: Struct(">d")}


class PackBytesError(ValueError):
    """Bytes that are not a well-formed CBOR item, or use what packs have no need of."""


class NoPackError(TypeError):
    """A CBOR item that is no array of maps."""


def parse_pack(payload: bytes) -> list[Record]:
    """Parse a pack into its records; values are numbers, texts, bytes, booleans, None, or ``...`` for anything else.

    Raises:
        PackBytesError: It is not well formed, has a label twice, or more bytes follow it.
        NoPackError: It is something else than an array of maps.
    """
    reader = _Reader(payload)
    try:
        records = [reader.record() for _ in reader.container(_ARRAY)]
    except IndexError as error:
        raise PackBytesError("cut off") from error
    if reader.at != len(payload):
        raise PackBytesError("bytes follow the pack")
    return records


class _Reader:
    """Reads items from bytes, one after the other. Beyond their end it raises IndexError."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def head(self) -> tuple[int, int, int]:
        """Read the head of an item: its major type, the additional information, and the argument (-1: indefinite)."""
        first = self.data[self.at]
        major, info = first >> 5, first & 31
        self.at += 1
        if info < 24:
            return major, info, info
        if info > 27:
            if info == _INDEFINITE:
                return major, info, -1
            raise PackBytesError("reserved head")
        size = 1 << (info - 24)
        return major, info, int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        """Read so many bytes."""
        start = self.at
        self.at = end = start + size
        if end > len(self.data):
            raise PackBytesError("cut off")
        return self.data[start:end]

    def container(self, wanted: int) -> Iterator[None]:
        """Read the head of an array or a map; yield once before each of its elements, or pairs.

        Raises: NoPackError: Another item stands there.
        """
        major, _, count = self.head()
        if major != wanted:
            raise NoPackError
        return self.elements(count)

    def elements(self, count: int) -> Iterator[None]:
        """Yield so often; where the count is indefinite, until a break."""
        if count >= 0:
            yield from repeat(None, min(count, len(self.data)))
            return
        while self.data[self.at] != _BREAK:
            yield
        self.at += 1

    def record(self) -> Record:
        """Read a map with labels as keys."""
        record: Record = {}
        for _ in self.container(_MAP):
            label = self.label()
            value = self.value()
            if label is not None:
                if label in record:
                    raise PackBytesError("a label twice")
                record[label] = value
        return record

    def label(self) -> str | None:
        """Read a key; None of one that stands for no label."""
        known = _LABEL_BYTES.get(self.data[self.at])
        if known is not None:
            self.at += 1
            return known
        major, _, argument = self.head()
        if major == _UNSIGNED:
            return LABELS.get(argument)
        if major == _NEGATIVE:
            return LABELS.get(-1 - argument)
        if major != _TEXT:
            raise PackBytesError("a key that is no label")
        return self.text(argument)

    def value(self) -> Any:
        """Read one item; ``...`` stands for what no record has."""
        start = self.at
        first = self.data[start]
        if _SHORT_TEXT <= first < _SHORT_TEXT + 24:  # what most values are: names and units, and doubles
            self.at = start + 1
            return self.text(first - _SHORT_TEXT)
        if first == _DOUBLE and start + 9 <= len(self.data):
            self.at = start + 9
            return _FLOATS[27].unpack_from(self.data, start + 1)[0]
        major, info, argument = self.head()
        if major == _UNSIGNED and info != _INDEFINITE:
            return argument
        if major == _NEGATIVE and info != _INDEFINITE:
            return -1 - argument
        if major == _TEXT:
            return self.text(argument)
        if major == _BYTES:
            return self.string(argument)
        if major == _SIMPLE and info in _FLOATS:
            return _FLOATS[info].unpack(argument.to_bytes(1 << (info - 24), "big"))[0]
        if major == _SIMPLE and info in _SIMPLE_VALUES:
            return _SIMPLE_VALUES[info]
        if major == _TAG and argument == _DECIMAL_FRACTION:
            return self.decimal_fraction()
        self.at = start
        self.pass_over(_MOST_DEPTH)
        return ...

    def decimal_fraction(self) -> float:
        """Read the content of tag 4, [exponent, mantissa]; infinite where no double is as large."""
        if self.head() != (_ARRAY, 2, 2):
            raise PackBytesError("no decimal fraction")
        exponent, mantissa = self.whole(), self.whole()
        return float(f"{mantissa}e{max(-_GREATEST_EXPONENT, min(exponent, _GREATEST_EXPONENT))}")

    def whole(self) -> int:
        """Read an integer."""
        major, _, argument = self.head()
        if major not in (_UNSIGNED, _NEGATIVE) or argument < 0:
            raise PackBytesError("no integer")
        return argument if major == _UNSIGNED else -1 - argument

    def text(self, size: int) -> str:
        """Read so many bytes as text."""
        try:
            return self.string(size).decode()
        except UnicodeDecodeError as error:
            raise PackBytesError("no UTF-8") from error

    def string(self, size: int) -> bytes:
        """Read so many bytes of a string, which has to say how many it has."""
        if size < 0:
            raise PackBytesError("indefinite string")
        return self.take(size)

    def pass_over(self, depth: int) -> None:
        """Read an item of at most so many levels without a value: every step takes at least a byte, and nothing is kept."""
        if not depth:
            raise PackBytesError("nested too deep")
        major, info, argument = self.head()
        if major in (_BYTES, _TEXT):
            self.string(argument)
        elif major in (_ARRAY, _MAP):
            for _ in self.elements(argument):
                for _ in range(major - _ARRAY + 1):
                    self.pass_over(depth - 1)
        elif info == _INDEFINITE:
            raise PackBytesError("a break or a reserved head")
        elif major == _TAG:
            self.pass_over(depth - 1)
