"""Proof: an assertion with the public key that checks it, in one encoding, as records of consent and enrolments hold it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from consent.core.canonical import decode_canonical, encode_canonical
from consent.core.passkeys.assertion import SignedChallenge, check_assertion
from consent.core.passkeys.authenticator_data import LONGEST_AUTHENTICATOR_DATA
from consent.core.passkeys.client_data import LONGEST_CLIENT_DATA
from consent.core.passkeys.keys import LONGEST_PUBLIC_KEY, LONGEST_SIGNATURE
from consent.core.passkeys.relying_party import RelyingParty
from consent.errors import PasskeyError, RecordError

LONGEST_ORIGIN: Final = 300
LONGEST_PROOF: Final = (
    LONGEST_PUBLIC_KEY + LONGEST_ORIGIN + LONGEST_CLIENT_DATA + LONGEST_AUTHENTICATOR_DATA + LONGEST_SIGNATURE + 128
)

_FIELDS: Final = {
    "public_key": LONGEST_PUBLIC_KEY,
    "client_data": LONGEST_CLIENT_DATA,
    "authenticator_data": LONGEST_AUTHENTICATOR_DATA,
    "signature": LONGEST_SIGNATURE,
}


@dataclass(frozen=True, slots=True)
class Proof:
    """What whoever knows the hash of the public key can check.

    Attributes:
        public_key: COSE_Key; its SHA-256 is what the log's enrolment names.
        origin: Of the site, as the client data state it too.
    """

    public_key: bytes
    origin: str
    said: SignedChallenge

    @property
    def key_sha256(self) -> bytes:
        """Return by what the log names the passkey."""
        return sha256(self.public_key).digest()

    def encode(self) -> bytes:
        """Return its canonical bytes."""
        return encode_canonical(
            {
                "public_key": self.public_key,
                "origin": self.origin,
                "client_data": self.said.client_data,
                "authenticator_data": self.said.authenticator_data,
                "signature": self.said.signature,
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> Proof:
        """Return the proof of its bytes.

        Raises: RecordError: they are none, or not in canonical form.
        """
        if len(data) > LONGEST_PROOF:
            raise RecordError("a passkey's proof is too long")
        value = decode_canonical(data, "a passkey's proof")
        if not isinstance(value, dict) or value.keys() != {*_FIELDS, "origin"}:
            raise RecordError("a passkey's proof has other keys than it should")
        if not isinstance(value["origin"], str) or not 0 < len(value["origin"]) <= LONGEST_ORIGIN:
            raise RecordError("`origin` of a passkey's proof is no short text")
        for name, longest in _FIELDS.items():
            if not isinstance(value[name], bytes) or not 0 < len(value[name]) <= longest:
                raise RecordError(f"`{name}` of a passkey's proof is not 1 to {longest} bytes")
        said = SignedChallenge(value["client_data"], value["authenticator_data"], value["signature"])
        return cls(value["public_key"], value["origin"], said)

    def faults(self, challenge: bytes, relying_party: str) -> list[str]:
        """Return why it does not prove that the challenge was signed for a site's id; nothing where it does.

        Counters are left out of account: the gateway has seen that each rose.
        """
        site = RelyingParty.of_origin(self.origin)
        if site is None or site.id != relying_party:
            return ["the passkey is for another site"]
        try:
            check_assertion(self.said, challenge, self.public_key, site)
        except PasskeyError as error:
            return [str(error)]
        return []
