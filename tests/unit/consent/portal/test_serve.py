"""`sluice portal` as a process: starts without gateway and log, finds them when they come, and ends when it is told to."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from consent.messages import plain
from consent.portal.config import PortalConfig, PortalConfigError
from consent.portal.serve import listen, server_context
from gateway.cli import main
from tests.support.authority import Authority
from tests.support.portal import said_state
from tests.support.served_portal import PATIENCE_S, received, served_portal, write_portal_config


@contextmanager
def answering(path: Path) -> Iterator[None]:
    """Serve a gateway's state at a socket, in a thread."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while line := await reader.readline():
            request = msgspec.json.decode(line)
            said = {"result": plain(said_state())} if request["method"] == "public.state" else {"result": None}
            writer.write(msgspec.json.encode({"jsonrpc": "2.0", "id": request["id"], **said}) + b"\n")

    writers: list[asyncio.StreamWriter] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        server = await asyncio.start_unix_server(answer, path)
        ready.set()
        await asyncio.to_thread(stop.wait)
        server.close()
        for writer in writers:
            writer.close()
            await writer.wait_closed()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(PATIENCE_S)
    try:
        yield
    finally:
        stop.set()
        thread.join()
        path.unlink(missing_ok=True)


def test_portal_starts_alone_finds_the_gateway_and_ends_well(tmp_path: Path) -> None:
    """It says its address in one line, shows pages while the gateway is away, when it is there, and when it is away again."""
    with served_portal(write_portal_config(tmp_path)) as portal:
        assert portal.said == f"the portal is at http://127.0.0.1:{portal.port}/"
        assert b"notice away" in portal.ask("/offline-not")
        with answering(tmp_path / "portal.sock"):
            while b"notice away" in (page := portal.ask("/offline-not")):
                pass
            assert b"The gate works." in page
        while b"notice away" not in portal.ask("/offline-not"):
            pass
        assert portal.end() == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_portal_ends_though_connections_are_open(tmp_path: Path, number: int) -> None:
    """One idle, one with half a request: neither holds it up, and the exit status is that of a good end."""
    with served_portal(write_portal_config(tmp_path)) as portal, portal.connect() as idle, portal.connect() as half:
        idle.sendall(b"GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(10).startswith(b"HTTP/1.1 2")
        half.sendall(b"GET / HTTP/1.1\r\nHo")
        assert portal.end(number) == (0, "")


def test_portal_speaks_tls_itself_and_takes_a_renewed_certificate(tmp_path: Path) -> None:
    """With SIGHUP, while it serves; and a bad one leaves the good one in use."""
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    first, second = Authority(tmp_path / "first"), Authority(tmp_path / "second")
    certificate, key = tmp_path / "portal.crt", tmp_path / "portal.key"

    def put(authority: Authority) -> ssl.SSLContext:
        issued_certificate, issued_key = authority.issue("portal")
        certificate.write_bytes(issued_certificate.read_bytes())
        key.write_bytes(issued_key.read_bytes())
        return ssl.create_default_context(cafile=str(authority.file))

    context = put(first)
    config = write_portal_config(tmp_path, certificate_file="portal.crt", private_key_file="portal.key")
    with served_portal(config) as portal:
        assert portal.address.startswith("https://")

        def ask(trust: ssl.SSLContext) -> bytes:
            with trust.wrap_socket(portal.connect(), server_hostname="127.0.0.1") as connection:
                connection.sendall(b"GET /robots.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return received(connection)

        assert b"strict-transport-security: max-age=31536000" in ask(context)
        assert portal.ask() == b"", "plain HTTP to a port with TLS"
        renewed = put(second)
        portal.process.send_signal(signal.SIGHUP)
        while True:
            try:
                ask(renewed)
                break
            except ssl.SSLCertVerificationError:
                continue
        certificate.write_bytes(b"no certificate")
        portal.process.send_signal(signal.SIGHUP)
        assert b"Disallow" in ask(renewed)
        status, error = portal.end()
        assert status == 0
        assert error.count("\n") == 1
        assert "the certificate stays: `certificate_file`" in error


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"host": "no such host."}, "cannot listen at `no such host.`, port 0: "),
        ({"host": "\\u0000"}, "cannot listen at"),
        ({"certificate_file": "none.crt"}, "`certificate_file`"),
        ({"certificate_file": "portal.toml"}, "are no certificate and the key that it was made for"),
        ({"private_key_file": "a.key"}, "`private_key_file`: goes with `certificate_file`"),
        ({"port": 70000}, "`port`"),
        ({"prot": 1}, "did you mean `port`?"),
    ],
)
def test_configuration_that_cannot_be_used_is_one_line_and_status_2(
    tmp_path: Path, settings: dict[str, object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names what is at fault; nothing is served."""
    assert main(["portal", "--config", str(write_portal_config(tmp_path, **settings))]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert said in printed.err


def test_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """And no socket stays open."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortalConfigError, match=f"cannot listen at `127.0.0.1`, port {port}: address already in use"):
            listen("127.0.0.1", port)


def test_host_with_two_addresses_is_listened_at_on_both() -> None:
    """As `localhost` may have; and `::` takes both kinds."""
    for listener in listen("::", 0):
        with listener, socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=PATIENCE_S):
            pass


def test_no_certificate_means_no_tls() -> None:
    """A proxy speaks it then, or nobody."""
    assert server_context(PortalConfig(log_folder="", door="")) is None
