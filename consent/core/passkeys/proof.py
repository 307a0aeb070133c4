"""Proof: an assertion with the public key that checks it, in one encoding, as records of consent and enrolments hold it."""

from __future__ import annotations

from dataclasses import dataclass

from consent.core.passkeys.assertion import SignedChallenge


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

    def encode(self) -> bytes:
        """Return its canonical bytes."""
        raise NotImplementedError

    @classmethod
    def decode(cls, data: bytes) -> Proof:
        """Return the proof of its bytes.

        Raises: RecordError: they are none, or not in canonical form.
        """
        raise NotImplementedError

    def faults(self, challenge: bytes, relying_party: str) -> list[str]:
        """Return why it does not prove that the challenge was signed for a site's id; nothing where it does."""
        raise NotImplementedError
