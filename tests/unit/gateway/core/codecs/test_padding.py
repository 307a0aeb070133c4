"""What firmware writes around a message costs nothing, and what stands in it stays."""

from __future__ import annotations

import pytest

from gateway.core.codecs.padding import without_padding


@pytest.mark.parametrize(
    "payload", [b"7 a", b"\xef\xbb\xbf7 a", b"7 a\0\0", b"7 a\r\n", b"\t 7 a \n\0", b"\xef\xbb\xbf\n7 a\r\n\0"]
)
def test_padding_costs_nothing(payload: bytes) -> None:
    """Before and after, in any order behind the mark."""
    assert without_padding(payload) == b"7 a"


def test_nothing_but_padding_is_an_empty_message() -> None:
    """As firmware sends where a sensor is absent."""
    assert without_padding(b"\xef\xbb\xbf\0\r\n") == b""
