"""What a request may be, and the pages that say that it is more than that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from consent.portal.http.bounds import PAGE_PRICE, STATUS, Refusal, RequestBounds, RequestGuard
from consent.portal.http.visitors import Rates


@dataclass
class Application:
    """Answers `well` once it may; counts how often it was asked."""

    may_answer: asyncio.Event
    asked: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        self.asked += 1
        await self.may_answer.wait()
        await PlainTextResponse("well")(scope, receive, send)


def refuse(scope: Scope, refusal: Refusal) -> Response:
    """Answer with the name of a refusal."""
    return PlainTextResponse(refusal.value, STATUS[refusal])


def guarded(
    bounds: RequestBounds | None = None, *, ready: bool = True, rates: Rates | None = None
) -> tuple[RequestGuard, Application]:
    """Return a guard before an application."""
    app = Application(asyncio.Event())
    if ready:
        app.may_answer.set()
    return RequestGuard(app, refuse, rates or Rates(0, 0, lambda: 0.0), False, bounds or RequestBounds()), app


async def ask(
    guard: RequestGuard, method: str = "GET", path: str = "/", query: bytes = b"", *headers: tuple[bytes, bytes]
) -> Any:
    """Return (status, headers, body) of the answer to a request."""
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query}
    await guard({**scope, "headers": list(headers), "client": ("192.0.2.7", 7), "scheme": "http"}, receive, send)
    return said[0]["status"], {name.decode(): value.decode() for name, value in said[0]["headers"]}, said[1]["body"].decode()


OUT_OF_BOUNDS: dict[str, tuple[Refusal, Callable[[RequestGuard], Any]]] = {
    "post": (Refusal.METHOD, lambda guard: ask(guard, "POST")),
    "options": (Refusal.METHOD, lambda guard: ask(guard, "OPTIONS", "*")),
    "connect": (Refusal.METHOD, lambda guard: ask(guard, "CONNECT", "host:80")),
    "own method": (Refusal.METHOD, lambda guard: ask(guard, "get")),
    "long path": (Refusal.LONG, lambda guard: ask(guard, "GET", "/" + "a" * 512)),
    "long query": (Refusal.LONG, lambda guard: ask(guard, "GET", "/", b"q=" + b"a" * 1024)),
    "many headers": (Refusal.HEADERS, lambda guard: ask(guard, "GET", "/", b"", *[(b"x", b"")] * 65)),
    "long header": (Refusal.HEADERS, lambda guard: ask(guard, "GET", "/", b"", (b"cookie", b"a" * 12_300))),
    "body": (Refusal.BODY, lambda guard: ask(guard, "GET", "/", b"", (b"content-length", b"1"))),
    "odd length": (Refusal.BODY, lambda guard: ask(guard, "GET", "/", b"", (b"content-length", b"+0"))),
    "chunks": (Refusal.BODY, lambda guard: ask(guard, "GET", "/", b"", (b"transfer-encoding", b"chunked"))),
}


@pytest.mark.parametrize("name", OUT_OF_BOUNDS)
async def test_request_out_of_bounds_never_reaches_the_pages(name: str) -> None:
    """It is answered with its own status, and told what to do."""
    refusal, asking = OUT_OF_BOUNDS[name]
    guard, app = guarded()
    status, headers, body = await asking(guard)
    assert (status, body, app.asked) == (STATUS[refusal], refusal.value, 0)
    assert headers["cache-control"] == "no-store"
    if refusal is Refusal.METHOD:
        assert headers["allow"] == "GET, HEAD"
    else:
        assert headers["connection"] == "close"


async def test_request_at_its_bounds_is_answered() -> None:
    """Nobody who keeps them is turned away."""
    guard, app = guarded()
    wide = [(b"x", b"")] * 63
    for asking in (
        ask(guard, "HEAD"),
        ask(guard, "GET", "/" + "a" * 511, b"a" * 1024),
        ask(guard, "GET", "/", b"", *wide, (b"content-length", b"0")),
    ):
        assert (await asking)[0] == 200
    assert app.asked == 3


async def test_visitor_who_asks_too_often_is_told_when_to_come_back() -> None:
    """Ten files cost as much as one page."""
    now = 0.0
    guard, app = guarded(rates=Rates(60 * PAGE_PRICE, 2 * PAGE_PRICE, lambda: now))
    assert [(await ask(guard, path="/log/checkpoint"))[0] for _ in range(10)] == [200] * 10
    assert (await ask(guard))[0] == 200
    status, headers, body = await ask(guard)
    assert (status, body, headers["retry-after"]) == (429, "often", "1")
    assert app.asked == 11
    now = 1.01
    assert (await ask(guard))[0] == 200


async def test_only_so_many_are_answered_at_once() -> None:
    """Whoever comes beyond that is told so at once, and finds a place when one is free again."""
    guard, app = guarded(RequestBounds(at_once=3), ready=False)
    waiting = [asyncio.create_task(ask(guard)) for _ in range(3)]
    await asyncio.sleep(0)
    status, headers, body = await ask(guard)
    assert (status, body, headers["retry-after"]) == (503, "busy", "5")
    app.may_answer.set()
    assert [answer[0] for answer in await asyncio.gather(*waiting)] == [200] * 3
    assert (await ask(guard))[0] == 200


async def test_place_is_free_again_after_an_error_and_after_a_visitor_left() -> None:
    """Neither takes it for good."""
    guard, app = guarded(RequestBounds(at_once=1), ready=False)
    left = asyncio.create_task(ask(guard))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)

    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError

    guard.app = fails
    with pytest.raises(RuntimeError):
        await ask(guard)
    guard.app = app
    app.may_answer.set()
    assert (await ask(guard))[0] == 200


async def test_answer_that_takes_too_long_is_given_up() -> None:
    """The visitor is told so."""
    guard, _ = guarded(RequestBounds(answer_s=0.01), ready=False)
    status, headers, body = await ask(guard)
    assert (status, body, headers["retry-after"]) == (503, "slow", "5")


async def test_visitor_who_does_not_read_takes_no_place_and_is_no_fault() -> None:
    """An answer that is made waits for its reader alone, as long as the connection may; others are answered meanwhile."""
    guard, _ = guarded(RequestBounds(at_once=1, answer_s=0.01))
    blocked, reads = asyncio.Event(), asyncio.Event()
    said: list[Any] = []

    async def send(message: Any) -> None:
        blocked.set()
        await reads.wait()
        said.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": []}
    deaf = asyncio.create_task(guard({**scope, "client": ("192.0.2.8", 8), "scheme": "http"}, receive, send))
    await blocked.wait()
    assert (await ask(guard))[0] == 200
    guard.app = Application(asyncio.Event())
    assert (await ask(guard))[0] == 503, "more time has passed than an answer may take to be made"
    reads.set()
    await deaf
    assert [message["type"] for message in said] == ["http.response.start", "http.response.body"]
