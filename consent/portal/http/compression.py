"""Compresses pages and data with gzip, where the browser takes it and it is worth it; files that never change only once.

What is compressed holds no secret beside which someone else could choose text, and learn the secret from the length (BREACH):
a page that is kept nowhere, with a form's token or something of a household, goes as it is.
"""

from __future__ import annotations

import gzip
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEAST_BYTES: Final = 1024
"""Shorter answers fit a packet anyhow."""
_LEVEL: Final = 6
_TEXTS: Final = ("text/", "application/json", "application/problem+json", "image/svg+xml")


def takes_gzip(accepted: str) -> bool:
    """Return whether a header `Accept-Encoding` takes gzip (RFC 9110, 12.5.3)."""
    for part in accepted.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def packed(body: bytes, level: int = _LEVEL) -> bytes:
    """Return bytes as a gzip stream that tells nothing of when it was made."""
    return gzip.compress(body, level, mtime=0)


class Gzip:
    """The application behind it, its longer texts compressed: those that come as one piece, as all pages do."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see ASGI 3."""
        taken = takes_gzip(Headers(scope=scope).get("accept-encoding", "")) and scope["method"] != "HEAD"
        start: Message | None = None

        async def sent(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start is not None:
                headers = MutableHeaders(scope=start)
                if _is_text(headers):
                    headers.add_vary_header("Accept-Encoding")
                    body = message.get("body", b"")
                    if taken and not message.get("more_body") and len(body) >= LEAST_BYTES:
                        message = {**message, "body": packed(body)}
                        headers["content-encoding"] = "gzip"
                        headers["content-length"] = str(len(message["body"]))
                await send(start)
                start = None
            await send(message)

        await self._app(scope, receive, sent)


def _is_text(headers: MutableHeaders) -> bool:
    """Return whether it is worth compressing, and may be."""
    is_own = "no-store" in headers.get("cache-control", "")
    return headers.get("content-type", "").startswith(_TEXTS) and "content-encoding" not in headers and not is_own
