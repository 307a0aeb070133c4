"""What is sent as gzip, and that it is what was meant."""

from __future__ import annotations

import gzip

import pytest

from consent.portal.http.compression import packed, takes_gzip
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.portal import SaidGate, SaidRecord, portal_client, said_head, said_state


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("br, GZIP", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("identity", False),
        ("", False),
        ("x-gzip-not", False),
        (",,;;", False),
    ],
)
def test_gzip_is_sent_only_to_who_takes_it(accepted: str, taken: bool) -> None:
    """As RFC 9110 has it."""
    assert takes_gzip(accepted) is taken


@pytest.mark.parametrize("path", ["/", "/register.json", "/openapi.json", "/static/sluice.css", "/nowhere"])
def test_text_is_compressed_and_is_the_same_text(path: str) -> None:
    """And a cache is told that there are two forms of it."""
    client = portal_client(SaidGate(said_state()), SaidRecord(load_policies(ROOT / "policies"), said_head()))
    plain = client.get(path, headers={"accept-encoding": "identity"})
    small = client.get(path, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert small.content == plain.content
    assert int(small.headers["content-length"]) < int(plain.headers["content-length"])
    assert "Accept-Encoding" in plain.headers["vary"]
    assert "Accept-Encoding" in small.headers["vary"]


def test_head_of_a_page_has_no_body_and_font_and_short_answers_stay_as_they_are() -> None:
    """What gains nothing by it is left alone."""
    client = portal_client(SaidGate(said_state()), SaidRecord(load_policies(ROOT / "policies"), said_head()))
    assert client.head("/").content == b""
    for path in ("/static/public-sans.woff2", "/.well-known/gpc.json", "/robots.txt"):
        assert "content-encoding" not in client.get(path, headers={"accept-encoding": "gzip"}).headers


def test_stream_tells_no_time() -> None:
    """The same text is the same bytes at any time."""
    assert packed(b"a" * 2000)[4:8] == bytes(4)
    assert gzip.decompress(packed(b"text")) == b"text"
