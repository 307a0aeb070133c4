"""`/register.json`: what is sensed here, where, why and for whom, as data: the register of sensors for programs.

Titles and rules come from the policies in force, which the public log holds; numbers from the gateway, rounded as its answers
are. Where the gateway does not answer, the numbers are null and the rest stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final, Literal

import msgspec

from consent.core.decide import Owner
from consent.core.policies.policy import Flow, PolicySet
from consent.portal.answers import JSON, Answer, Content, Route
from consent.portal.gates.public import GateAwayError, GateRefusedError
from consent.portal.pages.files import FOR_ALL
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.public_messages import HOMES_STEP, FlowServed, PublicFlows, PublicSensors, SensorsAt

FORMAT: Final = "sluice-register/1"
_KEPT_S: Final = 60


class RegisterCity(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers for the sensors."""

    name: str
    address: str
    contact: str
    data_protection_officer: str
    jurisdiction: str
    storage_place: str
    languages: list[str]
    timezone: str


class RegisterKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of reading: an observed property.

    Attributes:
        title: By language; empty where the policies give none.
        unit: UCUM code.
        finest: The finest step to which values are floored before anything else is done with them.
    """

    id: str
    title: dict[str, str]
    unit: str
    finest: str


class RegisterSensors(msgspec.Struct, frozen=True, kw_only=True):
    """The sensors of one profile and owner in a place.

    Attributes:
        kinds: What they measure.
        count: Residents' sensors are rounded down to a multiple of `homes_step`, and left out where that is none.
    """

    profile: str
    owner: Owner
    kinds: list[str]
    count: int


class RegisterPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A zone where sensors stand.

    Attributes:
        sensors: Null where the gate did not answer.
    """

    id: str
    title: dict[str, str]
    district: str
    neighbourhood: str | None
    sensors: list[RegisterSensors] | None


class RegisterAsk(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a flow may tell; words as in docs/policies.md.

    Attributes:
        precision: Step by kind, as decimal text.
        group: The least number of homes in a figure.
        budget: The noise of figures as μ per home, quantity and day; null: no noise.
    """

    identity: str
    time: str
    space: str
    precision: dict[str, str]
    group: int
    retention_days: int
    budget: float | None


class RegisterFlow(msgspec.Struct, frozen=True, kw_only=True):
    """A way out.

    Attributes:
        statistic: How readings become a figure, by kind; none of what is told reading by reading.
        homes_asked: How many homes have a sensor that it could read; rounded down to a multiple of `homes_step`; null where the
            gate did not answer.
        homes_permitting: How many of them let it have anything, likewise.
        records_30_days: How many records left by it in 30 days.
    """

    id: str
    title: dict[str, str]
    why: dict[str, str]
    kinds: list[str]
    statistic: dict[str, str]
    purpose: str
    recipient: str
    ask: RegisterAsk
    homes_asked: int | None
    homes_permitting: int | None
    records_30_days: int | None


class RegisterRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """Who gets it.

    Attributes:
        is_open_data: It has no key: what it gets anyone may read.
    """

    id: str
    title: dict[str, str]
    is_open_data: bool


class RegisterPurpose(msgspec.Struct, frozen=True, kw_only=True):
    """What it is for.

    Attributes:
        dpv: Term of the Data Privacy Vocabulary 2.3.
        legal_basis: `consent`, or `public-task` of what the city's own sensors say.
    """

    id: str
    title: dict[str, str]
    dpv: str
    legal_basis: Literal["consent", "public-task"]


class PublicRegister(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is sensed, and everywhere it may go.

    Attributes:
        format: `sluice-register/1`; a reader passes over keys that it does not know.
        policies: SHA-256 of the policies in force; empty before there are any, and then nothing goes out.
        homes_step: Numbers of homes are rounded down to multiples of this.
    """

    format: str = FORMAT
    policies: str = ""
    city: RegisterCity | None = None
    homes_step: int = HOMES_STEP
    kinds: list[RegisterKind] = []
    places: list[RegisterPlace] = []
    flows: list[RegisterFlow] = []
    recipients: list[RegisterRecipient] = []
    purposes: list[RegisterPurpose] = []


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the register."""
    sensors: PublicSensors | None = None
    flows: PublicFlows | None = None
    with suppress(GateAwayError, GateRefusedError):
        sensors, flows = await site.gate.sensors(), await site.gate.flows()
    policies = site.record.policies
    register = PublicRegister() if policies is None else register_of(policies, sensors, flows)
    return Content(msgspec.json.encode(register), JSON, keep_s=_KEPT_S, headers=FOR_ALL)


def register_of(policies: PolicySet, sensors: PublicSensors | None, flows: PublicFlows | None) -> PublicRegister:
    """Return the register of a policy set, with the numbers that are known."""
    city = policies.city
    served = {} if flows is None else {one.flow: one for one in flows.flows}
    return PublicRegister(
        policies=policies.sha256.hex(),
        city=RegisterCity(
            name=city.name,
            address=city.address,
            contact=city.contact,
            data_protection_officer=city.data_protection_officer,
            jurisdiction=city.jurisdiction,
            storage_place=city.storage_place,
            languages=list(city.languages),
            timezone=city.timezone,
        ),
        kinds=[
            RegisterKind(id=one.id, title=one.title, unit=one.unit, finest=str(one.ladder[0]))
            for one in policies.properties.values()
        ],
        places=[
            RegisterPlace(
                id=zone.id,
                title=zone.title,
                district=zone.district,
                neighbourhood=zone.neighbourhood,
                sensors=None if sensors is None else list(_sensors_in(policies, zone.id, sensors.sensors)),
            )
            for zone in policies.zones.values()
        ],
        flows=[_flow(flow, served.get(flow.id)) for flow in policies.flows.values()],
        recipients=[
            RegisterRecipient(id=one.id, title=one.title, is_open_data=one.public_key_file is None)
            for one in policies.recipients.values()
        ],
        purposes=[
            RegisterPurpose(id=one.id, title=one.title, dpv=one.dpv, legal_basis=one.legal_basis.value)
            for one in policies.purposes.values()
        ],
    )


def _sensors_in(policies: PolicySet, zone: str, sensors: Iterable[SensorsAt]) -> Iterable[RegisterSensors]:
    for one in sensors:
        if one.zone == zone:
            profile = policies.profiles.get(one.profile)
            kinds = [] if profile is None else sorted(profile.fields)
            yield RegisterSensors(profile=one.profile, owner=one.owner, kinds=kinds, count=one.count)


def _flow(flow: Flow, served: FlowServed | None) -> RegisterFlow:
    ask = flow.ask
    return RegisterFlow(
        id=flow.id,
        title=flow.title,
        why=flow.why,
        kinds=list(flow.properties),
        statistic={kind: str(statistic) for kind, statistic in flow.statistic.items()},
        purpose=flow.purpose,
        recipient=flow.recipient,
        ask=RegisterAsk(
            identity=ask.identity.label,
            time=ask.time.label,
            space=ask.space.label,
            precision={kind: str(step) for kind, step in ask.precision},
            group=ask.group,
            retention_days=ask.retention_days,
            budget=ask.budget if ask.budget < float("inf") else None,
        ),
        homes_asked=None if served is None else served.asked,
        homes_permitting=None if served is None else served.permitted,
        records_30_days=None if served is None else served.records,
    )


ROUTES = (Route("/register.json", show, "What is sensed, where, why and for whom, as data", JSON, says=PublicRegister),)
