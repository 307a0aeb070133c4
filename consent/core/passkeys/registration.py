"""Registration: what an authenticator says of a passkey that it has made; what it attests about itself is not looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from consent.core.canonical import CborError, decode_first
from consent.core.passkeys.authenticator_data import read_authenticator_data
from consent.core.passkeys.client_data import check_client_data
from consent.core.passkeys.keys import read_public_key
from consent.core.passkeys.relying_party import RelyingParty
from consent.errors import PasskeyError

LONGEST_ATTESTATION: Final = 8192


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey that was made.

    Attributes:
        credential: Its id, 16 to 1023 bytes.
        public_key: COSE_Key, as it came; of ES256, EdDSA (Ed25519) or RS256.
        sign_count: Its signature counter; 0 where it has none.
    """

    credential: bytes
    public_key: bytes
    sign_count: int


def check_registration(client_data: bytes, attestation: bytes, challenge: bytes, site: RelyingParty) -> NewPasskey:
    """Return the passkey that a browser has made for a challenge (7.1).

    Raises: PasskeyError: it is for another challenge or site, of another algorithm, without the person, or no registration.
    """
    check_client_data(client_data, "webauthn.create", challenge, site)
    said = read_authenticator_data(_authenticator_data(attestation), site, is_new=True)
    read_public_key(said.public_key)
    return NewPasskey(said.credential, said.public_key, said.sign_count)


def _authenticator_data(attestation: bytes) -> bytes:
    """Return the authenticator data of an attestation object (6.5.4)."""
    if len(attestation) > LONGEST_ATTESTATION:
        raise PasskeyError("the attestation is too long")
    try:
        value, length = decode_first(attestation)
    except CborError as error:
        raise PasskeyError("the attestation is malformed") from error
    if not isinstance(value, dict) or value.keys() != {"fmt", "attStmt", "authData"} or length != len(attestation):
        raise PasskeyError("the attestation is malformed")
    if not isinstance(value["fmt"], str) or not isinstance(value["attStmt"], dict) or not isinstance(value["authData"], bytes):
        raise PasskeyError("the attestation is malformed")
    return value["authData"]
