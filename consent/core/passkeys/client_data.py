"""Client data: what a browser says that it asked a passkey for, at which site; `clientDataJSON` of section 5.8.1."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, Literal

import msgspec

from consent.core.passkeys.relying_party import RelyingParty
from consent.errors import PasskeyError

LONGEST_CLIENT_DATA: Final = 2048

Ceremony = Literal["webauthn.create", "webauthn.get"]
"""A passkey is made, or answers."""


class _ClientData(msgspec.Struct, frozen=True):
    type: str
    challenge: str
    origin: str
    cross_origin: bool = msgspec.field(name="crossOrigin", default=False)
    top_origin: str | None = msgspec.field(name="topOrigin", default=None)


def check_client_data(data: bytes, ceremony: Ceremony, challenge: bytes, site: RelyingParty) -> None:
    """Check that a browser asked for this, with this challenge, from a page of this site that no other page frames.

    Raises: PasskeyError: it did not.
    """
    said = _read(data)
    if said.type != ceremony:
        raise PasskeyError("the browser asked the passkey for something else")
    if not hmac.compare_digest(said.challenge.encode(), urlsafe_b64encode(challenge).rstrip(b"=")):
        raise PasskeyError("the passkey answered another challenge")
    if said.origin != site.origin:
        raise PasskeyError("the passkey was asked by another site")
    if said.cross_origin or said.top_origin is not None:
        raise PasskeyError("the passkey was asked from within another site's page")


def challenge_in(data: bytes) -> bytes:
    """Return the challenge that a browser says was answered, to find what it is for; unchecked, and empty where there is none."""
    try:
        text = _read(data).challenge
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (PasskeyError, ValueError):
        return b""


def _read(data: bytes) -> _ClientData:
    if len(data) > LONGEST_CLIENT_DATA:
        raise PasskeyError("the client data are too long")
    try:
        return msgspec.json.decode(data, type=_ClientData)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise PasskeyError("the client data are malformed") from error
