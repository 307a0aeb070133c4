"""An auditor is stopped by nothing that a web server sends: one deadline and one budget bound each whole exchange."""

from __future__ import annotations

import socket
import tracemalloc
from itertools import count

import pytest

from gateway.audit.log.reader import LogUnreachableError
from gateway.audit.log.remote import RemoteSource
from tests.support.hostile_web import Script, answering, saying

_OK = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_MOVED = b"HTTP/1.1 302 Found\r\nLocation: /there\r\n"
_HEADER = b"A: " + b"b" * 1000 + b"\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n"

_ENDLESS: dict[str, Script] = {
    "status line": saying(b"HTTP/1.1 200 ", endless=b"a"),
    "headers": saying(_OK, endless=_HEADER),
    "one header": saying(_OK + b"A: ", endless=b"b"),
    "interim answers": saying(endless=_CONTINUE),
    "an interim answer's headers": saying(b"HTTP/1.1 100 Continue\r\n", endless=_HEADER),
    "the size of a chunk": saying(_CHUNKED, endless=b"0"),
    "the extension of a chunk": saying(_CHUNKED + b"1;", endless=b"a"),
    "trailers": saying(_CHUNKED + b"0\r\n", endless=_HEADER),
    "a redirect's headers": saying(_MOVED, endless=_HEADER),
}


@pytest.mark.parametrize("where", [*_ENDLESS, "the body", "chunks of one byte"])
def test_server_that_drips_forever_is_left_at_the_deadline(where: str) -> None:
    """Each byte comes in time, and the file never."""
    further = {"the body": saying(_OK + b"\r\n", endless=b"a"), "chunks of one byte": saying(_CHUNKED, endless=b"1\r\na\r\n")}
    clock = count(0, 30)  # thirty seconds pass between two looks at it
    with answering((_ENDLESS | further)[where]) as url:
        source = RemoteSource(url, file_s=120, around_bytes=1 << 40, clock=lambda: next(clock))
        with pytest.raises(LogUnreachableError, match="tile/0/000: took longer than `120` s"):
            source.read("tile/0/000", 1 << 40)


@pytest.mark.parametrize("where", _ENDLESS)
def test_server_that_sends_without_end_around_a_file_is_left_at_the_budget(where: str) -> None:
    """However fast it is; nothing of it is kept."""
    with answering(_ENDLESS[where]) as url, pytest.raises(LogUnreachableError, match="without end"):
        RemoteSource(url, around_bytes=20_000).read("tile/0/000", 100)


def test_body_of_a_redirect_is_not_read() -> None:
    """Seven hundred megabytes that the file is not in."""
    moved = saying(_MOVED + b"Content-Length: 700000000\r\n\r\n", endless=bytes(1 << 20))
    with answering(moved, saying(_OK + b"Content-Length: 2\r\n\r\nok")) as url:
        tracemalloc.start()
        try:
            assert RemoteSource(url).read("tile/0/000", 100) == b"ok"
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak_bytes < 16 << 20  # the server's own megabyte included


def test_redirects_share_the_bounds_of_one_exchange() -> None:
    """Each is small enough by itself."""
    moved = [saying(b"HTTP/1.1 302 Found\r\nLocation: /%d\r\nA: %s\r\n\r\n" % (n, b"b" * 4000)) for n in range(9)]
    served = saying(_OK + b"Content-Length: 2\r\n\r\nok")
    with answering(*moved, served) as url:
        assert RemoteSource(url, around_bytes=40_000).read("checkpoint", 100) == b"ok"
    with answering(*moved, served) as url, pytest.raises(LogUnreachableError, match="without end"):
        RemoteSource(url, around_bytes=20_000).read("checkpoint", 100)


def test_addresses_of_a_name_share_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is audited says how many addresses their name has."""
    clock, tried = count(0, 30), []

    def addresses(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))] * 1000

    def connect(self: socket.socket, place: object) -> None:
        tried.append(place)
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "getaddrinfo", addresses)
    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(LogUnreachableError, match="took longer than `120` s"):
        RemoteSource("http://log.example", file_s=120, clock=lambda: next(clock)).read("checkpoint", 100)
    assert len(tried) == 3


def test_silent_handshake_of_tls_ends() -> None:
    """The connection is there, and nothing else."""

    def wait(connection: socket.socket) -> None:
        connection.recv(1)

    with answering(wait) as url, pytest.raises(LogUnreachableError, match="timed out"):
        RemoteSource(url.replace("http:", "https:"), silence_s=0.05).read("checkpoint", 100)


def test_server_that_speaks_no_tls_is_unreachable_in_one_line() -> None:
    """Whatever the library calls it."""
    with answering(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as url, pytest.raises(LogUnreachableError) as caught:
        RemoteSource(url.replace("http:", "https:")).read("checkpoint", 100)
    assert str(caught.value).startswith("the log cannot be reached: checkpoint: ")
    assert "\n" not in str(caught.value)


def test_proxy_of_the_environment_is_asked_and_bound_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """For HTTP by the whole address, for HTTPS by a tunnel, whose headers count too."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with answering(saying(_OK + b"Content-Length: 2\r\n\r\nok")) as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        assert RemoteSource("http://log.example").read("checkpoint", 100) == b"ok"
    with answering(saying(_OK, endless=_HEADER)) as proxy:
        monkeypatch.setenv("https_proxy", proxy)
        with pytest.raises(LogUnreachableError, match="without end"):
            RemoteSource("https://log.example", around_bytes=20_000).read("checkpoint", 100)


def test_limit_deadline_is_of_one_file_and_begins_behind_the_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file may take its time, whatever those before took; a lookup is ended by the resolver alone."""
    now_s = [0.0]
    with answering(saying(_OK + b"Content-Length: 2\r\n\r\nok")) as url:
        source = RemoteSource(url, file_s=120, clock=lambda: now_s[0])
        for _ in range(3):
            now_s[0] += 100
            assert source.read("checkpoint", 100) == b"ok"

    def slowly(*_: object, **__: object) -> list[object]:
        now_s[0] += 1000
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))]

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    with pytest.raises(LogUnreachableError, match="took longer"):
        source.read("checkpoint", 100)
    assert now_s[0] == 1300
