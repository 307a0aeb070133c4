"""Acts: what a passkey signs besides consents, by its hash: the challenge says what is done, by whom, and only once."""

from __future__ import annotations

from hashlib import sha256

from consent.core.canonical import encode_canonical

_SIGNED = "sluice act v1"


def act_challenge(act: str, subject: bytes, resident: bytes, nonce: bytes) -> bytes:
    """Return the challenge of an act, as in ``consent.citizen_messages.Act``.

    Args:
        nonce: 16 random bytes for an act of the moment; for one that a log entry has to prove, what ties it to the entry: of
            `passkey.add` the SHA-256 of the new public key, of `subject.invite` the hash of the claim code.
    """
    return sha256(encode_canonical([_SIGNED, act, subject, resident, nonce])).digest()
