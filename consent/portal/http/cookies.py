"""The cookies of these pages: a session's, one that guards the forms of a visitor, and the id of what was sent last.

All three begin with `__Host-`, so that a browser takes them over TLS (or from its own machine) alone, for this host alone, and no
other host of the same city can set one. They are kept from scripts. Pages that anyone may read set none.

Source: RFC 6265bis, sections 4.1.2 and 4.1.3.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from typing import Final

SESSION: Final = "__Host-sluice"
"""Its value opens the visitor's row in `portal.db`."""
GUARD: Final = "__Host-sluice-form"
"""Random; guards the forms of a visitor who has not come in."""
SENT: Final = "__Host-sluice-sent"
"""The id of a request whose answer did not come."""
SENT_S: Final = 600
_VALUE: Final = {
    SESSION: re.compile(r"[A-Za-z0-9_-]{43}"),
    GUARD: re.compile(r"[A-Za-z0-9_-]{43}"),
    SENT: re.compile(r"[0-9a-f]{32}"),
}
_OURS: Final = re.compile(
    rb"__Host-sluice(-form|-sent)?=[A-Za-z0-9_-]{0,43}; Path=/; Secure; HttpOnly; SameSite=(Lax|Strict)(; Max-Age=[0-9]{1,9})?"
)


def new_secret() -> str:
    """Return 32 random bytes as the value of a cookie."""
    return secrets.token_urlsafe(32)


def cookies_of(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return those of our cookies that a request brings, the first of each name; one that is none of ours counts as absent."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                key, _, said = pair.strip().partition("=")
                if key in _VALUE and key not in found and _VALUE[key].fullmatch(said):
                    found[key] = said
    return found


def session_cookie(value: str, seconds: int) -> str:
    """Return the header that sets a session's cookie: sent along links from elsewhere, which change nothing, and no forms."""
    return f"{SESSION}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={max(seconds, 0)}"


def guard_cookie(value: str) -> str:
    """Return the header that sets the cookie of a visitor's forms; the browser forgets it when it is closed."""
    return f"{GUARD}={value}; Path=/; Secure; HttpOnly; SameSite=Lax"


def sent_cookie(request: str) -> str:
    """Return the header that sets the id of what was sent, for ten minutes."""
    return f"{SENT}={request}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={SENT_S}"


def ended_cookie(name: str) -> str:
    """Return the header that takes a cookie away."""
    return f"{name}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"


def is_ours(header: bytes) -> bool:
    """Return whether a header `Set-Cookie` sets one of these cookies, and as it has to be set."""
    return _OURS.fullmatch(header) is not None
