"""The descriptions that the policies add to a consent record in a receipt: the controller, and the names of things.

A record holds ids alone. These are the descriptions beside it in a receipt, one JSON-LD node for each thing that the
record names and the policies describe. They are the issuer's: the receipt's signature covers them, and anyone with the policy
files can make them again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar, get_args

import msgspec

from consent.core.consents.records import Consent, record_hash
from consent.core.policies.policy import CITY_FILE, City, PolicySet
from consent.core.profiles.profile import Texts
from consent.core.receipts.terms import BEFORE_NOISE, RECEIPT_VERSION, decimal, thing
from consent.core.toml.file import TomlFile
from consent.core.toml.misfit import misfit
from consent.errors import RecordError

_LOCATION: Final = "loc:"
_UNDER_GDPR: Final = re.compile(
    "(AT|BE|BG|CY|CZ|DE|DK|EE|ES|EU|FI|FR|GR|HR|HU|IE|IS|IT|LI|LT|LU|LV|MT|NL|NO|PL|PT|RO|SE|SI|SK)(-[A-Z0-9]+)?"
)
"""Where Regulation (EU) 2016/679 is law: the Union, and by the EEA agreement three more."""

N = TypeVar("N", bound="Node")


def is_under_gdpr(jurisdiction: str) -> bool:
    """Return whether Regulation (EU) 2016/679 is law in a jurisdiction, as policies name it: `ES`, or `PT-20`."""
    return _UNDER_GDPR.fullmatch(jurisdiction) is not None


class Node(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="@type"):
    """A description of one thing; the type of the node is the type of the thing."""

    id: str = msgspec.field(name="@id")


class Officer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="@type", tag="dpv:DataProtectionOfficer"):
    """The contact for questions about one's rights."""

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
        """Return whether the General Data Protection Regulation applies there."""
        return self.jurisdiction.startswith(_LOCATION) and is_under_gdpr(self.jurisdiction.removeprefix(_LOCATION))


class Storage(Node, frozen=True, kw_only=True, tag="dpv:StorageLocation"):
    """Where the controller stores its data."""

    location: Place = msgspec.field(name="hasLocation")


class Notice(Node, frozen=True, kw_only=True, tag="dpv:ConsentNotice"):
    """The languages of the notice's text, and the policies that it comes from."""

    language: list[str]
    source: str


class Policies(Node, frozen=True, kw_only=True, tag="sluice:PolicySet"):
    """Bounds on every figure: the least group that it is computed from.

    In receipts of former versions, also the most that one subject may make up of it.
    """

    group: int
    share: str = ""


class Process(Node, frozen=True, kw_only=True, tag="dpv:Process"):
    """The title of a flow, and the reason for it."""

    title: Texts = msgspec.field(default_factory=dict)
    why: Texts = msgspec.field(name="description")


class ReceiptPurpose(Node, frozen=True, kw_only=True, tag="dpv:Purpose"):
    """The title of a purpose, and the DPV purpose that it comes under."""

    title: Texts
    broader: str


class ReceiptRecipient(Node, frozen=True, kw_only=True, tag="dpv:Recipient"):
    """The title of a recipient."""

    title: Texts


class ReceiptProperty(Node, frozen=True, kw_only=True, tag="sosa:ObservableProperty"):
    """The title of an observed property, its unit as a UCUM code, and the id of the quantity that it tells."""

    title: Texts = msgspec.field(default_factory=dict)
    unit: str
    quantity: str = ""


Described = Controller | Storage | Notice | Policies | Process | ReceiptPurpose | ReceiptRecipient | ReceiptProperty
Words = Sequence[Described]


def words_for(consent: Consent, policies: PolicySet, origin: str, version: str = RECEIPT_VERSION) -> list[Described]:
    """Return the policies' descriptions of the things that a record names.

    A flow is described only where its terms are exactly those of the record: a description may not be about anything but what
    was agreed to. Purposes, recipients and properties go by their id.

    Args:
        origin: The log's, with which the names of the city's own things begin.
        version: The form of the receipt that they are for.
    """
    is_former = version in BEFORE_NOISE
    of_policies = thing("policies", policies.sha256.hex())
    return [
        _controller(policies.city, origin),
        Storage(id=thing("storage", origin), location=Place(policies.city.storage_place)),
        Notice(id=thing("notice", consent.notice.hex()), language=list(policies.city.languages), source=of_policies),
        Policies(id=of_policies, group=policies.ceiling.group, share=_former_share(policies) if is_former else ""),
        *_of_terms(consent, policies, origin, is_former=is_former),
    ]


def _former_share(policies: PolicySet) -> str:
    """Return the share of a figure that one subject may make up, which policies say no more; empty where they do not."""
    limits = TomlFile(CITY_FILE, policies.files[CITY_FILE]).tables.get("limits")
    share = limits.get("share") if isinstance(limits, dict) else None
    return "" if share is None else decimal(float(share))


def _controller(city: City, origin: str) -> Controller:
    return Controller(
        id=thing("controller", origin),
        identifier=city.id,
        name=city.name,
        address=city.address,
        contact=city.contact,
        officer=Officer(city.data_protection_officer),
        jurisdiction=f"{_LOCATION}{city.jurisdiction}",
    )


def _of_terms(consent: Consent, policies: PolicySet, origin: str, *, is_former: bool) -> Iterator[Described]:
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
        known, quantity = policies.properties[name], policies.quantity_of.get(name)
        told = "" if quantity is None or is_former else quantity.id
        yield ReceiptProperty(id=thing("property", origin, name), title=known.title, unit=known.unit, quantity=told)


def record_name(consent: Consent) -> str:
    """Return the name of a record: its hash."""
    return thing("record", record_hash(consent).hex())


def process_name(consent: Consent, flow: str) -> str:
    """Return the name of a record's process for one flow; another record has another process."""
    return thing("record", record_hash(consent).hex(), flow)


def named_by(consent: Consent, origin: str) -> set[tuple[type[Node], str]]:
    """Return the kind and name of everything that a record's descriptions may cover, the policies themselves aside."""
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

    Raises: RecordError: a node is of an unknown kind, or its keys are not those of its kind.
    """
    try:
        return msgspec.convert(nodes, list[Described])
    except msgspec.ValidationError as error:
        raise RecordError(_misfit_of(nodes)) from error


def _misfit_of(nodes: Any) -> str:
    """Return in our words what is wrong with descriptions that are none, for people who have only the file."""
    if not isinstance(nodes, list):
        return "`included` of a receipt should be a list"
    kinds = {kind.__struct_config__.tag: kind for kind in get_args(Described)}
    for index, node in enumerate(nodes):
        name = node.get("@type") if isinstance(node, dict) else None
        kind = kinds.get(name) if isinstance(name, str) else None
        if kind is None:
            return f"`included[{index}]` of a receipt: its `@type` is none that a receipt describes"
        if found := misfit(node, kind):
            return f"`included[{index}].{found[0]}` of a receipt: {found[1]}"
    return "`included` of a receipt holds what a receipt does not describe"
