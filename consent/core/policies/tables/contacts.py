"""Whom a citizen can ask, as policies name it: an address on the web or for e-mail, and a telephone number.

They stand on pages and printed signs as links, so that what is neither is refused here and no page needs to judge it.
"""

from __future__ import annotations

import re
from typing import Final

from consent.core.toml.file import TomlFile

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = rf"{_LABEL}(?:\.{_LABEL})*"
_WEB: Final = re.compile(rf"https://{_HOST}(?::[0-9]{{1,5}})?(?:[/?#][A-Za-z0-9._~:/?#@!$&'()*+,;=%-]*)?")
"""Source: RFC 3986, without user information and without a host in brackets."""
_E_MAIL: Final = re.compile(rf"[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*@{_LABEL}(?:\.{_LABEL})+")
"""What needs no quotation marks (RFC 5321), and no escape in a `mailto:` address (RFC 6068)."""
_TELEPHONE: Final = re.compile(r"\+[1-9](?:[ -]?[0-9]){6,14}")
"""Source: ITU-T E.164 and E.123: country code first, at most 15 digits."""
_LONGEST: Final = 254


def is_web_address(text: str) -> bool:
    """Return whether a text is an address that begins with `https://`."""
    return len(text) <= _LONGEST and _WEB.fullmatch(text) is not None


def is_mail_address(text: str) -> bool:
    """Return whether a text is an e-mail address."""
    return len(text) <= _LONGEST and _E_MAIL.fullmatch(text) is not None


def read_contact(file: TomlFile, text: str, key: str) -> str:
    """Return where somebody can be asked.

    Raises: PolicyError: it is no address of either kind.
    """
    if not (is_web_address(text) or is_mail_address(text)):
        raise file.error(key, "should be an address such as `https://town.example/sensors` or `sensors@town.example`")
    return text


def read_telephone(file: TomlFile, text: str, key: str) -> str:
    """Return a telephone number, as it is written.

    Raises: PolicyError: it is none that can be dialled from any country.
    """
    if not _TELEPHONE.fullmatch(text):
        raise file.error(key, "should be a telephone number with its country code, such as `+34 555 010 010`")
    return text
