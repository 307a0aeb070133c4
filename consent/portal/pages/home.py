"""`/`: what is sensed here, the only ways out, and how far each gate is open.

Where each number comes from: sensors of a kind, ``public.sensors`` (of homes rounded down to 5 in each place, so `at least`); how
far a gate is open, ``public.flows`` (see ``ways.opening``); for how long a recipient keeps, the rules in force; yesterday's
readings, ``public.balance``, whose accounts are rounded down one by one, so `at least`; entries, witnesses: the record's latest
checkpoint and its cosignatures. Without the gateway all of the rules and of the log is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from consent.core.decide import Owner
from consent.core.policies.policy import Flow, PolicySet
from consent.portal.accounts.day import day_balance, sum_of
from consent.portal.answers import Answer, Page, Route
from consent.portal.gates.public import Gate, GateAwayError
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.portal.ways.most_told import kept_days, most_told
from consent.portal.ways.opening import HowFarOpen, how_far_open
from consent.portal.ways.words import kept, lead, properties_of, title_of
from consent.public_messages import FlowServed, PublicBalance, PublicFlows, PublicSensors

_FAMILIES: Final = {
    "power": ("consumption", "totalConsumption", "totalActiveEnergyImport", "activePower", "intensity", "voltage"),
    "noise": ("LAeq", "LAmax", "LAmin", "LA10", "LA50", "LA90"),
    "air": (
        *("pm1", "pm25", "pm10", "no2", "no", "o3", "so2", "co2", "co"),
        *("temperature", "airTemperature", "relativeHumidity", "humidity", "pressure", "atmosphericPressure"),
    ),
    "people": ("peopleCount",),
}
"""What is of one kind to those who read, by the icon and sentence that it has; any other property is a kind of its own."""

_FAMILY_OF: Final = {name: family for family, names in _FAMILIES.items() for name in names}
_OTHER: Final = "sensor"


@dataclass(frozen=True, slots=True)
class SensedKind:
    """A kind of what is measured.

    Attributes:
        icon: Its drawing.
        title: Its name.
        what: What is read of such sensors, in words.
        about: `homes`, `nobody` or `both`: whom its readings are about by the flows that read it; `nowhere` where none does.
        goes_to: Who gets something of it.
        homes: How many sensors of it are residents'; None where the gateway is away.
        city: How many are the city's; likewise.
    """

    icon: str
    title: str
    what: str
    about: str
    goes_to: str
    homes: int | None
    city: int | None


@dataclass(frozen=True, slots=True)
class WayOut:
    """A flow, in a few words."""

    id: str
    title: str
    lead: str
    recipient: str
    kept: str
    open: HowFarOpen


@dataclass(frozen=True, slots=True)
class Yesterday:
    """What became of the readings of the last whole day.

    Attributes:
        weighed: How many at least, each once for each use that it was weighed for; 0 where there are too few for a number.
        held_back: How many of those at least went nowhere, for whatever reason.
    """

    day: str
    weighed: int
    held_back: int


@dataclass(frozen=True, slots=True)
class Entries:
    """The record.

    Attributes:
        size: How many entries the latest checkpoint has.
        witnesses: How many have cosigned it.
        age_s: How long ago the first of those did, in seconds; None where none has.
    """

    size: int
    witnesses: int
    age_s: int | None

    @property
    def age(self) -> tuple[str, int]:
        """Return the age in a unit that fits: the key of a sentence, and its number."""
        seconds = self.age_s or 0
        for key, length_s in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
            if seconds >= 2 * length_s:
                return key, seconds // length_s
        return "seconds", seconds


@dataclass(frozen=True, slots=True)
class HomeView:
    """What the page shows.

    Attributes:
        sensors: How many sensors there are; None where nobody knows.
        is_least: Whether that is rounded down.
        yesterday: None where the gateway is away, or has no such day.
        entries: None before there is a checkpoint.
        is_unread: The gateway has sensors, so there are rules, and the record that states them is not where the portal looks.
    """

    sensors: int | None
    is_least: bool
    kinds: tuple[SensedKind, ...]
    ways: tuple[WayOut, ...]
    yesterday: Yesterday | None
    entries: Entries | None
    is_unread: bool


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page."""
    policies = site.record.policies
    sensors, flows, balance = await _asked(site.gate)
    view = HomeView(
        sensors=None if sensors is None else sum(row.count for row in sensors.sensors),
        is_least=sensors is not None and any(row.owner is Owner.RESIDENT for row in sensors.sensors),
        kinds=() if policies is None else tuple(_kinds(visit, policies, sensors)),
        ways=() if policies is None else tuple(_ways(visit, policies, flows)),
        yesterday=None if balance is None else _yesterday(balance),
        entries=_entries(site),
        is_unread=site.record.head is None and sensors is not None and bool(sensors.sensors),
    )
    return Page("home.html", view)


async def _asked(gate: Gate) -> tuple[PublicSensors | None, PublicFlows | None, PublicBalance | None]:
    """Return what the gateway says; None for each where it is away, and no balance where it has none of yesterday."""
    try:
        sensors, flows = await gate.sensors(), await gate.flows()
        yesterday = _day_before(flows.day)
        days = (await gate.balance()).days
        return sensors, flows, await gate.balance(yesterday) if yesterday in days else None
    except GateAwayError:
        return None, None, None


def _day_before(day: str) -> str:
    return (datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=1)).date().isoformat()


def _kinds(visit: Visit, policies: PolicySet, sensors: PublicSensors | None) -> Iterator[SensedKind]:
    """Yield the kinds that device profiles in force measure."""
    kinds: dict[str, set[str]] = {}
    for profile in policies.profiles.values():
        for name in profile.fields:
            if name in policies.properties:
                kinds.setdefault(_FAMILY_OF.get(name, name), set()).add(name)
    order = [*_FAMILIES, *policies.properties]
    for kind in sorted(kinds, key=order.index):
        yield _kind(visit, policies, sensors, kind, [name for name in policies.properties if name in kinds[kind]])


def _kind(visit: Visit, policies: PolicySet, sensors: PublicSensors | None, kind: str, names: list[str]) -> SensedKind:
    readers = [flow for flow in policies.flows.values() if set(names) & set(flow.properties)]
    about = {policies.rests_on_consent(flow) for flow in readers}
    recipients = dict.fromkeys(visit.title(policies.recipients[flow.recipient].title) or flow.recipient for flow in readers)
    is_known = kind in _FAMILIES
    return SensedKind(
        icon=kind if is_known else _OTHER,
        title=visit.text("home", f"kind.{kind}") if is_known else title_of(visit, policies.properties[kind]),
        what=properties_of(visit, policies, names),
        about="nowhere" if not readers else "both" if len(about) > 1 else "homes" if True in about else "nobody",
        goes_to="; ".join(recipients),
        homes=_count(policies, sensors, names, Owner.RESIDENT),
        city=_count(policies, sensors, names, Owner.CITY),
    )


def _count(policies: PolicySet, sensors: PublicSensors | None, names: list[str], owner: Owner) -> int | None:
    if sensors is None:
        return None
    of_kind = {profile.id for profile in policies.profiles.values() if profile.fields.keys() & set(names)}
    return sum(row.count for row in sensors.sensors if row.owner is owner and row.profile in of_kind)


def _ways(visit: Visit, policies: PolicySet, flows: PublicFlows | None) -> Iterator[WayOut]:
    served = {} if flows is None else {each.flow: each for each in flows.flows}
    for flow in policies.flows.values():
        yield _way_out(visit, policies, flow, served.get(flow.id))


def _way_out(visit: Visit, policies: PolicySet, flow: Flow, served: FlowServed | None) -> WayOut:
    told = most_told(policies, flow)
    recipient = policies.recipients[flow.recipient]
    return WayOut(
        id=flow.id,
        title=visit.title(flow.title) or flow.id,
        lead=lead(visit, policies, flow, told[0]) if told else "",
        recipient=visit.title(recipient.title) or recipient.id,
        kept=kept(visit, kept_days(policies, flow, told[0].disclosure)) if told and not told[0].reason else "",
        open=how_far_open(visit, policies, flow, told, served),
    )


def _yesterday(balance: PublicBalance) -> Yesterday:
    day = day_balance(balance)
    return Yesterday(balance.day, day.considered.least, sum_of(uses for _, uses in day.held).least)


def _entries(site: Site) -> Entries | None:
    head = site.record.head
    if head is None:
        return None
    seen = [witness.cosigned_ms for witness in head.witnesses if witness.cosigned_ms]
    return Entries(head.size, len(seen), max(0, (site.now_ms() - min(seen)) // 1000) if seen else None)


ROUTES = (Route("/", show, "What is sensed here"),)
