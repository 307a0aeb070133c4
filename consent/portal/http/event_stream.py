"""Sends server-sent events: as they come, kept nowhere, on a connection that may live for as long as the stream does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from consent.portal.answers import EVENTS, EventStream
from consent.portal.http.connections import HOLD_OPEN

_GRACE_S: Final = 30.0
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


def streamed(found: EventStream) -> ASGIApp:
    """Return what answers with a stream."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        state: Mapping[str, Any] = scope.get("state") or {}
        hold_open: Callable[[float], None] | None = state.get(HOLD_OPEN)
        if hold_open is not None:
            hold_open(found.longest_s + _GRACE_S)
        async with aclosing(found.events()) as events:  # also where its reader goes while something is being sent
            await StreamingResponse(events, headers=_HEADERS, media_type=EVENTS)(scope, receive, send)

    return answer
