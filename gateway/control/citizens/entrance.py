"""Challenges by which visitors come in: whoever asks gets one, and no number of askers takes another's away.

A challenge holds until when it is good, and a keyed hash by which it is known again, so that nothing is kept of it before it is
answered. One that was answered is remembered until its time is over: only whoever has a passkey brings that about.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final

from consent.citizen_messages import CHALLENGE_MINUTES
from gateway.control.context import Control, MethodError

MOST_ANSWERED: Final = 65_536
"""How many that were answered are remembered; while there are so many, nobody comes in by another."""

_TIME_BYTES: Final = 8
_NONCE_BYTES: Final = 8
_KEY_BYTES: Final = 32
_LASTS_MS: Final = CHALLENGE_MINUTES * 60_000


class Entrance:
    """The challenges that visitors have answered, and the key of all; of one process, whose end ends them."""

    def __init__(self) -> None:
        """Begin with none, and no key."""
        self._key = b""
        self._answered: dict[bytes, int] = {}  # the earliest first

    def made(self, control: Control) -> bytes:
        """Return a new challenge, of 32 bytes."""
        random_bytes = control.state.identity.random_bytes
        self._key = self._key or random_bytes(_KEY_BYTES)
        until_ms = control.real_ms() + _LASTS_MS
        said = until_ms.to_bytes(_TIME_BYTES, "big") + random_bytes(_NONCE_BYTES)
        return said + self._sealed(said)

    def check(self, challenge: bytes, real_ms: int) -> None:
        """Check that a challenge is one of these, and still good.

        Raises: MethodError: it is none, too old, or was answered.
        """
        self._forget(real_ms)
        said, seal = challenge[: _TIME_BYTES + _NONCE_BYTES], challenge[_TIME_BYTES + _NONCE_BYTES :]
        is_ours = bool(self._key) and hmac.compare_digest(seal, self._sealed(said))
        if not is_ours or int.from_bytes(said[:_TIME_BYTES], "big") <= real_ms or challenge in self._answered:
            raise MethodError("the challenge is too old, or was answered already: ask for another", "challenge-old")
        if len(self._answered) >= MOST_ANSWERED:
            raise MethodError("too many have come in within minutes: try again in a minute", "too-many")

    def done(self, challenge: bytes, real_ms: int) -> None:
        """Remember that a challenge was answered, for as long as it could be answered again."""
        self._answered[challenge] = real_ms + _LASTS_MS

    def _sealed(self, said: bytes) -> bytes:
        return hmac.digest(self._key, b"sluice visitor " + said, sha256)[: 32 - _TIME_BYTES - _NONCE_BYTES]

    def _forget(self, real_ms: int) -> None:
        while self._answered and (first := next(iter(self._answered))) and self._answered[first] <= real_ms:
            del self._answered[first]
