"""Bounds on a request: its method, its length, how many there are, of one visitor and at once, and how long an answer may take.

What is out of bounds is answered without asking anything else of the portal, by a page that is made once for each language.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consent.portal.http.visitors import Rates, scheme_of, visitor_of

METHODS: Final = ("GET", "HEAD")
SENDING: Final = "POST"
"""The method of forms, at addresses that take one."""
FORM_MEDIA: Final = b"application/x-www-form-urlencoded"
PAGE_PRICE: Final = 10
FILE_PRICE: Final = 1
_NUMBER: Final = re.compile(rb"[0-9]{1,9}")


class Refusal(StrEnum):
    """Why a request is not taken: the key of its page in the part `errors`."""

    METHOD = "method"
    LONG = "long"
    HEADERS = "headers"
    BODY = "body"
    OFTEN = "often"
    BUSY = "busy"
    SLOW = "slow"
    UNSURE = "unsure"
    MEDIA = "media"


STATUS: Final = {
    Refusal.METHOD: 405,
    Refusal.LONG: 414,
    Refusal.HEADERS: 431,
    Refusal.BODY: 413,
    Refusal.OFTEN: 429,
    Refusal.BUSY: 503,
    Refusal.SLOW: 503,
    Refusal.UNSURE: 503,
    Refusal.MEDIA: 415,
}
Refuse = Callable[[Scope, Refusal], Response]
"""(the request, why) → the page that says so, with its status."""


@dataclass(frozen=True, slots=True)
class RequestBounds:
    """How much a request may be.

    Attributes:
        at_once: So many answers are made at once; one that is made waits for its reader alone.
        answer_s: So long an answer may take to be made.
        form_bytes: So long a form may be.
        form_s: So long the answer to a form may take: what was begun for it is not to be given up half-way.
        light: Addresses that begin so are files, which cost `FILE_PRICE`; others cost `PAGE_PRICE`.
    """

    path_bytes: int = 512
    query_bytes: int = 1024
    headers: int = 64
    headers_bytes: int = 12_288
    at_once: int = 128
    answer_s: float = 10.0
    form_bytes: int = 16_384
    form_s: float = 18.0
    light: tuple[str, ...] = ("/log/", "/static/", "/.well-known/")


@dataclass(slots=True)
class RequestGuard:
    """The application behind it, asked only what is within bounds.

    Attributes:
        trusts_proxy: See ``visitors.visitor_of``.
        takes_form: Whether a form can be sent to an address.
    """

    app: ASGIApp
    refuse: Refuse
    rates: Rates
    trusts_proxy: bool
    bounds: RequestBounds = field(default_factory=RequestBounds)
    takes_form: Callable[[str], bool] = lambda _path: False
    _under_way: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see ASGI 3."""
        scope["scheme"] = scheme_of(scope, trusts_proxy=self.trusts_proxy)
        if (refusal := self._misfit(scope)) is not None:
            await self._answer(scope, receive, send, refusal, self._headers_of(scope, refusal))
        elif wait_s := self.rates.wait_s(visitor_of(scope, trusts_proxy=self.trusts_proxy), self._price(scope)):
            await self._answer(scope, receive, send, Refusal.OFTEN, {"retry-after": str(math.ceil(wait_s))})
        elif self._under_way >= self.bounds.at_once:
            await self._answer(scope, receive, send, Refusal.BUSY, {"retry-after": "5"})
        else:
            await self._in_time(scope, receive, send)

    def _misfit(self, scope: Scope) -> Refusal | None:
        headers = scope["headers"]
        is_form = scope["method"] == SENDING and self.takes_form(scope["path"])
        if scope["method"] not in METHODS and not is_form:
            return Refusal.METHOD
        path = scope.get("raw_path") or scope["path"].encode()
        if len(path) > self.bounds.path_bytes or len(scope["query_string"]) > self.bounds.query_bytes:
            return Refusal.LONG
        if (
            len(headers) > self.bounds.headers
            or sum(len(name) + len(value) for name, value in headers) > self.bounds.headers_bytes
        ):
            return Refusal.HEADERS
        if is_form:
            return self._misfit_form(scope)
        if any(name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0") for name, value in headers):
            return Refusal.BODY
        return None

    def _misfit_form(self, scope: Scope) -> Refusal | None:
        """Return what is wrong with the head of a form: it says how long it is, once, and that it is a form."""
        lengths = [value.strip() for name, value in scope["headers"] if name == b"content-length"]
        if (
            any(name == b"transfer-encoding" for name, _ in scope["headers"])
            or len(lengths) != 1
            or not _NUMBER.fullmatch(lengths[0])
        ):
            return Refusal.BODY
        if int(lengths[0]) > self.bounds.form_bytes:
            return Refusal.BODY
        media = [value.partition(b";")[0].strip().lower() for name, value in scope["headers"] if name == b"content-type"]
        packed = any(name == b"content-encoding" for name, _ in scope["headers"])
        return None if media == [FORM_MEDIA] and not packed else Refusal.MEDIA

    def _price(self, scope: Scope) -> int:
        return FILE_PRICE if scope["path"].startswith(self.bounds.light) else PAGE_PRICE

    async def _in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; how long the answer takes to be read is the connection's affair, and takes no place from others."""
        is_made, is_form = False, scope["method"] == SENDING

        async def sent(message: Message) -> None:
            nonlocal is_made
            if not is_made:
                is_made = True
                self._under_way -= 1
                limit.reschedule(None)
            await send(message)

        self._under_way += 1
        try:
            async with asyncio.timeout(self.bounds.form_s if is_form else self.bounds.answer_s) as limit:
                await self.app(scope, receive, sent)
        except TimeoutError:
            if is_made or not limit.expired():
                raise
            refusal = Refusal.UNSURE if is_form else Refusal.SLOW
            await self._answer(scope, receive, send, refusal, {"retry-after": "5"})
        finally:
            if not is_made:
                self._under_way -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send, refusal: Refusal, headers: Mapping[str, str]) -> None:
        response = self.refuse(scope, refusal)
        response.headers.update({"cache-control": "no-store", **headers})
        await response(scope, receive, send)

    def _headers_of(self, scope: Scope, refusal: Refusal) -> Mapping[str, str]:
        """Return what goes with the answer: what is allowed, and of a body that is not read that nothing comes after it."""
        if refusal is not Refusal.METHOD:
            return {"connection": "close"}
        allowed = (*METHODS, SENDING) if self.takes_form(scope["path"]) else METHODS
        return {"allow": ", ".join(allowed)}
