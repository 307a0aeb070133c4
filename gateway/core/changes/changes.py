"""What changes who may see what: policies, consents, subjects and devices; each takes effect at once, on what is open too.

A change is made in this order: bundles of which no byte has been sent are voided, the entry is logged, the plans of those
concerned are recompiled, and contributors that no longer belong leave the open windows. Waiting records are checked when they
are drawn. All of it is one commit; the command that asked for it is answered once that is durable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from consent.core.consents.records import Consent, Status, signing_bytes
from consent.core.consents.records import encode as encode_consent
from consent.core.decide import Owner
from consent.core.lifecycle import expiry
from consent.core.lifecycle.notifications import MessageKind
from consent.core.outcome import NEVER_MS
from consent.core.policies.changed_flows import changed_flows
from consent.core.policies.fingerprint import key_sha256
from consent.core.policies.policy import PolicySet
from consent.core.profiles.profile import Scheme
from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import PolicyPayload
from gateway.core.codecs.registry import compile_decoder
from gateway.core.effects import PolicyRow
from gateway.core.ingest.heard import Heard
from gateway.core.ingest.mac0 import Mac0Key
from gateway.core.ingest.rules import AdmissionRules
from gateway.core.journal import PublishFrom
from gateway.core.plans import Device, DevicePlan, InForce, Place, compile_slots
from gateway.core.release.guarding import guarded_flows
from gateway.core.release.void import void_unsent
from gateway.core.state import State
from gateway.core.windows.cohorts import Cohort
from gateway.core.windows.targets import CellTarget, RecordTarget
from gateway.core.windows.windows import Kept

_TOLD = {
    Status.REQUESTED: MessageKind.ASKED,
    Status.EXPIRED: MessageKind.EXPIRED,
    Status.INVALIDATED: MessageKind.INVALIDATED,
    Status.REVOKED: MessageKind.REVOKED,
}
"""What a subject is notified of, since none of its residents did it."""


class StoredPolicies(msgspec.Struct, frozen=True, array_like=True):
    """Policies as stored: every file whole, the recipients' public keys, and the time since when each flow has had its terms."""

    files: dict[str, bytes]
    public_keys: dict[str, bytes]
    flow_since_ms: dict[str, int]


def apply_policies(state: State, policies: PolicySet, public_keys: dict[str, bytes], now_ms: int) -> int:
    """Put policies in force.

    Args:
        state: Changed in place.
        policies: Already checked as a whole.
        public_keys: Key files' bytes, by recipient; absent for those of open data.
        now_ms: The gateway's clock.
    Returns: The log index of their entry.
    """
    void_unsent(state, now_ms)
    old = state.force
    payload = PolicyPayload(policies.sha256, {recipient: key_sha256(key) for recipient, key in public_keys.items()})
    index = state.log.append_entry(Kind.POLICY, now_ms, state.log.one_part(payload.encode()), policy=policies.sha256)
    changed = changed_flows(None if old is None else old.policies, policies)
    since_ms = {
        flow: now_ms if old is None or flow in changed else old.flow_since_ms.get(flow, now_ms) for flow in policies.flows
    }
    row = StoredPolicies(policies.files, public_keys, since_ms)
    state.commit.policies.append(PolicyRow(index, policies.sha256, msgspec.msgpack.encode(row)))
    put_in_force(state, InForce(policies, index, since_ms))
    state.publications.begin_again(lambda *begun: state.journal.note(PublishFrom(*begun)))
    for lapsed in list(expiry.invalidated(state.registry.book, policies, now_ms)):
        _enter(state, lapsed, now_ms)
    compile_all(state, now_ms)
    return index


def put_in_force(state: State, force: InForce) -> None:
    """Set the policies in force, without compiling plans yet."""
    state.force = force
    state.windows.first_steps = {name: prop.ladder[0] for name, prop in force.policies.properties.items()}
    state.windows.guarded = guarded_flows(force.policies)
    state.decoders = {}


def change_consents(
    state: State, consents: Sequence[Consent], now_ms: int, told: Mapping[Status, MessageKind] = _TOLD
) -> list[int]:
    """Log and enter records of consent, in order, and recompile the plans of those concerned.

    Args:
        state: Changed in place.
        consents: The records.
        now_ms: The gateway's clock.
        told: What subjects are notified of, by the status of a record.
    Returns: The log indices of their entries.
    """
    void_unsent(state, now_ms)
    indices = [_enter(state, consent, now_ms, told) for consent in consents]
    subjects = dict.fromkeys(consent.subject for consent in consents)
    compile_devices(state, [plan.device for subject in subjects for plan in state.by_contributor.get(subject, ())], now_ms)
    return indices


def _enter(state: State, consent: Consent, now_ms: int, told: Mapping[Status, MessageKind] = _TOLD) -> int:
    """Log and enter a record; an unsigned one rests on the gateway's word, and gets the log key's signature."""
    if not consent.signature:
        consent = consent.signed(state.log.signer.sign_bytes(signing_bytes(consent)))
    data = encode_consent(consent)
    index = state.log.append_entry(Kind.CONSENT if consent.permits else Kind.WITHDRAWAL, now_ms, state.log.one_part(data))
    state.registry.keep_consent(consent, index, data)
    if consent.permits and consent.expiry_ms is not None:
        state.expires_next_ms = min(state.expires_next_ms, consent.expiry_ms)
        state.notices_next_ms = min(state.notices_next_ms, expiry.notice_at_ms(consent) or NEVER_MS)
    if consent.status in told:
        state.registry.tell(consent.subject, told[consent.status], now_ms, consent.scope)
    return index


def add_device(state: State, device: Device, now_ms: int) -> None:
    """Register a device; it replaces any that has its place."""
    former = state.registry.devices.get(device.place)
    state.registry.keep_device(device)
    if former is not None:
        _forget_plan(state, former)
    compile_devices(state, [device], now_ms)


def revoke_device(state: State, place: Place, now_ms: int) -> None:
    """Delete a device from the registry; from now on its frames are those of an unknown device."""
    device = state.registry.drop_device(place)
    void_unsent(state, now_ms)
    _forget_plan(state, device)
    if device.id in state.memories:
        state.memories[device.id].end_previews()
    _purge(state, [device.contributor])


def move_device(state: State, device: Device, subject: bytes, now_ms: int) -> None:
    """Move a device to another subject, which its readings are about from now on; whose the device is stays as it was."""
    _replace_device(state, device, replace(device, subject=subject, added_ms=now_ms), now_ms)


def own_device(state: State, device: Device, owner: Owner, now_ms: int) -> None:
    """Record whose a device is; whom its readings are about stays as it was."""
    _replace_device(state, device, replace(device, owner=owner, owner_assumed=False), now_ms)


def _replace_device(state: State, device: Device, changed: Device, now_ms: int) -> None:
    """Replace a device's row; what it gave to open windows stays only where it belongs under the new one."""
    void_unsent(state, now_ms)
    _forget_plan(state, device)
    if changed.contributor != device.contributor:
        _purge(state, [device.contributor])
        memory = state.memory_of(device.id)
        memory.heard = Heard()  # it was heard in another household
        memory.end_previews()
    state.registry.keep_device(changed)
    compile_devices(state, [changed], now_ms)


def compile_all(state: State, now_ms: int) -> None:
    """Recompile every device's plan."""
    _expect_expiry(state)
    state.devices.clear()
    state.filters.clear()
    state.by_contributor.clear()
    compile_devices(state, state.registry.devices.values(), now_ms)
    _purge(state, state.windows.contributors() - state.by_contributor.keys())


def compile_devices(state: State, devices: Iterable[Device], now_ms: int) -> None:
    """Recompile some devices' plans, and remove from the open windows contributors that no longer belong there."""
    contributors: dict[bytes, None] = {}
    for device in devices:
        contributors[device.contributor] = None
        _forget_plan(state, device)
        plan = _compile(state, device, now_ms)
        if plan is not None:
            _enter_plan(state, plan)
            state.by_contributor.setdefault(device.contributor, []).append(plan)
    _purge(state, contributors)


def expire(state: State, now_ms: int) -> None:
    """End the consents that have expired."""
    if now_ms < state.expires_next_ms:
        return
    lapsed = list(expiry.expired(state.registry.book, now_ms))
    if lapsed:
        change_consents(state, lapsed, now_ms)
    _expect_expiry(state)


def _expect_expiry(state: State) -> None:
    next_ms = expiry.next_expiry_ms(state.registry.book)
    state.expires_next_ms = NEVER_MS if next_ms is None else next_ms


def _forget_plan(state: State, device: Device) -> None:
    """Drop the plans of a device wherever they are held."""
    contributor = device.contributor
    plan = state.devices.get(device.topic)
    if plan is not None and plan.device.id == device.id:
        del state.devices[device.topic]
    state.filters.drop(device)
    plans = [plan for plan in state.by_contributor.get(contributor, ()) if plan.device.id != device.id]
    if plans:
        state.by_contributor[contributor] = plans
    else:
        state.by_contributor.pop(contributor, None)


def _enter_plan(state: State, plan: DevicePlan) -> None:
    """Enter a plan where the pipeline looks for it: by its topic where that is the device's own, else among the filters."""
    device = plan.device
    if device.hub_id or "+" in device.topic or "#" in device.topic:
        state.filters.put(plan)
    else:
        state.devices[device.topic] = plan


def _compile(state: State, device: Device, now_ms: int) -> DevicePlan | None:
    """Return a device's plan; None where the policies lack its profile, so that its frames are refused."""
    force = state.force
    if force is None or device.profile not in force.policies.profiles:
        return None
    profile = force.policies.profiles[device.profile]
    if device.profile not in state.decoders:
        state.decoders[device.profile] = compile_decoder(profile)
    if bool(profile.hub) != bool(device.hub_id):  # what its messages say of whom they are is not what the registry says
        return None
    key = None
    if profile.authentication.scheme is Scheme.MAC0:
        key = Mac0Key(state.identity.device_key(device.id, device.generation))
    memory = state.memory_of(device.id)
    slots = compile_slots(device, memory, force, state.registry.book, state.windows, now_ms)
    return DevicePlan(device, memory, state.decoders[device.profile], key, AdmissionRules.of(profile), slots)


def _purge(state: State, contributors: Iterable[bytes]) -> None:
    """Remove contributors from the windows and tables in which they no longer belong."""
    state.revision += 1
    if state.windows.is_empty():
        return
    for contributor in contributors:
        keep: dict[Cohort, Kept] = {}
        for plan in state.by_contributor.get(contributor, ()):
            for target in plan.targets():
                if not isinstance(target, RecordTarget):
                    shape = target.shape if isinstance(target, CellTarget) else None
                    since_ms = target.terms.since_ms
                    former_ms = keep[target.cohort].since_ms if target.cohort in keep else since_ms
                    keep[target.cohort] = Kept(min(since_ms, former_ms), shape)  # a new device ends no older one's
        pairs, touched = state.windows.purge(contributor, keep)
        state.ledger.move("pairs.open", "pairs.withdrawn", pairs)
        if touched:
            state.journal.purge(contributor, keep, state.windows.watermark_ms)
