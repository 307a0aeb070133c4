"""Public keys: each algorithm's own signature is taken, in one spelling of the key, and no weak or other key."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest

from consent.core.passkeys.keys import ALGORITHMS, LONGEST_SIGNATURE, check_signature, read_public_key
from consent.errors import PasskeyError
from tests.support.virtual_passkey import VirtualPasskey


def test_own_signature_is_taken_and_no_other(passkey: VirtualPasskey) -> None:
    """Over the very message."""
    signature = passkey.sign(b"message")
    check_signature(passkey.public_key, signature, b"message")
    for other, message in ((signature, b"massage"), (signature[:-1], b"message"), (b"", b"message")):
        with pytest.raises(PasskeyError, match="has not signed"):
            check_signature(passkey.public_key, other, message)
    with pytest.raises(PasskeyError, match="has not signed"):
        check_signature(passkey.public_key, bytes(LONGEST_SIGNATURE + 1), b"message")


def test_algorithms_that_are_asked_for_are_those_that_are_read(passkey: VirtualPasskey) -> None:
    """A browser that offers one of them must not be refused afterwards."""
    assert cbor2.loads(passkey.public_key)[3] in ALGORITHMS


def test_key_has_one_spelling(passkey: VirtualPasskey) -> None:
    """Its hash names it in the log: another spelling would be another name of the same key."""
    parts = cbor2.loads(passkey.public_key)
    other = cbor2.dumps(dict(reversed(list(parts.items()))))
    assert other != passkey.public_key
    with pytest.raises(PasskeyError):
        read_public_key(other)


@pytest.mark.parametrize(
    "changed", [{1: 4}, {3: -35}, {-1: 2}, {-2: b"x"}, {-2: bytes(32)}, {-3: 5}, {-4: b"private"}, {"kid": b"x"}, {3: True}]
)
def test_other_key_is_refused(es256: VirtualPasskey, changed: dict[Any, Any]) -> None:
    """Of another kind, algorithm or curve, no point of the curve, or with more than a public key has."""
    with pytest.raises(PasskeyError):
        read_public_key(cbor2.dumps({**cbor2.loads(es256.public_key), **changed}, canonical=True))


@pytest.mark.parametrize("data", [b"", b"\xa0", b"\x80", b"\xff", bytes(2000)])
def test_what_is_no_key_is_refused(data: bytes) -> None:
    """In one line, whatever came."""
    with pytest.raises(PasskeyError) as refused:
        read_public_key(data)
    assert "\n" not in str(refused.value)
