"""What a passkey hands over, in the form in which the citizens' methods take it."""

from __future__ import annotations

import base64

from tests.support.virtual_passkey import VirtualPasskey


def registration(passkey: VirtualPasskey, challenge: str) -> dict[str, str]:
    """Return a passkey that a browser has made for a challenge in hexadecimal."""
    client_data, attestation = passkey.create(bytes.fromhex(challenge))
    return {"client_data": base64_of(client_data), "attestation": base64_of(attestation)}


def assertion(passkey: VirtualPasskey, challenge: str) -> dict[str, str]:
    """Return a passkey's answer to a challenge in hexadecimal."""
    client_data, authenticator_data, signature = passkey.get(bytes.fromhex(challenge))
    return {
        "credential": base64_of(passkey.credential),
        "client_data": base64_of(client_data),
        "authenticator_data": base64_of(authenticator_data),
        "signature": base64_of(signature),
    }


def base64_of(data: bytes) -> str:
    """Return bytes as JSON has them."""
    return base64.b64encode(data).decode()
