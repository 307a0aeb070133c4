"""Consent receipts: what a citizen gets and keeps, as JSON-LD that anyone can check independently.

A receipt is signed as a whole, and holds the consent record's own bytes beside their meaning in terms of the Data Privacy
Vocabulary. All of it but the descriptions from the policies follows from those bytes, and ``check`` makes it again to compare.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

from consent.core.consents.records import Consent, record_hash
from consent.core.policies.policy import PolicySet
from consent.core.receipts.canonical_json import Json, canonical_json
from consent.core.receipts.label_key import write_label_key
from consent.core.receipts.record import conformance, record_node
from consent.core.receipts.terms import FIRST_VERSION, RECEIPT_VERSION, base64url, context_of, date_time, thing, time_of
from consent.core.receipts.words import Words, as_json, words_for

Sign = Callable[[bytes], bytes]
"""Signs a message with the log's key."""

SIGNED: Final = b"sluice receipt v1\0"
"""What stands before the receipt under its signature; with the zero byte no checkpoint and no record can begin so."""


@dataclass(frozen=True, slots=True)
class LogPlace:
    """The place of a record in the transparency log.

    Attributes:
        origin: The log's name.
        index: Of the entry that commits to the record.
        vkey: The text form of the log's public key, whose private half signs the receipt too.
        salt: The 32 bytes under which the entry commits to the record; empty where they are no longer kept.
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
        label_key: The key with which its holder finds every release with data of the subject; empty to leave it out.
        handed_over: Log indices of the bundles that had been sent when the record took force and are final; None where unknown.
    """

    time_ms: int
    label_key: bytes = b""
    handed_over: tuple[int, ...] | None = None


def make_receipt(consent: Consent, policies: PolicySet | None, place: LogPlace, issue: Issue, sign: Sign) -> Json:
    """Make the receipt for a consent record of any status.

    Args:
        policies: Those in force when the record was made; None where they are unknown. What they no longer
            describe, the receipt gives in the record's own terms.
    Raises: RecordError: the time of issue lies beyond the year 9999.
    """
    words = [] if policies is None else words_for(consent, policies, place.origin)
    receipt = unsigned_receipt(consent, words, place, issue)
    time_of(receipt["created"])
    return {**receipt, "signature": base64url(sign(message_of(receipt)))}


def message_of(receipt: Json) -> bytes:
    """Return the message that a receipt's signature covers.

    It is the text `sluice receipt v1`, a zero byte, and the receipt without its key `signature` in the canonical form of
    ``canonical_json``.

    Raises: RecordError: the receipt has no canonical form.
    """
    return SIGNED + canonical_json({key: value for key, value in receipt.items() if key != "signature"})


def unsigned_receipt(consent: Consent, words: Words, place: LogPlace, issue: Issue, version: str = RECEIPT_VERSION) -> Json:
    """Return a receipt without its signature: a function of record, descriptions from the policies, and place in the log.

    Args:
        version: The form to write it in: receipts of former versions are made again to be checked.
    """
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
        "@context": deepcopy(context_of(version)),
        "@id": name,
        "@type": "dpv:ConsentReceipt",
        "conformsTo": [version, *conformance("receipt", words).get("conformsTo", [])],
        "identifier": name,
        "hasIdentifier": name,
        "created": date_time(issue.time_ms),
        "publisher": thing("controller", place.origin),
        "hasRecordOfActivity": record_node(consent, place.origin, words, version),
        "included": as_json(words),
        "logEntry": entry,
        "signer": place.vkey,
    }
    if issue.handed_over is not None:
        receipt["handedOver"] = list(issue.handed_over)
    if issue.label_key:
        written = base64url if version == FIRST_VERSION else write_label_key
        receipt["labelKey"] = written(issue.label_key)
    return receipt
