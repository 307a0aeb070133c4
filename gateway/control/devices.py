"""Control methods of the registry: which devices there are, what each is, whose, and where."""

from __future__ import annotations

from consent.core.lifecycle.notifications import MessageKind
from consent.core.policies.policy import Scheme
from gateway.control.params import MethodError, Params, known_subject, no_more, take
from gateway.core.changes import changes, subjects
from gateway.core.plans import Device
from gateway.durable.state import Answer, Durable

MAX_DEVICES_AT_ONCE = 10_000
MAX_TOPIC_BYTES = 1024


def device_add(durable: Durable, params: Params) -> Answer:
    """Register devices: `devices` is a list of {profile, zone, topic, subject}, subject `new`, `none` or an id."""
    rows = take(params, "devices", list)
    no_more(params)
    if not 0 < len(rows) <= MAX_DEVICES_AT_ONCE:
        raise MethodError(f"`devices` holds `{len(rows)}` devices, not 1 to {MAX_DEVICES_AT_ONCE}")
    topics = [row.get("topic") for row in rows if isinstance(row, dict)]
    if len({str(topic) for topic in topics}) < len(topics):
        raise MethodError("the same topic stands twice in one request")
    checked = [_checked_device(durable, dict(row) if isinstance(row, dict) else {}) for row in rows]
    return {"devices": [_register(durable, *row) for row in checked]}


def _checked_device(durable: Durable, row: Params) -> tuple[str, str, str, str]:
    """Check a whole row before any is registered, so that a refusal changes nothing."""
    policies = durable.state.policies
    profile, zone, topic, subject = (take(row, key, str) for key in ("profile", "zone", "topic", "subject"))
    no_more(row)
    if profile not in policies.profiles:
        raise MethodError(f"there is no device profile `{profile}`")
    if zone not in policies.zones:
        raise MethodError(f"there is no zone `{zone}`")
    if not _is_topic(topic):
        raise MethodError("the topic is empty, too long, holds a wildcard or is no text")
    if topic in durable.state.registry.devices:
        raise MethodError("a device with this topic is registered already; revoke it first")
    if subject not in ("new", "none"):
        known_subject(durable, subject)
    return profile, zone, topic, subject


def _is_topic(text: str) -> bool:
    try:
        return 0 < len(text.encode()) <= MAX_TOPIC_BYTES and set(text).isdisjoint("+#\0")
    except UnicodeEncodeError:  # a surrogate, from a shell's argument that is not utf-8
        return False


def _register(durable: Durable, profile: str, zone: str, topic: str, whose: str) -> Answer:
    state, now_ms = durable.state, durable.clock.now_ms()
    device_id = state.identity.random_bytes(16)
    answer: Answer = {}
    subject: bytes | None = None
    if whose == "new":
        made = subjects.add_subject(state, now_ms)
        subject, resident = made.id, made.residents[0].id
        code = subjects.make_code(state, subject, resident, device_id, now_ms)
        answer = {"subject": subject.hex(), "resident": resident.hex(), "claim_code": code}
    elif whose != "none":
        subject = bytes.fromhex(whose)
        state.registry.tell(subject, MessageKind.DEVICE_JOINED, now_ms)
    changes.add_device(state, Device(device_id, topic, profile, zone, subject, 0, now_ms), now_ms)
    if state.policies.profiles[profile].authentication.scheme is Scheme.MAC0:
        answer["key"] = state.identity.device_key(device_id, 0).hex()
    return {"device": device_id.hex(), **answer}


def device_list(durable: Durable, params: Params) -> Answer:
    """List devices by their random ids; topics are personal and stay in the registry."""
    no_more(params)
    rows = [
        {
            "device": device.id.hex(),
            "profile": device.profile,
            "zone": device.zone,
            "subject": None if device.subject is None else device.subject.hex(),
        }
        for device in durable.state.registry.devices.values()
    ]
    return {"devices": rows}


def device_revoke(durable: Durable, params: Params) -> Answer:
    """Strike a device off the register."""
    wanted = take(params, "device", str)
    no_more(params)
    for topic, device in durable.state.registry.devices.items():
        if device.id.hex() == wanted:
            changes.revoke_device(durable.state, topic, durable.clock.now_ms())
            return {"device": wanted}
    raise MethodError(f"there is no device `{wanted}`")
