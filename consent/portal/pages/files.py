"""`/log/…`, the public log as it lies in its folder, and the few files that programs look for at fixed addresses.

Of the folder exactly the files of the log's format are served, each opened from the folder down without following a link. Whoever
checks a whole log takes it from a plain web server (`deploy/nginx-log.conf`) as well: what it holds proves itself.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from consent.portal.answers import BYTES, JSON, PLAIN, Answer, Content, LargeContent, NoSuchPage, Parameter, Route
from consent.portal.site import Site
from consent.portal.visit import Visit
from gateway.audit.log.handover import KEYS_NAME
from gateway.audit.log.paths import LabelsFile, PoliciesFile, TileFile, parse_path
from gateway.audit.log.reader import (
    CHECKPOINT_NAME,
    DESCRIPTION_NAME,
    LONGEST_BUNDLE_BYTES,
    LONGEST_KEYS_BYTES,
    LONGEST_LABELS_BYTES,
    LONGEST_NOTE_BYTES,
    LONGEST_POLICIES_BYTES,
    VKEY_NAME,
)

FOR_ALL: Final = {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin"}
"""Public data: an auditor's page elsewhere may read it."""
_FOR_EVER: Final = {"cache-control": "public, max-age=31536000, immutable"}
_REPLACED: Final = {CHECKPOINT_NAME: PLAIN, VKEY_NAME: PLAIN, KEYS_NAME: PLAIN, DESCRIPTION_NAME: JSON}
"""The files that change, and what they are."""
_A_DAY_S: Final = 86_400
_HOLDS_DAYS: Final = 180
_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.EACCES, errno.ENAMETOOLONG})


class LogFileAbsentError(Exception):
    """The log's folder has no such file, or none that is to be served."""


async def log_file(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with a file of the log."""
    path = parameters["file"]
    if path in _REPLACED:
        longest = LONGEST_KEYS_BYTES if path == KEYS_NAME else LONGEST_NOTE_BYTES
        return Content(await _read(site, path, longest), _REPLACED[path], headers=FOR_ALL)
    bound = longest_bytes(path)
    if bound is None:
        raise NoSuchPage

    async def file() -> Content:
        return Content(await _read(site, path, bound), BYTES, headers={**FOR_ALL, **_FOR_EVER})

    return await file() if path.startswith("tile/") else LargeContent(file)  # a tile is some kilobytes, whatever it may be


def longest_bytes(path: str) -> int | None:
    """Return how long a file of the log with this path may be; None for a path that none has."""
    match parse_path(path):
        case TileFile():
            return LONGEST_BUNDLE_BYTES
        case LabelsFile():
            return LONGEST_LABELS_BYTES
        case PoliciesFile():
            return LONGEST_POLICIES_BYTES
    return None


async def _read(site: Site, path: str, longest_bytes: int) -> bytes:
    try:
        return await asyncio.to_thread(read_below, Path(site.config.log_folder), path, longest_bytes)
    except LogFileAbsentError as error:
        raise NoSuchPage from error


def read_below(folder: Path, path: str, longest_bytes: int) -> bytes:
    """Return a regular file below a folder, no link among its names; blocking.

    Raises: LogFileAbsentError: there is none, or it is longer. OSError: the disk failed.
    """
    opened: list[int] = []
    try:
        opened.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        *folders, name = path.split("/")
        for each in folders:
            opened.append(os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=opened[-1]))
        opened.append(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=opened[-1]))
        found = os.fstat(opened[-1])
        if not stat.S_ISREG(found.st_mode) or found.st_size > longest_bytes:
            raise LogFileAbsentError
        with os.fdopen(opened.pop(), "rb") as file:
            data = file.read(longest_bytes + 1)
    except OSError as error:
        if error.errno in _ABSENT:
            raise LogFileAbsentError from error
        raise
    finally:
        for each_open in opened:
            os.close(each_open)
    if len(data) > longest_bytes:
        raise LogFileAbsentError
    return data


async def description(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with what the log says of itself, where anyone looks for it first."""
    return Content(await _read(site, DESCRIPTION_NAME, LONGEST_NOTE_BYTES), JSON, headers=FOR_ALL)


class GpcSupport(msgspec.Struct, frozen=True, rename="camel"):
    """Whether Global Privacy Control is respected. Source: W3C Global Privacy Control, section 4.

    Attributes:
        gpc: It is: nobody who sends it is asked for anything.
        last_update: Since when this is said.
    """

    gpc: bool
    last_update: str


async def gpc(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer that Global Privacy Control is respected."""
    return Content(msgspec.json.encode(GpcSupport(gpc=True, last_update="2026-11-29")), JSON, keep_s=_A_DAY_S, headers=FOR_ALL)


async def security(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer whom to tell of a weakness (RFC 9116); there is no such file while nobody is named."""
    contact = site.config.security_contact
    policies = site.record.policies
    if not contact and policies is not None:
        officer = policies.city.data_protection_officer
        contact = officer if ":" in officer else f"mailto:{officer}"
    if not contact:
        raise NoSuchPage
    today = datetime.fromtimestamp(site.now_ms() / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [f"Contact: {contact}", f"Expires: {today + timedelta(days=_HOLDS_DAYS):%Y-%m-%dT%H:%M:%SZ}"]
    if policies is not None:
        lines.append(f"Preferred-Languages: {', '.join(policies.city.languages)}")
    if site.config.address:
        lines.append(f"Canonical: {site.config.address}/.well-known/security.txt")
    return Content("".join(f"{' '.join(line.split())}\n" for line in lines).encode(), PLAIN, keep_s=_A_DAY_S)


async def robots(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer what search engines may read: all pages; the log's files say nothing to them."""
    return Content(b"User-agent: *\nDisallow: /log/\n", PLAIN, keep_s=_A_DAY_S)


LOG_FILE: Final = Parameter(
    "file",
    r"(checkpoint|log\.(?:vkey|keys)|\.well-known/sluice\.json|tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/(x[0-9]{3}/){0,6}[0-9]{3}"
    r"(\.p/[1-9][0-9]{0,2})?|labels/(0|[1-9][0-9]{0,18})|policies/[0-9a-f]{64})",
    "checkpoint",
)
ROUTES = (
    Route("/log/{file:path}", log_file, "A file of the public log, as docs/log-format.md says", BYTES, (LOG_FILE,)),
    Route("/.well-known/sluice.json", description, "What the log says of itself", JSON),
    Route("/.well-known/gpc.json", gpc, "That Global Privacy Control is respected", JSON, says=GpcSupport),
    Route("/.well-known/security.txt", security, "Whom to tell of a weakness (RFC 9116)", PLAIN),
    Route("/robots.txt", robots, "What search engines may read", PLAIN),
)
