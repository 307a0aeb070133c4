"""Authenticator data: what a passkey states of the site, the person and itself, as bytes of section 6.1."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from consent.core.canonical import CborError, decode_first
from consent.core.passkeys.relying_party import RelyingParty
from consent.errors import PasskeyError

LONGEST_AUTHENTICATOR_DATA: Final = 4096
CREDENTIAL_BYTES: Final = range(16, 1024)
"""How long a credential's id may be."""

_FIXED: Final = 37  # hash of the id 32, flags 1, counter 4
_AAGUID: Final = 16
_PRESENT, _VERIFIED, _BACKUP_ELIGIBLE, _BACKED_UP, _NEW_KEY, _EXTENSIONS = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80


@dataclass(frozen=True, slots=True)
class AuthenticatorData:
    """What an authenticator states.

    Attributes:
        sign_count: Its signature counter; 0 where it has none.
        credential: The id of a passkey that was made now; empty in an assertion.
        public_key: Its public key as it came, not looked at; empty in an assertion.
    """

    sign_count: int
    credential: bytes = b""
    public_key: bytes = b""


def read_authenticator_data(data: bytes, site: RelyingParty, *, is_new: bool) -> AuthenticatorData:
    """Return what an authenticator states for this site, with the person present and verified.

    Args:
        is_new: Whether a passkey was made, rather than asked.
    Raises: PasskeyError: it is for another site, without the person, or not of this form to its last byte.
    """
    if not _FIXED <= len(data) <= LONGEST_AUTHENTICATOR_DATA:
        raise PasskeyError("the authenticator data are truncated, or too long")
    if not hmac.compare_digest(data[:32], site.id_sha256):
        raise PasskeyError("the passkey is for another site")
    flags = data[32]
    if not flags & _PRESENT or not flags & _VERIFIED:
        raise PasskeyError("the passkey did not ask who is there")
    if flags & _BACKED_UP and not flags & _BACKUP_ELIGIBLE:
        raise PasskeyError("the authenticator data contradict themselves")
    if bool(flags & _NEW_KEY) is not is_new:
        raise PasskeyError(
            "the authenticator data hold no new passkey" if is_new else "the authenticator data hold a new passkey"
        )
    sign_count = int.from_bytes(data[33:_FIXED])
    credential, public_key, rest = _new_key(data[_FIXED:]) if is_new else (b"", b"", data[_FIXED:])
    _check_extensions(rest, bool(flags & _EXTENSIONS))
    return AuthenticatorData(sign_count, credential, public_key)


def _new_key(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the id and public key of the attested credential data (6.5.1), and what follows them."""
    start = _AAGUID + 2
    end = start + int.from_bytes(data[_AAGUID:start])
    credential = data[start:end]
    if len(data) <= end or len(credential) not in CREDENTIAL_BYTES:
        raise PasskeyError("the id of the passkey is truncated, too short or too long")
    try:
        _, length = decode_first(data[end:])
    except CborError as error:
        raise PasskeyError("the public key is malformed") from error
    return credential, data[end : end + length], data[end + length :]


def _check_extensions(data: bytes, are_there: bool) -> None:
    """Check that what is left is one map of extensions where the flags say so, whose content does not matter, else nothing."""
    try:
        value, length = decode_first(data) if are_there else ({}, 0)
    except CborError as error:
        raise PasskeyError("the extensions of the authenticator data are malformed") from error
    if not isinstance(value, dict) or length != len(data):
        raise PasskeyError("the authenticator data do not end where they should")
