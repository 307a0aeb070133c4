"""A site, a challenge, and a passkey of each algorithm; made once, since RSA keys are slow to make."""

from __future__ import annotations

from consent.core.passkeys.relying_party import RelyingParty
from tests.support.virtual_passkey import Algorithm, VirtualPasskey

ORIGIN = "https://sensors.ribera.example"
SITE = RelyingParty.at(ORIGIN)
CHALLENGE = bytes(range(100, 132))
ALGORITHMS: tuple[Algorithm, ...] = ("ES256", "EdDSA", "RS256")
MADE = {algorithm: VirtualPasskey(ORIGIN, SITE.id, algorithm) for algorithm in ALGORITHMS}
