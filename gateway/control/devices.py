"""Control methods of the registry: which devices there are, what each is, whose, and where."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec
from msgspec import UNSET

from consent.core.decide import Owner
from consent.core.lifecycle.notifications import MessageKind
from consent.core.profiles.profile import Scheme
from consent.messages import (
    NEW_SUBJECT,
    NO_SUBJECT,
    DeviceAdded,
    DeviceList,
    DeviceListed,
    DeviceOf,
    DeviceOwned,
    DeviceOwner,
    DeviceRevoked,
    DevicesAdded,
    Hex,
    Id,
    NewDevice,
    NewDevices,
    Nothing,
    SubjectChoice,
)
from consent.printable import one_line
from gateway.control.context import Caller, Control, MethodError
from gateway.core.changes import changes, subjects
from gateway.core.mqtt.topics import topic_matches
from gateway.core.plans import Device
from gateway.core.state import State

MAX_DEVICES_AT_ONCE = 10_000
MAX_TOPIC_BYTES = 1024
_WAY_OUT: Final = "revoke it and register it with the right topic, or add a filter for it to `broker.filters`"


def add(control: Control, caller: Caller, params: NewDevices) -> DevicesAdded:
    """Register devices, each the city's or a resident's, its readings about a new subject, a known one, or none."""
    rows = params.devices
    if not 0 < len(rows) <= MAX_DEVICES_AT_ONCE:
        raise MethodError(f"`devices` holds `{len(rows)}` devices, not 1 to {MAX_DEVICES_AT_ONCE}")
    topics: set[str] = set()
    for index, row in enumerate(rows):
        where = f"`devices[{index}]`: " if len(rows) > 1 else ""
        try:
            _check(control, row)
        except MethodError as error:
            raise MethodError(f"{where}{error}") from error
        if row.topic in topics:
            raise MethodError(f"{where}the same topic stands twice in one request")
        topics.add(row.topic)
    added = [_register(control, row) for row in rows]
    warnings = [_unheard(one.device) for row, one in zip(rows, added, strict=True) if not _is_heard(control, row.topic)]
    return DevicesAdded(devices=added, warnings=warnings or UNSET)


def _is_heard(control: Control, topic: str) -> bool:
    """Return whether what is published to a topic reaches the gateway."""
    return any(topic_matches(pattern, topic) for pattern in control.durable.config.broker.filters)


def _unheard(device: Hex) -> str:
    return f"no filter matches the topic of `{device.hex()}`, so nothing of it is heard: {_WAY_OUT}"


def _check(control: Control, row: NewDevice) -> None:
    """Check a row; every one is checked before any is registered, so that a refusal changes nothing."""
    policies = control.state.policies
    if row.profile not in policies.profiles:
        known = ", ".join(f"`{name}`" for name in sorted(policies.profiles))
        raise MethodError(f"there is no device profile `{one_line(row.profile)}`; the policies in force have {known}")
    if row.zone not in policies.zones:
        known = ", ".join(f"`{name}`" for name in sorted(policies.zones))
        raise MethodError(f"there is no zone `{one_line(row.zone)}`; the policies in force have {known}")
    if not _is_topic(row.topic):
        raise MethodError("the topic is empty, too long, holds a wildcard or is no text")
    registered = control.state.registry.devices.get((row.topic, ""))
    if registered is not None:
        raise MethodError(f"a device with this topic is registered already; revoke it first: it is `{registered.id.hex()}`")
    _check_subject(control, row.owner, row.subject)


def _check_subject(control: Control, owner: Owner, subject: SubjectChoice) -> None:
    if subject not in (NEW_SUBJECT, NO_SUBJECT) and Id.parse(subject) not in control.state.registry.subjects:
        raise MethodError("there is no such subject")
    if owner is Owner.RESIDENT and subject == NO_SUBJECT:
        raise MethodError("a resident's device has a subject: state it as `new`, or as the id of one that is known")


def _is_topic(text: str) -> bool:
    try:
        return 0 < len(text.encode()) <= MAX_TOPIC_BYTES and set(text).isdisjoint("+#\0")
    except UnicodeEncodeError:  # a surrogate, from a caller in this process
        return False


def _register(control: Control, row: NewDevice) -> DeviceAdded:
    state, now_ms = control.state, control.clock.now_ms()
    device_id = state.identity.random_bytes(16)
    subject, added = _subject_for(state, device_id, row.subject, now_ms)
    changes.add_device(state, Device(device_id, row.topic, row.profile, row.zone, subject, 0, now_ms, row.owner), now_ms)
    if state.policies.profiles[row.profile].authentication.scheme is not Scheme.MAC0:
        return added
    return msgspec.structs.replace(added, key=Hex(state.identity.device_key(device_id, 0)))


def _subject_for(state: State, device: bytes, choice: SubjectChoice, now_ms: int) -> tuple[bytes | None, DeviceAdded]:
    """Return the subject of a device, which is made or notified, and what is answered of it; None where it has none."""
    if choice == NO_SUBJECT:
        return None, DeviceAdded(device=Id(device))
    if choice != NEW_SUBJECT:
        subject = bytes(Id.parse(choice))
        state.registry.tell(subject, MessageKind.DEVICE_JOINED, now_ms)
        return subject, DeviceAdded(device=Id(device))
    made = subjects.add_subject(state, now_ms)
    resident = made.residents[0].id
    code = subjects.make_code(state, made.id, resident, device, now_ms)
    return made.id, DeviceAdded(device=Id(device), subject=Id(made.id), resident=Id(resident), claim_code=code)


def show_all(control: Control, caller: Caller, params: Nothing) -> DeviceList:
    """List devices by their random ids; topics are personal and stay in the registry."""
    rows = [
        DeviceListed(
            device=Id(device.id),
            profile=device.profile,
            zone=device.zone,
            owner=device.owner,
            owner_assumed=device.owner_assumed,
            subject=None if device.subject is None else Id(device.subject),
            unmatched=UNSET if _is_heard(control, device.topic) else True,
        )
        for device in control.state.registry.devices.values()
    ]
    return DeviceList(devices=rows)


def own(control: Control, caller: Caller, params: DeviceOwner) -> DeviceOwned:
    """State whose a device is, and of one without a subject whom its readings are about; it takes effect at once."""
    state, now_ms = control.state, control.clock.now_ms()
    device = _device(state, params.device)
    choice = SubjectChoice(NO_SUBJECT) if params.subject is UNSET else params.subject
    if device.subject is not None:
        if params.subject is not UNSET:
            raise MethodError("the device has a subject, and keeps it: a claim code brings it to another")
        changes.own_device(state, device, params.owner, now_ms)
        return DeviceOwned(device=params.device, owner=params.owner)
    _check_subject(control, params.owner, choice)
    subject, told = _subject_for(state, device.id, choice, now_ms)
    if subject is None:
        changes.own_device(state, device, params.owner, now_ms)
    else:
        changes.move_device(state, replace(device, owner=params.owner, owner_assumed=False), subject, now_ms)
    return DeviceOwned(**msgspec.structs.asdict(told), owner=params.owner)


def revoke(control: Control, caller: Caller, params: DeviceOf) -> DeviceRevoked:
    """Remove a device from the registry."""
    changes.revoke_device(control.state, _device(control.state, params.device).place, control.clock.now_ms())
    return DeviceRevoked(device=params.device)


def _device(state: State, device_id: Id) -> Device:
    for device in state.registry.devices.values():
        if device.id == device_id:
            return device
    raise MethodError(f"there is no device `{device_id.hex()}`")
