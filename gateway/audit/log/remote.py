"""A log on a web server, read as static files over HTTP (an edge: it speaks to the network, and its calls block).

The server is untrusted. One deadline and one budget of bytes bound a whole exchange with it: connecting, TLS, every status line
and header, interim answers, redirects, chunk sizes and trailers, and the body. Redirects stay on HTTP, and nothing counts but
the bytes of the file. What the server says of a file is a `FileError`; where no answer is to be had, the log is unreachable.

Source: C2SP tlog-tiles, RFC 9110, RFC 9112.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Callable
from email.message import Message
from functools import cache, partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import IO, Any, Final
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from gateway.audit.log.reader import ABSENT, FileError, FolderSource, LogUnreachableError, Source

SILENCE_S: Final = 15.0
"""How long a server may say nothing."""
FILE_S: Final = 120.0
"""How long one file may take, from connecting to its last byte."""
AROUND_BYTES: Final = 1 << 18
"""How many bytes may surround a file in all: status lines, headers, interim answers, redirects, trailers."""
_CHUNK_BYTES = 1 << 16
_SCHEMES = ("http", "https")
_ABSENT = (404, 410)
_NOT_OF_THE_FILE = (407, 408, 425, 429)  # client errors that say nothing of the file: the proxy's, too slow, too early, too often


class RemoteSource:
    """A log below a URL.

    Args:
        url: Where `checkpoint` and `tile/` lie, `http` or `https`.
        silence_s: How long the server may send nothing.
        file_s: How long one file may take in all.
        around_bytes: How many bytes the server may send around a file.
        clock: A monotonic clock in seconds.

    Raises:
        ValueError: when the URL is not one of a web server.
    """

    def __init__(
        self,
        url: str,
        silence_s: float = SILENCE_S,
        file_s: float = FILE_S,
        around_bytes: int = AROUND_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or not parts.netloc or parts.query or parts.fragment:
            raise ValueError(f"`{url}` is not the address of a log on a web server")
        self._base = url.rstrip("/")
        self._silence_s = silence_s
        self._file_s = file_s
        self._around_bytes = around_bytes
        self._clock = clock
        self._opener = _web_opener()

    def read(self, path: str, longest_bytes: int) -> bytes:
        """Return a file's bytes; see `Source`."""
        most_bytes = longest_bytes + longest_bytes // 16 + self._around_bytes  # a sixteenth for the sizes of chunks
        exchange = _Exchange(path, most_bytes, self._silence_s, self._file_s, self._clock)
        try:
            with self._opener.open(_Request(f"{self._base}/{path}", exchange), timeout=self._silence_s) as answer:
                return _body(path, answer, longest_bytes)
        except HTTPError as error:
            error.close()
            if 400 <= error.code < 500 and error.code not in _NOT_OF_THE_FILE:
                raise FileError(path, ABSENT if error.code in _ABSENT else f"the server answers `{error.code}`") from error
            raise LogUnreachableError(path, f"the server answers `{error.code}`") from error
        except URLError as error:
            reason = getattr(error.reason, "strerror", None) or error.reason
            raise LogUnreachableError(path, str(reason).lower()) from error
        except TimeoutError as error:
            raise LogUnreachableError(path, f"the server said nothing for `{self._silence_s:g}` s") from error
        except (OSError, HTTPException, ValueError) as error:
            raise LogUnreachableError(path, "the server broke off") from error

    def names(self, path: str) -> list[str]:
        """Return nothing: a web server does not list."""
        return []

    def paths(self) -> None:
        """Return None: a web server does not list."""
        return


def source_of(place: str) -> Source:
    """Return the log at a URL or in a folder.

    Raises:
        ValueError: when a URL is malformed.
        NotADirectoryError: when it is neither a URL nor a folder.
    """
    if "://" in place:
        return RemoteSource(place)
    folder = Path(place)
    if not folder.is_dir():
        raise NotADirectoryError(f"`{place}` is not a folder")
    return FolderSource(folder)


def _body(path: str, answer: HTTPResponse, longest_bytes: int) -> bytes:
    """Read an answer to its end; the exchange behind it ends whatever takes too long."""
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise LogUnreachableError(path, "the server compresses its files, which was not asked for")
    data = bytearray()
    while chunk := answer.read1(_CHUNK_BYTES):
        data += chunk
        if len(data) > longest_bytes:
            raise FileError(path, f"longer than `{longest_bytes}` bytes")
    if answer.length:  # of what `Content-Length` announced, this is due
        raise LogUnreachableError(path, "the server broke off")
    return bytes(data)


class _Exchange:
    """The bounds of one exchange, over all connections that it takes."""

    def __init__(self, path: str, most_bytes: int, silence_s: float, file_s: float, clock: Callable[[], float]) -> None:
        self._path = path
        self._left_bytes = most_bytes
        self._silence_s = silence_s
        self._file_s = file_s
        self._clock = clock
        self._end_s = clock() + file_s

    def wait_s(self) -> float:
        """Return how long the next answer may be waited for.

        Raises:
            LogUnreachableError: when the exchange has taken too long.
        """
        left_s = self._end_s - self._clock()
        if left_s <= 0:
            raise LogUnreachableError(self._path, f"took longer than `{self._file_s:g}` s")
        return min(left_s, self._silence_s)

    def take(self, count: int) -> None:
        """Take received bytes from the budget.

        Raises:
            LogUnreachableError: when it is spent.
        """
        self._left_bytes -= count
        if self._left_bytes < 0:
            raise LogUnreachableError(self._path, "the server sends headers or redirects without end")

    def connect(self, address: tuple[str, int], *_: object) -> socket.socket:
        """Return a connection; unlike `socket.create_connection`, all addresses of a name share the time."""
        failed: OSError = OSError("no address")
        for family, kind, protocol, _name, place in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
            wait_s = self.wait_s()
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(wait_s)
                connection.connect(place)
            except OSError as error:
                connection.close()
                failed = error
            else:
                return connection
        raise failed

    def response(self, connection: socket.socket, *given: Any, **named: Any) -> HTTPResponse:
        """Return a response that is read within these bounds."""
        return HTTPResponse(_Received(connection, self), *given, **named)  # type: ignore[arg-type]  # it calls `makefile` alone


class _Received(io.RawIOBase):
    """What a connection receives, within the bounds of an exchange."""

    def __init__(self, connection: socket.socket, exchange: _Exchange) -> None:
        self._connection = connection
        self._exchange = exchange
        self._stream = connection.makefile("rb", buffering=0)  # keeps the connection open for as long as it is read

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what `HTTPResponse` reads."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Receive into a buffer; see `io.RawIOBase`."""
        self._connection.settimeout(self._exchange.wait_s())
        try:
            count = self._stream.readinto(buffer)
        except TimeoutError:
            self._exchange.wait_s()  # where it was the whole time that has passed, that is what to say
            raise
        self._exchange.take(count or 0)
        return count

    def close(self) -> None:
        """Release the connection."""
        self._stream.close()
        super().close()


class _Request(request.Request):
    """A request, with the bounds of its exchange."""

    def __init__(self, url: str, exchange: _Exchange) -> None:
        super().__init__(url)
        self.exchange = exchange


class _HttpHandler(request.AbstractHTTPHandler):
    """Opens connections that are bound by the exchange of their request."""

    http_request = https_request = request.AbstractHTTPHandler.do_request_

    def http_open(self, req: request.Request) -> HTTPResponse:
        """Open an HTTP connection."""
        return self.do_open(partial(_connection, HTTPConnection, req), req)

    def https_open(self, req: request.Request) -> HTTPResponse:
        """Open an HTTPS connection."""
        return self.do_open(partial(_connection, partial(HTTPSConnection, context=_tls()), req), req)


class _RedirectHandler(request.HTTPRedirectHandler):
    """Follows redirects within the bounds of one exchange, and reads nothing of their bodies."""

    def redirect_request(
        self, req: request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> request.Request | None:
        """Return the request to follow."""
        new = super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]  # an `HTTPMessage` is one
        return None if new is None else _Request(new.full_url, _exchange(req))

    def http_error_302(self, req: request.Request, fp: IO[bytes], code: int, msg: str, headers: Any) -> Any:
        """Follow one redirect; the handler's own would read the body to its end."""
        fp.close()
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _exchange(req: request.Request) -> _Exchange:
    assert isinstance(req, _Request)
    return req.exchange


def _connection(kind: Callable[..., HTTPConnection], req: request.Request, host: str, **given: Any) -> HTTPConnection:
    """Return an unopened connection whose ways in and out are the exchange's."""
    connection, exchange = kind(host, **given), _exchange(req)
    connection._create_connection = exchange.connect  # type: ignore[attr-defined]  # since Python 2.7, for such as us
    connection.response_class = exchange.response  # type: ignore[assignment]  # called like the class
    return connection


@cache
def _tls() -> ssl.SSLContext:
    """Return the settings of TLS, which take long to load."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _web_opener() -> request.OpenerDirector:
    """Return an opener for HTTP and HTTPS that, unlike the usual one, follows redirects to nothing else."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        _HttpHandler(),
        request.HTTPDefaultErrorHandler(),
        _RedirectHandler(),
        request.HTTPErrorProcessor(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", "sluice-audit")]
    return opener
