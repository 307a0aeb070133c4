"""The written form of a label key: one everywhere, in receipts, exports, answers and on a command line.

With its label key a subject finds its own releases in the log (``gateway.audit.find``). People copy it and read it out, so it is
written in hexadecimal. Receipts of the first version have it in base64url, which is still taken.
"""

from __future__ import annotations

import base64
import re
from typing import Final

from consent.errors import RecordError

LABEL_KEY_BYTES: Final = 32
LABEL_KEY_FORM: Final = f"{2 * LABEL_KEY_BYTES} hexadecimal digits"

_HEX: Final = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
_BASE64URL: Final = re.compile(r"[0-9A-Za-z_-]{42}[AEIMQUYcgkosw048]", re.ASCII)  # of 32 bytes the last 2 bits are 0


def write_label_key(key: bytes) -> str:
    """Return a label key in the form in which it is written everywhere."""
    return key.hex()


def read_label_key(text: str) -> bytes:
    """Return the label key in a text, in hexadecimal or as receipts of the first version have it.

    Raises: RecordError: it is none; the error repeats nothing of the text, which may be nearly one.
    """
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    if _BASE64URL.fullmatch(text):
        return base64.urlsafe_b64decode(text + "=")
    raise RecordError(f"no label key, which is {LABEL_KEY_FORM}")
