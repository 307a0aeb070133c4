"""Consent receipts: what a citizen gets and keeps, as JSON-LD that anybody can check without asking anyone.

A receipt is signed as a whole, and holds the consent record's own bytes beside what they say in terms of the Data Privacy
Vocabulary. All of it but the words of the policies follows from those bytes, and ``check`` makes it again to see.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

from consent.core.consents.records import Consent, record_hash
from consent.core.policies.policy import PolicySet
from consent.core.receipts.canonical_json import Json, canonical_json
from consent.core.receipts.record import conformance, record_node
from consent.core.receipts.terms import CONTEXT, RECEIPT_VERSION, base64url, date_time, thing, time_of
from consent.core.receipts.words import Words, as_json, words_for

Sign = Callable[[bytes], bytes]
"""Signs a message with the log's key."""

SIGNED: Final = b"sluice receipt v1\0"
"""What stands before the receipt under its signature; with the zero byte no checkpoint and no record can begin so."""


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where a record stands in the transparency log.

    Attributes:
        origin: The log's name.
        index: Of the entry that commits to the record.
        vkey: The log's public key in its text form, by which the receipt is signed too.
        salt: The 32 bytes under which the entry commits to the record; empty where they are not kept any more.
    """

    origin: str
    index: int
    vkey: str
    salt: bytes = b""


@dataclass(frozen=True, slots=True)
class Issue:
    """What a receipt says beyond the record.

    Attributes:
        time_ms: When it is issued.
        label_key: With which its holder finds every release with data of the subject in it; empty to leave it out.
        handed_over: Log indices of the bundles that were on their way when the record took force and stand; None where unknown.
    """

    time_ms: int
    label_key: bytes = b""
    handed_over: tuple[int, ...] | None = None


def make_receipt(consent: Consent, policies: PolicySet | None, place: LogPlace, issue: Issue, sign: Sign) -> Json:
    """Make the receipt for a consent record of any status.

    Args:
        policies: Those in force when the record was made; None where they are unknown. Of what they do not know any more, the
            receipt says what stands in the record's own terms.
    Raises: RecordError: the time of issue lies beyond the year 9999.
    """
    words = [] if policies is None else words_for(consent, policies, place.origin)
    receipt = unsigned_receipt(consent, words, place, issue)
    time_of(receipt["created"])
    return {**receipt, "signature": base64url(sign(message_of(receipt)))}


def message_of(receipt: Json) -> bytes:
    """Return what a receipt's signature is made over.

    It is the text `sluice receipt v1`, a zero byte, and the receipt without its key `signature` in the canonical form of
    ``canonical_json``.

    Raises: RecordError: the receipt has no canonical form.
    """
    return SIGNED + canonical_json({key: value for key, value in receipt.items() if key != "signature"})


def unsigned_receipt(consent: Consent, words: Words, place: LogPlace, issue: Issue) -> Json:
    """Return a receipt without its signature: a function of the record, of how the policies put it, and of where it stands."""
    name = thing("receipt", record_hash(consent).hex(), str(issue.time_ms))
    entry: Json = {
        "@id": thing("log", place.origin, str(place.index)),
        "@type": "sluice:LogEntry",
        "origin": place.origin,
        "logIndex": place.index,
    }
    if place.salt:
        entry["salt"] = base64url(place.salt)
    receipt: Json = {
        "@context": deepcopy(CONTEXT),
        "@id": name,
        "@type": "dpv:ConsentReceipt",
        "conformsTo": [RECEIPT_VERSION, *conformance("receipt", words).get("conformsTo", [])],
        "identifier": name,
        "hasIdentifier": name,
        "created": date_time(issue.time_ms),
        "publisher": thing("controller", place.origin),
        "hasRecordOfActivity": record_node(consent, place.origin, words),
        "included": as_json(words),
        "logEntry": entry,
        "signer": place.vkey,
    }
    if issue.handed_over is not None:
        receipt["handedOver"] = list(issue.handed_over)
    if issue.label_key:
        receipt["labelKey"] = base64url(issue.label_key)
    return receipt
