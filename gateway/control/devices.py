"""Control methods of the registry: which devices there are, what each is, whose, and where, and what was heard of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import msgspec
from msgspec import UNSET

from consent.core.decide import Owner
from consent.core.lifecycle.notifications import MessageKind
from consent.core.profiles.profile import Profile, Scheme
from consent.device_messages import (
    DeviceAdded,
    DeviceList,
    DeviceListed,
    DeviceOf,
    DeviceOwned,
    DeviceOwner,
    DeviceRevoked,
    DevicesAdded,
    DeviceShown,
    NewDevice,
    NewDevices,
)
from consent.messages import NEW_SUBJECT, NO_SUBJECT, Hex, Id, JsonObject, Nothing, SubjectChoice
from consent.printable import one_line
from gateway.control.context import Caller, Control, MethodError
from gateway.core.changes import changes, subjects
from gateway.core.codecs.message.identity import LONGEST_HUB_ID
from gateway.core.ingest.heard import NEVER_HEARD_MS, Heard
from gateway.core.mqtt.filter_tree import FilterTree
from gateway.core.mqtt.topics import check_filter, filters_overlap
from gateway.core.plans import Device
from gateway.core.state import State

MAX_DEVICES_AT_ONCE = 10_000
MAX_TOPIC_BYTES = 1024
MAX_FAULTS = 50
"""How many faults are told in one answer."""
_LISTED_AT_ONCE: Final = 250
"""So many devices are looked at in a turn of the loop: some milliseconds."""
_AFTER_SILENT_MS: Final = 1 << 60
"""What stands before every time of a device that is not silent."""
_NO_FILTER: Final = "no filter of `broker.filters` matches its topic, so nothing of it would be heard"
_WAY_OUT: Final = "revoke it and register it with the right topic, or add a filter for it to `broker.filters`"


def add(control: Control, caller: Caller, params: NewDevices) -> DevicesAdded:
    """Register devices, each the city's or a resident's, its readings about a new subject, a known one, or none."""
    rows = params.devices
    if not 0 < len(rows) <= MAX_DEVICES_AT_ONCE:
        raise MethodError(f"`devices` holds `{len(rows)}` devices, not 1 to {MAX_DEVICES_AT_ONCE}")
    if control.state.force is None:
        raise MethodError("no policies are in force yet, so nobody can tell: start the gateway once")
    _refuse_faulty(control, rows)
    if params.dry_run:
        unheard = [f"`devices[{n}]`: {_NO_FILTER}" for n, row in enumerate(rows) if not _is_heard(control, row.topic)]
        return DevicesAdded(devices=[], checked=len(rows), warnings=unheard or UNSET)
    added = [_register(control, row) for row in rows]
    warnings = [_unheard(one.device) for row, one in zip(rows, added, strict=True) if not _is_heard(control, row.topic)]
    days = subjects.CODE_DAYS if any(one.claim_code is not UNSET for one in added) else UNSET
    return DevicesAdded(devices=added, warnings=warnings or UNSET, code_days=days)


def _refuse_faulty(control: Control, rows: list[NewDevice]) -> None:
    """Check every row before any is registered, so that a refusal changes nothing.

    Raises: MethodError: the first fault, and all of them in its lines, those of one row beside each other.
    """
    places = _Places(control, rows)
    faults = [f"`devices[{index}]`: {fault}" for index, row in enumerate(rows) for fault in _faults(control, places, index, row)]
    if faults:
        refusal = MethodError(faults[0])
        refusal.lines = tuple(faults[:MAX_FAULTS])
        raise refusal


def _is_heard(control: Control, topic: str) -> bool:
    """Return whether what is published to a topic, or some of what a topic filter matches, reaches the gateway."""
    return any(filters_overlap(pattern, topic) for pattern in control.durable.config.broker.filters)


def _unheard(device: Hex) -> str:
    return f"no filter matches the topic of `{device.hex()}`, so nothing of it is heard: {_WAY_OUT}"


def _faults(control: Control, places: _Places, index: int, row: NewDevice) -> Iterator[str]:
    """Yield what is wrong with a row, all that can be known at once; a sound place is taken."""
    policies = control.state.policies
    profile = policies.profiles.get(row.profile)
    if profile is None:
        yield f"there is no device profile `{one_line(row.profile)}`; the policies in force have {_names(policies.profiles)}"
    if row.zone not in policies.zones:
        yield f"there is no zone `{one_line(row.zone)}`; the policies in force have {_names(policies.zones)}"
    if profile is not None:  # it says what a place is
        wrong = [fault for fault in (_topic_fault(profile, row.topic), _id_fault(profile, row.id)) if fault]
        yield from wrong or filter(None, [places.take(index, row)])
    if fault := _subject_fault(control, row.owner, row.subject):
        yield fault


def _names(known: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(known))


def reads_several_topics(profile: Profile) -> bool:
    """Return whether a device of a profile may be registered under a topic filter: behind a hub, or with readings by topic."""
    return bool(profile.hub or profile.match.topic or any(field.topic for field in profile.fields.values()))


def _topic_fault(profile: Profile, topic: str) -> str:
    """Return what is wrong with a topic for a device of a profile; empty where nothing is."""
    if not _is_text(topic) or "\0" in topic or not 0 < len(topic.encode()) <= MAX_TOPIC_BYTES:
        return "the topic is empty, too long, holds a wildcard or is no text"
    if not _has_wildcard(topic):
        return ""
    if not reads_several_topics(profile):
        return f"the topic holds a wildcard, and a device of the profile `{profile.id}` publishes to one topic"
    try:
        check_filter(topic)
    except ValueError:
        return "the topic is no topic filter: `+` stands for a whole level, and `#` alone at the end for all that follow"
    if topic.startswith("$share/") or set(topic) <= set("+#/"):
        return "the topic filter should name at least one level, and belong to no shared group"
    return ""


def _id_fault(profile: Profile, hub_id: str) -> str:
    """Return what is wrong with an id behind a hub for a device of a profile; empty where nothing is."""
    if not profile.hub:
        return f"`id` is for devices behind a hub, and the profile `{profile.id}` has none: leave it out" if hub_id else ""
    if not hub_id:
        return f"`id` is missing: devices of the profile `{profile.id}` stand behind a hub, and are told by it"
    if not _is_text(hub_id) or len(hub_id) > LONGEST_HUB_ID or "\0" in hub_id:
        return "`id` is too long or is no text"
    wanted = len(profile.hub)
    if wanted > 1 and (hub_id.count("/") != wanted - 1 or not all(hub_id.split("/"))):  # no message could name it
        form = "/".join(f"<{path}>" for path in profile.hub)
        return f"`id` should be `{wanted}` names with `/` between them: the profile `{profile.id}` tells devices by `{form}`"
    return ""


def _has_wildcard(topic: str) -> bool:
    return "+" in topic or "#" in topic


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a surrogate, from a caller in this process
        return False
    return True


class _Places:
    """Where devices publish, and by which id: those that are registered, and those of a request as they are taken in."""

    def __init__(self, control: Control, rows: Iterable[NewDevice]) -> None:
        """Take the registry's, for the profiles of a request."""
        profiles = control.state.policies.profiles
        self._trees = {
            row.profile: FilterTree() for row in rows if row.profile in profiles and reads_several_topics(profiles[row.profile])
        }
        self._by_id = {row.id: FilterTree() for row in rows if row.id}
        self._taken: dict[tuple[str, str], str] = {}
        self._kinds: dict[tuple[str, bool], str] = {}  # (topic, whether behind a hub) -> the first device there
        self._first: dict[tuple[str, str], str] = {}  # (profile, topic) -> the first device there
        for device in control.state.registry.devices.values():
            self._enter(device.profile, device.topic, device.hub_id, f"`{device.id.hex()}`")

    def take(self, index: int, row: NewDevice) -> str:
        """Take a row in, and return nothing; or return why not: another device has its place, or could not be told from it."""
        if said := self._taken_by_another(row):
            return said
        if (other := self._kinds.get((row.topic, not row.id))) is not None:
            return f"the topic is that of {other} too, and of the two only one stands behind a hub: none could be told"
        tree = self._trees.get(row.profile)
        if tree is not None and (meeting := tree.overlapping(row.topic)) is not None:
            other = self._first[row.profile, meeting]
            return f"the topic overlaps that of {other}, of the same profile: a message on a topic of both would be of either"
        same_id = self._by_id.get(row.id)
        if same_id is not None and (meeting := same_id.overlapping(row.topic)) is not None:
            other = self._taken[meeting, row.id]
            return f"the topic overlaps that of {other}, which has the same id: a message on a topic of both would be of both"
        self._enter(row.profile, row.topic, row.id, f"`devices[{index}]`")
        return ""

    def _taken_by_another(self, row: NewDevice) -> str:
        taken = self._taken.get((row.topic, row.id))
        what = "topic and id" if row.id else "topic"
        if taken is None:
            return ""
        if taken.startswith("`devices["):
            return f"the same {what} {'stand' if row.id else 'stands'} twice in one request: it is that of {taken}"
        return f"a device with this {what} is registered already; revoke it first: it is {taken}"

    def _enter(self, profile: str, topic: str, hub_id: str, name: str) -> None:
        self._taken[topic, hub_id] = name
        self._kinds.setdefault((topic, bool(hub_id)), name)
        if hub_id in self._by_id:
            self._by_id[hub_id].add(topic)
        if profile in self._trees:
            self._trees[profile].add(topic)
            self._first.setdefault((profile, topic), name)


def _subject_fault(control: Control, owner: Owner, subject: SubjectChoice) -> str:
    """Return what is wrong with the choice of a subject; empty where nothing is."""
    if subject not in (NEW_SUBJECT, NO_SUBJECT) and Id.parse(subject) not in control.state.registry.subjects:
        return "there is no such subject"
    if owner is Owner.RESIDENT and subject == NO_SUBJECT:
        return "a resident's device has a subject: state it as `new`, or as the id of one that is known"
    return ""


def _register(control: Control, row: NewDevice) -> DeviceAdded:
    state, now_ms = control.state, control.clock.now_ms()
    device_id = state.identity.random_bytes(16)
    subject, added = _subject_for(state, device_id, row.subject, now_ms)
    generation = state.identity.device_generation()
    device = Device(device_id, row.topic, row.profile, row.zone, subject, generation, now_ms, row.owner, hub_id=row.id)
    changes.add_device(state, device, now_ms)
    if state.policies.profiles[row.profile].authentication.scheme is not Scheme.MAC0:
        return added
    return msgspec.structs.replace(added, key=Hex(state.identity.device_key(device_id, generation)))


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


async def looked_at(control: Control, params: Nothing) -> list[tuple[Device, DeviceListed]]:
    """Look at the devices that are registered now, some at a time while the loop goes on; silent ones come first."""
    devices, rows = list(control.state.registry.devices.values()), list[tuple[Device, DeviceListed]]()
    for at in range(0, len(devices), _LISTED_AT_ONCE):
        rows += [(device, _listed(control, device)) for device in devices[at : at + _LISTED_AT_ONCE]]
        await asyncio.sleep(0)
    await asyncio.to_thread(rows.sort, key=_order)
    return rows


def show_all(control: Control, caller: Caller, params: Nothing, found: list[tuple[Device, DeviceListed]]) -> DeviceList:
    """List devices by their random ids, silent ones first, with what was heard of them; topics stay in the registry.

    It tells of the devices that were registered when it was asked for and still are: of each as it stood at some moment in
    between, and of one whose row has changed since as it stands now.
    """
    known = control.state.registry.devices
    rows = [
        row if (now := known[device.place]) is device else _listed(control, now) for device, row in found if device.place in known
    ]
    return DeviceList(devices=rows, running_since_ms=_running_since_ms(control), now_ms=control.clock.now_ms())


def _listed(control: Control, device: Device) -> DeviceListed:
    return DeviceListed(**_shown(control, device))


def _order(found: tuple[Device, DeviceListed]) -> int:
    """Return by what a list is ordered, as one number: many of them are compared quickly."""
    _, row = found
    reading_ms = -1 if row.reading_ms is None else row.reading_ms
    return reading_ms if row.silent else reading_ms + _AFTER_SILENT_MS


def show(control: Control, caller: Caller, params: DeviceOf) -> DeviceShown:
    """Show a device and what was heard of it since the gateway started."""
    device = _device(control.state, params.device)
    return DeviceShown(
        **_shown(control, device),
        added_ms=device.added_ms,
        running_since_ms=_running_since_ms(control),
        now_ms=control.clock.now_ms(),
    )


def _running_since_ms(control: Control) -> int | None:
    return None if control.running is None else control.running.since_ms


def _shown(control: Control, device: Device) -> JsonObject:
    """Return what is listed of a device, by the fields of ``DeviceListed``."""
    memory = control.state.memories.get(device.id)
    heard = Heard() if memory is None else memory.heard
    profile = control.state.policies.profiles.get(device.profile)
    expect_every_ms = None if profile is None else profile.expect_every_ms
    return {
        "device": Id(device.id),
        "profile": device.profile,
        "zone": device.zone,
        "owner": device.owner,
        "owner_assumed": device.owner_assumed,
        "subject": None if device.subject is None else Id(device.subject),
        "unmatched": UNSET if _is_heard(control, device.topic) else True,
        "heard_ms": _at(heard.last_ms),
        "reading_ms": _at(heard.reading_ms),
        "readings": heard.readings,
        "rejected": dict(sorted(heard.rejected.items())),
        "expect_every_ms": expect_every_ms,
        "silent": _is_silent(control, device, heard, expect_every_ms),
    }


def _at(time_ms: int) -> int | None:
    return None if time_ms == NEVER_HEARD_MS else time_ms


def _is_silent(control: Control, device: Device, heard: Heard, expect_every_ms: int | None) -> bool | None:
    """Return whether no reading has come for longer than expected; of one never heard, since the start or its registration."""
    since_ms = _running_since_ms(control)
    if expect_every_ms is None or since_ms is None:
        return None
    return heard.is_silent(max(since_ms, device.added_ms), expect_every_ms, control.clock.now_ms())


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
    if fault := _subject_fault(control, params.owner, choice):
        raise MethodError(fault)
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
