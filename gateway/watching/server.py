"""`/healthz`, `/readyz` and `/metrics` on the loopback interface: whether the gateway is alive, whether it works, its figures."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final

from gateway.edge.loggers import structlog
from gateway.errors import OperatorError
from gateway.http.server import HttpServer, Request, Response
from gateway.watching.health import REASONS
from gateway.watching.watch import Watch

_log = structlog.get_logger()
_REQUEST_S: Final = 5.0
_FIGURES: Final = "text/plain; version=0.0.4; charset=utf-8"
_NOT_HERE: Final = Response(404, b"not here; there are /healthz, /readyz and /metrics\n")
_READ_ALONE: Final = Response(405, b"only GET and HEAD are understood here\n", headers=(("Allow", "GET, HEAD"),))


class WatchServer:
    """Answers whoever asks on this machine, without a name of anybody."""

    def __init__(self, port: int, watch: Watch, figures: Callable[[], bytes]) -> None:
        """Serve 127.0.0.1:``port``; ``figures`` gives the text for Prometheus."""
        self._port = port
        self._watch = watch
        self._figures = figures
        self._server = HttpServer(self._answer, _REQUEST_S)

    async def start(self) -> int:
        """Listen, and return the port.

        Raises: OperatorError: the port is taken.
        """
        try:
            port = await self._server.start("127.0.0.1", self._port)
        except OSError as error:
            reason = (os.strerror(error.errno) if error.errno else str(error)).lower()
            raise OperatorError(f"`metrics.port`: cannot listen on `{self._port}`: {reason}") from error
        self._server.failed.add_done_callback(_log_failure)
        return port

    async def close(self) -> None:
        """Stop listening."""
        await self._server.close()

    def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return _READ_ALONE
        if request.path == "/healthz":
            return self._alive()
        if request.path == "/readyz":
            return self._ready()
        if request.path == "/metrics":
            return Response(200, self._figures(), _FIGURES)
        return _NOT_HERE

    def _alive(self) -> Response:
        if self._watch.is_alive():
            return Response(200, b"alive\n")
        return Response(503, f"{REASONS['stuck']}: {self._watch.still_s():.0f} s\n".encode())

    def _ready(self) -> Response:
        reasons = [REASONS[name] for name in self._watch.not_ready()]
        return Response(503, "".join(f"{reason}\n" for reason in reasons).encode()) if reasons else Response(200, b"ready\n")


def _log_failure(failed: asyncio.Future[None]) -> None:
    """Log the first error of an answer: whoever asked was left without one, and the gateway itself goes on."""
    if not failed.cancelled() and (error := failed.exception()) is not None:
        _log.error("what was asked about the gateway could not be answered", exc_info=error)
