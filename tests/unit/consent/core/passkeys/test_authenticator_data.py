"""Authenticator data: of this site, with the person there and verified, and of their form to the last byte."""

from __future__ import annotations

from hashlib import sha256

import cbor2
import pytest

from consent.core.passkeys.authenticator_data import AuthenticatorData, read_authenticator_data
from consent.errors import PasskeyError
from tests.support.passkey_site import SITE
from tests.support.virtual_passkey import AT, BE, BS, UP, UV

ED = 0x80
KEY = cbor2.dumps({1: 2})
NEW = bytes(16) + (16).to_bytes(2) + b"c" * 16 + KEY


def data(flags: int = UP | UV, more: bytes = b"", site_id: str = SITE.id) -> bytes:
    """Return what an authenticator states, with a counter of seven."""
    return sha256(site_id.encode()).digest() + bytes([flags]) + (7).to_bytes(4) + more


def test_answer_states_its_counter() -> None:
    """A copy of a passkey is found by it."""
    assert read_authenticator_data(data(), SITE, is_new=False) == AuthenticatorData(7)
    assert read_authenticator_data(data(UP | UV | BE | BS), SITE, is_new=False).sign_count == 7


def test_new_passkey_states_its_id_and_key() -> None:
    """The key is handed on as it came: its hash is its name."""
    assert read_authenticator_data(data(UP | UV | AT, NEW), SITE, is_new=True) == AuthenticatorData(7, b"c" * 16, KEY)


def test_extensions_end_where_they_should() -> None:
    """One map of them may stand at the end, where the flags say so."""
    more = cbor2.dumps({"appid": False})
    assert read_authenticator_data(data(UP | UV | ED, more), SITE, is_new=False).sign_count == 7
    for flags, rest in ((UP | UV, more), (UP | UV | ED, b""), (UP | UV | ED, more + b"\0"), (UP | UV | ED, cbor2.dumps([1]))):
        with pytest.raises(PasskeyError):
            read_authenticator_data(data(flags, rest), SITE, is_new=False)


@pytest.mark.parametrize("flags", [0, UP, UV, UP | UV | BS])
def test_person_has_to_be_there_and_verified(flags: int) -> None:
    """And a passkey that cannot be backed up is not backed up."""
    with pytest.raises(PasskeyError):
        read_authenticator_data(data(flags), SITE, is_new=False)


def test_data_for_another_site_or_ceremony_are_refused() -> None:
    """An answer holds no new key, and a new passkey holds one."""
    with pytest.raises(PasskeyError, match="another site"):
        read_authenticator_data(data(site_id="other.example"), SITE, is_new=False)
    with pytest.raises(PasskeyError, match="no new passkey"):
        read_authenticator_data(data(), SITE, is_new=True)
    with pytest.raises(PasskeyError, match="hold a new passkey"):
        read_authenticator_data(data(UP | UV | AT, NEW), SITE, is_new=False)


def test_truncated_data_are_refused() -> None:
    """At whatever byte they end."""
    whole = data(UP | UV | AT, NEW)
    for length in range(len(whole)):
        with pytest.raises(PasskeyError):
            read_authenticator_data(whole[:length], SITE, is_new=True)
