"""The consent record: who permits or refuses what, on which terms, from when until when, and its one encoding.

``lifecycle`` makes these records and ``book`` folds them; the log commits to their bytes, and a resident's key or
the log's own signs them. Each names the hash of the one that it replaces, so the latest is enough to check all earlier ones.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from sys import intern
from typing import Any, Final

from consent.core.canonical import decode_canonical, decode_item, disclosure_from_map, disclosure_map, encode_canonical
from consent.core.disclosure import Disclosure
from consent.core.policies.notice import FlowTerms, decode_terms, encode_terms, notice_of
from consent.errors import RecordError

ID_BYTES: Final = 16
PURPOSE_PREFIX: Final = "purpose:"
"""A scope with this prefix names a purpose, any other a flow."""

_SIGNED: Final = "sluice consent v1"
_LATEST_MS: Final = 1 << 53
_KEYS: Final = frozenset(
    [
        "subject",
        "resident",
        "scope",
        "limits",
        "status",
        "notice",
        "terms",
        "time",
        "since",
        "expiry",
        "channel",
        "authority",
        "previous",
        "signature",
    ]
)
Fields = dict[str, Any]
"""A record as plain data."""

OPERATOR: Final = "operator"
"""The channel of what the city's staff entered, on their word."""
COUNTER: Final = "counter"
"""The channel of what a resident said at the city's counter, by telephone or on a form, and the city's staff entered."""
PASSKEY: Final = "passkey"
"""The channel of what a resident signed in person, with a passkey."""
SESSION: Final = "session"
"""The channel of what a resident entered in person, having come in; it permits no more than what was in force."""
GATEWAY: Final = "gateway"
"""The channel of records that nobody said: the consent ended by its own terms."""
CHANNELS: Final = (OPERATOR, COUNTER, PASSKEY, SESSION, GATEWAY)

FIRST: Final = b""
"""What the first record of a chain has in place of the hash of the one before."""


class Status(StrEnum):
    """The status of a consent; only `Given` and `Renewed` permit anything.

    `Withdrawn` comes from the resident, `Revoked` from an authority, `Expired` and `Invalidated` from the gateway. The names are
    those of the Data Privacy Vocabulary, but for our own `Paused`.
    """

    REQUESTED = "Requested"
    REFUSED = "Refused"
    GIVEN = "Given"
    WITHDRAWN = "Withdrawn"
    EXPIRED = "Expired"
    RENEWED = "Renewed"
    INVALIDATED = "Invalidated"
    PAUSED = "Paused"
    REVOKED = "Revoked"


@dataclass(frozen=True, slots=True)
class Consent:
    """What one resident permits or refuses for one scope, from one moment on.

    Attributes:
        subject: The household or person, 16 random bytes.
        resident: Whose consent it is, 16 random bytes.
        scope: A flow's id, or `purpose:<id>` for every flow of a purpose.
        limits: The most that the resident permits.
        notice: SHA-256 of the terms.
        time_ms: When it was made.
        since_ms: When these limits took force; earlier than ``time_ms`` where they were in force already.
        expiry_ms: From when on it no longer holds; None means until withdrawn.
        channel: How it came in: ``OPERATOR``, ``COUNTER``, ``PASSKEY``, ``SESSION`` or ``GATEWAY``.
        signature: Of ``signing_bytes``; empty until signed. Of the channel ``PASSKEY`` a ``consent.core.passkeys.proof.Proof``
            of their SHA-256, else the log key's.
        terms: What the resident was shown, one entry for each flow in the scope.
        authority: Who revoked it and on what ground; empty unless it was revoked.
        previous: SHA-256 of the encoded record that this one replaces, ``FIRST`` for the first of its chain.
    """

    subject: bytes
    resident: bytes
    scope: str
    limits: Disclosure
    status: Status
    notice: bytes
    time_ms: int
    since_ms: int
    expiry_ms: int | None
    channel: str
    signature: bytes
    terms: tuple[FlowTerms, ...]
    authority: str = ""
    previous: bytes = FIRST

    @property
    def permits(self) -> bool:
        """Return whether this permits something; ``decide.standing`` says whether it still holds."""
        return self.status in (Status.GIVEN, Status.RENEWED)

    def terms_of(self, flow_id: str) -> FlowTerms | None:
        """Return the terms that the resident was shown for a flow, or None."""
        for terms in self.terms:
            if terms.flow == flow_id:
                return terms
        return None

    def signed(self, signature: bytes) -> Consent:
        """Return the same record with its signature."""
        return replace(self, signature=signature)


def signing_bytes(consent: Consent) -> bytes:
    """Return the signed message: the record without its signature, marked as a consent."""
    return encode_canonical([_SIGNED, _plain(consent)])


def encode(consent: Consent) -> bytes:
    """Return the canonical bytes of a record, signature included."""
    return encode_canonical({**_plain(consent), "signature": consent.signature})


def record_hash(consent: Consent) -> bytes:
    """Return the SHA-256 by which the next record of the chain names this one."""
    return hashlib.sha256(encode(consent)).digest()


def _plain(consent: Consent) -> Fields:
    return {
        "subject": consent.subject,
        "resident": consent.resident,
        "scope": consent.scope,
        "limits": disclosure_map(consent.limits),
        "status": consent.status.value,
        "notice": consent.notice,
        "terms": encode_terms(consent.terms),
        "time": consent.time_ms,
        "since": consent.since_ms,
        "expiry": consent.expiry_ms,
        "channel": consent.channel,
        "authority": consent.authority,
        "previous": consent.previous,
    }


def decode(data: bytes) -> Consent:
    """Return the record that ``encode`` wrote.

    Raises: RecordError: the bytes are not those of a consent in canonical form.
    """
    value = decode_canonical(data, "a consent")
    if not isinstance(value, dict) or value.keys() != _KEYS:
        raise RecordError("a consent has other keys than it should")
    terms = decode_terms(_bytes(value, "terms"))
    consent = Consent(
        subject=_bytes(value, "subject", ID_BYTES),
        resident=_bytes(value, "resident", ID_BYTES),
        scope=_text(value, "scope"),
        limits=disclosure_from_map(value["limits"]),
        status=_status(value["status"]),
        notice=_bytes(value, "notice", 32),
        time_ms=_time(value, "time"),
        since_ms=_time(value, "since"),
        expiry_ms=None if value["expiry"] is None else _time(value, "expiry"),
        channel=_text(value, "channel"),
        signature=_bytes(value, "signature"),
        terms=terms,
        authority=_text(value, "authority", least=0),
        previous=_bytes(value, "previous"),
    )
    if len(consent.previous) not in (0, 32):
        raise RecordError("`previous` of a consent is no hash")
    if consent.notice != notice_of(terms):
        raise RecordError("a consent's notice is not the hash of its terms")
    return consent


def stored_fields(data: bytes) -> Fields:
    """Return the fields of a record that ``encode`` wrote and that was kept sealed since, so that its form is not checked again.

    Raises: RecordError: the bytes are not those of a consent.
    """
    fields = decode_item(data)
    if type(fields) is not dict or fields.keys() != _KEYS:
        raise RecordError("a consent has other keys than it should")
    return fields


def stored_consent(fields: Fields, subject: bytes, resident: bytes) -> Consent:
    """Return the record with these fields; what many records share they hold once, as they do its subject and resident.

    Raises: RecordError: a consent's notice is not the hash of its terms.
    """
    terms = decode_terms(fields["terms"])
    notice, time_ms, since_ms = notice_of(terms), fields["time"], fields["since"]
    if notice != fields["notice"]:
        raise RecordError("a consent's notice is not the hash of its terms")
    limits = tuple([(axis, tuple(of.items()) if type(of) is dict else of) for axis, of in fields["limits"].items()])
    return Consent(
        subject,
        resident,
        intern(fields["scope"]),
        _stored_limits(limits),
        _status(fields["status"]),
        notice,
        time_ms,
        time_ms if since_ms == time_ms else since_ms,
        fields["expiry"],
        intern(fields["channel"]),
        fields["signature"],
        terms,
        intern(fields["authority"]),
        fields["previous"],
    )


@lru_cache(maxsize=1024)
def _stored_limits(axes: tuple[tuple[str, Any], ...]) -> Disclosure:
    return disclosure_from_map({axis: dict(value) if type(value) is tuple else value for axis, value in axes})


def _bytes(value: Fields, key: str, length: int | None = None) -> bytes:
    data = value[key]
    if not isinstance(data, bytes) or (length is not None and len(data) != length):
        raise RecordError(f"`{key}` of a consent is not {length or 'some'} bytes")
    return data


def _text(value: Fields, key: str, least: int = 1) -> str:
    text = value[key]
    if not isinstance(text, str) or not least <= len(text) <= 200:
        raise RecordError(f"`{key}` of a consent is no short text")
    return text


def _time(value: Fields, key: str) -> int:
    time_ms = value[key]
    if type(time_ms) is not int or not 0 <= time_ms <= _LATEST_MS:
        raise RecordError(f"`{key}` of a consent is no time")
    return time_ms


def _status(value: Any) -> Status:
    try:
        return Status(value)
    except ValueError as error:
        raise RecordError("a consent has an unknown status") from error
