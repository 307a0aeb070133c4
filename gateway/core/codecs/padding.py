"""What stands around a message and is no part of it: a byte order mark, and NULs, spaces and line ends that firmware sends."""

from __future__ import annotations

import codecs
from typing import Final

PADDING: Final = b"\0\r\n\t "


def without_padding(payload: bytes) -> bytes:
    """Return a message alone."""
    return payload.removeprefix(codecs.BOM_UTF8).strip(PADDING)
