"""`consent.propose`, `prove` and `less`: what a resident answers: with a passkey where it tells more, at once where less.

A yes is made here as a record and shown; what comes back is a passkey's signature of just that record, which is entered if what
it was made from has not changed meanwhile. What tells less takes a session alone, and is entered as soon as it is asked for: for
one use of data, for a purpose, or for all that this resident said yes to, in one commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from consent.citizen_messages import AnswersChanged, ConsentProposed, ConsentProved, ConsentWanted, LessWanted
from consent.core.consents.book import BookEntry, applying
from consent.core.consents.records import PASSKEY, SESSION, Consent, Status, signing_bytes
from consent.core.decide import standing
from consent.core.disclosure import Disclosure, meet_axes
from consent.core.lifecycle import steps
from consent.core.lifecycle.less import tells_no_more
from consent.core.lifecycle.steps import Actor
from consent.core.lifecycle.transitions import Transition, admits
from consent.core.policies.policy import PolicySet
from consent.errors import ConsentError
from consent.messages import ConsentChanged
from gateway.control.citizens.pace import Pace
from gateway.control.citizens.proofs import Challenges, check_own, wanted
from gateway.control.citizens.questions import sentence_of
from gateway.control.consents import limits_of, undecided
from gateway.control.context import Caller, Control, MethodError
from gateway.core.changes import changes
from gateway.core.changes.subjects import devices_of

_STOPPED = (Status.REFUSED, Status.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A record that waits for a passkey's signature, and what it was made of."""

    wanted: ConsentWanted
    record: Consent


# more: what a passkey signs


def propose(control: Control, caller: Caller, params: ConsentWanted) -> ConsentProposed:
    """Make the record of a permission, to be signed by a passkey; nothing is entered."""
    record = _record(control, caller, params, control.clock.now_ms())
    challenge = sha256(signing_bytes(record)).digest()
    proof = wanted(control, caller, challenge)
    control.kept(Challenges).keep(challenge, _Proposal(params, record), caller.session, control.real_ms())
    return ConsentProposed(
        proof=proof,
        is_more=not tells_no_more(_actor(control, caller, PASSKEY), control.state.policies, record),
        text=sentence_of(control, caller, record, params.language),
    )


def prove(control: Control, caller: Caller, params: ConsentProved) -> AnswersChanged:
    """Enter the permission that a passkey has signed, unless what it was made from has changed meanwhile."""
    challenges, now_ms = control.kept(Challenges), control.clock.now_ms()
    proposal = challenges.what(params.challenge, _Proposal, caller.session, control.real_ms())
    record, policies = proposal.record, control.state.policies
    may_wait = tells_no_more(_actor(control, caller, PASSKEY), policies, record)
    checked = check_own(control, caller, params.challenge, params.proof, may_wait=may_wait)
    control.kept(Pace).count(caller.subject, control.real_ms())
    challenges.done(params.challenge, caller.session)
    if record.time_ms > now_ms or not _is_still(control, caller, proposal):  # the clock may have been set back
        raise MethodError("what was signed has changed meanwhile: look at it again", "changed-meanwhile")
    checked.enter(control)
    return _enter(control, caller, [record.signed(checked.proof.encode())], now_ms)


def _record(control: Control, caller: Caller, params: ConsentWanted, now_ms: int) -> Consent:
    """Return the record of what is wanted, as it would be made at a moment.

    Raises: ConsentError: it cannot be granted or resumed. MethodError: to resume it takes several records, each by itself; or the
        clock is wrong.
    """
    control.refuse_wrong_clock()
    speaker, policies = _actor(control, caller, PASSKEY, now_ms), control.state.policies
    if not params.resume:
        return steps.grant(speaker, policies, params.scope, limits_of(policies, params.limits), int(params.expiry) or None)
    records = steps.resume(speaker, policies, params.scope)
    if len(records) > 1:
        raise MethodError("each use of data is resumed by itself", "several")
    return records[0]


def _is_still(control: Control, caller: Caller, proposal: _Proposal) -> bool:
    """Return whether the same record would be made of it: nothing that it rests on was said or changed since."""
    try:
        return _record(control, caller, proposal.wanted, proposal.record.time_ms) == proposal.record
    except (ConsentError, MethodError):
        return False


# less: what a session may do


def less(control: Control, caller: Caller, params: LessWanted) -> AnswersChanged:
    """Tell less than now: refuse, lower, withdraw or pause a scope, or all that the resident has said yes to."""
    speaker, policies = _actor(control, caller, SESSION), control.state.policies
    if params.step == "lower":
        records = _lowered(speaker, policies, params.scope, limits_of(policies, params.limits))
    elif params.step == "refuse":
        records = _refused(control, speaker, params.scope)
    else:
        records = _stopped(speaker, Transition.PAUSE if params.step == "pause" else Transition.WITHDRAW, params.scope)
    for record in records:
        if not tells_no_more(speaker, policies, record):
            raise MethodError("that tells more than now, and takes a passkey", "needs-passkey")
    return _enter(control, caller, records, speaker.now_ms)


def _stopped(speaker: Actor, step: Transition, scope: str) -> list[Consent]:
    """Return the records that withdraw or pause what can be, of a scope or of everything; none where nothing can."""
    in_force = [entry.consent.scope for entry in _entries(speaker) if _is_a_yes(entry.consent)]
    records: dict[str, Consent] = {}
    for each in [scope] if scope else in_force:
        counting = speaker.counting(each)
        if not any(admits(step, consent.status) and _is_a_yes(consent) for consent in counting):
            continue
        made = steps.pause(speaker, each) if step is Transition.PAUSE else [steps.withdraw(speaker, each)]
        records |= {record.scope: record for record in made}
    return list(records.values())


def _is_a_yes(consent: Consent) -> bool:
    """Return whether a consent permits something, or does as soon as it is resumed."""
    return consent.permits or consent.status is Status.PAUSED


def _refused(control: Control, speaker: Actor, scope: str) -> list[Consent]:
    """Return the records of a no: what is in force is withdrawn, what was never permitted refused, and a no stands as it is."""
    policies = control.state.policies
    scopes = [scope] if scope else _unanswered(control, speaker)
    records = []
    for each in scopes:
        statuses = [consent.status for consent in speaker.counting(each)]
        if stopped := _stopped(speaker, Transition.WITHDRAW, each):
            records += stopped
        elif not statuses or any(status not in _STOPPED for status in statuses):
            records.append(steps.refuse(speaker, policies, each))
    return records


def _unanswered(control: Control, speaker: Actor) -> list[str]:
    """Return the flows that read the household's sensors by consent, and of which the resident has said nothing."""
    policies = control.state.policies
    profiles = {device.profile for device in devices_of(control.state, speaker.subject)} & policies.profiles.keys()
    sent = {name for profile in profiles for name in policies.profiles[profile].fields}
    flows = [flow for flow in policies.flows.values() if policies.rests_on_consent(flow) and sent & set(flow.properties)]
    return [flow.id for flow in flows if not any(_is_a_yes(consent) for consent in speaker.counting(flow.id))]


def _lowered(speaker: Actor, policies: PolicySet, scope: str, wish: Disclosure) -> list[Consent]:
    """Return the records that lower what is in force to a wish, flow by flow; none of what is no higher already.

    Raises: MethodError: nothing of a scope that is named is in force.
    """
    named = {terms.flow for terms in policies.terms_for(scope)} if scope else set(policies.flows)
    records, found = [], False
    for flow in (policies.flows[each] for each in policies.flows if each in named):
        own = applying(speaker.book.entries(speaker.subject, speaker.resident), flow.id, flow.purpose)
        if own is None or standing(policies, flow, own, speaker.now_ms):
            continue
        found = True
        limits = meet_axes(own.limits, wish)
        if limits != own.limits:
            records.append(steps.grant(speaker, policies, flow.id, limits, own.expiry_ms))
    if scope and not found:
        raise MethodError("nothing of that is in force: a yes takes a passkey", "needs-passkey")
    return records


# both


def _actor(control: Control, caller: Caller, channel: str, now_ms: int | None = None) -> Actor:
    book = control.state.registry.book
    return Actor(book, caller.subject, caller.resident, control.clock.now_ms() if now_ms is None else now_ms, channel)


def _entries(speaker: Actor) -> Iterable[BookEntry]:
    return speaker.book.entries(speaker.subject, speaker.resident)


def _enter(control: Control, caller: Caller, records: Sequence[Consent], now_ms: int) -> AnswersChanged:
    """Put records in force, all in one commit, and return what has come of them."""
    if not records:
        return AnswersChanged(time_ms=now_ms, changes=[])
    state = control.state
    indices = changes.change_consents(state, records, now_ms)
    handed_over = state.inflight.sent_about(caller.subject)
    return AnswersChanged(
        time_ms=now_ms,
        changes=[
            ConsentChanged(
                log_index=index,
                log_indices=[index],
                status=record.status.value,
                scope=record.scope,
                handed_over=handed_over,
                undecided=undecided(control, caller.subject, record.scope),
            )
            for index, record in zip(indices, records, strict=True)
        ],
    )
