"""A log on a web server, read as static files over HTTP (an edge: it speaks to the network, and its calls block).

The server is untrusted: every answer is bounded in length and time, redirects stay on HTTP, and nothing counts but the bytes
of the file.

Source: C2SP tlog-tiles.
"""

from __future__ import annotations

import time
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Final
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from gateway.audit.log.reader import FileError, FolderSource, Source

SILENCE_S: Final = 15.0
"""How long a server may say nothing."""
FILE_S: Final = 120.0
"""How long one file may take."""
_CHUNK_BYTES = 1 << 16
_SCHEMES = ("http", "https")
_ABSENT = (404, 410)


class RemoteSource:
    """A log below a URL.

    Args:
        url: Where `checkpoint` and `tile/` lie, `http` or `https`.
        silence_s: How long the server may send nothing.
        file_s: How long one file may take in all.

    Raises:
        ValueError: when the URL is not one of a web server.
    """

    def __init__(self, url: str, silence_s: float = SILENCE_S, file_s: float = FILE_S) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or not parts.netloc or parts.query or parts.fragment:
            raise ValueError(f"`{url}` is not the address of a log on a web server")
        self._base = url.rstrip("/")
        self._silence_s = silence_s
        self._file_s = file_s
        self._opener = _web_opener()

    def read(self, path: str, longest_bytes: int) -> bytes:
        """Return a file's bytes; see `Source`."""
        try:
            with self._opener.open(f"{self._base}/{path}", timeout=self._silence_s) as answer:
                return self._body(path, answer, longest_bytes)
        except HTTPError as error:
            error.close()
            raise FileError(path, "absent" if error.code in _ABSENT else f"the server answers `{error.code}`") from error
        except URLError as error:
            reason = getattr(error.reason, "strerror", None) or error.reason
            raise FileError(path, f"the server cannot be reached: {str(reason).lower()}") from error
        except TimeoutError as error:
            raise FileError(path, f"the server said nothing for `{self._silence_s:g}` s") from error
        except (OSError, HTTPException, ValueError) as error:
            raise FileError(path, "the server broke off") from error

    def names(self, path: str) -> list[str]:
        """Return nothing: a web server does not list."""
        return []

    def paths(self) -> None:
        """Return None: a web server does not list."""
        return

    def _body(self, path: str, answer: HTTPResponse, longest_bytes: int) -> bytes:
        """Read an answer to its end, within the bounds."""
        deadline = time.monotonic() + self._file_s
        expected = answer.headers.get("Content-Length")
        data = bytearray()
        while chunk := answer.read1(_CHUNK_BYTES):
            data += chunk
            if len(data) > longest_bytes:
                raise FileError(path, f"longer than `{longest_bytes}` bytes")
            if time.monotonic() > deadline:
                raise FileError(path, f"took longer than `{self._file_s:g}` s")
        if expected is not None and expected.isdecimal() and int(expected) != len(data):
            raise FileError(path, "the server broke off")
        return bytes(data)


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


def _web_opener() -> request.OpenerDirector:
    """Return an opener for HTTP and HTTPS that, unlike the usual one, follows redirects to nothing else."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPErrorProcessor(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", "sluice-audit")]
    return opener
