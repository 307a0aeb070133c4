"""Gzip: messages come out as they went in, and nobody can make the gateway unpack more than the bounds."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.profile import Codec, Compression
from gateway.core.codecs.gzipped import MOST_BYTES, MOST_RATIO, decompress
from gateway.core.model import MALFORMED, TOO_LARGE, Observation, Reading, Reject
from tests.support.profiles import decoder, make_profile

PACKED = gzip.compress(b'{"t":3.5}')
READING = Reading(None, None, False, [Observation("temperature", 7, 3.5)])
PROFILE = replace(make_profile(Codec.JSON, {"temperature": "t"}), compression=Compression.GZIP)


def test_gzip_around_a_message_is_told_by_its_bytes() -> None:
    """Of one profile, compressed and plain messages give the same; without the key in the profile gzip is no JSON."""
    decode = decoder(PROFILE)
    assert decode(PACKED, 7) == decode(b'{"t":3.5}', 7) == READING
    assert decoder(make_profile(Codec.JSON, {"temperature": "t"}))(PACKED, 7) is MALFORMED


@given(st.binary(max_size=2000), st.integers(0, 9), st.integers(1, 8))
def test_gzip_gives_back_what_was_compressed(content: bytes, level: int, members: int) -> None:
    """At every level, in one member or several."""
    step = -(-len(content) // members) or 1
    parts = [content[at : at + step] for at in range(0, len(content), step)] or [b""]
    packed = b"".join(gzip.compress(part, level) for part in parts)
    assert decompress(packed) == content if len(content) <= len(packed) * MOST_RATIO else decompress(packed) is TOO_LARGE


@pytest.mark.parametrize(
    ("payload", "outcome"),
    [
        (PACKED + b"\0\0\0", b'{"t":3.5}'),
        (PACKED + b"\r\n", b'{"t":3.5}'),
        (PACKED + b"x", MALFORMED),
        (PACKED + b"\x1f\x8b", MALFORMED),
        (PACKED[:-1], MALFORMED),
        (PACKED[:12], MALFORMED),
        (PACKED[:2], MALFORMED),
        (PACKED[:-8] + b"\0" * 8, MALFORMED),
        (PACKED * 9, MALFORMED),
        (zlib.compress(b"{}"), MALFORMED),
    ],
    ids=["zeros", "line end", "junk", "half a member", "cut", "cut early", "magic alone", "checksum", "nine members", "zlib"],
)
def test_gzip_that_is_cut_off_or_followed_by_junk_is_malformed(payload: bytes, outcome: bytes | Reject) -> None:
    """Padding aside; also where many small members would cost more than they hold."""
    assert decompress(payload) == outcome


@pytest.mark.parametrize("content", [b"\0" * 10_000_000, b"\0" * (MOST_BYTES + 1), b" " * 20_000], ids=["bomb", "over", "ratio"])
def test_gzip_bomb_is_too_large_before_it_is_unpacked(content: bytes) -> None:
    """Bounded in bytes and in proportion, whichever is less; also behind an innocent first member."""
    bomb = gzip.compress(content)
    assert decompress(bomb) is TOO_LARGE
    assert decompress(gzip.compress(b"{}") + bomb) is TOO_LARGE
    assert decoder(PROFILE)(bomb, 7) is TOO_LARGE


@given(st.binary(max_size=100))
def test_any_bytes_after_the_magic_are_content_or_a_reason(rest: bytes) -> None:
    """Never an exception."""
    assert isinstance(decompress(b"\x1f\x8b" + rest), bytes | Reject)
    assert isinstance(decompress(PACKED[:10] + rest), bytes | Reject)
