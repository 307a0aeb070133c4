"""QR codes of printed pages, as SVG without a style: dark squares on white, with the quiet zone around them.

Source: ISO/IEC 18004; level Q survives damage to a quarter of the code, as signs in the street suffer it; level L little.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import groupby
from typing import Final
from urllib.parse import urlsplit

import segno
from markupsafe import Markup

_LEAST_VERSION: Final = 3
_QUIET: Final = 4


class Redundancy(StrEnum):
    """How much of a code may be damaged: a quarter, or little of one that holds much and hangs in no street."""

    STURDY = "q"
    DENSE = "l"


def sign_address(address: str, sign: str) -> str:
    """Return the address of a sign's page as its QR code holds it.

    Where the portal has a host to itself, all of it is in capitals, which take half the room: hosts know no case, and the portal
    answers at `/S/` too.
    """
    parts = urlsplit(address)
    if parts.path.strip("/") or not parts.netloc:
        return f"{address.rstrip('/')}/s/{sign}"
    return f"{parts.scheme}://{parts.netloc}/s/{sign}".upper()


def short_address(address: str, sign: str) -> str:
    """Return the address of a sign's page as people type it."""
    return f"{address.rstrip('/').removeprefix('https://')}/s/{sign}"


def qr_code(text: str, label: str, level: Redundancy = Redundancy.STURDY) -> Markup:
    """Return a code: of version 3 where the text fits, and else of the least that it fits.

    Args:
        label: What it is, for those who do not see it.
        level: How much damage it survives.
    """
    try:
        made = segno.make_qr(text, error=level.value, version=_LEAST_VERSION, boost_error=False)
    except segno.DataOverflowError:
        made = segno.make_qr(text, error=level.value, boost_error=False)
    size = len(made.matrix) + 2 * _QUIET
    dark = "".join(f"M{x + _QUIET} {y + _QUIET}h{n}v1h-{n}z" for y, row in enumerate(made.matrix) for x, n in _runs(row))
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}" shape-rendering="crispEdges">'
        '<path fill="#fff" d="M0 0h{}v{}H0z"/><path fill="#000" d="{}"/></svg>'
    ).format(size, size, label, size, size, dark)


def _runs(row: bytearray) -> Iterator[tuple[int, int]]:
    """Yield where dark squares stand side by side in a row, and how many."""
    x = 0
    for module, run in groupby(row):
        n = len(list(run))
        if module:
            yield x, n
        x += n
