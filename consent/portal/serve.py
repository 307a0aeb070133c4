"""`sluice portal`: the pages as a process: follows the log folder, asks the gateway when it is asked, and ends with SIGTERM.

It starts whether or not gateway and log are there, and goes on when they come and go. The one file that it writes is `portal.db`,
which holds who has come in and opens nothing by itself. It notes of no request that there was one; what it says on standard error
is what failed, in a part of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
import sys
import time
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from starlette.types import ASGIApp
from uvicorn import Config, Server

from consent.portal.app import make_app
from consent.portal.config import PortalConfig, PortalConfigError, load_portal_config
from consent.portal.gates.citizen_door import CitizenDoor
from consent.portal.gates.public_door import PublicGate
from consent.portal.http.connections import HEAD_BYTES, BoundedConnection, OpenConnections
from consent.portal.log_record import LogRecord
from consent.portal.sessions.store import WebSessions
from consent.portal.site import Site

_KEEP_ALIVE_S: Final = 15
_LAST_ANSWERS_S: Final = 5
_BACKLOG: Final = 512


class PortalServer(Server):
    """uvicorn's server with its signals left to us: it would end the process by the signal, as if it had failed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield


def run(file: Path) -> int:
    """Serve the pages until SIGTERM or SIGINT; return the exit status.

    Raises: PortalConfigError: the file, the certificate or the address to listen at cannot be used.
    """
    config = load_portal_config(file)
    tls = server_context(config)
    listeners = listen(config.host, config.port)
    logging.basicConfig(level=logging.ERROR, format="portal: %(message)s")
    loop_factory = None
    if sys.platform == "linux":
        import uvloop

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_serve(config, tls, listeners))
    return 0


def server_context(config: PortalConfig) -> ssl.SSLContext | None:
    """Return how to speak TLS; None where a proxy does.

    Raises: PortalConfigError: certificate and key cannot be used.
    """
    if config.certificate_file is None:
        if config.private_key_file is not None:
            raise PortalConfigError("`private_key_file`: goes with `certificate_file`")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    load_certificate(context, config)
    return context


def load_certificate(context: ssl.SSLContext, config: PortalConfig) -> None:
    """Read certificate and key; connections made from then on use them.

    Raises: PortalConfigError: they cannot be used, and what was used before stays.
    """
    assert config.certificate_file is not None
    try:
        context.load_cert_chain(config.certificate_file, config.private_key_file, password=_no_password)
    except (OSError, ValueError) as error:  # an `SSLError` is an `OSError`
        key = config.private_key_file or config.certificate_file
        if isinstance(error, ssl.SSLError | ValueError):
            why = "are no certificate and the key that it was made for, both as PEM and without a password"
        else:
            why = f"cannot be read: {(error.strerror or str(error)).lower()}"
        raise PortalConfigError(f"`certificate_file` `{config.certificate_file}` and key `{key}`: {why}") from error


def _no_password() -> str:
    raise ValueError("a password")


def listen(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen at every address of a host, or at the first where the port is to be any.

    Raises: PortalConfigError: there is no such host, or its port is taken.
    """
    opened: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        places = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
        for family, address in places if port else places[:1]:
            listener = socket.socket(family, socket.SOCK_STREAM)
            opened.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, len(places) > 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
            listener.setblocking(False)
    except (OSError, UnicodeError) as error:
        for listener in opened:
            listener.close()
        why = error.strerror or str(error) if isinstance(error, OSError) else "no name of a host"
        raise PortalConfigError(f"cannot listen at `{host}`, port {port}: {why.lower()}") from error
    return opened


async def _serve(config: PortalConfig, tls: ssl.SSLContext | None, listeners: list[socket.socket]) -> None:
    record = LogRecord(Path(config.log_folder))
    door = PublicGate(Path(config.door))
    citizens = CitizenDoor(Path(config.door))
    site = Site(config, record, door, citizens, _now_ms)
    sessions = WebSessions(None if config.state_folder is None else Path(config.state_folder), _now_ms)
    server = PortalServer(uvicorn_config(make_app(site, sessions), tls, OpenConnections()))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, partial(setattr, server, "should_exit", True))
    loop.add_signal_handler(signal.SIGHUP, partial(_renew, tls, config))
    await asyncio.to_thread(record.look)
    print(f"the portal is at {_address(listeners[0], tls)}", flush=True)
    following = asyncio.create_task(record.follow())
    following.add_done_callback(lambda _: setattr(server, "should_exit", True))  # it never ends but by a fault of ours
    try:
        await server.serve(listeners)
    finally:
        following.cancel()
        await door.close()
        await citizens.close()
        sessions.close()
    with contextlib.suppress(asyncio.CancelledError):
        await following


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def uvicorn_config(app: ASGIApp, tls: ssl.SSLContext | None, opened: OpenConnections) -> Config:
    """Return how uvicorn serves an application: h11 within our bounds, no word of its own, no log of requests."""
    protocol = cast("Any", partial(BoundedConnection, opened))
    config = Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
        h11_max_incomplete_event_size=HEAD_BYTES,
        ssl_context_factory=None if tls is None else lambda _, __: tls,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # not each request that is no request
    return config


def _renew(tls: ssl.SSLContext | None, config: PortalConfig) -> None:
    """Read a certificate again that was renewed."""
    if tls is not None:
        try:
            load_certificate(tls, config)
        except PortalConfigError as error:
            logging.getLogger(__name__).error("the certificate stays: %s", error)


def _address(listener: socket.socket, tls: ssl.SSLContext | None) -> str:
    host, port = listener.getsockname()[:2]
    return f"{'http' if tls is None else 'https'}://{f'[{host}]' if ':' in host else host}:{port}/"
