"""Receipts of every kind, from the small city of ``samples``, with a log key of their own."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent.core.consents.records import COUNTER, PASSKEY, SESSION, Consent, Status, record_hash, signing_bytes
from consent.core.disclosure import BOTTOM, Time
from consent.core.passkeys.assertion import SignedChallenge
from consent.core.passkeys.proof import Proof
from consent.core.policies.policy import PolicySet
from consent.core.receipts.canonical_json import Json
from consent.core.receipts.receipts import Issue, LogPlace, make_receipt
from tests.support.consent_samples import NOW_MS, agreed, limits_of, policies
from tests.support.virtual_passkey import VirtualPasskey

LOG_KEY: Final = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PLACE: Final = LogPlace("sluice.town-1/log", 5, "sluice.town-1/log+9c21f4f6+AfV/K2pP", b"s" * 32)
PHONE: Final = VirtualPasskey("https://sensors.town.example", "sensors.town.example")
ISSUE: Final = Issue(NOW_MS + 1, b"l" * 32, (3, 4))
NOISY: Final = (
    ("exact_group = 1", "exact_group = 1\nmu_day = 2.1"),
    ('retention = 365 }\nnoise = "none"', "retention = 365, budget = 2 }"),
)
"""What makes the hourly figures of the small city noisy."""

CITY: Final = policies(*NOISY)
ABROAD: Final = policies(*NOISY, ('jurisdiction = "ES"', 'jurisdiction = "US"'))
"""The same city where the General Data Protection Regulation is not the law."""

_PERMITTED: Final = limits_of(time=Time.HOUR_4, group=12, retention_days=30, budget=0.5, precision=(("consumption", Decimal(1)),))
_KEPT: Final = (Status.GIVEN, Status.RENEWED, Status.PAUSED)


def verify(signature: bytes, message: bytes) -> bool:
    """Say whether a signature is that of the log's key."""
    try:
        LOG_KEY.public_key().verify(signature, message)
    except InvalidSignature:
        return False
    return True


def signed(consent: Consent) -> Consent:
    """Return a record with the log key's signature."""
    return consent.signed(LOG_KEY.sign(signing_bytes(consent)))


def said(status: Status, previous: Consent | None = None, group: int = 12) -> Consent:
    """Return a signed record of a status, in the form in which the steps of a consent's life make it."""
    by_gateway = status in (Status.EXPIRED, Status.INVALIDATED)
    consent = replace(
        agreed(CITY, "purpose:energy", replace(_PERMITTED, group=group) if status in _KEPT else BOTTOM),
        status=status,
        time_ms=NOW_MS if previous is None else previous.time_ms + 1000,
        since_ms=NOW_MS if previous is None else previous.since_ms + 1000,
        expiry_ms=NOW_MS + 86_400_000 if status in _KEPT else None,
        channel="gateway" if by_gateway else "operator",
        authority="Data protection authority, file 7/2026" if status is Status.REVOKED else "",
        previous=b"" if previous is None else record_hash(previous),
    )
    return signed(consent)


def signed_with(passkey: VirtualPasskey, consent: Consent) -> Consent:
    """Return a record over the channel of passkeys, signed by one in place of the log's key."""
    asked = replace(consent, channel=PASSKEY, signature=b"")
    said = SignedChallenge(*passkey.get(sha256(signing_bytes(asked)).digest()))
    return asked.signed(Proof(passkey.public_key, passkey.origin, said).encode())


def receipt_of(consent: Consent, city: PolicySet | None = CITY, place: LogPlace = PLACE, issue: Issue = ISSUE) -> Json:
    """Return the signed receipt for a record."""
    return make_receipt(consent, city, place, issue, LOG_KEY.sign)


def life() -> list[Consent]:
    """Return one chain through every status: asked, refused, given, changed, renewed, paused, resumed, and each end."""
    steps = [(Status.REQUESTED, 1), (Status.REFUSED, 1), (Status.GIVEN, 12), (Status.GIVEN, 14), (Status.RENEWED, 14)]
    steps += [(Status.PAUSED, 14), (Status.GIVEN, 14), (Status.WITHDRAWN, 1), (Status.GIVEN, 12), (Status.REVOKED, 1)]
    steps += [(Status.GIVEN, 12), (Status.EXPIRED, 1), (Status.GIVEN, 12), (Status.INVALIDATED, 1)]
    chain: list[Consent] = []
    for status, group in steps:
        chain.append(said(status, chain[-1] if chain else None, group))
    return chain


CASES: Final = {
    **{status.value: receipt_of(said(status)) for status in Status},
    "a chain's later record": receipt_of(life()[-1]),
    "until withdrawn": receipt_of(signed(replace(said(Status.GIVEN), expiry_ms=None))),
    "a flow without statistic": receipt_of(signed(agreed(CITY, "raw"))),
    "one pseudonym a day": receipt_of(signed(agreed(CITY, "daily"))),
    "from the portal": receipt_of(signed_with(PHONE, said(Status.GIVEN))),
    "in a session": receipt_of(signed(replace(said(Status.WITHDRAWN), channel=SESSION))),
    "at the counter": receipt_of(signed(replace(said(Status.GIVEN), channel=COUNTER))),
    "outside the regulation": receipt_of(signed(agreed(ABROAD, "hourly")), ABROAD),
    "policies without the flow": receipt_of(
        said(Status.WITHDRAWN), policies(*NOISY, ("[flow.hourly]", "[flow.weekly]"), ("retention = 30 ", "retention = 60 "))
    ),
    "policies unknown": receipt_of(said(Status.WITHDRAWN), None),
    "bare": receipt_of(said(Status.GIVEN), CITY, LogPlace("sluice.town-1/log", 5, PLACE.vkey), Issue(NOW_MS)),
}
