"""Compiling: a plan is found by what its device is heard by, and lets everything go when it is dropped."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from consent.core.profiles.profile import Authentication, Counter, Scheme
from gateway.core.changes import changes
from gateway.core.changes.compiling import compile_devices, is_usable, purge
from gateway.core.ingest.counters import Register
from tests.support.gate import MIDNIGHT_MS, Gate, only
from tests.support.hubs import behind, hub_gate, with_profiles

T = MIDNIGHT_MS


def test_plan_is_entered_by_topic_or_among_the_filters() -> None:
    """And by its contributor in either case."""
    gate = hub_gate()
    hub, alone = behind(gate, "a"), Gate().home("hourly")
    assert [plan.device for plan in gate.state.by_contributor[hub.contributor]] == [hub]
    assert gate.state.devices == {}
    other = Gate(only("hourly"))
    device = other.home("hourly")
    assert other.state.devices[device.topic].device == device
    assert is_usable(other.state, device)
    assert not is_usable(gate.state, alone)  # its profile's messages name devices behind a hub


def test_device_that_needs_a_key_once_its_root_is_gone_is_refused_alone() -> None:
    """It was given none. The policies that ask for it come into force for everybody else, now and at every start."""
    gate = Gate(only("hourly"))
    early, later = gate.homes(2, "hourly")
    later = replace(later, generation=1)
    gate.state.registry.keep_device(later)
    held = gate.state.identity.device_key

    def device_key(device: bytes, generation: int) -> bytes:
        assert generation == 1, "the root of before is destroyed"
        return held(device, generation)

    gate.state.identity = replace(gate.state.identity, device_key=device_key, keeps_generation=lambda number: number == 1)
    gate.apply(with_profiles(only("hourly"), meter={"authentication": Authentication(Scheme.MAC0)}))
    assert gate.state.devices.keys() == {later.topic}
    gate.send(early, kwh=1)
    assert gate.count("frames.rejected") == 1


def test_compiling_again_replaces_the_plan() -> None:
    """Nothing of the former one is found any more."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly")
    before = gate.state.devices[home.topic]
    compile_devices(gate.state, [home], T)
    assert gate.state.devices[home.topic] is not before
    assert gate.state.by_contributor[home.contributor] == [gate.state.devices[home.topic]]


def test_dropped_plan_refers_to_itself_no_more() -> None:
    """A register and the targets that it feeds refer to each other, and no collector looks for them where thousands live long."""
    policies = only("register")
    fields = {
        name: replace(field, counter=Counter(most_per_h=Decimal(25))) if name == "totalConsumption" else field
        for name, field in policies.profiles["meter"].fields.items()
    }
    gate = Gate(with_profiles(policies, meter={"fields": fields}))
    home = gate.home("register")
    register = gate.state.devices[home.topic].slots["totalConsumption"].register
    assert isinstance(register, Register)
    assert register.targets
    changes.revoke_device(gate.state, home.place, T)
    assert register.targets == []


def test_purge_counts_as_a_change_of_plans() -> None:
    """What was computed aside from the plans before is not applied."""
    gate = Gate()
    before = gate.state.revision
    purge(gate.state, [])
    assert gate.state.revision == before + 1
