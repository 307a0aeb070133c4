"""A passkey's public key verifies its own signatures, and no others."""

from __future__ import annotations

import cbor2
import pytest

from consent.core.passkeys.keys import ALGORITHMS, LONGEST_PUBLIC_KEY, LONGEST_SIGNATURE, check_signature, read_public_key
from consent.errors import PasskeyError
from tests.support.passkey_site import MADE
from tests.support.virtual_passkey import VirtualPasskey


def test_signature_is_checked_over_its_message(passkey: VirtualPasskey) -> None:
    """Any other message, and any other signature, is refused."""
    signature = passkey.sign(b"what was said")
    check_signature(passkey.public_key, signature, b"what was said")
    for other in (b"", bytes(64), signature[:-1], signature + b"\0", bytes(LONGEST_SIGNATURE + 1)):
        with pytest.raises(PasskeyError, match="has not signed"):
            check_signature(passkey.public_key, other, b"what was said")
    with pytest.raises(PasskeyError, match="has not signed"):
        check_signature(passkey.public_key, signature, b"what was not said")


def test_key_of_another_signs_nothing_for_this_one() -> None:
    """Between algorithms too."""
    for name, passkey in MADE.items():
        others = [other for other_name, other in MADE.items() if other_name != name]
        for other in others:
            with pytest.raises(PasskeyError):
                check_signature(passkey.public_key, other.sign(b"said"), b"said")


def test_algorithms_asked_for_are_those_that_are_read(passkey: VirtualPasskey) -> None:
    """Every passkey's own number is among them."""
    assert cbor2.loads(passkey.public_key)[3] in ALGORITHMS
    read_public_key(passkey.public_key)


def test_longer_key_is_not_read() -> None:
    """Before it is parsed."""
    with pytest.raises(PasskeyError, match="too long"):
        read_public_key(bytes(LONGEST_PUBLIC_KEY + 1))
