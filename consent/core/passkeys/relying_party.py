"""The relying party: the site that a passkey is for, by its id and its origin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

_ORIGIN: Final = re.compile(r"https://[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?|http://localhost(:[0-9]{1,5})?")


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

    @classmethod
    def of_origin(cls, origin: str) -> RelyingParty | None:
        """Return the site of an origin as browsers write it; None where it is none, or one at which no passkey works."""
        return cls.at(origin) if _ORIGIN.fullmatch(origin) else None

    @property
    def id_sha256(self) -> bytes:
        """Return what authenticators state of the id."""
        return sha256(self.id.encode()).digest()
