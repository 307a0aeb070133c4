"""Pseudonyms: what a recipient sees instead of a subject, different for each recipient, purpose and day.

    subject secret ──HMAC, per purpose──► handle ──AES-256-SIV under the domain's key──► pseudonym

A domain's key is random and held in memory only, so a gateway seized later cannot reverse old pseudonyms; a restart begins a
new sub-epoch of the day with a new key. Deleting a subject's secret leaves its old handles without meaning.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESSIV

HANDLE_BYTES: Final = 16
PSEUDONYM_BYTES: Final = 32
DOMAIN_KEY_BYTES: Final = 64
_VERSION: Final = b"sluice pseudonym 1"
_HANDLE_PREFIX: Final = b"handle|"  # the secret also makes label keys and salts; no purpose's name may collide with those


@dataclass(frozen=True, slots=True)
class PseudonymDomain:
    """The scope within which a subject has one pseudonym; without both keys, nobody can link those of two domains.

    Attributes:
        recipient: Id of the recipient.
        purpose: Id of the purpose.
        epoch_day: The data's UTC day, as `2026-11-22`.
        sub_epoch: Counts the keys made for that day, from 0.
    """

    recipient: str
    purpose: str
    epoch_day: str
    sub_epoch: int


def handle(subject_secret: bytes, purpose: str) -> bytes:
    """Return a subject's id within one purpose, 16 bytes, from which its id within another cannot be derived."""
    return hmac.digest(subject_secret, _HANDLE_PREFIX + purpose.encode(), "sha256")[:HANDLE_BYTES]


class Pseudonymiser:
    """One domain's key, ready to use: the cipher object is built once, since that costs three times as much as a pseudonym."""

    __slots__ = ("_associated_data", "_cipher", "domain")

    def __init__(self, domain: PseudonymDomain, key: bytes) -> None:
        """Build the cipher of a domain from 64 random bytes."""
        if len(key) != DOMAIN_KEY_BYTES:
            raise ValueError(f"a pseudonym key has {DOMAIN_KEY_BYTES} bytes, not {len(key)}")
        self.domain = domain
        self._cipher = AESSIV(key)
        self._associated_data = [
            _VERSION,
            domain.recipient.encode(),
            domain.purpose.encode(),
            domain.epoch_day.encode(),
            domain.sub_epoch.to_bytes(8, "big"),
        ]

    def pseudonym(self, subject_handle: bytes) -> bytes:
        """Return the subject's pseudonym in this domain, 32 bytes, the same each time."""
        return self._cipher.encrypt(subject_handle, self._associated_data)


class DomainKeys:
    """The domains open at present. Holds the only copy of their keys: a dropped key cannot be made again."""

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._open: dict[tuple[str, str, str], Pseudonymiser] = {}

    def pseudonymiser(self, recipient: str, purpose: str, epoch_day: str, next_sub_epoch: int) -> Pseudonymiser:
        """Return the open domain of a recipient, purpose and day, or open one under a fresh key.

        Args:
            recipient: Id of the recipient.
            purpose: Id of the purpose.
            epoch_day: The data's UTC day.
            next_sub_epoch: The first sub-epoch never used for them, which the caller keeps across restarts. If the returned
                domain has this number, it counts as used from now on.
        """
        place = (recipient, purpose, epoch_day)
        found = self._open.get(place)
        if found is None:
            domain = PseudonymDomain(recipient, purpose, epoch_day, next_sub_epoch)
            found = self._open[place] = Pseudonymiser(domain, self._random_bytes(DOMAIN_KEY_BYTES))
        return found

    def drop(self, domain: PseudonymDomain) -> None:
        """Delete a domain's key; a domain that is not open, or has been opened again since, is left alone."""
        place = (domain.recipient, domain.purpose, domain.epoch_day)
        found = self._open.get(place)
        if found is not None and found.domain == domain:
            del self._open[place]

    def domains(self) -> tuple[PseudonymDomain, ...]:
        """Return the open domains."""
        return tuple(found.domain for found in self._open.values())
