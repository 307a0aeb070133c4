"""Puts the headers on every answer that keep a browser from doing anything but show it: nothing inline, nothing from elsewhere.

Sources: Content Security Policy Level 3; RFC 6797 (HSTS); the Fetch and HTML standards (`Cross-Origin-Resource-Policy`,
`Cross-Origin-Opener-Policy`).
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consent.portal.http.cookies import is_ours

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ON_EVERY_ANSWER: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": (
        "accelerometer=(), autoplay=(), camera=(), display-capture=(), fullscreen=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), midi=(), payment=(), usb=()"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
WITH_FORMS: Final = "same-origin"
"""`Referrer-Policy` of a page with a form: with `no-referrer` a browser would not say in `Origin` where the form comes from."""
STRICT_TRANSPORT: Final = "max-age=31536000"


class SafeHeaders:
    """The application behind it, with headers; one that an answer brings itself stands, and of cookies only ours."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see ASGI 3. Nothing but HTTP is spoken: no socket is opened, and nothing is to be started."""
        if scope["type"] != "http":
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [pair for pair in message["headers"] if pair[0].lower() != b"set-cookie" or is_ours(pair[1])]
                headers = MutableHeaders(scope=message)
                for name, value in ON_EVERY_ANSWER.items():
                    headers.setdefault(name, value)
                if scope.get("scheme") == "https":
                    headers["strict-transport-security"] = STRICT_TRANSPORT
            await send(message)

        await self._app(scope, receive, sent)
