"""The policies in force as typed, frozen records: city, purposes, recipients, flows, properties, zones, ceilings, profiles.

``consent.core.policies.parse`` makes a ``PolicySet`` from the text of a policies folder, with every reference checked;
``consent.core.decide`` reads it. Nothing here needs another check.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from math import inf
from typing import Any, Final

from consent.core.disclosure import Disclosure, Identity, Space
from consent.core.periods import Period, Publish
from consent.core.policies.notice import FlowTerms
from consent.core.policies.property import Property
from consent.core.policies.quantity import Mechanism, Quantity
from consent.core.policies.unprintable import unprintable_in
from consent.core.profiles.profile import Profile, Texts
from consent.errors import PolicyError

CITY_FILE: Final = "city.toml"
"""The file of a policies folder that holds all that is the city's to say."""


class Statistic(StrEnum):
    """How the readings of a window become one figure."""

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    ENERGY_MEAN = "energy-mean"
    DELTA = "delta"
    TYPICAL_DAY = "typical-day"
    MIN = "min"
    MAX = "max"


class LegalBasis(StrEnum):
    """On what the processing for a purpose rests."""

    CONSENT = "consent"
    PUBLIC_TASK = "public-task"


@dataclass(frozen=True, slots=True)
class City:
    """The controller, as a citizen must be able to find it.

    Attributes:
        id: Short name; also the name of the cell that is the whole city.
    """

    id: str
    name: str
    address: str
    contact: str
    data_protection_officer: str
    jurisdiction: str
    storage_place: str
    languages: tuple[str, ...]
    timezone: str


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why data is processed; ``dpv`` is the term of the Data Privacy Vocabulary that it comes under.

    Attributes:
        if_no: What happens after a no, in words, by language code; empty where the policies do not say.
    """

    id: str
    title: Texts
    dpv: str
    legal_basis: LegalBasis
    if_no: Texts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient of bundles.

    Attributes:
        public_key_file: Path relative to the policies folder; None means open data only.
        further_key_files: Those of its further keys, each of which opens what the first does.
        sink: Name of the configured connection that carries them.
        contact: Where to ask it: an `https://` or e-mail address; empty where the policies give none.
        telephone: As `+34 555 010 010`; likewise.
    """

    id: str
    title: Texts
    public_key_file: str | None
    sink: str
    contact: str = ""
    telephone: str = ""
    further_key_files: tuple[str, ...] = ()

    @property
    def key_files(self) -> tuple[str, ...]:
        """The paths of all its keys; none where it gets open data only."""
        return () if self.public_key_file is None else (self.public_key_file, *self.further_key_files)


@dataclass(frozen=True, slots=True)
class Zone:
    """A block where fixed sensors stand."""

    id: str
    title: Texts
    district: str
    neighbourhood: str | None


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign at a sensor of the city's own, which tells whoever stands before it what the sensor measures.

    Attributes:
        id: 2 to 12 capital letters and digits, as the sign's address has it.
        zone: Where the sensor stands.
        profile: The device profile of the sensor.
        text: Where in the zone, in words, by language code.
    """

    id: str
    zone: str
    profile: str
    text: Texts


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on figures of data that have a subject.

    Attributes:
        mu_day: Most that √Σ μ² over a quantity's draws may come to on any day, over all recipients; None in policies that ask for
            no noise.
        mu_rungs: To which of these a consent's or ceiling's μ is lowered, least first.
        exact_group: Least number of subjects in an exact figure, and in a class that the guard lets stand.
        ignored: Keys of earlier versions that the policies give and that bind nothing any more.
    """

    mu_day: Decimal | None = None
    mu_rungs: tuple[float, ...] = (0.5, 1.0, 2.0)
    exact_group: int = 50
    ignored: tuple[str, ...] = field(default=(), compare=False)

    def rung(self, mu: float) -> float:
        """Return what a consent's or ceiling's μ counts as: the rung at or below it, 0 below the least; infinite stays."""
        return mu if mu == inf else max((rung for rung in self.mu_rungs if rung <= mu), default=0.0)


@dataclass(frozen=True, slots=True)
class Flow:
    """A declared processing activity: what is asked, of which properties, why and for whom.

    Attributes:
        is_exact: `noise = "none"`: its figures about subjects are exact.
        publish: When its figures about subjects leave.
        period: How long the data of its figures about subjects are gathered at most.
        clip: Its own bound on a subject's vector; None is the quantity's.
    """

    id: str
    title: Texts
    why: Texts
    properties: tuple[str, ...]
    statistic: dict[str, Statistic]
    purpose: str
    recipient: str
    ask: Disclosure
    is_exact: bool = False
    publish: Publish = Publish.DAY
    period: Period = Period.DAY
    clip: Decimal | None = None

    def statistic_of(self, observed_property: str) -> str:
        """Return how a property's readings become one figure; empty where each is released by itself."""
        return str(self.statistic.get(observed_property, ""))


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Something that policies ask and may no longer ask; it is understood, and withheld where they are in force.

    Attributes:
        file: Relative to the policies folder.
        key: Dotted path of what asks for it.
        message: What is wrong with it, and what to write instead, in one line.
        flow: The flow by which it would leave.
        observed_property: What of the flow is withheld, of every device that has a subject.
        since_form: The first form of release payloads that no gateway writes of it: an earlier one may hold it.
    """

    file: str
    key: str
    message: str
    flow: str
    observed_property: str
    since_form: int = 2

    def as_error(self) -> PolicyError:
        """Return the error with which such a set is refused."""
        return PolicyError(self.file, self.key, self.message)


@dataclass(frozen=True)
class PolicySet:
    """Everything that is in force, checked as a whole.

    Attributes:
        sha256: Over the deterministic CBOR map of the files; what a log entry names.
        files: The text that it was made from, by path relative to the policies folder.
        districts: Their titles, by id.
        zones: The blocks of the registry, by id.
        neighbourhoods: Each community's ceiling; titles stand in ``neighbourhood_titles``.
        unsupported: What they may no longer ask; empty in a set that can be put in force.
        signs: The signs at the city's own sensors, by id.
    """

    sha256: bytes
    files: dict[str, bytes]
    city: City
    purposes: dict[str, Purpose]
    recipients: dict[str, Recipient]
    flows: dict[str, Flow]
    properties: dict[str, Property]
    districts: dict[str, Texts]
    zones: dict[str, Zone]
    ceiling: Disclosure
    limits: Limits
    neighbourhoods: dict[str, Disclosure]
    neighbourhood_titles: dict[str, Texts]
    profiles: dict[str, Profile]
    unsupported: tuple[Unsupported, ...] = ()
    quantities: dict[str, Quantity] = field(default_factory=dict)
    signs: dict[str, Sign] = field(default_factory=dict)

    def cell(self, zone_id: str, space: Space) -> str:
        """Return the name of the cell that a zone's readings belong to at a level of space.

        Raises: KeyError: there is no such zone. ValueError: the level reveals no place.
        """
        zone = self.zones[zone_id]
        if space is Space.NONE:
            raise ValueError("at `none` there is no cell")
        if space is Space.CITY:
            return self.city.id
        return zone.district if space is Space.DISTRICT else zone.id

    @cached_property
    def quantity_of(self) -> dict[str, Quantity]:
        """The quantity that each observed property tells; a property of none has no entry."""
        return {name: quantity for quantity in self.quantities.values() for name in quantity.properties}

    @cached_property
    def mechanisms(self) -> dict[tuple[str, str], Mechanism]:
        """(flow, observed property) → how its figures are made of subjects' data; flows that draw none have no entry.

        That is a flow that rests on consent, asks for identity `aggregate`, and has a budget or `noise = "none"`; of a property
        that a quantity has.
        """
        return {
            (flow.id, name): Mechanism(
                quantity=self.quantity_of[name],
                mu=None if flow.is_exact else Fraction(str(flow.ask.budget)),
                clip=flow.clip or self.quantity_of[name].clip,
                period=flow.period,
                publish=flow.publish,
            )
            for flow in self.flows.values()
            for name in flow.properties
            if self.rests_on_consent(flow)
            and flow.ask.identity is Identity.AGGREGATE
            and (flow.is_exact or flow.ask.budget < inf)
            and name in self.quantity_of
        }

    @cached_property
    def least_retention_days(self) -> dict[str, int]:
        """For how long policies let the figures of each flow be kept wherever they are made: what a record about subjects states.

        Were it the least that those in it permit, it would tell of who they are. So whoever permits less stands in none.
        """
        ceilings = [self.ceiling, *self.neighbourhoods.values()]
        bounds = {flow.id: (flow.ask, *ceilings, *self._caps_of(flow)) for flow in self.flows.values()}
        return {flow: min(each.retention_days for each in those) for flow, those in bounds.items()}

    def _caps_of(self, flow: Flow) -> Iterator[Disclosure]:
        """Yield the caps of the device profiles that measure anything that a flow asks for."""
        for profile in self.profiles.values():
            if profile.fields.keys() & set(flow.properties):
                yield profile.cap

    @cached_property
    def terms(self) -> dict[str, FlowTerms]:
        """The material terms of every flow: what a consent to it covers."""
        return {flow.id: _terms_of(flow) for flow in self.flows.values()}

    def refuse_unsupported(self) -> None:
        """Refuse to put in force what policies may no longer ask, or say in text that is not shown as it is.

        Raises: PolicyError: names the first such thing, and what to write instead.
        """
        for error in self.refusals():
            raise error

    def refusals(self) -> Iterator[PolicyError]:
        """Yield why the set is not to be put in force; one that is in force already stays so."""
        yield from (one.as_error() for one in self.unsupported)
        yield from unprintable_in(self.files)

    def rests_on_consent(self, flow: Flow) -> bool:
        """Return whether a flow reads what is about subjects, by their consent, and not what is about nobody."""
        return self.purposes[flow.purpose].legal_basis is LegalBasis.CONSENT

    @cached_property
    def withheld_of_subjects(self) -> frozenset[tuple[str, str]]:
        """(flow, observed property) of what they may no longer ask: of a device with a subject, nothing of it leaves."""
        return frozenset((one.flow, one.observed_property) for one in self.unsupported)

    @cached_property
    def settings(self) -> dict[tuple[str, str, Disclosure], Any]:
        """The meets without consents that ``decide`` has computed so far, by flow, neighbourhood and cap."""
        return {}

    @cached_property
    def levels(self) -> dict[tuple[str, Disclosure, str], Any]:
        """The levels that ``outcome`` has computed so far, by observed property, disclosure and zone."""
        return {}

    @cached_property
    def reasons(self) -> dict[tuple[str, str, Disclosure], Any]:
        """Why ``outcome`` withholds of subjects what is permitted, as computed so far: by flow, observed property, disclosure."""
        return {}

    def terms_for(self, scope: str) -> tuple[FlowTerms, ...]:
        """Return the terms that a notice for a flow, or for every flow of `purpose:<id>`, names; empty for an unknown scope."""
        if scope in self.flows:
            return (self.terms[scope],)
        return tuple(terms for _, terms in sorted(self.terms.items()) if scope == f"purpose:{terms.purpose}")


def _terms_of(flow: Flow) -> FlowTerms:
    figures = sorted((name, flow.statistic_of(name)) for name in flow.properties)
    return FlowTerms(flow.id, flow.purpose, flow.recipient, tuple(figures), flow.ask)
