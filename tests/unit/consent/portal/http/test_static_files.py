"""The files of the pages: by name and never by path, kept as long as they are the same."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from consent.portal.http.static_files import asset, static_files, version
from tests.support.checkout import ROOT
from tests.support.portal import SaidGate, SaidRecord, portal_client, said_state


def client() -> TestClient:
    """Return a client of a portal before there are rules."""
    return portal_client(SaidGate(said_state()), SaidRecord(None))


def test_every_file_is_served_as_it_lies_in_the_folder() -> None:
    """Byte for byte, and under its own media type."""
    folder = ROOT / "consent" / "portal" / "static"
    assert {path.name for path in folder.iterdir()} == set(static_files())
    for name, file in static_files().items():
        answer = client().get(f"/static/{name}")
        assert answer.status_code == 200
        assert answer.content == (folder / name).read_bytes()
        assert answer.headers["content-type"] == file.media


@pytest.mark.parametrize(
    "path",
    ["..%2fapp.py", "..%2f..%2fpages%2fhome.py", "%2e%2e/app.py", "", ".", "%00", "sluice.css%00", "SLUICE.CSS", "a/b", "%ff"],
)
def test_nothing_else_of_the_portal_is_served(path: str) -> None:
    """A name that is no file's is no address, whatever it would mean to a file system."""
    answer = client().get(f"/static/{path}")
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_browser_keeps_a_file_for_ever_under_its_version_only() -> None:
    """An update has another version, and so other addresses; without one the browser asks whether it is still the same."""
    assert asset("sluice.css") == f"/static/sluice.css?v={version()}"
    with pytest.raises(KeyError):
        asset("nothing.css")
    kept = client().get(asset("sluice.css"))
    assert "immutable" in kept.headers["cache-control"]
    for address in ("/static/sluice.css", "/static/sluice.css?v=000000000000"):
        asked = client().get(address)
        assert asked.headers["cache-control"] == "no-cache"
        again = client().get(address, headers={"if-none-match": asked.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client().get(address, headers={"if-none-match": 'W/"other"'}).status_code == 200


def test_worker_may_stand_before_all_pages() -> None:
    """A browser takes its scope from this header: its own address is that of a file."""
    assert client().get("/static/sw.js").headers["service-worker-allowed"] == "/"
    assert "service-worker-allowed" not in client().get("/static/offline.js").headers


def test_worker_keeps_the_offline_page_and_no_other() -> None:
    """What it names to be kept is that page, in each language, and what it is drawn with."""
    text = static_files()["sw.js"].body.decode()
    assert "cache.put" not in text
    assert "cache.add(" not in text
    assert text.count("addAll(") == 1
    assert "/offline?lang=" in text


def test_no_file_holds_what_merging_leaves_behind() -> None:
    """A browser passes over such a line, and the rule behind it, without a word."""
    for name, file in static_files().items():
        if not name.endswith(".woff2"):
            assert not [line for line in file.body.decode().splitlines() if line.startswith(("<<<<<<<", "=======", ">>>>>>>"))], (
                name
            )


def test_every_class_of_the_style_is_on_some_page() -> None:
    """A rule for a class that nothing has is paid for by every visitor's browser."""
    rules = "".join(static_files()[name].body.decode() for name in ("sluice.css", "sign.css"))
    selectors = re.sub(r"/\*.*?\*/|\{[^{}]*\}", " ", rules, flags=re.DOTALL)
    classes = set(re.findall(r"\.([a-zA-Z][\w-]*)", selectors))
    sources = [
        file.read_text("utf-8") for ending in ("py", "html", "js") for file in (ROOT / "consent/portal").rglob(f"*.{ending}")
    ]
    literals = re.findall(r"""["'`]([\w {}.-]+)["'`]""", "\n".join(sources))
    named = {word for one in literals for word in re.findall(r"[\w-]+", one)}
    assert len(classes) > 50
    assert classes - named == set()
