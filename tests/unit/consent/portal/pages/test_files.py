"""The log's files as they are served: exactly those of its format, and nothing else that a folder may hold."""

from __future__ import annotations

import asyncio
import os
from collections.abc import MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from consent.portal.app import LARGE_AT_ONCE, make_app
from consent.portal.pages.files import LogFileAbsentError, longest_bytes, read_below
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.portal import SaidGate, SaidRecord, said_head, said_site, said_state
from tests.support.waiting import HANG_S

FILES = {
    "checkpoint": "text/plain; charset=utf-8",
    "log.vkey": "text/plain; charset=utf-8",
    "log.keys": "text/plain; charset=utf-8",
    ".well-known/sluice.json": "application/json",
    "tile/0/000": "application/octet-stream",
    "tile/0/x001/234.p/17": "application/octet-stream",
    "tile/entries/000.p/255": "application/octet-stream",
    "labels/0": "application/octet-stream",
    "labels/1234567": "application/octet-stream",
    f"policies/{'ab' * 32}": "application/octet-stream",
}


@pytest.fixture(name="folder")
def folder_with_a_log(tmp_path: Path) -> Path:
    """Return a folder with a file for each form, and with what else may lie there."""
    for path in [*FILES, ".checkpoint.tmp", "tile/0/.000", "openings/7", "state.db", "tile/0/001~", ".git/config"]:
        target = tmp_path / "log" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.encode())
    (tmp_path / "secret").write_bytes(b"secret")
    return tmp_path / "log"


def client(folder: Path) -> TestClient:
    """Return a client of a portal over the folder."""
    record = SaidRecord(load_policies(ROOT / "policies"), said_head())
    return TestClient(make_app(said_site(SaidGate(said_state(), away=True), record, str(folder))), raise_server_exceptions=False)


@pytest.mark.parametrize("path", FILES)
def test_file_of_the_log_is_served_while_the_gate_is_away(folder: Path, path: str) -> None:
    """As it lies there; what never changes may be kept for ever, and anyone's page may read it."""
    answer = client(folder).get(f"/log/{path}")
    assert (answer.status_code, answer.content) == (200, path.encode())
    assert answer.headers["content-type"] == FILES[path]
    assert ("immutable" in answer.headers["cache-control"]) == (FILES[path] == "application/octet-stream")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".checkpoint.tmp",
        "tile/0/.000",
        "openings/7",
        "state.db",
        "tile/0/001~",
        ".git/config",
        "..%2fsecret",
        "%2e%2e/secret",
        "tile/%2e%2e/checkpoint",
        "tile/0/000/",
        "tile/0",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/64/000",
        "tile/0/x000/000",
        "labels/00",
        "labels/-1",
        "labels/0%00",
        "labels/0%0a",
        f"policies/{'AB' * 32}",
        f"policies/{'ab' * 32}.toml",
        "checkpoint%00",
        "CHECKPOINT",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "checkpoint/",
        "tile/0/٠٠٠",
        ".well-known/gpc.json",
    ],
)
def test_nothing_else_is_served(folder: Path, path: str) -> None:
    """Unfinished files, other files, other spellings, and ways out of the folder."""
    answer = client(folder).get(f"/log/{path}")
    assert answer.status_code == 404
    assert b"secret" not in answer.content
    assert "access-control-allow-origin" not in answer.headers


def test_absent_file_is_not_kept_as_absent(folder: Path) -> None:
    """It may be there soon."""
    answer = client(folder).get("/log/tile/0/001")
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-cache")
    assert answer.json() == {"title": "Not Found", "status": 404}


def test_link_leads_nowhere(folder: Path) -> None:
    """Neither a file nor a folder that is one, wherever it points."""
    (folder / "labels" / "8").symlink_to("../../secret")
    (folder / "labels" / "9").symlink_to("0")
    (folder / "tile" / "1").symlink_to(folder / "tile" / "0")
    served = client(folder)
    assert [served.get(f"/log/{path}").status_code for path in ("labels/8", "labels/9", "tile/1/000")] == [404] * 3


def test_what_is_no_regular_file_holds_nobody_up(folder: Path) -> None:
    """A pipe without a writer, a folder."""
    os.mkfifo(folder / "labels" / "5")
    (folder / "labels" / "6").mkdir()
    served = client(folder)
    assert [served.get(f"/log/labels/{n}").status_code for n in (5, 6)] == [404] * 2


def test_file_beyond_its_greatest_length_is_none(folder: Path) -> None:
    """What cannot be a file of the log fills no memory."""
    with pytest.raises(LogFileAbsentError):
        read_below(folder, "checkpoint", 9)
    assert read_below(folder, "checkpoint", 10) == b"checkpoint"
    assert longest_bytes("tile/0/000") is not None
    assert longest_bytes("checkpoint.bak") is None


def test_folder_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    """The portal was started first."""
    assert client(tmp_path / "none").get("/log/checkpoint").status_code == 404
    assert client(tmp_path / "none").get("/.well-known/sluice.json").status_code == 404


def test_well_known_files_are_where_programs_look(folder: Path) -> None:
    """The log's description, Global Privacy Control, whom to tell of a weakness, what search engines may read."""
    served = client(folder)
    assert served.get("/.well-known/sluice.json").content == b".well-known/sluice.json"
    assert served.get("/.well-known/gpc.json").json() == {"gpc": True, "lastUpdate": "2026-11-29"}
    assert "Disallow: /log/" in served.get("/robots.txt").text
    lines = served.get("/.well-known/security.txt").text.splitlines()
    assert lines[0] == "Contact: mailto:privacy@ribera.example"
    assert lines[1].startswith("Expires: 2027-")
    assert lines[1].endswith("T00:00:00Z")


def test_security_file_is_absent_while_nobody_is_named(tmp_path: Path) -> None:
    """A file without a contact is none (RFC 9116, 2.5.3); and what is configured cannot add a line."""
    site = said_site(SaidGate(said_state()), SaidRecord(None), str(tmp_path))
    assert TestClient(make_app(site)).get("/.well-known/security.txt").status_code == 404
    config = msgspec.structs.replace(site.config, security_contact="mailto:a@b\nExpires: never", address="https://x.example")
    text = TestClient(make_app(replace(site, config=config))).get("/.well-known/security.txt").text
    assert text.count("\n") == 3
    assert text.endswith("Canonical: https://x.example/.well-known/security.txt\n")


async def test_readers_who_take_their_time_fill_no_memory_with_large_files(folder: Path) -> None:
    """So many label files are held at once and no more; the next is made when one has been read, and pages need not wait."""
    app = make_app(said_site(SaidGate(said_state()), SaidRecord(load_policies(ROOT / "policies"), said_head()), str(folder)))
    taken, full, waiting = asyncio.Event(), asyncio.Event(), list[str]()

    async def read(path: str, *, slowly: bool) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"host", b"portal")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "root_path": "",
        }

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                waiting.append(path)
                if len(waiting) == LARGE_AT_ONCE:
                    full.set()
                if slowly:
                    await taken.wait()

        await app(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]  # nothing more comes

    readers = [asyncio.create_task(read("/log/labels/0", slowly=True)) for _ in range(LARGE_AT_ONCE + 2)]
    await asyncio.wait_for(full.wait(), HANG_S)
    await asyncio.wait_for(read("/", slowly=False), HANG_S)
    assert waiting == ["/log/labels/0"] * LARGE_AT_ONCE + ["/"]
    taken.set()
    await asyncio.wait_for(asyncio.gather(*readers), HANG_S)
    assert len(waiting) == LARGE_AT_ONCE + 3
