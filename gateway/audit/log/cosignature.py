"""Cosignatures: a witness's statement that, at one second, a checkpoint was the largest it had seen of its log, and consistent
with all that it had seen before.

A cosignature is a signature line of a checkpoint's note. Its key is Ed25519 of type 0x04, so that no line of a witness can be
taken for one of a log; verifying is done by `notes.Verifier`.

Source: C2SP tlog-cosignature v1.0.1, `cosignature/v1`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.log.notes import COSIGNATURE, KeyFormatError, NoteError, Signature, Verifier, open_note, split_note

MAX_TIME_S = (1 << 63) - 1
_SEED_BYTES = 32
_TIME_BYTES = 8


class Cosigner:
    """A witness's name and private key.

    Args:
        name: As it stands in signature lines: without spaces or plus signs, by custom a URL without its scheme.
        seed: The 32 secret bytes of an Ed25519 key that signs for nobody else: the signed message does not hold the name.
    """

    __slots__ = ("_key", "_seed", "verifier")

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != _SEED_BYTES:
            raise KeyFormatError(f"a seed of `{len(seed)}` bytes where {_SEED_BYTES} are due")
        self._seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw(), COSIGNATURE)

    @classmethod
    def parse(cls, skey: str) -> Cosigner:
        """Return the key that the text form `PRIVATE+KEY+name+id+base64` describes.

        Raises:
            KeyFormatError: when it is malformed, or a log's key; the message repeats nothing of it.
        """
        fields = skey.strip().split("+", 4)
        data = b""
        if len(fields) == 5 and fields[:2] == ["PRIVATE", "KEY"]:
            try:
                data = base64.b64decode(fields[4], validate=True)
            except ValueError as error:
                raise KeyFormatError("malformed base64") from error
        if data[:1] != bytes((COSIGNATURE,)):
            raise KeyFormatError("not a witness's signing key of the form PRIVATE+KEY+name+id+base64")
        cosigner = cls(fields[2], data[1:])
        if cosigner.verifier.key_id.hex() != fields[3]:
            raise KeyFormatError("the key id does not belong to this name and key")
        return cosigner

    @property
    def name(self) -> str:
        """The name in the signature lines."""
        return self.verifier.name

    def skey(self) -> str:
        """Return the text form of the key, which is secret."""
        secret = base64.b64encode(bytes((COSIGNATURE,)) + self._seed).decode()
        return f"PRIVATE+KEY+{self.name}+{self.verifier.key_id.hex()}+{secret}"

    def vkey(self) -> str:
        """Return the text form of the public key."""
        return self.verifier.vkey()

    def cosign(self, text: str, time_s: int) -> Signature:
        """Return the cosignature over a checkpoint's text, made at a Unix second.

        Raises:
            ValueError: when the time is 0, which means that the cosigner states none, or beyond 2^63 - 1.
        """
        if not 0 < time_s <= MAX_TIME_S:
            raise ValueError(f"`{time_s}` is no time to cosign at")
        signature = self._key.sign(b"cosignature/v1\ntime %d\n" % time_s + text.encode())
        return Signature(self.name, self.verifier.key_id, time_s.to_bytes(_TIME_BYTES, "big") + signature)


def signature_lines(signatures: Iterable[Signature]) -> bytes:
    """Return signatures as lines of a note."""
    lines = (f"— {one.name} {base64.b64encode(one.key_id + one.signature).decode()}\n" for one in signatures)
    return "".join(lines).encode()


def with_signatures(note: bytes, signatures: Iterable[Signature]) -> bytes:
    """Return a note with further signatures; a key that has signed it gets no second line.

    Raises:
        NoteError: when the note is malformed.
    """
    present = {(one.name, one.key_id) for one in split_note(note)[1]}
    return note + signature_lines(one for one in signatures if (one.name, one.key_id) not in present)


def cosignatures_in(note: bytes, witnesses: Sequence[Verifier]) -> tuple[Signature, ...]:
    """Return the verified cosignatures of these witnesses in a note, in the order of its lines, and no others.

    Raises:
        NoteError: when the note is malformed, a cosignature of one of them is wrong or has no time, or there is none.
    """
    verified = open_note(note, witnesses).verified
    for one in verified:
        if not 0 < one.cosigned_s <= MAX_TIME_S:
            raise NoteError(f"the cosignature of `{one.name}` bears no time")
    return verified
