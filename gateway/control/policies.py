"""Control methods of policy: put in force, say what is, explain what it means for somebody, weigh what a change would reveal."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from consent.core.consents.records import Consent
from consent.core.explain.explain import ExplanationRequest, explain
from consent.core.languages import LANGUAGES
from consent.core.outcome import unsupported_reason
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.core.review.diff import Side, diff
from consent.core.review.population import grouped
from gateway.control.params import MethodError, Params, id_of, no_more, take
from gateway.core.changes.subjects import devices_of
from gateway.core.plans import Device, InForce, Terms
from gateway.durable.state import Answer, Durable
from gateway.edge.policies import read_policies

IN_FORCE = "in-force"
"""Names the policies in force where a folder could be named."""


def policy_apply(durable: Durable, params: Params) -> Answer:
    """Put the policies folder in force."""
    no_more(params)
    policies, public_keys = read_policies(durable.place.policies, durable.config.sink)
    index = durable.apply_policies(policies, public_keys)
    return {"log_index": index, "sha256": policies.sha256.hex()}


def policy_show(durable: Durable, params: Params) -> Answer:
    """Say which policies are in force."""
    no_more(params)
    force = _in_force(durable)
    return {"sha256": force.policies.sha256.hex(), "log_index": force.entry, "flows": sorted(force.policies.flows)}


def policy_explain(durable: Durable, params: Params) -> Answer:
    """Say what leaves of a device or subject (`who`) by a flow and why, each outcome once; `resident` says who asks."""
    who = id_of("who", take(params, "who", str))
    flow = take(params, "flow", str)
    language = take(params, "language", str, "")
    resident = take(params, "resident", str, "")
    no_more(params)
    policies = durable.state.policies
    if flow not in policies.flows:
        raise MethodError(f"there is no flow `{flow}`")
    language = _language(policies, language)
    asker = id_of("resident", resident) if resident else None
    outcomes: list[Answer] = []
    for device in _concerned(durable, who, flow):
        outcome, since_ms = _explained(durable, device, flow, language, asker)
        known = next((each for each in outcomes if {**each, "devices": None} == {**outcome, "devices": None}), outcome)
        if known is outcome:
            outcomes.append(outcome)
        known["devices"].append({"device": device.id.hex(), "since_ms": since_ms})
    return {"flow": flow, "language": language, "outcomes": outcomes}


def _language(policies: PolicySet, wanted: str) -> str:
    """Return the language to speak: the one asked for, else the first of the city's that we can."""
    if wanted and wanted not in LANGUAGES:
        raise MethodError(f"`language`: `{wanted}` is none of {', '.join(LANGUAGES)}")
    return wanted or next((each for each in policies.city.languages if each in LANGUAGES), LANGUAGES[0])


def _concerned(durable: Durable, who: bytes, flow: str) -> list[Device]:
    """Return the device that is asked about, or the subject's devices: those that the flow reads, or all where it reads none."""
    state = durable.state
    if who not in state.registry.subjects:
        devices = [device for device in state.registry.devices.values() if device.id == who]
        if not devices:
            raise MethodError("there is no such device or subject")
        return devices
    devices = devices_of(state, who)
    if not devices:
        raise MethodError("the subject has no device")
    return [device for device in devices if _matter(durable, device, flow, None).measured()] or devices


def _matter(durable: Durable, device: Device, flow: str, asker: bytes | None) -> ExplanationRequest:
    state = durable.state
    consents: list[Consent | None] | None = None
    position = None
    if device.subject is not None:
        consents = state.registry.book.resolve(device.subject, state.policies.flows[flow])
        residents = state.registry.book.residents(device.subject)
        if asker is not None and asker not in residents:
            raise MethodError("the subject has no such resident")
        position = None if asker is None else residents.index(asker)
    return ExplanationRequest(state.policies, flow, consents, device.zone, device.profile, durable.clock.now_ms(), position)


def _explained(durable: Durable, device: Device, flow: str, language: str, asker: bytes | None) -> tuple[Answer, int | None]:
    """Return an outcome without its devices, and since when something leaves of this one."""
    matter = _matter(durable, device, flow, asker)
    decision = matter.decide()
    explanation = explain(matter, decision, language, unsupported_reason(decision))
    terms = None if explanation.reason else _terms_in_force(durable, device, flow)
    said = [consent for consent in matter.consents or () if consent is not None]
    outcome = {
        "devices": [],
        "profile": device.profile,
        "zone": device.zone,
        **explanation.as_data(),
        "policy_entry": _in_force(durable).entry,
        "consent_entries": sorted(durable.state.registry.book.entry_of(consent) for consent in said),
    }
    return outcome, None if terms is None else terms.since_ms


def _terms_in_force(durable: Durable, device: Device, flow: str) -> Terms | None:
    """Return the terms that a device's compiled plan has for a flow."""
    plan = durable.state.devices.get(device.topic)
    targets = [] if plan is None else plan.targets()
    return next((target.terms for target in targets if target.cohort.flow == flow), None)


def policy_diff(durable: Durable, params: Params) -> Answer:
    """Say who would be revealed more or less under `new` than under `old`: each `in-force`, or {files, keys} of a folder."""
    old, new = _side(durable, params, "old"), _side(durable, params, "new")
    no_more(params)
    state = durable.state
    devices = ((device.profile, device.zone, device.id, device.subject) for device in state.registry.devices.values())
    return diff(old, new, grouped(devices, state.registry.book, durable.clock.now_ms())).as_data()


def _side(durable: Durable, params: Params, name: str) -> Side:
    value = take(params, name, object)
    if value == IN_FORCE:
        return Side(durable.state.policies, durable.public_keys)
    if not isinstance(value, dict):
        raise MethodError(f"`{name}` is neither `{IN_FORCE}` nor a folder's files")
    folder = dict(value)
    files, keys = take(folder, "files", dict), take(folder, "keys", dict, {})
    no_more(folder)
    return Side(parse_policies(_bytes_of(f"{name}.files", files)), _bytes_of(f"{name}.keys", keys))


def _bytes_of(key: str, encoded: dict[str, Any]) -> dict[str, bytes]:
    try:
        return {name: base64.b64decode(text, validate=True) for name, text in encoded.items()}
    except (TypeError, ValueError, binascii.Error) as error:
        raise MethodError(f"`{key}` is not in base64") from error


def _in_force(durable: Durable) -> InForce:
    force = durable.state.force
    assert force is not None
    return force
