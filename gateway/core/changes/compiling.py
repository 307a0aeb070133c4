"""Compiling: makes devices' plans, and removes contributors from what is open where they no longer belong.

Every change of consents, residents or devices compiles the plans of those concerned here; a change of policies those of
everybody, a few at a time (``settling``).
"""

from __future__ import annotations

from collections.abc import Iterable

from consent.core.profiles.profile import Scheme
from gateway.core.codecs.registry import compile_decoder
from gateway.core.ingest.mac0 import Mac0Key
from gateway.core.ingest.rules import AdmissionRules
from gateway.core.model import Decoder
from gateway.core.plans import Device, DevicePlan, compile_slots
from gateway.core.state import State
from gateway.core.windows.cohorts import Cohort
from gateway.core.windows.targets import CellTarget, RecordTarget
from gateway.core.windows.windows import Kept, LastReadings


def compile_devices(state: State, devices: Iterable[Device], now_ms: int) -> None:
    """Recompile some devices' plans, and remove from the open windows contributors that no longer belong there."""
    contributors: dict[bytes, None] = {}
    for device in devices:
        contributors[device.contributor] = None
        forget_plan(state, device)
        enter_plan(state, device, now_ms)
    purge(state, contributors)


def enter_plan(state: State, device: Device, now_ms: int) -> None:
    """Compile a device's plan, and enter it where the pipeline and releases look for it."""
    plan = _compile(state, device, now_ms)
    if plan is None:
        return
    if device.has_topic:
        state.devices[device.topic] = plan
    else:
        state.filters.put(plan)
    plans = state.by_contributor
    plans[device.contributor] = [*plans.get(device.contributor, ()), plan]  # a list that is appended to has room for more


def forget_plan(state: State, device: Device) -> None:
    """Drop the plans of a device wherever they are held."""
    contributor = device.contributor
    plan = state.devices.get(device.topic)
    if plan is not None and plan.device.id == device.id:
        del state.devices[device.topic]
    state.filters.drop(device)
    plans = state.by_contributor.get(contributor, ())
    kept = [plan for plan in plans if plan.device.id != device.id]
    for plan in plans:
        if plan.device.id == device.id:
            plan.retire()
    if kept:
        state.by_contributor[contributor] = kept
    else:
        state.by_contributor.pop(contributor, None)


def decoder_of(state: State, profile_id: str) -> Decoder:
    """Return what decodes the messages of a device profile that the policies know, compiled once."""
    if profile_id not in state.decoders:
        state.decoders[profile_id] = compile_decoder(state.policies.profiles[profile_id])
    return state.decoders[profile_id]


def is_usable(state: State, device: Device) -> bool:
    """Return whether the policies know a device's profile, and its messages say of whom they are as the registry does.

    Where they are to prove that, the root under which it was registered must be there: one that outlives it was given no key.
    """
    profile = None if state.force is None else state.policies.profiles.get(device.profile)
    if profile is None or bool(profile.hub) != bool(device.hub_id):
        return False
    return profile.authentication.scheme is not Scheme.MAC0 or state.identity.keeps_generation(device.generation)


def _compile(state: State, device: Device, now_ms: int) -> DevicePlan | None:
    """Return a device's plan; None where its frames are to be refused."""
    force = state.force
    if force is None or not is_usable(state, device):
        return None
    profile = force.policies.profiles[device.profile]
    key = None
    if profile.authentication.scheme is Scheme.MAC0:
        key = Mac0Key(state.identity.device_key(device.id, device.generation))
    memory = state.memory_of(device.id)
    slots = compile_slots(device, memory, force, state.registry.book, state.windows, now_ms)
    return DevicePlan(device, memory, decoder_of(state, device.profile), key, AdmissionRules.of(profile), slots)


def purge(state: State, contributors: Iterable[bytes]) -> None:
    """Remove contributors from the windows and tables in which they no longer belong."""
    state.revision += 1
    if not state.windows.is_empty():
        for contributor in contributors:
            purge_one(state, contributor, state.windows.last_readings_of(contributor))


def purge_one(state: State, contributor: bytes, last: LastReadings) -> None:
    """Remove a contributor from the windows and tables in which it no longer belongs.

    Args:
        last: Of its counters.
    """
    keep: dict[Cohort, Kept] = {}
    for plan in state.by_contributor.get(contributor, ()):
        for target in plan.targets():
            if not isinstance(target, RecordTarget):
                shape = target.shape if isinstance(target, CellTarget) else None
                since_ms = target.permission.since_ms
                former_ms = keep[target.cohort].since_ms if target.cohort in keep else since_ms
                keep[target.cohort] = Kept(min(since_ms, former_ms), shape)  # a new device ends no older one's
    pairs, touched = state.windows.purge(contributor, keep, last)
    state.ledger.move("pairs.open", "pairs.withdrawn", pairs)
    if touched:
        state.journal.purge(contributor, keep, state.windows.watermark_ms)
