"""What the control socket answers: each method reads plain parameters, changes the state by the core's steps, answers plainly.

A method runs between two steps of the loop, so it sees and leaves a whole state; its answer is given once the change is
committed. Refusals are ``MethodError``, in the words of the person who asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from consent.core import lifecycle
from consent.core.disclosure import TOP, Disclosure
from consent.core.encoding import disclosure_map
from consent.core.policy import Scheme
from consent.core.policy_bounds import read_bounds
from consent.core.policy_file import PolicyFile
from consent.core.records import Consent, signing_bytes
from consent.errors import ConsentError, PolicyError
from gateway.config import parse_utc_ms
from gateway.core import changes
from gateway.core.plans import Device
from gateway.durable import Answer, DurableState
from gateway.errors import SluiceError
from gateway.policy_keys import read_policies

Params = dict[str, Any]
Method = Callable[[DurableState, Params], Answer]

MAX_DEVICES_AT_ONCE = 10_000
MAX_TOPIC_BYTES = 1024


class MethodError(SluiceError):
    """A request that cannot be carried out, in one line."""

    exit_status = 2


def policy_apply(durable: DurableState, params: Params) -> Answer:
    """Put the policies folder in force."""
    _no_more(params)
    policies, public_keys = read_policies(durable.place.policies, durable.config.sink)
    index = durable.apply_policies(policies, public_keys)
    return {"log_index": index, "sha256": policies.sha256.hex()}


def policy_show(durable: DurableState, params: Params) -> Answer:
    """Say which policies are in force."""
    _no_more(params)
    force = durable.state.force
    assert force is not None
    return {"sha256": force.policies.sha256.hex(), "log_index": force.entry, "flows": sorted(force.policies.flows)}


def device_add(durable: DurableState, params: Params) -> Answer:
    """Register devices: `devices` is a list of {profile, zone, topic, subject}, subject `new`, `none` or an id."""
    rows = _take(params, "devices", list)
    _no_more(params)
    if not 0 < len(rows) <= MAX_DEVICES_AT_ONCE:
        raise MethodError(f"`devices` holds `{len(rows)}` devices, not 1 to {MAX_DEVICES_AT_ONCE}")
    topics = [row.get("topic") for row in rows if isinstance(row, dict)]
    if len({str(topic) for topic in topics}) < len(topics):
        raise MethodError("the same topic stands twice in one request")
    checked = [_checked_device(durable, dict(row) if isinstance(row, dict) else {}) for row in rows]
    return {"devices": [_register(durable, *row) for row in checked]}


def _checked_device(durable: DurableState, row: Params) -> tuple[str, str, str, str]:
    """Check a whole row before any is registered, so that a refusal changes nothing."""
    policies = durable.state.policies
    profile, zone, topic, subject = (_take(row, key, str) for key in ("profile", "zone", "topic", "subject"))
    _no_more(row)
    if profile not in policies.profiles:
        raise MethodError(f"there is no device profile `{profile}`")
    if zone not in policies.zones:
        raise MethodError(f"there is no zone `{zone}`")
    if not _is_topic(topic):
        raise MethodError("the topic is empty, too long, holds a wildcard or is no text")
    if topic in durable.state.registry:
        raise MethodError("a device with this topic is registered already; revoke it first")
    if subject not in ("new", "none"):
        _known_subject(durable, subject)
    return profile, zone, topic, subject


def _is_topic(text: str) -> bool:
    try:
        return 0 < len(text.encode()) <= MAX_TOPIC_BYTES and set(text).isdisjoint("+#\0")
    except UnicodeEncodeError:  # a surrogate, from a shell's argument that is not utf-8
        return False


def _register(durable: DurableState, profile: str, zone: str, topic: str, whose: str) -> Answer:
    state = durable.state
    answer: Answer = {}
    subject: bytes | None = None
    if whose == "new":
        made = changes.add_subject(state)
        subject = made.id
        answer = {"subject": made.id.hex(), "resident": made.residents[0].hex()}
    elif whose != "none":
        subject = bytes.fromhex(whose)
    now_ms = durable.clock.now_ms()
    device = Device(state.identity.random_bytes(16), topic, profile, zone, subject, 0, now_ms)
    changes.add_device(state, device, now_ms)
    if state.policies.profiles[profile].authentication.scheme is Scheme.MAC0:
        answer["key"] = state.identity.device_key(device.id, device.generation).hex()
    return {"device": device.id.hex(), **answer}


def device_list(durable: DurableState, params: Params) -> Answer:
    """List devices by their random ids; topics are personal and stay in the registry."""
    _no_more(params)
    rows = [
        {
            "device": device.id.hex(),
            "profile": device.profile,
            "zone": device.zone,
            "subject": None if device.subject is None else device.subject.hex(),
        }
        for device in durable.state.registry.values()
    ]
    return {"devices": rows}


def device_revoke(durable: DurableState, params: Params) -> Answer:
    """Strike a device off the register."""
    wanted = _take(params, "device", str)
    _no_more(params)
    for topic, device in durable.state.registry.items():
        if device.id.hex() == wanted:
            changes.revoke_device(durable.state, topic, durable.clock.now_ms())
            return {"device": wanted}
    raise MethodError(f"there is no device `{wanted}`")


def consent_grant(durable: DurableState, params: Params) -> Answer:
    """Permit a flow, or every flow of `purpose:<id>`, up to some limits."""
    subject, resident = _who(durable, params)
    scope = _take(params, "scope", str)
    limits = _limits(durable, _take(params, "limits", dict, {}))
    expiry = _take(params, "expiry", str, "")
    _no_more(params)
    consent = lifecycle.grant(
        durable.state.book,
        durable.state.policies,
        subject=subject,
        resident=resident,
        scope=scope,
        limits=limits,
        now_ms=durable.clock.now_ms(),
        channel="operator",
        expiry_ms=_time_ms("expiry", expiry) if expiry else None,
    )
    return _change(durable, consent)


def consent_refuse(durable: DurableState, params: Params) -> Answer:
    """Say no to what was never permitted."""
    return _say_no(durable, params, lambda book, **who: lifecycle.refuse(book, durable.state.policies, **who))


def consent_pause(durable: DurableState, params: Params) -> Answer:
    """Stop a scope until the next grant."""
    return _say_no(durable, params, lifecycle.pause)


def consent_withdraw(durable: DurableState, params: Params) -> Answer:
    """Take back what was permitted."""
    return _say_no(durable, params, lifecycle.withdraw)


def _say_no(durable: DurableState, params: Params, step: Callable[..., Consent]) -> Answer:
    subject, resident = _who(durable, params)
    scope = _take(params, "scope", str)
    _no_more(params)
    now_ms = durable.clock.now_ms()
    return _change(
        durable,
        step(durable.state.book, subject=subject, resident=resident, scope=scope, now_ms=now_ms, channel="operator"),
    )


def _change(durable: DurableState, consent: Consent) -> Answer:
    """Sign with the log's key, since a change from the shell rests on the operator's word, and let it count."""
    signed = consent.signed(durable.keys.log_signer.sign_bytes(signing_bytes(consent)))
    index = changes.change_consent(durable.state, signed, durable.clock.now_ms())
    handed = durable.state.handed.items()
    stand = sorted(number for number, bundle in handed if bundle.subjects is None or consent.subject in bundle.subjects)
    return {"log_index": index, "status": consent.status.value, "scope": consent.scope, "handed_over": stand}


def consent_show(durable: DurableState, params: Params) -> Answer:
    """Say what counts for a subject."""
    subject = _known_subject(durable, _take(params, "subject", str))
    _no_more(params)
    rows = [
        {
            "log_index": entry.index,
            "resident": entry.consent.resident.hex(),
            "scope": entry.consent.scope,
            "status": "Expired" if _has_run_out(entry.consent, durable.clock.now_ms()) else entry.consent.status.value,
            "time_ms": entry.consent.time_ms,
            "since_ms": entry.consent.since_ms,
            "expiry_ms": entry.consent.expiry_ms,
            "channel": entry.consent.channel,
            "limits": _limits_shown(entry.consent.limits),
        }
        for entry in durable.state.book.for_subject(subject)
    ]
    return {"subject": subject.hex(), "residents": [r.hex() for r in durable.state.book.residents(subject)], "consents": rows}


def _has_run_out(consent: Consent, now_ms: int) -> bool:
    return consent.permits and consent.expiry_ms is not None and consent.expiry_ms <= now_ms


def clock_advance(durable: DurableState, params: Params) -> Answer:
    """Set a standing simulated clock forward; the loop runs one release tick before it answers."""
    to = _take(params, "to", str)
    _no_more(params)
    try:
        durable.clock.advance(_time_ms("to", to))
    except ValueError as error:
        raise MethodError(str(error)) from error
    return {"now_ms": durable.clock.now_ms()}


METHODS: dict[str, Method] = {
    "policy.apply": policy_apply,
    "policy.show": policy_show,
    "device.add": device_add,
    "device.list": device_list,
    "device.revoke": device_revoke,
    "consent.grant": consent_grant,
    "consent.refuse": consent_refuse,
    "consent.pause": consent_pause,
    "consent.withdraw": consent_withdraw,
    "consent.show": consent_show,
    "clock.advance": clock_advance,
}
"""Every method but `status`, which the running gateway answers itself."""

TICKING = frozenset({"clock.advance"})
"""Methods that are answered only after a release tick."""


def call(durable: DurableState, name: str, params: Params) -> Answer:
    """Run a method.

    Raises: MethodError: it is refused, and nothing has changed.
    """
    method = METHODS.get(name)
    if method is None:
        raise MethodError(f"there is no method `{name}`")
    try:
        return method(durable, dict(params))
    except (ConsentError, PolicyError) as error:
        raise MethodError(str(error)) from error


def _who(durable: DurableState, params: Params) -> tuple[bytes, bytes]:
    """Read subject and resident; a subject's only resident need not be named."""
    subject = _known_subject(durable, _take(params, "subject", str))
    residents = durable.state.book.residents(subject)
    named = _take(params, "resident", str, "")
    if named:
        return subject, _id("resident", named)
    if len(residents) != 1:
        raise MethodError(f"the subject has `{len(residents)}` residents: name one")
    return subject, residents[0]


def _known_subject(durable: DurableState, text: str) -> bytes:
    subject = _id("subject", text)
    if subject not in durable.state.subject_secrets:
        raise MethodError("there is no such subject")
    return subject


def _id(key: str, text: str) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != 16:
        raise MethodError(f"`{key}` is no id of 32 hexadecimal digits")
    return value


def _limits(durable: DurableState, limits: dict[str, Any]) -> Disclosure:
    return read_bounds(PolicyFile("consent", b""), limits, "limits", durable.state.policies.properties)


def _limits_shown(limits: Disclosure) -> dict[str, Any]:
    """Return only the axes that a consent bounds."""
    unbounded = disclosure_map(TOP)
    return {axis: value for axis, value in disclosure_map(limits).items() if value != unbounded.get(axis)}


def _time_ms(key: str, text: str) -> int:
    try:
        return parse_utc_ms(text)
    except ValueError as error:
        raise MethodError(f"`{key}`: {error}") from error


_REQUIRED: Any = object()


def _take(params: Params, key: str, kind: type, default: Any = _REQUIRED) -> Any:
    if key not in params:
        if default is _REQUIRED:
            raise MethodError(f"`{key}` is missing")
        return default
    value = params.pop(key)
    if not isinstance(value, kind):
        raise MethodError(f"`{key}` has the wrong type")
    return value


def _no_more(params: Params) -> None:
    for key in params:
        raise MethodError(f"`{key}` is not a parameter")
