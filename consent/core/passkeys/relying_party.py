"""The relying party: the site that a passkey is for, by its id and its origin."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """A site (Web Authentication Level 3, 4: *Relying Party Identifier*).

    Attributes:
        origin: As browsers write it: `https://sensors.ribera.example`, with the port where it is not the scheme's own.
        id: The host of the origin.
    """

    origin: str
    id: str

    @classmethod
    def at(cls, address: str) -> RelyingParty:
        """Return the site at an address without a path."""
        return cls(address, urlsplit(address).hostname or "")

    @property
    def id_sha256(self) -> bytes:
        """Return what authenticators state of the id."""
        return sha256(self.id.encode()).digest()
