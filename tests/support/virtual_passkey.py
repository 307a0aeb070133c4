"""A passkey in software, as an authenticator and a browser make and use one, and what of it can be wrong.

It follows Web Authentication Level 3 (5.8.1 client data, 6.1 authenticator data, 6.5.4 attestation objects) and RFC 9053 (keys),
with its own encoders: it shares none of the code that it tests.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

Algorithm = Literal["ES256", "EdDSA", "RS256", "ES384"]
"""The last is one that nobody asks for."""

UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40
"""Flags: the person is there, and verified; the passkey may be backed up, and is; a new passkey's data follow."""

_COSE = {"ES256": -7, "EdDSA": -8, "RS256": -257, "ES384": -35}


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class VirtualPasskey:
    """A passkey of one person for one site.

    Attributes:
        origin: Of the page that asks, as `https://sensors.ribera.example`.
        relying_party: The site's id.
        credential: The passkey's id.
        counts: Whether it has a signature counter; most passkeys have none.
        sign_count: What the counter stands at.
        user_handle: What it was made for.
    """

    origin: str
    relying_party: str
    algorithm: Algorithm = "ES256"
    credential: bytes = bytes(range(32))
    counts: bool = False
    sign_count: int = 0
    user_handle: bytes = b""
    flags: int = UP | UV | BE | BS
    _key: object = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Make the key."""
        if self.algorithm in ("ES256", "ES384"):
            self._key = ec.generate_private_key(ec.SECP256R1() if self.algorithm == "ES256" else ec.SECP384R1())
        elif self.algorithm == "EdDSA":
            self._key = ed25519.Ed25519PrivateKey.generate()
        else:
            self._key = rsa.generate_private_key(65537, 2048)

    @property
    def public_key(self) -> bytes:
        """The public key as a COSE_Key."""
        key, parts = self._key, {}
        if isinstance(key, ec.EllipticCurvePrivateKey):
            numbers, size = key.public_key().public_numbers(), (key.curve.key_size + 7) // 8
            curve = 1 if self.algorithm == "ES256" else 2
            parts = {-1: curve, -2: numbers.x.to_bytes(size, "big"), -3: numbers.y.to_bytes(size, "big")}
            kind = 2
        elif isinstance(key, ed25519.Ed25519PrivateKey):
            parts, kind = {-1: 6, -2: key.public_key().public_bytes_raw()}, 1
        else:
            assert isinstance(key, rsa.RSAPrivateKey)
            whole = key.public_key().public_numbers()
            parts, kind = {-1: whole.n.to_bytes(256, "big"), -2: whole.e.to_bytes(3, "big")}, 3
        return cbor2.dumps({1: kind, 3: _COSE[self.algorithm], **parts})

    def create(self, challenge: bytes, *, kind: str = "webauthn.create", flags: int | None = None) -> tuple[bytes, bytes]:
        """Return (client data, attestation object), as `navigator.credentials.create` does, attesting nothing."""
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + self.public_key
        data = self._data((self.flags if flags is None else flags) | AT) + attested
        return self.client_data(challenge, kind), cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})

    def get(
        self, challenge: bytes, *, kind: str = "webauthn.get", flags: int | None = None, count: int | None = None
    ) -> tuple[bytes, bytes, bytes]:
        """Return (client data, authenticator data, signature), as `navigator.credentials.get` does.

        Args:
            count: What to state as signature counter, whatever it stands at.
        """
        if self.counts:
            self.sign_count += 1
        client_data = self.client_data(challenge, kind)
        data = self._data(self.flags if flags is None else flags, count)
        return client_data, data, self.sign(data + sha256(client_data).digest())

    def client_data(self, challenge: bytes, kind: str) -> bytes:
        """Return the client data, as browsers serialise them."""
        said = {"type": kind, "challenge": _b64url(challenge), "origin": self.origin, "crossOrigin": False}
        return json.dumps(said, separators=(",", ":")).encode()

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message."""
        key = self._key
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(message, ec.ECDSA(hashes.SHA256() if self.algorithm == "ES256" else hashes.SHA384()))
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(message)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def _data(self, flags: int, count: int | None = None) -> bytes:
        stated = self.sign_count if count is None else count
        return sha256(self.relying_party.encode()).digest() + bytes([flags]) + stated.to_bytes(4, "big")
