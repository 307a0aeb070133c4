"""Hubs for the tests of the pipeline: a town whose meters stand behind one, the devices behind it, and their messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from consent.core.decide import Owner
from consent.core.policies.policy import PolicySet
from gateway.core.changes import changes, subjects
from gateway.core.plans import Device
from tests.support.gate import Gate, only

HUB = "hub/north"


def with_profiles(policies: PolicySet, **changed: Mapping[str, Any]) -> PolicySet:
    """Return policies some of whose device profiles have other attributes."""
    profiles = {name: replace(profile, **changed.get(name, {})) for name, profile in policies.profiles.items()}
    return replace(policies, profiles=profiles)


def hub_gate(*flows: str, **changed: Mapping[str, Any]) -> Gate:
    """Return a gate that decodes hubs; by default each list that a `meter` or `numbered` hub sends is of devices by their `id`.

    Args:
        flows: Of the town; `hourly` unless others are named.
        changed: Attributes of profiles, by name.
    """
    behind = {"hub": ("id",), "each": ""}
    profiles = {name: {**behind, **changed.get(name, {})} for name in ("meter", "numbered", "sealed", "timeless")}
    return Gate(with_profiles(only(*(flows or ("hourly",))), **{**changed, **profiles}))


def behind(gate: Gate, hub_id: str, profile: str = "meter", topic: str = HUB, scope: str = "hourly") -> Device:
    """Register a household with a device behind a hub, and its consent to a scope."""
    subject = subjects.add_subject(gate.state, gate.now_ms).id
    device = Device(gate.random_bytes(16), topic, profile, "mill", subject, 0, gate.now_ms, Owner.RESIDENT, hub_id=hub_id)
    changes.add_device(gate.state, device, gate.now_ms)
    gate.grant(device, scope)
    return device


def message(*parts: Mapping[str, Any]) -> bytes:
    """Return a hub's message."""
    return json.dumps(parts).encode()


def reasons(gate: Gate, group: str) -> dict[str, int]:
    """Return the accounts of a group by reason; the books must balance."""
    assert gate.state.ledger.imbalances() == []
    return {
        name.removeprefix(f"{group}."): n for name, n in gate.state.ledger.totals.items() if name.startswith(f"{group}.") and n
    }


def readings_of(gate: Gate, device: Device) -> tuple[int, dict[str, int]]:
    """Return how many readings of a device were admitted, and what was refused of it."""
    heard = gate.state.memory_of(device.id).heard
    return heard.readings, dict(heard.rejected)
