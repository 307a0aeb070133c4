"""Assertion: a passkey's signature of a challenge, checked against its public key."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from consent.core.passkeys.authenticator_data import read_authenticator_data
from consent.core.passkeys.client_data import check_client_data
from consent.core.passkeys.keys import check_signature
from consent.core.passkeys.relying_party import RelyingParty
from consent.errors import PasskeyError


@dataclass(frozen=True, slots=True)
class SignedChallenge:
    """What a passkey has signed, as it came.

    Attributes:
        client_data: `clientDataJSON`.
        authenticator_data: As in section 6.1.
    """

    client_data: bytes
    authenticator_data: bytes
    signature: bytes


def check_assertion(said: SignedChallenge, challenge: bytes, public_key: bytes, site: RelyingParty, sign_count: int = 0) -> int:
    """Return the passkey's signature counter, when it has signed the challenge for this site and with the person (7.2).

    Args:
        public_key: COSE_Key.
        sign_count: The highest that it has stated before, 0 of one that counts nothing; a counter that does not rise is a copy's.
    Raises: PasskeyError: it has not.
    """
    check_client_data(said.client_data, "webauthn.get", challenge, site)
    stated = read_authenticator_data(said.authenticator_data, site, is_new=False)
    check_signature(public_key, said.signature, said.authenticator_data + sha256(said.client_data).digest())
    if (stated.sign_count or sign_count) and stated.sign_count <= sign_count:
        raise PasskeyError("the passkey's counter has not risen, so that there may be a copy of it")
    return stated.sign_count
