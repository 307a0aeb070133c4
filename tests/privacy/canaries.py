"""Magic identities that go into the gateway, and the search that must find none of them in what comes out or stays on its disk.

Each canary of text holds one stem, so that the search is for a few forms of the stem and not for thousands of strings; a part
of a canary counts as a find too. Coordinates are numbers, and have a form as digits and one as a double.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

STEM = "Zq7Kanari"
DIGITS = "7394251"
EACH = 20

DEVICE_IDS = tuple(f"{STEM}-{n:02}" for n in range(EACH))
TOPICS = tuple(f"street/{STEM}/{n}" for n in range(EACH))
ADDRESSES = tuple(f"Calle de {STEM} {n}, 3º izq." for n in range(EACH))
NAMES = tuple(f"Ana {STEM} López {n}" for n in range(EACH))
COORDINATES = tuple(float(f"41.{DIGITS}{n:02}") for n in range(EACH))
CANARIES: tuple[str | float, ...] = (*DEVICE_IDS, *TOPICS, *ADDRESSES, *NAMES, *COORDINATES)


@dataclass(frozen=True, slots=True)
class Needle:
    """Bytes to look for, and what they would mean."""

    form: str
    data: bytes


def _in_base64(data: bytes) -> Iterator[bytes]:
    """Give the characters that stand for some bytes wherever in a longer text they begin, in both alphabets."""
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(bytes(shift) + data)
            first = (0, 2, 3)[shift]  # characters that depend on what stands before
            last = (shift + len(data)) * 8 // 6  # and from here on, on what follows
            yield whole[first:last]


def _forms(name: str, data: bytes) -> Iterator[Needle]:
    yield Needle(f"{name} as bytes", data)
    yield Needle(f"{name} in hexadecimal", data.hex().encode())
    yield Needle(f"{name} in hexadecimal", data.hex().upper().encode())
    for text in _in_base64(data):
        yield Needle(f"{name} in base64", text)


def _text_needles(name: str, text: str) -> Iterator[Needle]:
    for shown in {text, text.lower(), text.upper(), text.swapcase()}:
        yield from _forms(name, shown.encode())
        yield Needle(f"{name} backwards", shown[::-1].encode())
        for encoding in ("utf-16-le", "utf-16-be"):
            yield Needle(f"{name} in {encoding}", shown.encode(encoding))


NEEDLES: tuple[Needle, ...] = (
    *_text_needles("an identity", STEM),
    *_text_needles("a coordinate", DIGITS),
    *(Needle("a coordinate as a double", struct.pack(order, value)) for value in COORDINATES for order in (">d", "<d")),
)


def id_needles(name: str, ids: Iterable[str]) -> tuple[Needle, ...]:
    """Return what to look for where ids, given in hexadecimal, must not stand."""
    return tuple(needle for text in ids for needle in _forms(name, bytes.fromhex(text)))


def finds(places: Mapping[str, bytes], needles: Iterable[Needle] = NEEDLES) -> list[str]:
    """Say what was found where; an empty list is what a test wants.

    Args:
        places: What each place holds, by its name.
        needles: What to look for.
    """
    wanted = {needle.data: needle.form for needle in needles}
    return sorted({f"{form} in {place}" for place, held in places.items() for data, form in wanted.items() if data in held})
