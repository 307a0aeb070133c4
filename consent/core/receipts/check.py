"""The check of a receipt: whether it is signed, and whether all of it agrees with the record in it.

It takes the record's bytes out of the receipt, makes the receipt again from them, and compares. An auditor, a lawyer or the
citizen needs only the log's public key for it. `docs/receipts.md` shows how to do much of it with other tools.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Any

import msgspec

from consent.core.consents.records import PASSKEY, Consent, decode, record_hash, signing_bytes
from consent.core.passkeys.proof import Proof
from consent.core.passkeys.relying_party import RelyingParty
from consent.core.policies.policy import PolicySet
from consent.core.receipts.canonical_json import Json
from consent.core.receipts.label_key import read_label_key
from consent.core.receipts.receipts import Issue, LogPlace, message_of, unsigned_receipt
from consent.core.receipts.terms import VERSIONS, from_base64url, time_of
from consent.core.receipts.words import Notice, Policies, Words, as_json, from_json, named_by, one, words_for
from consent.errors import RecordError

Verify = Callable[[bytes, bytes], bool]
"""(signature, message) → whether the signature is the log's over the message."""


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="@type", tag="sluice:LogEntry"):
    id: str = msgspec.field(name="@id")
    origin: str
    index: int = msgspec.field(name="logIndex")
    salt: str = ""


class _Stated(msgspec.Struct, frozen=True):
    """What a receipt states that does not follow from its record."""

    created: str
    conforms_to: list[str] = msgspec.field(name="conformsTo")
    record: Json = msgspec.field(name="hasRecordOfActivity")
    included: list[Json]
    entry: _Entry = msgspec.field(name="logEntry")
    signer: str
    signature: str
    label_key: str = msgspec.field(name="labelKey", default="")
    handed_over: list[int] | None = msgspec.field(name="handedOver", default=None)


def check_receipt(receipt: Json, verify: Verify, policies: PolicySet | None = None) -> list[str]:
    """Return the faults of a receipt, one line each; none where all of it is right.

    It checks the receipt's signature; the record's own, by the passkey that the receipt names or else by the log's key; and that
    every key and value follows from the record's bytes, except the descriptions from the policies, which are the signer's. That
    the passkey is the resident's, the log says, and the resident's own history.

    Args:
        verify: Verifies with a key that the reader trusts for a reason other than that the receipt names it.
        policies: Where given, the descriptions must be theirs.
    """
    try:
        stated = msgspec.convert(receipt, _Stated)
        consent = _consent(stated.record)
        words = from_json(stated.included)
        version = _version(stated)
        expected = unsigned_receipt(consent, words, *_place_and_issue(stated), version)
        message, signature = message_of(receipt), from_base64url(stated.signature)
    except msgspec.ValidationError as error:
        return [f"the receipt is malformed: {str(error)[:1].lower()}{str(error)[1:]}"]
    except RecordError as error:
        return [str(error)]
    problems = [] if verify(signature, message) else ["the receipt's signature is not by this key, or the receipt was changed"]
    problems += _signature_faults(consent, verify)
    problems += _faults_of_words(consent, stated.entry.origin, words, policies, version)
    received = {key: value for key, value in receipt.items() if key != "signature"}
    return problems + [f"`{path}` says other than the record" for path in _differences(expected, received, "")]


def _signature_faults(consent: Consent, verify: Verify) -> list[str]:
    """Return what is wrong with the record's own signature."""
    if consent.channel != PASSKEY:
        known = verify(consent.signature, signing_bytes(consent))
        return [] if known else ["the signature of the record itself is not by this key"]
    proof = Proof.decode(consent.signature)
    site = RelyingParty.of_origin(proof.origin)
    challenge = sha256(signing_bytes(consent)).digest()
    faults = ["it is for no site"] if site is None else proof.faults(challenge, site.id)
    return [f"the record is not signed by the passkey in it: {fault}" for fault in faults]


def _consent(record: Json) -> Consent:
    written = record.get("recordBytes")
    if not isinstance(written, str):
        raise RecordError("the receipt holds no record")
    return decode(from_base64url(written))


def _place_and_issue(stated: _Stated) -> tuple[LogPlace, Issue]:
    entry = stated.entry
    place = LogPlace(entry.origin, entry.index, stated.signer, from_base64url(entry.salt))
    handed_over = None if stated.handed_over is None else tuple(stated.handed_over)
    return place, Issue(time_of(stated.created), read_label_key(stated.label_key) if stated.label_key else b"", handed_over)


def _version(stated: _Stated) -> str:
    """Return in which form a receipt is written."""
    for version in VERSIONS:
        if version in stated.conforms_to[:1]:
            return version
    raise RecordError("`conformsTo` names no version of receipts that this program knows: check it with a newer one")


def _faults_of_words(consent: Consent, origin: str, words: Words, policies: PolicySet | None, version: str) -> Iterator[str]:
    """Yield the descriptions of what the record does not name, and those that differ from the policies'."""
    notice = one(Notice, words)
    known: set[tuple[type[Any], str]] = set(named_by(consent, origin))
    if notice is not None:
        known.add((Policies, notice.source))
    described = [(type(node), node.id) for node in words]
    if not known.issuperset(described) or len(set(described)) < len(described):
        yield "`included` describes what the record does not name, or something twice"
    if policies is not None and as_json(words) != as_json(words_for(consent, policies, origin, version)):
        yield "`included` is not in the words of these policies"


def _differences(expected: Any, received: Any, path: str) -> Iterator[str]:
    """Yield the deepest paths at which two JSON values differ; never the values, which may name people."""
    if isinstance(expected, dict) and isinstance(received, dict):
        for key in [*expected, *(key for key in received if key not in expected)]:
            below = f"{path}.{key}" if path else key
            if key not in expected or key not in received:
                yield below
            else:
                yield from _differences(expected[key], received[key], below)
    elif isinstance(expected, list) and isinstance(received, list) and len(expected) == len(received):
        for number, pair in enumerate(zip(expected, received, strict=True)):
            yield from _differences(*pair, f"{path}[{number}]")
    elif type(expected) is not type(received) or expected != received:
        yield path


def record_in(receipt: Json) -> Consent:
    """Return the consent record that a receipt holds.

    Raises: RecordError: it has none.
    """
    record = receipt.get("hasRecordOfActivity")
    return _consent(record if isinstance(record, dict) else {})


def find_breaks(receipts: Sequence[Json]) -> list[str]:
    """Return the breaks in receipts, oldest first, that should be one chain of records about one scope.

    Raises: RecordError: a receipt holds no record.
    """
    records = [record_in(receipt) for receipt in receipts]
    problems = []
    for number, (earlier, later) in enumerate(pairwise(records), start=1):
        if (earlier.subject, earlier.resident, earlier.scope) != (later.subject, later.resident, later.scope):
            problems.append(f"receipt {number + 1} is about somebody or something else than receipt {number}")
        elif later.previous != record_hash(earlier):
            problems.append(f"receipt {number + 1} does not replace receipt {number}")
    return problems


def commitment(receipt: Json) -> bytes | None:
    """Return what the receipt's log entry must have as its commitment; None where the receipt holds no salt.

    It is the RFC 6962 leaf hash of the HMAC-SHA256 of the record's bytes under the salt, as `docs/log-format.md` defines it.

    Raises: RecordError: the receipt is malformed.
    """
    try:
        stated = msgspec.convert(receipt, _Stated)
    except msgspec.ValidationError as error:
        raise RecordError("the receipt is malformed") from error
    salt, record = from_base64url(stated.entry.salt), from_base64url(str(stated.record.get("recordBytes")))
    return sha256(b"\x00" + hmac.digest(salt, record, "sha256")).digest() if salt else None
