"""The shipped configuration of a web server for the log: each file can be had, as what it is, and kept while it holds."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path

import pytest

from gateway.audit.log.reader import DESCRIPTION_NAME, LogReader
from gateway.audit.log.remote import RemoteSource
from gateway.audit.log.tiles import entries_path, labels_path, policies_path, tile_path
from gateway.audit.verify.trust import Anchors
from gateway.audit.verify.verify import Verification
from tests.support.checkout import ROOT
from tests.support.log import SIGNER, sample
from tests.support.ports import free_port
from tests.support.waiting import HANG_S

SHIPPED = ROOT / "deploy" / "nginx-log.conf"
FIXED = (tile_path(0, 0), tile_path(1, 3, 7), entries_path(1234), entries_path(0, 5), labels_path(12), policies_path(bytes(32)))
FULL_TILE = tile_path(7, 0)
"""Of a far larger log, so that nobody else looks at it."""
REPLACED = ("checkpoint", "log.vkey", DESCRIPTION_NAME)


def test_shipped_cache_rule_keeps_what_never_changes_and_nothing_else() -> None:
    """A checkpoint that a cache holds on to looks like a rollback."""
    (rule,) = re.findall(r"~(\S+)\s+\"public, max-age=31536000, immutable\"", SHIPPED.read_text())
    assert all(re.search(rule, f"/{path}") for path in FIXED)
    assert not any(re.search(rule, f"/{path}") for path in REPLACED)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a log that nginx serves by the shipped configuration; only port and folder are others."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("nginx is not installed")
    log = sample(tmp_path).log
    log.write_description(b'{"format": "sluice-log/1"}\n')
    log.write_vkey(SIGNER.vkey())
    (log.path / "labels" / ".9.new").write_bytes(b"half")
    (log.path / FULL_TILE).parent.mkdir()
    (log.path / FULL_TILE).write_bytes(bytes(8192))
    port = free_port()
    site = SHIPPED.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{port}").replace("/srv/sluice-log", str(log.path))
    paths = "".join(f"{name}_temp_path {tmp_path}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    settings = tmp_path / "nginx.conf"
    settings.write_text(f"daemon off; user root; pid {tmp_path}/pid; error_log stderr;\nevents {{ }}\nhttp {{\n{paths}{site}}}\n")
    process = subprocess.Popen([program, "-p", tmp_path, "-c", settings], stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address)
        yield address
    finally:
        process.terminate()
        process.wait(HANG_S)


def _wait_for(address: str) -> None:
    deadline_s = time.monotonic() + HANG_S
    while time.monotonic() < deadline_s:
        with suppress(OSError):
            fetched(address, "checkpoint")
            return
        time.sleep(0.05)
    pytest.fail("nginx does not serve")


def fetched(address: str, path: str) -> tuple[int, HTTPMessage]:
    """Return status and headers of what the server has under a path."""
    with closing(HTTPConnection(address.removeprefix("http://"), timeout=HANG_S)) as connection:
        connection.request("GET", f"/{path}")
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers


def test_shipped_nginx_serves_a_log_that_verifies(served: str) -> None:
    """Whoever has only the address and the key finds nothing missing."""
    report = Verification(LogReader(RemoteSource(served)), Anchors(SIGNER.verifier)).run()
    assert report.exit_status == 0


@pytest.mark.parametrize(
    ("path", "kind", "cache"),
    [
        ("checkpoint", "text/plain; charset=utf-8", "no-cache"),
        (DESCRIPTION_NAME, "application/json", "no-cache"),
        ("log.vkey", "application/octet-stream", "no-cache"),
        (FULL_TILE, "application/octet-stream", "public, max-age=31536000, immutable"),
    ],
)
def test_shipped_nginx_says_what_a_file_is_and_for_how_long(served: str, path: str, kind: str, cache: str) -> None:
    """One header of each kind, also where a rule stands in a rule."""
    status, headers = fetched(served, path)
    assert status == 200
    assert headers.get_all("Content-Type") == [kind]
    assert headers.get_all("Cache-Control") == [cache]
    assert headers.get_all("Access-Control-Allow-Origin") == ["*"]


@pytest.mark.parametrize("path", ["labels/.9.new", "tile/0/999", "labels/", ""])
def test_shipped_nginx_gives_no_unfinished_file_and_no_list(served: str, path: str) -> None:
    """What is not there may come, so that no cache keeps the refusal."""
    status, headers = fetched(served, path)
    assert status in (403, 404)
    assert headers.get_all("Cache-Control") is None
