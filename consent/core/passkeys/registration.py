"""Registration: what an authenticator says of a passkey that it has made; what it attests about itself is not looked at."""

from __future__ import annotations

from dataclasses import dataclass

from consent.core.passkeys.relying_party import RelyingParty
from consent.errors import ConsentError


class PasskeyError(ConsentError):
    """What a passkey or a browser said cannot be taken."""


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
    raise NotImplementedError
