"""What a form asks of a passkey, and what comes back in its fields; `static/passkey.js` stands between, in the browser.

Bytes stand in attributes and fields as base64url without padding (RFC 4648, 5). A form whose fields came back empty was sent
without script, or before the person had answered. Source of the names: Web Authentication Level 3, 5.4, 5.5 and 5.2.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, Self

from consent.citizen_messages import Assertion, Registration
from consent.core.passkeys.authenticator_data import LONGEST_AUTHENTICATOR_DATA
from consent.core.passkeys.client_data import LONGEST_CLIENT_DATA
from consent.core.passkeys.keys import LONGEST_SIGNATURE
from consent.core.passkeys.registration import LONGEST_ATTESTATION
from consent.portal.answers import FilledForm, FormField

_SIGNS: Final = "[A-Za-z0-9_-]*"

_LONGEST_CREDENTIAL: Final = 1023


def _field(name: str, longest: int) -> FormField:
    """Return a field for so many bytes."""
    return FormField(name, _SIGNS, -(-longest * 4 // 3))


REGISTRATION: Final = (_field("client_data", LONGEST_CLIENT_DATA), _field("attestation", LONGEST_ATTESTATION))
"""The fields of a form that has a passkey made."""
ASSERTION: Final = (
    _field("credential", _LONGEST_CREDENTIAL),
    _field("client_data", LONGEST_CLIENT_DATA),
    _field("authenticator_data", LONGEST_AUTHENTICATOR_DATA),
    _field("signature", LONGEST_SIGNATURE),
)
"""The fields of a form that has one answer."""
PASSKEY_FIELDS: Final = tuple({field.name: field for field in (*REGISTRATION, *ASSERTION)}.values())
"""Those of an address that takes both."""


@dataclass(frozen=True, slots=True)
class PasskeyAsked:
    """What the browser is asked for.

    Attributes:
        kind: `create` makes a passkey, `get` has one answer.
        challenge: Base64url, as all that follows.
        user: The user handle that a new passkey is to hold; empty for an answer.
        keys: Ids, a space between them: of passkeys that may answer (none: any of this site), or that there are already.
    """

    kind: Literal["create", "get"]
    challenge: str
    relying_party: str
    user: str
    keys: str

    @classmethod
    def to_make(cls, challenge: bytes, user_handle: bytes, relying_party: str, exclude: Iterable[bytes] = ()) -> Self:
        """Return what has a passkey made."""
        return cls("create", _written(challenge), relying_party, _written(user_handle), " ".join(map(_written, exclude)))

    @classmethod
    def to_sign(cls, challenge: bytes, relying_party: str, allow: Iterable[bytes] = ()) -> Self:
        """Return what has one answer."""
        return cls("get", _written(challenge), relying_party, "", " ".join(map(_written, allow)))

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the names of the fields that the script fills in."""
        return tuple(field.name for field in (REGISTRATION if self.kind == "create" else ASSERTION))


def registration_of(form: FilledForm) -> Registration | None:
    """Return the passkey that was made; None where the form holds none."""
    read = [_read(form[field.name]) for field in REGISTRATION]
    return Registration(client_data=read[0], attestation=read[1]) if all(read) else None


def assertion_of(form: FilledForm) -> Assertion | None:
    """Return what a passkey has answered; None where the form holds nothing."""
    read = {field.name: _read(form[field.name]) for field in ASSERTION}
    return Assertion(**read) if all(read.values()) else None


def _written(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _read(text: str) -> bytes:
    """Return the bytes of a field; none where it is no base64url."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
