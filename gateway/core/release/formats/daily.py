"""The form that a recipient's bundles have on a day: sealed under the day's content key, or open data where there is no key."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from gateway.core.release.formats.open_data import OpenData
from gateway.core.release.formats.port import BundleFormat
from gateway.core.release.formats.sealed import ContentKey
from gateway.recipient.wire import CONTENT_KEY_BYTES, Address


class DailySeals:
    """One recipient's form of the day: a fresh content key at process start and with each new UTC day, none for open data."""

    def __init__(self, address: Address, public_keys: Sequence[X25519PublicKey], random_bytes: Callable[[int], bytes]) -> None:
        self._address = address
        self._public_keys = public_keys
        self._random_bytes = random_bytes
        self._open = OpenData(address)
        self._content_key: ContentKey | None = None

    def on(self, day: str) -> BundleFormat:
        """Return the form for a UTC day; the key of the day before is forgotten."""
        if not self._public_keys:
            return self._open
        if self._content_key is None or self._content_key.day != day:
            self._content_key = ContentKey(self._address, day, self._random_bytes(CONTENT_KEY_BYTES), *self._public_keys)
        return self._content_key
