"""The terms of receipts: their inline JSON-LD context, the names of things, and the form of times and numbers.

Terms are those of the Data Privacy Vocabulary 2.3 and of Dublin Core; for the rest, those of our own in
`docs/vocabulary.md`. Nothing is ever fetched: the context is the same in every receipt, and included in full.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from consent.core.canonical import bounded_map, disclosure_map
from consent.core.disclosure import DAY_MS, Disclosure
from consent.core.receipts.canonical_json import Json
from consent.errors import RecordError

FIRST_VERSION: Final = "sluice:receipt-v1"
"""Of receipts that tell a resident's limits on every axis, bounded or not, and write the label key in base64url."""

SECOND_VERSION: Final = "sluice:receipt-v2"
"""Of receipts that know no noise: they tell the share that one subject may make up of a figure instead."""

THIRD_VERSION: Final = "sluice:receipt-v3"
"""Of receipts that know no passkeys."""

RECEIPT_VERSION: Final = "sluice:receipt-v4"
"""Of receipts as they are made now; those of the versions before are still taken."""

VERSIONS: Final = (RECEIPT_VERSION, THIRD_VERSION, SECOND_VERSION, FIRST_VERSION)
BEFORE_NOISE: Final = frozenset({SECOND_VERSION, FIRST_VERSION})
"""Those that know an ε and a share in place of μ."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CYCLE_DAYS: Final = 146_097
"""The Gregorian calendar repeats after 400 years, which are so many days."""


def _iri(term: str) -> dict[str, str]:
    """Return a term whose values are names of things."""
    return {"@id": term, "@type": "@id"}


def _texts(term: str) -> dict[str, str]:
    """Return a term whose values are one text in several languages."""
    return {"@id": term, "@container": "@language"}


def _typed(term: str, datatype: str) -> dict[str, str]:
    return {"@id": term, "@type": f"xsd:{datatype}"}


_FORMER_CONTEXT: Final[Json] = {
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "legal-eu": "https://w3id.org/dpv/legal/eu#",
    "loc": "https://w3id.org/dpv/loc#",
    "dpv-27560": "https://w3id.org/dpv/schema/dpv-27560#",
    "dct": "http://purl.org/dc/terms/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "sosa": "http://www.w3.org/ns/sosa/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "sluice": "urn:sluice:vocab:",
    "included": "@included",
    # Dublin Core, SKOS and RDFS
    "broader": _iri("skos:broader"),
    "conformsTo": _iri("dct:conformsTo"),
    "created": _typed("dct:created", "dateTime"),
    "description": _texts("dct:description"),
    "identifier": "dct:identifier",
    "label": "rdfs:label",
    "language": "dct:language",
    "publisher": _iri("dct:publisher"),
    "replaces": _iri("dct:replaces"),
    "source": _iri("dct:source"),
    "title": _texts("dct:title"),
    # the Data Privacy Vocabulary
    "hasAddress": "dpv:hasAddress",
    "hasApplicableLaw": _iri("dpv:hasApplicableLaw"),
    "hasConsentControl": "dpv:hasConsentControl",
    "hasConsentStatus": "dpv:hasConsentStatus",
    "hasContact": "dpv:hasContact",
    "hasDataController": _iri("dpv:hasDataController"),
    "hasDataProtectionOfficer": "dpv:hasDataProtectionOfficer",
    "hasDataSubject": "dpv:hasDataSubject",
    "hasDuration": "dpv:hasDuration",
    "hasIdentifier": "dpv:hasIdentifier",
    "hasIndicationMethod": _iri("dpv:hasIndicationMethod"),
    "hasJurisdiction": _iri("dpv:hasJurisdiction"),
    "hasLegalBasis": _iri("dpv:hasLegalBasis"),
    "hasLocation": "dpv:hasLocation",
    "hasName": "dpv:hasName",
    "hasNotice": "dpv:hasNotice",
    "hasPersonalData": "dpv:hasPersonalData",
    "hasProcess": "dpv:hasProcess",
    "hasProcessing": _iri("dpv:hasProcessing"),
    "hasPurpose": "dpv:hasPurpose",
    "hasRecipient": "dpv:hasRecipient",
    "hasRecordOfActivity": "dpv:hasRecordOfActivity",
    "hasRight": "dpv:hasRight",
    "hasStorageCondition": "dpv:hasStorageCondition",
    "hasTechnicalMeasure": "dpv:hasTechnicalMeasure",
    "isExercisedAt": "dpv:isExercisedAt",
    "isIndicatedAtTime": _typed("dpv:isIndicatedAtTime", "dateTime"),
    "isIndicatedBy": _iri("dpv:isIndicatedBy"),
    # the value of a duration, by its kind
    "length": _typed("rdf:value", "duration"),
    "untilEvent": _iri("rdf:value"),
    "untilTime": _typed("rdf:value", "dateTime"),
    # our own
    "asked": "sluice:asked",
    "atMost": "sluice:atMost",
    "budget": _typed("sluice:budget", "decimal"),
    "group": "sluice:group",
    "handedOver": "sluice:handedOver",
    "identity": _iri("sluice:identity"),
    "inForceSince": _typed("sluice:inForceSince", "dateTime"),
    "labelKey": "sluice:labelKey",
    "limits": "sluice:limits",
    "logEntry": "sluice:logEntry",
    "logIndex": "sluice:logIndex",
    "observedProperty": _iri("sluice:observedProperty"),
    "origin": "sluice:origin",
    "precision": "sluice:precision",
    "recordBytes": "sluice:recordBytes",
    "residentOf": _iri("sluice:residentOf"),
    "retention": _typed("sluice:retention", "duration"),
    "salt": "sluice:salt",
    "scope": "sluice:scope",
    "share": _typed("sluice:share", "decimal"),
    "signature": "sluice:signature",
    "signer": "sluice:signer",
    "space": _iri("sluice:space"),
    "statistic": _iri("sluice:statistic"),
    "step": _typed("sluice:step", "decimal"),
    "time": _iri("sluice:time"),
    "unit": "sluice:unit",
}
"""The context of receipts of the first two versions."""

_THIRD_CONTEXT: Final[Json] = {**_FORMER_CONTEXT, "mu": _typed("sluice:mu", "decimal"), "quantity": "sluice:quantity"}

CONTEXT: Final[Json] = {
    **_THIRD_CONTEXT,
    "authenticatorData": "sluice:authenticatorData",
    "clientData": "sluice:clientData",
    "isSignedWith": "sluice:isSignedWith",
    "passkeySignature": "sluice:passkeySignature",
    "publicKey": "sluice:publicKey",
    "site": "sluice:site",
}
"""The context of every receipt. Two terms may stand for one property where their values are written in different ways."""


def context_of(version: str) -> Json:
    """Return the context of receipts of a version."""
    if version in BEFORE_NOISE:
        return _FORMER_CONTEXT
    return CONTEXT if version == RECEIPT_VERSION else _THIRD_CONTEXT


def thing(kind: str, *names: str) -> str:
    """Return the name of a thing: a log's own things begin with its origin, so that those of two cities never collide."""
    return ":".join(["urn:sluice", kind, *(quote(name, safe="") for name in names)])


def own_term(scheme: str, notation: str) -> str:
    """Return one of a list of values in our vocabulary, such as a level of an axis."""
    return f"sluice:{scheme}-{quote(notation, safe='')}"


def date_time(time_ms: int) -> str:
    """Return a moment as `xsd:dateTime` in UTC with milliseconds, also beyond the year 9999."""
    days, in_day_ms = divmod(time_ms, DAY_MS)
    cycles, in_cycle = divmod(days, _CYCLE_DAYS)
    moment = _EPOCH + timedelta(days=in_cycle, milliseconds=in_day_ms)
    return f"{moment.year + 400 * cycles:04d}-{moment:%m-%dT%H:%M:%S}.{in_day_ms % 1000:03d}Z"


def time_of(written: str) -> int:
    """Return the milliseconds since 1970 of what ``date_time`` wrote, up to the year 9999.

    Raises: RecordError: it is not such a moment.
    """
    try:
        time_ms = (datetime.fromisoformat(written) - _EPOCH) // timedelta(milliseconds=1)
        if time_ms >= 0 and date_time(time_ms) == written:
            return time_ms
    except (ValueError, TypeError) as error:
        raise RecordError("a time of a receipt is none") from error
    raise RecordError("a time of a receipt is none")


def days(count: int) -> str:
    """Return a number of days as `xsd:duration`."""
    return f"P{count}D"


def base64url(data: bytes) -> str:
    """Return bytes as base64url without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Return the bytes that ``base64url`` encoded.

    Raises: RecordError: it is not written that way.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise RecordError("a receipt holds bytes that are not base64url") from error
    if base64url(data) != text:
        raise RecordError("a receipt holds bytes that are not base64url")
    return data


def disclosure_node(point: Disclosure) -> Json:
    """Return a point of the lattice, axis by axis; an unbounded μ is left out, and so is the ε that a budget once was."""
    return _node_of(disclosure_map(point))


def limits_node(point: Disclosure) -> Json:
    """Return a resident's limits: the axes that they bound, and no others."""
    return _node_of(bounded_map(point))


def _node_of(axes: Mapping[str, Any]) -> Json:
    """Return a point as a node, from its axes as ``disclosure_map`` writes them."""
    node: Json = {"@type": "sluice:Disclosure"}
    node |= {axis: own_term(axis, axes[axis]) for axis in ("identity", "time", "space") if axis in axes}
    if "precision" in axes:
        steps = axes["precision"].items()
        node["precision"] = [{"@type": "sluice:Precision", "identifier": name, "step": step} for name, step in steps]
    if "group" in axes:
        node["group"] = axes["group"]
    if "retention" in axes:
        node["retention"] = days(axes["retention"])
    for axis in ("mu", "budget"):
        if axis in axes:
            node[axis] = decimal(axes[axis])
    return node


def decimal(number: float) -> str:
    """Return a number as `xsd:decimal`, which has no exponents."""
    return f"{Decimal(repr(number)):f}"
