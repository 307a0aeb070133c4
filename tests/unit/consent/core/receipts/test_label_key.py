"""A label key has one written form, and that of earlier receipts is still read."""

from __future__ import annotations

import pytest

from consent.core.receipts.label_key import read_label_key, write_label_key
from consent.core.receipts.terms import base64url
from consent.errors import RecordError

KEYS = (bytes(32), bytes(range(32)), b"\xff" * 32)


@pytest.mark.parametrize("key", KEYS)
def test_key_comes_back_from_either_form(key: bytes) -> None:
    """Typed in capitals too."""
    assert write_label_key(key) == key.hex()
    for text in (write_label_key(key), key.hex().upper(), base64url(key)):
        assert read_label_key(text) == key


@pytest.mark.parametrize(
    "text", ["", "0" * 63, "0" * 65, "g" * 64, base64url(KEYS[1]) + "=", base64url(KEYS[1])[:-1] + "9", "\u0660" * 64]
)
def test_text_that_is_nearly_a_key_is_none(text: str) -> None:
    """And the error does not repeat it."""
    with pytest.raises(RecordError) as caught:
        read_label_key(text)
    assert str(caught.value) == "no label key, which is 64 hexadecimal digits"
