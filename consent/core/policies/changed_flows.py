"""What changes between two sets of policies: the flows whose decisions or figures could differ.

Open windows of such a flow began under other terms, so the gateway counts its contributions from the change on.
"""

from __future__ import annotations

from dataclasses import replace

from consent.core.policies.policy import PolicySet
from consent.core.policies.quantity import Mechanism


def changed_flows(old: PolicySet | None, new: PolicySet) -> set[str]:
    """Return the flows, of either set, whose decisions or figures could differ between the two.

    A zone or device profile that is only added changes nothing for existing devices.
    """
    if old is None:
        return set(new.flows)
    return {flow_id for flow_id in old.flows.keys() | new.flows.keys() if _differs(old, new, flow_id)}


def _differs(old: PolicySet, new: PolicySet, flow_id: str) -> bool:
    if flow_id not in old.flows or flow_id not in new.flows or _footprint(old, flow_id) != _footprint(new, flow_id):
        return True
    zones = any(_place(old, zone_id) != _place(new, zone_id) for zone_id in old.zones)
    return zones or any(_readings(old, profile_id, flow_id) != _readings(new, profile_id, flow_id) for profile_id in old.profiles)


def _footprint(policies: PolicySet, flow_id: str) -> object:
    """Return everything that decisions and figures of a flow depend on, and no wording."""
    flow = policies.flows[flow_id]
    scales = {name: (p.unit, p.ladder, p.clamp) for name, p in policies.properties.items() if name in flow.properties}
    return (
        (set(flow.properties), flow.statistic, flow.purpose, flow.recipient, flow.ask, scales),
        [_made_of(policies.mechanisms.get((flow_id, name))) for name in sorted(flow.properties)],
        policies.least_retention_days[flow_id],
        (policies.purposes[flow.purpose].legal_basis, policies.recipients[flow.recipient].public_key_file is None),
        (policies.city.id, policies.ceiling, policies.limits),
    )


def _made_of(mechanism: Mechanism | None) -> object:
    """Return how figures about subjects are made."""
    if mechanism is None:
        return None
    quantity = replace(mechanism.quantity, title={}, properties=())
    return replace(mechanism, quantity=quantity)


def _place(policies: PolicySet, zone_id: str) -> object:
    """Return everything that decisions in a zone depend on."""
    zone = policies.zones.get(zone_id)
    if zone is None:
        return None
    return zone.district, None if zone.neighbourhood is None else policies.neighbourhoods[zone.neighbourhood]


def _readings(policies: PolicySet, profile_id: str, flow_id: str) -> object:
    """Return what a device profile adds to a flow, and the most that it may reveal."""
    profile = policies.profiles.get(profile_id)
    if profile is None:
        return None
    asked = policies.flows[flow_id].properties
    fields = {name: field for name, field in profile.fields.items() if name in asked}
    return (fields, profile.cap) if fields else None
