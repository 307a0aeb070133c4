"""Where sensors stand, as far as the public may be told: the city's own by zone; homes' by kind, in rounded numbers.

A home's sensor is counted for no finer a place than may leave of its readings, were everybody to say yes: where policies let out
a district, the page of a zone tells of the district.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from consent.core.decide import Owner
from consent.core.disclosure import Space
from consent.core.policies.policy import PolicySet
from consent.portal.gates.public import Gate, GateAwayError
from consent.portal.sensors.uses import place_of_homes, uses_of
from consent.public_messages import HOMES_STEP, PublicSensors, SensorsAt


@dataclass(frozen=True, slots=True)
class SensorsThere:
    """Which sensors stand where.

    Attributes:
        own: The city's own, by zone and by profile.
        homes: Homes', by the finest place that may be told (the id of a zone, a district or the city) and by profile: at least
            so many, in multiples of ``HOMES_STEP``.
    """

    own: Mapping[str, Mapping[str, int]]
    homes: Mapping[str, Mapping[str, int]]

    def own_in(self, zone: str, profile: str) -> int:
        """Return how many of the city's own of a profile stand in a zone."""
        return self.own.get(zone, {}).get(profile, 0)


async def standing_now(gate: Gate, policies: PolicySet) -> SensorsThere | None:
    """Return which sensors stand where at present; None where the gateway is away."""
    try:
        return standing(policies, await gate.sensors())
    except GateAwayError:
        return None


def standing(policies: PolicySet, registered: PublicSensors) -> SensorsThere:
    """Return what may be told of registered sensors.

    The city's own are those that a public task reads. Any other that the city owns measures something about homes, and is counted
    as homes' are. Sensors in zones, or of profiles, that the policies do not have are left out.
    """
    own: dict[str, Counter[str]] = {}
    homes: dict[str, Counter[str]] = {}
    for row in registered.sensors:
        if row.zone not in policies.zones or row.profile not in policies.profiles or row.count <= 0:
            continue
        if row.owner is Owner.CITY and uses_of(policies, row.zone, row.profile):
            own.setdefault(row.zone, Counter())[row.profile] += row.count
        elif rounded := row.count - row.count % HOMES_STEP:
            homes.setdefault(_told_place(policies, row), Counter())[row.profile] += rounded
    return SensorsThere(own, homes)


def _told_place(policies: PolicySet, row: SensorsAt) -> str:
    space = place_of_homes(policies, row.zone, row.profile)
    return policies.cell(row.zone, Space.CITY if space is Space.NONE else space)
