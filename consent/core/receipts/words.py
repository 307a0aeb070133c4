"""What the policies add to a consent record when it is put into words: who the controller is, and what things are called.

A record holds ids alone. Here are the descriptions that stand beside it in a receipt, one JSON-LD node for each thing that the
record names and the policies know. They are the issuer's words: the receipt's signature covers them, and whoever has the policy
files can make them again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

import msgspec

from consent.core.consents.records import Consent, record_hash
from consent.core.policies.policy import City, PolicySet, Texts
from consent.core.receipts.terms import decimal, thing
from consent.errors import RecordError

_UNDER_GDPR: Final = re.compile(
    "loc:(AT|BE|BG|CY|CZ|DE|DK|EE|ES|EU|FI|FR|GR|HR|HU|IE|IS|IT|LI|LT|LU|LV|MT|NL|NO|PL|PT|RO|SE|SI|SK)(-[A-Z0-9]+)?"
)
"""Where Regulation (EU) 2016/679 is law: the Union, and by the EEA agreement three more."""

N = TypeVar("N", bound="Node")


class Node(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="@type"):
    """A description of one thing; the type of the node is the type of the thing."""

    id: str = msgspec.field(name="@id")


class Officer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="@type", tag="dpv:DataProtectionOfficer"):
    """Whom to ask about one's rights."""

    contact: str = msgspec.field(name="hasContact")


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="@type", tag="dpv:Location"):
    """A place by its name."""

    label: str


class Controller(Node, frozen=True, kw_only=True, tag="dpv:DataController"):
    """The city: a party with all that a citizen needs to find it."""

    identifier: str = msgspec.field(name="hasIdentifier")
    name: str = msgspec.field(name="hasName")
    address: str = msgspec.field(name="hasAddress")
    contact: str = msgspec.field(name="hasContact")
    officer: Officer = msgspec.field(name="hasDataProtectionOfficer")
    jurisdiction: str = msgspec.field(name="hasJurisdiction")

    @property
    def under_gdpr(self) -> bool:
        """Return whether the General Data Protection Regulation is the law there."""
        return _UNDER_GDPR.fullmatch(self.jurisdiction) is not None


class Storage(Node, frozen=True, kw_only=True, tag="dpv:StorageLocation"):
    """Where the controller keeps what it is told."""

    location: Place = msgspec.field(name="hasLocation")


class Notice(Node, frozen=True, kw_only=True, tag="dpv:ConsentNotice"):
    """In which languages the terms are put into words, and by which policies."""

    language: list[str]
    source: str


class Policies(Node, frozen=True, kw_only=True, tag="sluice:PolicySet"):
    """What holds for every figure: the least group that it is drawn from, and the most that one subject may make up of it."""

    group: int
    share: str


class Process(Node, frozen=True, kw_only=True, tag="dpv:Process"):
    """What a flow is called, and why it is asked for."""

    title: Texts = msgspec.field(default_factory=dict)
    why: Texts = msgspec.field(name="description")


class ReceiptPurpose(Node, frozen=True, kw_only=True, tag="dpv:Purpose"):
    """What a purpose is called, and the DPV purpose that it comes under."""

    title: Texts
    broader: str


class ReceiptRecipient(Node, frozen=True, kw_only=True, tag="dpv:Recipient"):
    """What a recipient is called."""

    title: Texts


class ReceiptProperty(Node, frozen=True, kw_only=True, tag="sosa:ObservableProperty"):
    """What an observed property is called, and its unit as a UCUM code."""

    title: Texts = msgspec.field(default_factory=dict)
    unit: str


Described = Controller | Storage | Notice | Policies | Process | ReceiptPurpose | ReceiptRecipient | ReceiptProperty
Words = Sequence[Described]


def words_for(consent: Consent, policies: PolicySet, origin: str) -> list[Described]:
    """Return what the policies say about the things that a record names.

    A flow is described only where its terms are the very ones of the record: words may not speak of something else than what
    was agreed to. Purposes, recipients and properties go by their id.

    Args:
        origin: The log's, which the names of the city's own things bear.
    """
    of_policies = thing("policies", policies.sha256.hex())
    return [
        _controller(policies.city, origin),
        Storage(id=thing("storage", origin), location=Place(policies.city.storage_place)),
        Notice(id=thing("notice", consent.notice.hex()), language=list(policies.city.languages), source=of_policies),
        Policies(id=of_policies, group=policies.ceiling.group, share=decimal(policies.limits.share)),
        *_of_terms(consent, policies, origin),
    ]


def _controller(city: City, origin: str) -> Controller:
    return Controller(
        id=thing("controller", origin),
        identifier=city.id,
        name=city.name,
        address=city.address,
        contact=city.contact,
        officer=Officer(city.data_protection_officer),
        jurisdiction=f"loc:{city.jurisdiction}",
    )


def _of_terms(consent: Consent, policies: PolicySet, origin: str) -> Iterator[Described]:
    for terms in consent.terms:
        if policies.terms.get(terms.flow) == terms:
            flow = policies.flows[terms.flow]
            yield Process(id=process_name(consent, flow.id), title=flow.title, why=flow.why)
    for name in sorted({terms.purpose for terms in consent.terms} & policies.purposes.keys()):
        purpose = policies.purposes[name]
        yield ReceiptPurpose(id=thing("purpose", origin, name), title=purpose.title, broader=f"dpv:{purpose.dpv}")
    for name in sorted({terms.recipient for terms in consent.terms} & policies.recipients.keys()):
        yield ReceiptRecipient(id=thing("recipient", origin, name), title=policies.recipients[name].title)
    for name in sorted({name for terms in consent.terms for name, _ in terms.figures} & policies.properties.keys()):
        known = policies.properties[name]
        yield ReceiptProperty(id=thing("property", origin, name), title=known.title, unit=known.unit)


def record_name(consent: Consent) -> str:
    """Return the name of a record: its hash."""
    return thing("record", record_hash(consent).hex())


def process_name(consent: Consent, flow: str) -> str:
    """Return the name of what a record says about one flow; another record speaks of another such process."""
    return thing("record", record_hash(consent).hex(), flow)


def named_by(consent: Consent, origin: str) -> set[tuple[type[Node], str]]:
    """Return the kind and name of everything that a record's words may describe, the policies themselves aside."""
    return {
        (Controller, thing("controller", origin)),
        (Storage, thing("storage", origin)),
        (Notice, thing("notice", consent.notice.hex())),
        *((Process, process_name(consent, terms.flow)) for terms in consent.terms),
        *((ReceiptPurpose, thing("purpose", origin, terms.purpose)) for terms in consent.terms),
        *((ReceiptRecipient, thing("recipient", origin, terms.recipient)) for terms in consent.terms),
        *((ReceiptProperty, thing("property", origin, name)) for terms in consent.terms for name, _ in terms.figures),
    }


def one(kind: type[N], words: Words) -> N | None:
    """Return the one description of a kind, or None where there is none."""
    return next((node for node in words if isinstance(node, kind)), None)


def as_json(words: Words) -> list[dict[str, Any]]:
    """Return descriptions as JSON-LD nodes."""
    nodes: list[dict[str, Any]] = msgspec.to_builtins(list(words))
    return nodes


def from_json(nodes: Any) -> list[Described]:
    """Return the descriptions that ``as_json`` wrote.

    Raises: RecordError: a node is of another kind, or has other keys than its kind has.
    """
    try:
        return msgspec.convert(nodes, list[Described])
    except msgspec.ValidationError as error:
        raise RecordError(f"`included` of a receipt: {str(error)[:1].lower()}{str(error)[1:]}") from error
