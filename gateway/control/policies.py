"""Control methods of policy: put in force, show what is, explain what it means for somebody, weigh what a change would reveal."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from consent.core.consents.records import Consent
from consent.core.explain.explain import ExplanationRequest, explain
from consent.core.outcome import reason_besides
from consent.core.policies.fingerprint import fingerprint
from consent.core.policies.parse import parse_policies
from consent.core.review.diff import Difference, Side
from consent.core.review.diff import diff as compare
from consent.messages import (
    ConsentsEnding,
    DeviceSince,
    FlowExplained,
    FlowOf,
    FlowOutcome,
    Hex,
    Id,
    KeyShown,
    Nothing,
    PolicyApplied,
    PolicyChange,
    PolicyDiff,
    PolicyFolder,
    PolicyShown,
    PolicySides,
    ReachChange,
    RuleChange,
)
from gateway.control.consents import exposures_of
from gateway.control.context import Caller, Control, MethodError
from gateway.core.changes import settling
from gateway.core.changes.subjects import devices_of
from gateway.core.plans import Device, InForce
from gateway.core.windows.targets import Terms
from gateway.durable.policy_review import Concerned, PolicyReview
from gateway.durable.state import EXPIRY, SETTLING


async def reviewed(control: Control, params: PolicyChange) -> PolicyReview:
    """Check the policies folder beside the loop, and find what it would do, once an earlier change has reached everybody.

    Consents that have expired are ended before: by the policies under which they did.
    """
    durable = control.durable
    found = await durable.find_policies()
    if control.running is None:
        durable.turns.run_all()
        return durable.review(found)
    for name in (SETTLING, EXPIRY):
        await durable.turns.finished(name)
    return await durable.review_aside(found)


def apply(control: Control, caller: Caller, params: PolicyChange, review: PolicyReview) -> PolicyApplied:
    """Put the policies folder in force; a failing case, a rise or a consent's end needs `accept`. With `dry_run`, only tell."""
    durable, found = control.durable, review.found
    force = durable.state.force
    if not durable.state.is_settled or review.in_force != (None if force is None else force.policies.sha256):
        raise MethodError("other policies have come into force meanwhile: apply again")
    review = durable.review_again(review)
    accept, first = params.accept, durable.first_review
    if first is not None and (accept, found) == (first.proposal, first.found):
        accept = review.proposal  # the start that this command made has put the same in force already
    index = None
    if not params.dry_run:
        review.refuse(durable.place, accept)
        index = durable.apply_policies(found.policies, found.public_keys)
    return _applied(review, index, refused=review.is_refused(accept))


def _applied(review: PolicyReview, log_index: int | None, *, refused: bool) -> PolicyApplied:
    ended = review.endings
    return PolicyApplied(
        log_index=log_index,
        sha256=Hex(review.found.policies.sha256),
        proposal=review.proposal,
        refused=refused,
        failed=list(review.found.failed),
        failed_examples=list(review.found.failed_examples),
        rises=[msgspec.convert(change.as_data(), ReachChange) for change in review.rises],
        rules=[msgspec.convert(rule.as_data(), RuleChange) for rule in review.rules],
        ends=ConsentsEnding(consents=ended.consents, subjects=ended.subjects, flows=dict(ended.flows)),
        keys=[KeyShown(recipient=key.recipient, fingerprint=key.now, before=key.before) for key in review.keys],
    )


def show(control: Control, caller: Caller, params: Nothing) -> PolicyShown:
    """Return which policies are in force, and the fingerprints of the recipients' keys."""
    force = _in_force(control)
    keys = {recipient: fingerprint(key) for recipient, key in sorted(control.durable.public_keys.items())}
    return PolicyShown(sha256=Hex(force.policies.sha256), log_index=force.entry, flows=sorted(force.policies.flows), keys=keys)


def explain_flow(control: Control, caller: Caller, params: FlowOf) -> FlowExplained:
    """Explain what leaves of a device or subject by a flow and why, each outcome once."""
    policies = control.state.policies
    if params.flow not in policies.flows:
        raise MethodError(f"there is no flow `{params.flow}`")
    language = control.language(params.language, params.locale)
    outcomes: list[FlowOutcome] = []
    for device in _concerned(control, caller, params):
        outcome, since_ms = _explained(control, device, params, language)
        known = next((each for each in outcomes if msgspec.structs.replace(each, devices=[]) == outcome), outcome)
        if known is outcome:
            outcomes.append(outcome)
        known.devices.append(DeviceSince(device=Id(device.id), since_ms=since_ms))
    return FlowExplained(flow=params.flow, language=language, outcomes=outcomes)


def _concerned(control: Control, caller: Caller, params: FlowOf) -> list[Device]:
    """Return the device that is asked about, or the subject's devices: those that the flow reads, or all where it reads none."""
    state, who = control.state, bytes(params.who)
    if who in state.registry.subjects and caller.may_see(who):
        devices = devices_of(state, who)
        if not devices:
            raise MethodError("the subject has no device")
        return [device for device in devices if _request(control, device, params).measured()] or devices
    devices = [device for device in state.registry.devices.values() if device.id == who and caller.may_see(device.subject)]
    if not devices:
        raise MethodError("there is no such device or subject")
    return devices


def _request(control: Control, device: Device, params: FlowOf) -> ExplanationRequest:
    state = control.state
    consents: list[Consent | None] | None = None
    position = None
    if device.subject is not None:
        consents = state.registry.book.resolve(device.subject, state.policies.flows[params.flow])
        residents = state.registry.book.residents(device.subject)
        if params.resident and params.resident not in residents:
            raise MethodError("the subject has no such resident")
        position = residents.index(bytes(params.resident)) if params.resident else None
    return ExplanationRequest(
        state.policies, params.flow, consents, device.zone, device.profile, control.clock.now_ms(), device.owner, position
    )


def _explained(control: Control, device: Device, params: FlowOf, language: str) -> tuple[FlowOutcome, int | None]:
    """Return an outcome without its devices, and since when something leaves of this one."""
    request = _request(control, device, params)
    decision = request.decide()
    exposed = [] if device.subject is None else exposures_of(control, device.subject)
    besides = reason_besides(request.policies, request.flow, request.profile, decision)
    explanation = explain(request, decision, language, besides, exposed)
    terms = None if explanation.reason else _terms_in_force(control, device, params.flow)
    said = [consent for consent in request.consents or () if consent is not None]
    outcome: dict[str, Any] = {
        "devices": [],
        "profile": device.profile,
        "zone": device.zone,
        **explanation.as_data(),
        "policy_entry": _in_force(control).entry,
        "consent_entries": sorted(control.state.registry.book.entry_of(consent) for consent in said),
    }
    return msgspec.convert(outcome, FlowOutcome), None if terms is None else terms.since_ms


def _terms_in_force(control: Control, device: Device, flow: str) -> Terms | None:
    """Return the terms that a device's compiled plan has for a flow."""
    plan = settling.plan_of(control.state, device, control.clock.now_ms())
    targets = [] if plan is None else plan.targets()
    return next((target.terms for target in targets if target.cohort.flow == flow), None)


async def compared(control: Control, params: PolicySides) -> Difference:
    """Compare in another thread, for those whom it concerns at this moment; each side is `in-force` now, or a folder's files."""
    in_force = Side(control.state.policies, control.durable.public_keys)
    concerned, now_ms = Concerned.of(control.state.registry), control.clock.now_ms()
    old, new = [in_force if isinstance(side, str) else await asyncio.to_thread(_side, side) for side in (params.old, params.new)]
    return await asyncio.to_thread(lambda: compare(old, new, concerned.population(now_ms)))


def diff(control: Control, caller: Caller, params: PolicySides, found: Difference) -> PolicyDiff:
    """Compare who would be revealed more or less under `new` than under `old`: each `in-force`, or a folder's files."""
    return msgspec.convert(found.as_data(), PolicyDiff)


def _side(folder: PolicyFolder) -> Side:
    return Side(parse_policies(folder.files), folder.keys)


def _in_force(control: Control) -> InForce:
    force = control.state.force
    assert force is not None
    return force
