"""The terms of the Data Privacy Vocabulary 2.3 that receipts may use, by namespace, and how the list was made.

Each term was looked up by hand, as a row of the column `term`, in the term lists of DPV 2.3 as published by the W3C DPVCG
(repository `w3c/dpv`, commit f01a55c3c098, 2026-02-28), and its `iri` compared:

    dpv         2.3/dpv/dpv.csv                   1116 terms
    eu-gdpr     2.3/legal/eu/gdpr/eu-gdpr.csv      234 terms
    legal-eu    2.3/legal/eu/legal-eu.csv           21 terms
    loc         2.3/loc/loc.csv                   5274 terms; only the places of the cities in the tests are listed
    dpv-27560   schema/dpv-27560.ttl                 4 profiles; `receipt-record` and `dpv-27560-GDPR` of the guide are none

Traps met: `eu-gdpr:GDPR`, which the guide's samples use, is no term (`legal-eu:law-GDPR` is); `dpv:ConsentTerminated`, which its
section 8.5.2 lists, is none either; and there is no status for a pause and no measure for groups of at least k.
"""

from __future__ import annotations

from typing import Final

NAMESPACES: Final = {
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "legal-eu": "https://w3id.org/dpv/legal/eu#",
    "loc": "https://w3id.org/dpv/loc#",
    "dpv-27560": "https://w3id.org/dpv/schema/dpv-27560#",
}

PROPERTIES: Final = """
    hasAddress hasApplicableLaw hasConsentControl hasConsentStatus hasContact hasDataController hasDataProtectionOfficer
    hasDataSubject hasDuration hasIdentifier hasIndicationMethod hasJurisdiction hasLegalBasis hasLocation hasName hasNotice
    hasPersonalData hasProcess hasProcessing hasPurpose hasRecipient hasRecordOfActivity hasRight hasStorageCondition
    hasTechnicalMeasure isExercisedAt isIndicatedAtTime isIndicatedBy
"""

STATUSES: Final = """
    ConsentExpired ConsentGiven ConsentInvalidated ConsentRefused ConsentRequested ConsentRevoked
    ConsentStatusInvalidForProcessing ConsentWithdrawn RenewedConsentGiven
"""

CLASSES: Final = """
    Aggregate Authority Collect ConsentNotice ConsentReceipt ConsentRecord DataController DataProtectionOfficer DataSubject
    DataSubjectRight Deidentification DerivedPersonalData ExpressedConsent Location ObservedPersonalData PersonalData Process
    ProvideConsent Pseudonymisation Pseudonymise Purpose Recipient StorageDuration StorageLocation TemporalDuration Transmit
    UntilEventDuration UntilTimeDuration WithdrawConsent
"""

PURPOSES: Final = "CombatClimateChange ImprovePublicServices PublicPolicyMaking"
"""Those that the policies of the tests and the shipped ones name."""

TERMS: Final = {
    "dpv": f"{PROPERTIES} {STATUSES} {CLASSES} {PURPOSES}",
    "eu-gdpr": "A6-1-a A7-3 A15 A16 A17 A18 A20 A77",
    "legal-eu": "law-GDPR",
    "loc": "ES US",
    "dpv-27560": "record receipt record-eu-gdpr receipt-eu-gdpr",
}

IRIS: Final = frozenset(NAMESPACES[prefix] + term for prefix, terms in TERMS.items() for term in terms.split())
