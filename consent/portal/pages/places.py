"""`/places`: all zones by district and what stands there; `/places/<zone>`: what one tells, to whom, and what left yesterday."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from consent.core.policies.policy import PolicySet, Sign
from consent.portal.answers import Answer, NoSuchPage, Page, Parameter, Route
from consent.portal.sensors.contacts import WhoToAsk, who_to_ask
from consent.portal.sensors.day import PlaceDay, yesterday
from consent.portal.sensors.facts import UseFacts, facts_of, listed
from consent.portal.sensors.standing import SensorsThere, standing_now
from consent.portal.sensors.uses import SensorUse, SharedUse, merged, uses_of
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.portal.ways.words import place_title, title_of

_ZONE: Final = Parameter("zone", "[a-z0-9]+(-[a-z0-9]+)*", "north-quay")


@dataclass(frozen=True, slots=True)
class KindThere:
    """Sensors of one kind.

    Attributes:
        title: What the device profile is called.
        count: How many; of homes' at least so many.
    """

    title: str
    count: int


@dataclass(frozen=True, slots=True)
class SignThere:
    """A sign, and where it stands."""

    id: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class ZoneRow:
    """A zone in the list of all."""

    id: str
    title: str
    kinds: tuple[KindThere, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DistrictRow:
    """A district: its zones, and homes' sensors of which no finer place may be told."""

    title: str
    zones: tuple[ZoneRow, ...]
    homes: tuple[KindThere, ...]


@dataclass(frozen=True, slots=True)
class PlacesView:
    """All zones.

    Attributes:
        homes: Homes' sensors of which no finer place than the city may be told.
        is_away: The gateway cannot be asked what stands there.
    """

    districts: tuple[DistrictRow, ...]
    homes: tuple[KindThere, ...]
    is_away: bool


@dataclass(frozen=True, slots=True)
class HomesThere:
    """Homes' sensors of a place, and what that place is called: no finer one may be told."""

    place: str
    kinds: tuple[KindThere, ...]


@dataclass(frozen=True, slots=True)
class OwnKind:
    """The city's own sensors of one kind in a zone.

    Attributes:
        count: How many are registered; None where the gateway cannot be asked.
        what: What leaves of them, within a sentence.
    """

    title: str
    count: int | None
    what: str


@dataclass(frozen=True, slots=True)
class UseThere:
    """A use of the city's own sensors in a zone, and of what kinds they are."""

    kinds: str
    facts: UseFacts


@dataclass(frozen=True, slots=True)
class PlaceView:
    """One zone.

    Attributes:
        own: The city's own sensors, by kind: those that are registered, and those that a sign stands for.
        uses: What they tell, and for whom: those of several kinds together where they are alike.
        community: The neighbourhood with rules of its own; empty where it is in none.
        homes: Homes' sensors, of this and of larger places.
        day: What left yesterday; None where the gateway cannot be asked.
    """

    title: str
    district: str
    community: str
    own: tuple[OwnKind, ...]
    uses: tuple[UseThere, ...]
    signs: tuple[SignThere, ...]
    homes: tuple[HomesThere, ...]
    ask: tuple[WhoToAsk, ...]
    day: PlaceDay | None


async def show_all(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with all zones."""
    policies = site.record.policies
    if policies is None:
        return Page("places.html", PlacesView((), (), is_away=False))
    found = await standing_now(site.gate, policies)
    there = found or SensorsThere({}, {})
    districts = tuple(_district(policies, name, there, visit) for name in policies.districts)
    return Page(
        "places.html", PlacesView(districts, _kinds(policies, there.homes.get(policies.city.id, {}), visit), found is None)
    )


def _district(policies: PolicySet, name: str, there: SensorsThere, visit: Visit) -> DistrictRow:
    zones = tuple(
        ZoneRow(
            id=zone.id,
            title=place_title(visit, policies, zone.id),
            kinds=_kinds(policies, there.own.get(zone.id, {}), visit),
            signs=tuple(sign.id for sign in policies.signs.values() if sign.zone == zone.id),
        )
        for zone in policies.zones.values()
        if zone.district == name
    )
    return DistrictRow(place_title(visit, policies, name), zones, _kinds(policies, there.homes.get(name, {}), visit))


def _kinds(policies: PolicySet, counts: Mapping[str, int], visit: Visit) -> tuple[KindThere, ...]:
    found = [KindThere(visit.title(policies.profiles[profile].title), count) for profile, count in counts.items()]
    return tuple(sorted(found, key=lambda kind: kind.title))


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with one zone."""
    policies, name = site.record.policies, parameters["zone"]
    if policies is None or name not in policies.zones:
        raise NoSuchPage("place")
    there = await standing_now(site.gate, policies)
    signs = [sign for sign in policies.signs.values() if sign.zone == name]
    uses = _uses(policies, name, there, signs)
    every = [use for each in uses.values() for use in each]
    zone = policies.zones[name]
    view = PlaceView(
        title=place_title(visit, policies, name),
        district=place_title(visit, policies, zone.district),
        community="" if zone.neighbourhood is None else visit.title(policies.neighbourhood_titles[zone.neighbourhood]),
        own=tuple(_own(policies, name, profile, each, there, visit) for profile, each in uses.items()),
        uses=tuple(_shared(policies, each, visit) for each in merged(uses)),
        signs=tuple(
            SignThere(sign.id, visit.title(policies.profiles[sign.profile].title), visit.title(sign.text)) for sign in signs
        ),
        homes=() if there is None else _homes(policies, name, there, visit),
        ask=who_to_ask(policies, every, visit),
        day=await yesterday(site.gate, name, every, visit),
    )
    return Page("place.html", view)


def _uses(policies: PolicySet, zone: str, there: SensorsThere | None, signs: list[Sign]) -> dict[str, tuple[SensorUse, ...]]:
    """Return the uses of the city's own sensors in a zone, by device profile: of those registered and those with a sign."""
    registered = set() if there is None else there.own.get(zone, {}).keys()
    profiles = [profile for profile in policies.profiles if profile in registered | {sign.profile for sign in signs}]
    return {profile: uses_of(policies, zone, profile) for profile in profiles}


def _own(
    policies: PolicySet, zone: str, profile: str, uses: tuple[SensorUse, ...], there: SensorsThere | None, visit: Visit
) -> OwnKind:
    known = {each.known.id: title_of(visit, each.known) for use in uses for each in use.told}
    return OwnKind(
        title=visit.title(policies.profiles[profile].title),
        count=None if there is None else there.own_in(zone, profile),
        what=listed(known.values()),
    )


def _shared(policies: PolicySet, shared: SharedUse, visit: Visit) -> UseThere:
    kinds = sorted(visit.title(policies.profiles[profile].title) for profile in shared.profiles)
    return UseThere(", ".join(kinds), facts_of(shared.use, visit))


def _homes(policies: PolicySet, name: str, there: SensorsThere, visit: Visit) -> tuple[HomesThere, ...]:
    """Return homes' sensors of the zone, of its district and of the city, as far as each may be told of."""
    zone = policies.zones[name]
    found = [
        HomesThere(place_title(visit, policies, place), _kinds(policies, there.homes.get(place, {}), visit))
        for place in (name, zone.district, policies.city.id)
    ]
    return tuple(each for each in found if each.kinds)


ROUTES = (
    Route("/places", show_all, "All zones, and what stands there"),
    Route("/places/{zone}", show, "What is sensed in a zone, and for whom", parameters=(_ZONE,)),
)
