"""A consent as an ISO/IEC TS 27560 consent record: one JSON-LD node in terms of the Data Privacy Vocabulary 2.3.

A pure function of the record, the log's origin and the descriptions that the policies add. A receipt has all three, so its holder
can make this node again to see whether the receipt agrees with the record.

Sources: the W3C DPV guide to ISO/IEC TS 27560:2023, section 8, for which property holds which field; DPV 2.3 for the terms.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any, Final

from consent.core.consents.records import PASSKEY, Consent, Status, encode, record_hash
from consent.core.decide import binding_limits
from consent.core.disclosure import BOTTOM, Disclosure, Identity, Time, meet
from consent.core.passkeys.proof import Proof
from consent.core.policies.notice import FlowTerms
from consent.core.receipts.canonical_json import Json
from consent.core.receipts.rights import rights_nodes
from consent.core.receipts.terms import (
    BEFORE_NOISE,
    FIRST_VERSION,
    RECEIPT_VERSION,
    base64url,
    date_time,
    days,
    decimal,
    disclosure_node,
    limits_node,
    own_term,
    thing,
)
from consent.core.receipts.words import Controller, Notice, Words, one, process_name, record_name

STATUS_TYPES: Final[dict[Status, tuple[str, ...]]] = {
    Status.REQUESTED: ("dpv:ConsentRequested",),
    Status.REFUSED: ("dpv:ConsentRefused",),
    Status.GIVEN: ("dpv:ConsentGiven", "dpv:ExpressedConsent"),
    Status.RENEWED: ("dpv:RenewedConsentGiven", "dpv:ExpressedConsent"),
    Status.WITHDRAWN: ("dpv:ConsentWithdrawn",),
    Status.REVOKED: ("dpv:ConsentRevoked",),
    Status.EXPIRED: ("dpv:ConsentExpired",),
    Status.INVALIDATED: ("dpv:ConsentInvalidated",),
    Status.PAUSED: ("sluice:ConsentPaused", "dpv:ConsentStatusInvalidForProcessing"),
}
"""Our own status stands beside the DPV term that it comes under, for readers who do not know ours."""

_FORMER_BOTTOM: Final = replace(BOTTOM, budget=inf, former_epsilon=0.0)
"""The least point as it was written while a budget was an ε."""

_BY_CONTROLLER: Final = (Status.REQUESTED, Status.EXPIRED, Status.INVALIDATED)
_LASTING: Final = (Status.GIVEN, Status.RENEWED, Status.PAUSED)


def record_node(consent: Consent, origin: str, words: Words, version: str = RECEIPT_VERSION) -> Json:
    """Return a consent as a consent record, in the form of a version of receipts.

    It claims to conform to the specification only where the descriptions hold the controller and the languages of the
    notice, which are mandatory and in no consent.
    """
    controller = one(Controller, words)
    digest = record_hash(consent).hex()
    node: Json = {
        "@id": record_name(consent),
        "@type": "dpv:ConsentRecord",
        **conformance("record", words),
        "identifier": digest,
        "hasIdentifier": digest,
        "hasDataSubject": _subject(consent),
        "hasNotice": {
            "@id": thing("notice", consent.notice.hex()),
            "@type": "dpv:ConsentNotice",
            "identifier": consent.notice.hex(),
        },
        "hasDataController": thing("controller", origin),
        **_law(controller),
        "scope": consent.scope,
        "hasConsentStatus": _event(consent, origin),
        "inForceSince": date_time(consent.since_ms),
        "limits": disclosure_node(consent.limits) if version == FIRST_VERSION else limits_node(consent.limits),
        "hasProcess": [_process(consent, terms, origin, controller, version) for terms in consent.terms],
        "hasConsentControl": _control(controller),
        "hasRight": _rights(words),
        "recordBytes": base64url(encode(consent)),
    }
    if consent.channel == PASSKEY and version == RECEIPT_VERSION:
        node["isSignedWith"] = _passkey(consent)
    if consent.previous:
        node["replaces"] = thing("record", consent.previous.hex())
    return node


def _passkey(consent: Consent) -> Json:
    """Return the passkey that signed a record, and what it signed: all that checks the signature without the log.

    Raises: RecordError: what stands in the signature's place is none.
    """
    proof = Proof.decode(consent.signature)
    return {
        "@type": "sluice:Passkey",
        "identifier": proof.key_sha256.hex(),
        "publicKey": base64url(proof.public_key),
        "site": proof.origin,
        "clientData": base64url(proof.said.client_data),
        "authenticatorData": base64url(proof.said.authenticator_data),
        "passkeySignature": base64url(proof.said.signature),
    }


def conformance(kind: str, words: Words) -> Json:
    """Return to which profile of the specification a `record` or `receipt` conforms; none where mandatory fields are unknown."""
    controller, notice = one(Controller, words), one(Notice, words)
    if controller is None or notice is None:
        return {}
    return {"conformsTo": [f"dpv-27560:{kind}-eu-gdpr" if controller.under_gdpr else f"dpv-27560:{kind}"]}


def _subject(consent: Consent) -> Json:
    identifier = consent.subject.hex()
    return {"@id": thing("subject", identifier), "@type": "dpv:DataSubject", "identifier": identifier}


def _law(controller: Controller | None) -> Json:
    if controller is None:
        return {}
    law = {"hasApplicableLaw": "legal-eu:law-GDPR"} if controller.under_gdpr else {}
    return {"hasJurisdiction": controller.jurisdiction, **law}


def _event(consent: Consent, origin: str) -> Json:
    return {
        "@type": list(STATUS_TYPES[consent.status]),
        "isIndicatedAtTime": date_time(consent.time_ms),
        "isIndicatedBy": _speaker(consent, origin),
        "hasIndicationMethod": own_term("channel", consent.channel),
        "hasDuration": _duration(consent),
    }


def _speaker(consent: Consent, origin: str) -> str | Json:
    """Return who made it: the resident, an authority, or the controller's own gateway."""
    if consent.status in _BY_CONTROLLER:
        return thing("controller", origin)
    if consent.status is Status.REVOKED:
        return {"@type": "dpv:Authority", "hasName": consent.authority}
    identifier = consent.resident.hex()
    return {
        "@id": thing("resident", identifier),
        "@type": "dpv:DataSubject",
        "identifier": identifier,
        "residentOf": thing("subject", consent.subject.hex()),
    }


def _duration(consent: Consent) -> Json:
    """Return how long it holds: a permission until its date or withdrawal, anything else until the next permission."""
    if consent.status not in _LASTING:
        return {"@type": "dpv:UntilEventDuration", "untilEvent": "dpv:ConsentGiven"}
    if consent.expiry_ms is None:
        return {"@type": "dpv:UntilEventDuration", "untilEvent": "dpv:ConsentWithdrawn"}
    return {"@type": "dpv:UntilTimeDuration", "untilTime": date_time(consent.expiry_ms)}


def _process(consent: Consent, terms: FlowTerms, origin: str, controller: Controller | None, version: str) -> Json:
    most = at_most(consent, terms, version)
    bound = terms.ask if most is None else most
    node: Json = {
        "@id": process_name(consent, terms.flow),
        "@type": "dpv:Process",
        "identifier": terms.flow,
        "hasPurpose": _named("dpv:Purpose", thing("purpose", origin, terms.purpose), terms.purpose),
        "hasRecipient": _named("dpv:Recipient", thing("recipient", origin, terms.recipient), terms.recipient),
        "hasPersonalData": [_figure(name, statistic, origin) for name, statistic in terms.figures],
        "hasProcessing": _processing(bound),
        "hasLegalBasis": ["dpv:ExpressedConsent", *(["eu-gdpr:A6-1-a"] if controller and controller.under_gdpr else [])],
        "hasStorageCondition": _storage(bound, origin),
        "hasTechnicalMeasure": _measures(bound),
        "asked": disclosure_node(terms.ask),
    }
    if most is not None:
        node["atMost"] = disclosure_node(most)
    return node


def at_most(consent: Consent, terms: FlowTerms, version: str = RECEIPT_VERSION) -> Disclosure | None:
    """Return the most that this record alone lets the flow reveal: the decision where no ceiling and no cap is lower.

    None where the record permits nothing.
    """
    if not consent.permits:
        return None
    least = meet(terms.ask, binding_limits(consent.limits))
    if version not in BEFORE_NOISE:
        return least if least.identity is not Identity.AGGREGATE or _stands_in_figures(terms, least) else BOTTOM
    draws_figures = least.time is not Time.EXACT and any(statistic for _, statistic in terms.figures)
    is_told = draws_figures or least.identity is not Identity.AGGREGATE
    return least if is_told and not least.is_bottom else _FORMER_BOTTOM


def _stands_in_figures(terms: FlowTerms, least: Disclosure) -> bool:
    """Return whether a flow draws figures, and a household stands in them that permits so much; as ``outcome`` decides."""
    is_exact = terms.ask.budget == inf  # and gives no noise to whoever demands it
    draws_figures = terms.ask.identity is Identity.AGGREGATE and least.former_epsilon == inf
    return draws_figures and least.group <= terms.ask.group and not (is_exact and least.budget < inf)


def _named(kind: str, name: str, identifier: str) -> Json:
    return {"@id": name, "@type": kind, "identifier": identifier}


def _figure(name: str, statistic: str, origin: str) -> Json:
    node: Json = {
        "@type": "dpv:PersonalData",
        "broader": "dpv:DerivedPersonalData" if statistic else "dpv:ObservedPersonalData",
        "identifier": name,
        "observedProperty": thing("property", origin, name),
    }
    if statistic:
        node["statistic"] = own_term("statistic", statistic)
    return node


def _processing(bound: Disclosure) -> list[str]:
    if bound.is_bottom:
        return []
    if bound.identity is Identity.AGGREGATE:
        return ["dpv:Collect", "dpv:Aggregate", "dpv:Transmit"]
    if bound.identity >= Identity.PER_EPOCH:
        return ["dpv:Collect", "dpv:Pseudonymise", "dpv:Transmit"]
    return ["dpv:Collect", "dpv:Transmit"]


def _storage(bound: Disclosure, origin: str) -> list[Json]:
    return [
        {"@id": thing("storage", origin), "@type": "dpv:StorageLocation"},
        {
            "@type": "dpv:StorageDuration",
            "hasDuration": {"@type": "dpv:TemporalDuration", "length": days(bound.retention_days)},
        },
    ]


def _measures(bound: Disclosure) -> list[Json]:
    if bound.identity is Identity.AGGREGATE:
        group: Json = {"@type": "sluice:GroupThreshold", "group": bound.group}
        return [group, {"@type": "sluice:CalibratedNoise", "mu": decimal(bound.budget)}] if bound.budget < inf else [group]
    if bound.identity >= Identity.PER_EPOCH:
        return [{"@type": "dpv:Pseudonymisation"}]
    return []


def _control(controller: Controller | None) -> Json:
    node: Json = {"@type": ["dpv:WithdrawConsent", "dpv:ProvideConsent"]}
    if controller is not None:
        node["isExercisedAt"] = controller.contact
    return node


def _rights(words: Words) -> list[dict[str, Any]]:
    controller, notice = one(Controller, words), one(Notice, words)
    return rights_nodes(
        contact=None if controller is None else controller.contact,
        under_gdpr=controller is not None and controller.under_gdpr,
        languages=[] if notice is None else notice.language,
    )
