"""The site, the challenge and the algorithms that tests of passkeys share."""

from __future__ import annotations

from consent.core.passkeys.relying_party import RelyingParty
from tests.support.virtual_passkey import Algorithm

ORIGIN = "https://sensors.ribera.example"
SITE = RelyingParty.at(ORIGIN)
CHALLENGE = bytes(range(100, 132))
ALGORITHMS: tuple[Algorithm, ...] = ("ES256", "EdDSA", "RS256")
