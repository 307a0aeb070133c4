"""The files in `static/`: style, font, drawings and scripts, read once and kept compressed; a name is looked up, never a path.

`/static/sluice.css?v=<version>` may be kept for ever, since the version is the hash of all files; without it, a browser asks
whether what it has is still the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from consent.portal.http.compression import packed, takes_gzip

STATIC: Final = "/static"
_MEDIA: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"
_A_DAY: Final = "public, max-age=86400"
_BEST: Final = 9


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent.

    Attributes:
        compressed: As gzip; None where that is no shorter.
        tag: Its entity tag (RFC 9110, 8.8.3).
    """

    body: bytes
    compressed: bytes | None
    media: str
    tag: str


@cache
def static_files() -> dict[str, StaticFile]:
    """Return every file by its name."""
    found = {}
    for file in (files("consent.portal") / "static").iterdir():
        media = _MEDIA.get("." + file.name.rpartition(".")[2])
        if media is not None and not file.name.startswith("."):
            body = file.read_bytes()
            compressed = packed(body, _BEST)
            tag = f'W/"{sha256(body).hexdigest()[:16]}"'
            found[file.name] = StaticFile(body, compressed if len(compressed) < len(body) else None, media, tag)
    return found


@cache
def version() -> str:
    """Return a name for the files as they are now."""
    return sha256("".join(name + file.tag for name, file in sorted(static_files().items())).encode()).hexdigest()[:12]


def asset(name: str) -> str:
    """Return the address of a file, under which a browser may keep it for ever.

    Raises: KeyError: there is none.
    """
    if name not in static_files():
        raise KeyError(name)
    return f"{STATIC}/{name}?v={version()}"


def serve_static(request: Request) -> Response | None:
    """Return the file that a request names; None where there is none."""
    name = request.path_params["name"]
    file = static_files().get(name)
    if file is None:
        return None
    kept = _FOR_EVER if request.query_params.get("v") == version() else _A_DAY if name.endswith(".woff2") else _ASK_AGAIN
    headers = {"cache-control": kept, "etag": file.tag, "vary": "Accept-Encoding"}
    if name == "sw.js":
        headers["service-worker-allowed"] = "/"
    if file.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return _whole(file, headers, request.headers)


def _whole(file: StaticFile, headers: dict[str, str], asked: Headers) -> Response:
    if file.compressed is not None and takes_gzip(asked.get("accept-encoding", "")):
        return Response(file.compressed, headers={**headers, "content-encoding": "gzip"}, media_type=file.media)
    return Response(file.body, headers=headers, media_type=file.media)
