"""Control methods of the registry: which devices there are, what each is, whose, and where."""

from __future__ import annotations

import msgspec

from consent.core.lifecycle.notifications import MessageKind
from consent.core.policies.policy import Scheme
from consent.messages import (
    NEW_SUBJECT,
    NO_SUBJECT,
    DeviceAdded,
    DeviceList,
    DeviceListed,
    DeviceOf,
    DeviceRevoked,
    DevicesAdded,
    Hex,
    Id,
    NewDevice,
    NewDevices,
    Nothing,
)
from gateway.control.context import Caller, Control, MethodError
from gateway.core.changes import changes, subjects
from gateway.core.plans import Device

MAX_DEVICES_AT_ONCE = 10_000
MAX_TOPIC_BYTES = 1024


def add(control: Control, caller: Caller, params: NewDevices) -> DevicesAdded:
    """Register devices, each owned by a new subject, by none, or by one that is known."""
    rows = params.devices
    if not 0 < len(rows) <= MAX_DEVICES_AT_ONCE:
        raise MethodError(f"`devices` holds `{len(rows)}` devices, not 1 to {MAX_DEVICES_AT_ONCE}")
    if len({row.topic for row in rows}) < len(rows):
        raise MethodError("the same topic stands twice in one request")
    for row in rows:
        _check(control, row)
    return DevicesAdded(devices=[_register(control, row) for row in rows])


def _check(control: Control, row: NewDevice) -> None:
    """Check a row; every one is checked before any is registered, so that a refusal changes nothing."""
    policies = control.state.policies
    if row.profile not in policies.profiles:
        raise MethodError(f"there is no device profile `{row.profile}`")
    if row.zone not in policies.zones:
        raise MethodError(f"there is no zone `{row.zone}`")
    if not _is_topic(row.topic):
        raise MethodError("the topic is empty, too long, holds a wildcard or is no text")
    if row.topic in control.state.registry.devices:
        raise MethodError("a device with this topic is registered already; revoke it first")
    if row.subject not in (NEW_SUBJECT, NO_SUBJECT) and Id.parse(row.subject) not in control.state.registry.subjects:
        raise MethodError("there is no such subject")


def _is_topic(text: str) -> bool:
    try:
        return 0 < len(text.encode()) <= MAX_TOPIC_BYTES and set(text).isdisjoint("+#\0")
    except UnicodeEncodeError:  # a surrogate, from a caller in this process
        return False


def _register(control: Control, row: NewDevice) -> DeviceAdded:
    state, now_ms = control.state, control.clock.now_ms()
    device_id = state.identity.random_bytes(16)
    device, subject = Id(device_id), None
    added = DeviceAdded(device=device)
    if row.subject == NEW_SUBJECT:
        made = subjects.add_subject(state, now_ms)
        subject, resident = made.id, made.residents[0].id
        code = subjects.make_code(state, subject, resident, device_id, now_ms)
        added = DeviceAdded(device=device, subject=Id(subject), resident=Id(resident), claim_code=code)
    elif row.subject != NO_SUBJECT:
        subject = bytes(Id.parse(row.subject))
        state.registry.tell(subject, MessageKind.DEVICE_JOINED, now_ms)
    changes.add_device(state, Device(device_id, row.topic, row.profile, row.zone, subject, 0, now_ms), now_ms)
    if state.policies.profiles[row.profile].authentication.scheme is not Scheme.MAC0:
        return added
    return msgspec.structs.replace(added, key=Hex(state.identity.device_key(device_id, 0)))


def show_all(control: Control, caller: Caller, params: Nothing) -> DeviceList:
    """List devices by their random ids; topics are personal and stay in the registry."""
    rows = [
        DeviceListed(
            device=Id(device.id),
            profile=device.profile,
            zone=device.zone,
            subject=None if device.subject is None else Id(device.subject),
        )
        for device in control.state.registry.devices.values()
    ]
    return DeviceList(devices=rows)


def revoke(control: Control, caller: Caller, params: DeviceOf) -> DeviceRevoked:
    """Remove a device from the registry."""
    for topic, device in control.state.registry.devices.items():
        if device.id == params.device:
            changes.revoke_device(control.state, topic, control.clock.now_ms())
            return DeviceRevoked(device=params.device)
    raise MethodError(f"there is no device `{params.device.hex()}`")
