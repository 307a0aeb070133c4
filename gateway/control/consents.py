"""Control methods of consent: what a resident says, or another about what a resident said, and what counts at present.

What comes in here is signed with the log's key, since it rests on the operator's word, also where a resident said it at the
counter. What a resident enters in person goes by ``citizens.answers``. Every change is in force when it is answered.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from consent.core.canonical import bounded_map
from consent.core.consents.records import Consent, Status, decode, record_hash
from consent.core.decide import standing
from consent.core.disclosure import Disclosure
from consent.core.explain.phrases import PhraseBook
from consent.core.exposure import Exposure, Leaving, exposures, permitted
from consent.core.lifecycle import steps
from consent.core.lifecycle.steps import Actor
from consent.core.outcome import decide_device, measured
from consent.core.policies.bounds import read_bounds
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import Flow, PolicySet
from consent.core.receipts.receipts import Issue, LogPlace, make_receipt
from consent.core.toml.file import TomlFile
from consent.messages import (
    ConsentChanged,
    ConsentLimits,
    ConsentShown,
    ConsentsOf,
    ConsentsShown,
    FlowAnswers,
    Grant,
    Hex,
    Id,
    QuantityExposed,
    ReceiptMade,
    ReceiptOf,
    Revocation,
    ScopeOf,
    Word,
)
from gateway.audit.log.openings import Opening, Part
from gateway.control.context import Caller, Control, MethodError
from gateway.core.changes import changes
from gateway.core.changes.changes import StoredPolicies
from gateway.core.changes.subjects import devices_of, label_keys

UNDECIDED = "undecided"


def request(control: Control, caller: Caller, params: ScopeOf) -> ConsentChanged:
    """Ask a resident for a flow, or for every flow of `purpose:<id>`."""
    record = steps.request(_actor(control, caller, params), control.state.policies, params.scope)
    return _enter(control, caller, params, [record])


def grant(control: Control, caller: Caller, params: Grant) -> ConsentChanged:
    """Permit a flow, or every flow of `purpose:<id>`, up to some limits."""
    control.refuse_wrong_clock()
    actor, policies = _actor(control, caller, params), control.state.policies
    record = steps.grant(actor, policies, params.scope, limits_of(policies, params.limits), int(params.expiry) or None)
    return _enter(control, caller, params, [record])


def refuse(control: Control, caller: Caller, params: Word) -> ConsentChanged:
    """Refuse what is not permitted."""
    record = steps.refuse(_actor(control, caller, params), control.state.policies, params.scope)
    return _enter(control, caller, params, [record])


def pause(control: Control, caller: Caller, params: Word) -> ConsentChanged:
    """Stop a scope for a while."""
    return _enter(control, caller, params, steps.pause(_actor(control, caller, params), params.scope))


def resume(control: Control, caller: Caller, params: Word) -> ConsentChanged:
    """Continue what is paused, as it was."""
    control.refuse_wrong_clock()
    return _enter(control, caller, params, steps.resume(_actor(control, caller, params), control.state.policies, params.scope))


def withdraw(control: Control, caller: Caller, params: Word) -> ConsentChanged:
    """Withdraw what was permitted."""
    return _enter(control, caller, params, [steps.withdraw(_actor(control, caller, params), params.scope)])


def revoke(control: Control, caller: Caller, params: Revocation) -> ConsentChanged:
    """End what a resident permitted, by another's authority."""
    record = steps.revoke(_actor(control, caller, params), params.scope, params.authority)
    return _enter(control, caller, params, [record])


def _actor(control: Control, caller: Caller, params: ScopeOf) -> Actor:
    """Return the resident whose word it is, of whom a subject's only one need not be named."""
    subject = bytes(params.subject)
    residents = control.state.registry.book.residents(subject)
    resident = bytes(params.resident) or caller.resident
    if not resident:
        if len(residents) != 1:
            raise MethodError(f"the subject has `{len(residents)}` residents: name one")
        resident = residents[0]
    channel = params.channel if isinstance(params, Word) else caller.channel
    return Actor(control.state.registry.book, subject, resident, control.clock.now_ms(), channel)


def _enter(control: Control, caller: Caller, params: ScopeOf, records: Sequence[Consent]) -> ConsentChanged:
    """Put records in force, and return what has come of them."""
    state, subject = control.state, bytes(params.subject)
    indices = changes.change_consents(state, records, records[-1].time_ms)
    return ConsentChanged(
        log_index=indices[-1],
        log_indices=indices,
        status=records[-1].status.value,
        scope=params.scope,
        handed_over=state.inflight.sent_about(subject),
        undecided=undecided(control, subject, params.scope),
    )


def undecided(control: Control, subject: bytes, scope: str) -> list[Id]:
    """Return the residents for whom a scope waits, since they have not said yes to all of it."""
    state = control.state
    flows = [state.policies.flows[terms.flow] for terms in state.policies.terms_for(scope)]
    answers = [_answers(control, subject, flow) for flow in flows]
    return [
        Id(resident)
        for resident in state.registry.book.residents(subject)
        if any(each[resident] == UNDECIDED for each in answers)
    ]


def _answers(control: Control, subject: bytes, flow: Flow) -> dict[bytes, str]:
    """Return what each resident's word about a flow comes to at present: `permits`, `undecided`, or why it does not hold."""
    book, policies, now_ms = control.state.registry.book, control.state.policies, control.clock.now_ms()
    return {
        resident: UNDECIDED if consent is None else standing(policies, flow, consent, now_ms) or "permits"
        for resident, consent in zip(book.residents(subject), book.resolve(subject, flow), strict=True)
    }


async def show(control: Control, caller: Caller, params: ConsentsOf) -> ConsentsShown:
    """Return what counts for a subject, how each flow stands with each resident, how far it tells, and all that was ever said."""
    book = PhraseBook(control.state.policies, control.language(params.language, params.locale))
    state, subject, now_ms = control.state, bytes(params.subject), control.clock.now_ms()
    profiles = {device.profile for device in devices_of(state, subject)}
    sent = {name for profile in profiles & state.policies.profiles.keys() for name in state.policies.profiles[profile].fields}
    flows = [
        flow for flow in state.policies.flows.values() if sent & set(flow.properties) and state.policies.rests_on_consent(flow)
    ]
    own = caller.resident

    def is_shown(resident: bytes) -> bool:
        return own in (b"", resident)  # residents see that another holds something back, and not what they said

    return ConsentsShown(
        subject=params.subject,
        residents=[Id(resident) for resident in state.registry.book.residents(subject)],
        flows=[
            FlowAnswers(
                flow=flow.id,
                residents={who.hex(): word for who, word in _answers(control, subject, flow).items() if is_shown(who)},
            )
            for flow in flows
        ],
        exposures=[
            msgspec.convert({**each.as_data(), "text": book.exposed(each)}, QuantityExposed)
            for each in exposures_of(control, subject)
        ],
        consents=[
            shown(entry.consent, entry.index, now_ms)
            for entry in state.registry.book.for_subject(subject)
            if is_shown(entry.consent.resident)
        ],
        history=[shown(consent, index) for index, consent in await _history(control, subject) if is_shown(consent.resident)],
    )


def exposures_of(control: Control, subject: bytes) -> list[Exposure]:
    """Return how far all that leaves of a subject by what counts at present tells on it, quantity by quantity."""
    state, now_ms = control.state, control.clock.now_ms()
    policies = state.policies
    leaving: list[Leaving] = []
    for flow in filter(policies.rests_on_consent, policies.flows.values()):
        consents = state.registry.book.resolve(subject, flow)
        for device in devices_of(state, subject):
            decision = decide_device(policies, flow.id, consents, device.zone, device.profile, now_ms, device.owner)
            leaving += permitted(policies, flow.id, decision, device.zone, measured(policies, flow.id, device.profile))
    return exposures(leaving)


async def _history(control: Control, subject: bytes) -> list[tuple[int, Consent]]:
    """Return every record about a subject, oldest first, with its log index."""
    return [(index, decode(data)) for index, data in await control.store.reader.consents_of(subject)]


def shown(consent: Consent, index: int, now_ms: int | None = None) -> ConsentShown:
    """Return a record as it is shown; with ``now_ms``, as it stands at that moment."""
    run_out = now_ms is not None and consent.permits and consent.expiry_ms is not None and consent.expiry_ms <= now_ms
    return ConsentShown(
        log_index=index,
        resident=Id(consent.resident),
        scope=consent.scope,
        status=(Status.EXPIRED if run_out else consent.status).value,
        time_ms=consent.time_ms,
        since_ms=consent.since_ms,
        expiry_ms=consent.expiry_ms,
        channel=consent.channel,
        limits=limits_shown(consent.limits),
        notice=Hex(consent.notice),
        sha256=Hex(record_hash(consent)),
        previous=Hex(consent.previous) if consent.previous else None,
        authority=consent.authority or UNSET,
    )


def limits_of(policies: PolicySet, limits: ConsentLimits) -> Disclosure:
    """Return limits as they were written, read and checked.

    Raises: PolicyError: they are none.
    """
    return read_bounds(TomlFile("consent", b""), dict(limits), "limits", policies.properties)


def limits_shown(limits: Disclosure) -> dict[str, object]:
    """Return only the axes that a consent bounds; of one that permits nothing, none."""
    return {} if limits.is_bottom else dict(bounded_map(limits))


async def receipt(control: Control, caller: Caller, params: ReceiptOf) -> ReceiptMade:
    """Write the receipt of the latest that a resident said about a scope, or of the record at `log_index`."""
    actor, wanted = _actor(control, caller, params), params.log_index
    history = await _history(control, actor.subject)
    said = [(index, consent) for index, consent in history if (consent.resident, consent.scope) == (actor.resident, params.scope)]
    chosen = [row for row in said if wanted in (-1, row[0])]
    if not chosen:
        raise MethodError(f"nothing was said about `{params.scope}`" + (f" at log index `{wanted}`" if said else ""))
    index, consent = chosen[-1]
    state, signer = control.state, control.state.log.signer
    is_latest = not consent.permits and index == said[-1][0]
    handed_over = tuple(state.inflight.sent_about(actor.subject)) if is_latest else None
    issue = Issue(control.clock.now_ms(), label_keys(state.registry.subjects[actor.subject])[0], handed_over)
    place = LogPlace(signer.name, index, signer.vkey(), await _salt(control, index))
    return ReceiptMade(receipt=make_receipt(consent, await _policies_at(control, index), place, issue, signer.sign_bytes))


async def _salt(control: Control, index: int) -> bytes:
    """Return the salt that ties a record to its log entry; empty where its opening is no longer kept."""
    stored = await control.store.reader.opening(index)
    part = b"" if stored is None else Opening.decode(stored).parts[0]
    return part.salt if isinstance(part, Part) else b""


async def _policies_at(control: Control, index: int) -> PolicySet | None:
    """Return the policies that were in force when an entry was made, whose words the resident was shown."""
    content = await control.store.reader.policy_at(index)
    return None if content is None else parse_policies(msgspec.msgpack.decode(content, type=StoredPolicies).files)
