"""Control methods of consent: what a resident says, or another about what a resident said, and what counts at present.

Every change from here is signed with the log's key, since it rests on the operator's word; it is in force when it is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from consent.core.canonical import disclosure_map
from consent.core.consents.records import OPERATOR, Consent, Status, decode, record_hash
from consent.core.decide import standing
from consent.core.disclosure import TOP, Disclosure
from consent.core.lifecycle import steps
from consent.core.lifecycle.steps import Actor
from consent.core.policies.bounds import read_bounds
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import Flow, LegalBasis, PolicySet
from consent.core.policies.toml_file import PolicyFile
from consent.core.receipts.receipts import Issue, LogPlace, make_receipt
from gateway.audit.log.openings import Opening, Part
from gateway.control.params import MethodError, Params, actor, no_more, take, take_subject, time_ms
from gateway.core.changes import changes
from gateway.core.changes.changes import StoredPolicies
from gateway.core.changes.subjects import devices_of, label_keys
from gateway.durable.state import Answer, Durable

UNDECIDED = "undecided"


def consent_request(durable: Durable, params: Params) -> Answer:
    """Ask a resident for a flow, or for every flow of `purpose:<id>`."""
    return _say(durable, params, lambda speaker, scope: [steps.request(speaker, durable.state.policies, scope)])


def consent_grant(durable: Durable, params: Params) -> Answer:
    """Permit a flow, or every flow of `purpose:<id>`, up to some limits."""
    limits, expiry = take(params, "limits", dict, {}), take(params, "expiry", str, "")

    def grant(speaker: Actor, scope: str) -> list[Consent]:
        expiry_ms = time_ms("expiry", expiry) if expiry else None
        return [steps.grant(speaker, durable.state.policies, scope, _limits(durable, limits), expiry_ms)]

    return _say(durable, params, grant)


def consent_refuse(durable: Durable, params: Params) -> Answer:
    """Say no to what is not permitted."""
    return _say(durable, params, lambda speaker, scope: [steps.refuse(speaker, durable.state.policies, scope)])


def consent_pause(durable: Durable, params: Params) -> Answer:
    """Stop a scope for a while."""
    return _say(durable, params, steps.pause)


def consent_resume(durable: Durable, params: Params) -> Answer:
    """Let what is paused go on as it was."""
    return _say(durable, params, lambda speaker, scope: steps.resume(speaker, durable.state.policies, scope))


def consent_withdraw(durable: Durable, params: Params) -> Answer:
    """Take back what was permitted."""
    return _say(durable, params, lambda speaker, scope: [steps.withdraw(speaker, scope)])


def consent_revoke(durable: Durable, params: Params) -> Answer:
    """End what a resident permitted, by another's authority."""
    authority = take(params, "authority", str)
    return _say(durable, params, lambda speaker, scope: [steps.revoke(speaker, scope, authority)])


def _say(durable: Durable, params: Params, step: Callable[[Actor, str], Sequence[Consent]]) -> Answer:
    """Take a step on behalf of a resident, and let its records count."""
    subject, resident = actor(durable, params)
    scope = take(params, "scope", str)
    no_more(params)
    state, now_ms = durable.state, durable.clock.now_ms()
    consents = step(Actor(state.registry.book, subject, resident, now_ms, OPERATOR), scope)
    indices = changes.change_consents(state, consents, now_ms)
    return {
        "log_index": indices[-1],
        "log_indices": indices,
        "status": consents[-1].status.value,
        "scope": scope,
        "handed_over": state.inflight.sent_about(subject),
        "undecided": [other.hex() for other in _undecided(durable, subject, scope)],
    }


def _undecided(durable: Durable, subject: bytes, scope: str) -> list[bytes]:
    """Return the residents for whom a scope waits, since they have not said yes to all of it."""
    state = durable.state
    flows = [state.policies.flows[terms.flow] for terms in state.policies.terms_for(scope)]
    answers = [_answers(durable, subject, flow) for flow in flows]
    return [
        resident for resident in state.registry.book.residents(subject) if any(each[resident] == UNDECIDED for each in answers)
    ]


def _answers(durable: Durable, subject: bytes, flow: Flow) -> dict[bytes, str]:
    """Return what each resident's word about a flow comes to at present: `permits`, `undecided`, or why it does not hold."""
    book, policies, now_ms = durable.state.registry.book, durable.state.policies, durable.clock.now_ms()
    return {
        resident: UNDECIDED if consent is None else standing(policies, flow, consent, now_ms) or "permits"
        for resident, consent in zip(book.residents(subject), book.resolve(subject, flow), strict=True)
    }


async def consent_show(durable: Durable, params: Params) -> Answer:
    """Say what counts for a subject, how each flow stands with each resident, and all that was ever said."""
    subject = take_subject(durable, params)
    no_more(params)
    state = durable.state
    profiles = {device.profile for device in devices_of(state, subject)}
    sent = {name for profile in profiles & state.policies.profiles.keys() for name in state.policies.profiles[profile].fields}
    flows = [flow for flow in state.policies.flows.values() if sent & set(flow.properties) and _needs_consent(durable, flow)]
    return {
        "subject": subject.hex(),
        "residents": [resident.hex() for resident in state.registry.book.residents(subject)],
        "flows": [
            {"flow": flow.id, "residents": {who.hex(): word for who, word in _answers(durable, subject, flow).items()}}
            for flow in flows
        ],
        "consents": [
            shown(entry.consent, entry.index, durable.clock.now_ms()) for entry in state.registry.book.for_subject(subject)
        ],
        "history": [shown(consent, index) for index, consent in await history(durable, subject)],
    }


def _needs_consent(durable: Durable, flow: Flow) -> bool:
    return durable.state.policies.purposes[flow.purpose].legal_basis is LegalBasis.CONSENT


async def history(durable: Durable, subject: bytes) -> list[tuple[int, Consent]]:
    """Return every record about a subject, oldest first, with its log index."""
    return [(index, decode(data)) for index, data in await durable.store.reader.consents_of(subject)]


def shown(consent: Consent, index: int, now_ms: int | None = None) -> dict[str, Any]:
    """Return a record as plain data; with ``now_ms``, as it stands at that moment."""
    run_out = now_ms is not None and consent.permits and consent.expiry_ms is not None and consent.expiry_ms <= now_ms
    return {
        "log_index": index,
        "resident": consent.resident.hex(),
        "scope": consent.scope,
        "status": (Status.EXPIRED if run_out else consent.status).value,
        "time_ms": consent.time_ms,
        "since_ms": consent.since_ms,
        "expiry_ms": consent.expiry_ms,
        "channel": consent.channel,
        "limits": _limits_shown(consent.limits),
        "notice": consent.notice.hex(),
        "sha256": record_hash(consent).hex(),
        "previous": consent.previous.hex() or None,
        **({"authority": consent.authority} if consent.authority else {}),
    }


def _limits(durable: Durable, limits: dict[str, Any]) -> Disclosure:
    return read_bounds(PolicyFile("consent", b""), _with_decimals(limits), "limits", durable.state.policies.properties)


def _with_decimals(value: Any) -> Any:
    """Read fractions as policies do: JSON's are binary, and the shortest text of one is what was written."""
    if isinstance(value, dict):
        return {key: _with_decimals(one) for key, one in value.items()}
    return Decimal(repr(value)) if isinstance(value, float) else value


def _limits_shown(limits: Disclosure) -> dict[str, Any]:
    """Return only the axes that a consent bounds; of one that permits nothing, none."""
    if limits.is_bottom:
        return {}
    unbounded = disclosure_map(TOP)
    return {axis: value for axis, value in disclosure_map(limits).items() if value != unbounded.get(axis)}


async def consent_receipt(durable: Durable, params: Params) -> Answer:
    """Write the receipt of the latest that a resident said about a scope, or of the record at `log_index`."""
    subject, resident = actor(durable, params)
    scope, wanted = take(params, "scope", str), take(params, "log_index", int, -1)
    no_more(params)
    said = [(index, consent) for index, consent in await history(durable, subject) if _is_of(consent, resident, scope)]
    chosen = [row for row in said if wanted in (-1, row[0])]
    if not chosen:
        raise MethodError(f"nothing was said about `{scope}`" + (f" at log index `{wanted}`" if said else ""))
    index, consent = chosen[-1]
    state = durable.state
    is_latest = not consent.permits and index == said[-1][0]
    handed_over = tuple(state.inflight.sent_about(subject)) if is_latest else None
    issue = Issue(durable.clock.now_ms(), label_keys(state.registry.subjects[subject])[0], handed_over)
    place = LogPlace(durable.origin, index, durable.keys.log_signer.vkey(), await _salt(durable, index))
    policies = await _policies_at(durable, index)
    return {"receipt": make_receipt(consent, policies, place, issue, durable.keys.log_signer.sign_bytes)}


def _is_of(consent: Consent, resident: bytes, scope: str) -> bool:
    return (consent.resident, consent.scope) == (resident, scope)


async def _salt(durable: Durable, index: int) -> bytes:
    """Return the salt that ties a record to its log entry; empty where its opening is no longer kept."""
    stored = await durable.store.reader.opening(index)
    part = b"" if stored is None else Opening.decode(stored).parts[0]
    return part.salt if isinstance(part, Part) else b""


async def _policies_at(durable: Durable, index: int) -> PolicySet | None:
    """Return the policies that were in force when an entry was made, whose words the resident was shown."""
    content = await durable.store.reader.policy_at(index)
    return None if content is None else parse_policies(msgspec.msgpack.decode(content, type=StoredPolicies).files)
