"""The steps in a consent's life that a resident or another may take, each of which makes the next records.

Each step looks at the actor's earlier consents and at the policies, asks ``transitions`` whether it may be taken, and returns
unsigned records; they count once they have been signed, logged and applied to the ``Book``. ``expiry`` finds what ends by itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from consent.core.consents.book import applying
from consent.core.consents.records import Consent
from consent.core.decide import standing
from consent.core.disclosure import Disclosure
from consent.core.lifecycle.actor import Actor, narrower, told
from consent.core.lifecycle.transitions import LEADS_TO, Transition, admits, refuse_unless_all, refuse_unless_any
from consent.core.policies.notice import FlowTerms
from consent.core.policies.policy import LegalBasis, PolicySet
from consent.errors import ConsentError

__all__ = ["Actor", "grant", "in_force_since", "pause", "refuse", "request", "resume", "revoke", "withdraw"]

_LONGEST_AUTHORITY: Final = 200


def request(speaker: Actor, policies: PolicySet, scope: str) -> Consent:
    """Make the record of asking a resident for a scope; it permits nothing.

    Raises: ConsentError: there is no such scope, or the resident was asked before, or has answered.
    """
    terms = _terms_for_consent(policies, scope)
    refuse_unless_all(Transition.REQUEST, scope, [consent.status for consent in speaker.counting(scope)])
    return speaker.next_record(Transition.REQUEST, scope, terms)


def grant(speaker: Actor, policies: PolicySet, scope: str, limits: Disclosure, expiry_ms: int | None = None) -> Consent:
    """Make the record by which a resident permits a flow, or every flow of `purpose:<id>`, up to some limits.

    Where the same limits hold already, it is a renewal, and they count as in force all along.

    Raises: ConsentError: the scope, the limits or the expiry cannot be granted.
    """
    terms = _terms_for_consent(policies, scope)
    _check_limits(policies, limits)
    if expiry_ms is not None and expiry_ms <= speaker.now_ms:
        raise ConsentError("the consent would end before it begins")
    record = replace(speaker.next_record(Transition.GRANT, scope, terms), limits=limits, expiry_ms=expiry_ms)
    since_ms = in_force_since(speaker, policies, record)
    if since_ms is None:
        return replace(record, since_ms=speaker.anew_since_ms(scope, terms))
    return replace(record, status=LEADS_TO[Transition.RENEW], since_ms=since_ms)


def in_force_since(speaker: Actor, policies: PolicySet, record: Consent) -> int | None:
    """Return since when this resident's limits of a record have been in force for its whole scope; None if they are not.

    A renewal counts from then: the gateway and the auditor apply the same rule.
    """
    entries = speaker.book.entries(speaker.subject, speaker.resident)
    since_ms = 0
    for terms in record.terms:
        flow, consent = policies.flows.get(terms.flow), applying(entries, terms.flow, terms.purpose)
        if flow is None or consent is None or consent.scope != record.scope or consent.limits != record.limits:
            return None
        if standing(policies, flow, consent, record.time_ms):
            return None
        since_ms = max(since_ms, consent.since_ms)
    return since_ms


def refuse(speaker: Actor, policies: PolicySet, scope: str) -> Consent:
    """Make the record of a resident's refusal of what is not permitted.

    Raises: ConsentError: there is no such scope, or it is permitted and must be withdrawn.
    """
    terms = _terms_for_consent(policies, scope)
    refuse_unless_all(Transition.REFUSE, scope, [consent.status for consent in speaker.counting(scope)])
    return speaker.next_record(Transition.REFUSE, scope, terms)


def pause(speaker: Actor, scope: str) -> list[Consent]:
    """Make the records that pause a scope: one for each consent in it, which keeps its limits.

    Raises: ConsentError: nothing in the scope is permitted.
    """
    counting = speaker.counting(scope)
    refuse_unless_any(Transition.PAUSE, scope, [consent.status for consent in counting])
    return [
        replace(
            speaker.stop(Transition.PAUSE, narrower(consent.scope, scope), [consent]),
            limits=consent.limits,
            expiry_ms=consent.expiry_ms,
        )
        for consent in counting
        if admits(Transition.PAUSE, consent.status)
    ]


def resume(speaker: Actor, policies: PolicySet, scope: str) -> list[Consent]:
    """Make the records that resume paused consents with the limits they had; they count from now.

    Raises: ConsentError: nothing in the scope is paused, or what was paused has since expired or been changed.
    """
    counting = speaker.counting(scope)
    refuse_unless_any(Transition.RESUME, scope, [consent.status for consent in counting])
    return [_resumed(speaker, policies, scope, each) for each in counting if admits(Transition.RESUME, each.status)]


def _resumed(speaker: Actor, policies: PolicySet, scope: str, paused: Consent) -> Consent:
    own_scope = narrower(paused.scope, scope)
    terms = told([paused], own_scope)
    record = replace(
        speaker.next_record(Transition.RESUME, own_scope, terms),
        limits=paused.limits,
        expiry_ms=paused.expiry_ms,
        since_ms=speaker.anew_since_ms(own_scope, terms),
    )
    for one in terms:
        flow = policies.flows.get(one.flow)
        reason = "" if flow is None else standing(policies, flow, record, speaker.now_ms)
        if reason:
            raise ConsentError(f"what was permitted of `{one.flow}` is {reason}: grant it anew")
    return record


def withdraw(speaker: Actor, scope: str) -> Consent:
    """Make the record of a withdrawal; the policies need not name the scope any more.

    Raises: ConsentError: the scope has no consent, or all of it is withdrawn or refused already.
    """
    counting = speaker.counting(scope)
    refuse_unless_any(Transition.WITHDRAW, scope, [consent.status for consent in counting])
    return speaker.stop(Transition.WITHDRAW, scope, counting)


def revoke(speaker: Actor, scope: str, authority: str) -> Consent:
    """Make the record by which an authority ends what a resident permitted.

    Args:
        speaker: The resident whose permission ends.
        scope: What the permission is for.
        authority: Who ends it, and on what ground.
    Raises: ConsentError: nothing in the scope is permitted, or no authority is named.
    """
    if not authority.strip() or len(authority) > _LONGEST_AUTHORITY or not authority.isprintable():
        raise ConsentError(f"a revocation names its authority, in 1 to {_LONGEST_AUTHORITY} printable characters")
    counting = speaker.counting(scope)
    refuse_unless_any(Transition.REVOKE, scope, [consent.status for consent in counting])
    return replace(speaker.stop(Transition.REVOKE, scope, counting), authority=authority)


def _terms_for_consent(policies: PolicySet, scope: str) -> tuple[FlowTerms, ...]:
    terms = policies.terms_for(scope)
    if not terms:
        raise ConsentError(f"there is no flow or purpose `{scope}`")
    if policies.purposes[terms[0].purpose].legal_basis is not LegalBasis.CONSENT:
        raise ConsentError(f"`{scope}` rests on a public task and takes no consent")
    return terms


def _check_limits(policies: PolicySet, limits: Disclosure) -> None:
    if limits.is_bottom:
        raise ConsentError("these limits permit nothing: refuse or withdraw instead")
    for name, step in limits.precision:
        if name not in policies.properties:
            raise ConsentError(f"there is no observed property `{name}`")
        if step not in policies.properties[name].ladder:
            raise ConsentError(f"`{step:f}` is no step of the ladder of `{name}`")
