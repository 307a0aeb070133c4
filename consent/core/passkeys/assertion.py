"""Assertion: a passkey's signature of a challenge, checked against its public key."""

from __future__ import annotations

from dataclasses import dataclass

from consent.core.passkeys.relying_party import RelyingParty


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
    raise NotImplementedError
