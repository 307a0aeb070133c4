"""What changes who may see what: policies, consents, subjects and devices; each takes effect at once, on what is open too.

A change is made in this order: bundles of which no byte has been sent are voided, the entry is logged, the plans of those
concerned are recompiled, and contributors that no longer belong leave the open windows. Waiting records are checked when they
are drawn. All of it is one commit; the command that asked for it is answered once that is durable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from consent.core.consents.records import Consent, Status
from consent.core.decide import Owner
from consent.core.lifecycle import expiry
from consent.core.lifecycle.notifications import MessageKind
from consent.core.outcome import NEVER_MS
from consent.core.policies.changed_flows import changed_flows
from consent.core.policies.fingerprint import key_sha256
from consent.core.policies.policy import PolicySet
from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import PolicyPayload
from gateway.core.changes import settling
from gateway.core.changes.compiling import compile_devices, forget_plan, purge
from gateway.core.changes.records import TOLD, enter
from gateway.core.effects import PolicyRow
from gateway.core.ingest.heard import Heard
from gateway.core.journal import PublishFrom
from gateway.core.plans import Device, InForce, Place, shape_of
from gateway.core.release.guarding import guarded_flows
from gateway.core.release.void import void_unsent
from gateway.core.state import State

LOOKED_AT: Final = 2000
"""Of so many households a piece looks at the consents: some milliseconds on a small machine."""
ENDED: Final = 25
"""Of so many households a piece ends consents, each of which is logged and has plans compiled: some 10 ms."""


class StoredPolicies(msgspec.Struct, frozen=True, array_like=True):
    """Policies as stored: every file whole, the recipients' public keys, and the time since when each flow has had its terms."""

    files: dict[str, bytes]
    public_keys: dict[str, bytes]
    flow_since_ms: dict[str, int]


def apply_policies(state: State, policies: PolicySet, public_keys: dict[str, bytes], now_ms: int) -> int:
    """Put policies in force, and settle everybody at once; see ``begin_policies``."""
    index, former = begin_policies(state, policies, public_keys, now_ms)
    settling.settle_all(state, former, now_ms)
    return index


def begin_policies(
    state: State, policies: PolicySet, public_keys: dict[str, bytes], now_ms: int
) -> tuple[int, settling.FormerPlans]:
    """Put policies in force; everybody is still to be settled.

    Args:
        state: Changed in place.
        policies: Already checked as a whole.
        public_keys: Key files' bytes, by recipient; absent for those of open data.
        now_ms: The gateway's clock.
    Returns: The log index of their entry, and the plans that are dropped (``settling.pieces``).
    """
    assert state.is_settled, "consents that end by the policies before have to be ended first"
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
    former = settling.unsettle(state)
    _settle_changed_shapes(state, now_ms)
    return index, former


def _settle_changed_shapes(state: State, now_ms: int) -> None:
    """Settle at once whoever stands in a table of a shape that the policies no longer make, where one of the new shape can come.

    That is after this moment alone: such a flow takes nothing in that began before, and devices' clocks may be a day ahead.
    """
    for table in list(state.windows.tables.values()):
        cohort = table.cohort
        mechanism = state.policies.mechanisms.get((cohort.flow, cohort.observed_property))
        if table.start_ms >= now_ms and mechanism is not None and shape_of(mechanism, cohort) != table.shape:
            settling.settle(state, list(table.rows), now_ms)


def put_in_force(state: State, force: InForce) -> None:
    """Set the policies in force, without compiling plans yet.

    What decodes the messages of a profile that has not changed stays: its types are garbage that only a full collection finds.
    """
    former = {} if state.force is None else state.force.policies.profiles
    profiles = force.policies.profiles
    state.decoders = {name: decode for name, decode in state.decoders.items() if profiles.get(name) == former.get(name)}
    state.force = force
    state.windows.first_steps = {name: prop.ladder[0] for name, prop in force.policies.properties.items()}
    state.windows.guarded = guarded_flows(force.policies)


def change_consents(
    state: State, consents: Sequence[Consent], now_ms: int, told: Mapping[Status, MessageKind] = TOLD
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
    subjects = dict.fromkeys(consent.subject for consent in consents)
    settling.settle(state, subjects, now_ms)
    indices = [enter(state, consent, now_ms, told) for consent in consents]
    compile_devices(state, [device for subject in subjects for device in state.registry.devices_of(subject)], now_ms)
    return indices


def add_device(state: State, device: Device, now_ms: int) -> None:
    """Register a device; it replaces any that has its place."""
    former = state.registry.devices.get(device.place)
    settling.settle(state, [device.contributor, *([] if former is None else [former.contributor])], now_ms)
    state.registry.keep_device(device)
    if former is not None:
        forget_plan(state, former)
    compile_devices(state, [device], now_ms)


def revoke_device(state: State, place: Place, now_ms: int) -> None:
    """Delete a device from the registry; from now on its frames are those of an unknown device."""
    settling.settle(state, [state.registry.devices[place].contributor], now_ms)
    device = state.registry.drop_device(place)
    void_unsent(state, now_ms)
    forget_plan(state, device)
    if device.id in state.memories:
        state.memories[device.id].end_previews()
    purge(state, [device.contributor])


def move_device(state: State, device: Device, subject: bytes, now_ms: int) -> None:
    """Move a device to another subject, which its readings are about from now on; whose the device is stays as it was."""
    _replace_device(state, device, replace(device, subject=subject, added_ms=now_ms), now_ms)


def own_device(state: State, device: Device, owner: Owner, now_ms: int) -> None:
    """Record whose a device is; whom its readings are about stays as it was."""
    _replace_device(state, device, replace(device, owner=owner, owner_assumed=False), now_ms)


def _replace_device(state: State, device: Device, changed: Device, now_ms: int) -> None:
    """Replace a device's row; what it gave to open windows stays only where it belongs under the new one."""
    void_unsent(state, now_ms)
    settling.settle(state, [device.contributor, changed.contributor], now_ms)
    forget_plan(state, device)
    if changed.contributor != device.contributor:
        purge(state, [device.contributor])
        memory = state.memory_of(device.id)
        memory.heard = Heard()  # it was heard in another household
        memory.end_previews()
    state.registry.keep_device(changed)
    compile_devices(state, [changed], now_ms)


def expire(state: State, now_ms: int) -> None:
    """End the consents that have expired, all at once; see ``expiring``."""
    for _ in expiring(state, lambda: now_ms):
        pass


def expiring(state: State, now_ms: Callable[[], int]) -> Iterator[None]:
    """End the consents that have expired, of some households in each piece; and find out when the next one does.

    Whoever no piece has come to is withheld all the same, since terms end with the consent (``targets.Terms``), and is looked at
    again by the next start. Those of whom a change of policies has not reached are ended later.

    Args:
        state: Changed in place, between two pieces by anybody.
        now_ms: The gateway's clock.
    """
    if now_ms() < state.expires_next_ms or not state.is_settled:
        return
    state.expires_next_ms = NEVER_MS  # whoever permits something meanwhile makes it earlier, as each piece does
    book = state.registry.book
    everybody = book.subjects()
    for first in range(0, len(everybody), LOOKED_AT):
        some = everybody[first : first + LOOKED_AT]
        lapsing = list(dict.fromkeys(lapsed.subject for lapsed in expiry.expired(book, now_ms(), some)))
        for at in range(0, len(lapsing), ENDED):
            if at:
                yield
            _end_expired(state, lapsing[at : at + ENDED], now_ms())
        next_ms = expiry.next_expiry_ms(book, some)
        state.expires_next_ms = min(state.expires_next_ms, NEVER_MS if next_ms is None else next_ms)
        if first + LOOKED_AT < len(everybody):
            yield


def _end_expired(state: State, subjects: Sequence[bytes], now_ms: int) -> None:
    settling.settle(state, subjects, now_ms)  # where a change of policies has come since, it ends first what it ends
    if lapsed := list(expiry.expired(state.registry.book, now_ms, subjects)):
        change_consents(state, lapsed, now_ms)


def expect_expiry(state: State) -> None:
    """Find out when the next consent expires."""
    next_ms = expiry.next_expiry_ms(state.registry.book)
    state.expires_next_ms = NEVER_MS if next_ms is None else next_ms
