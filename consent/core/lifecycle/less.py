"""Less: whether a record tells no more than what was in force before it, so that it needs no more than a session.

The gateway asks it before a record enters, and an auditor when the log is replayed. What the resident permits is compared flow
by flow as it is before and after the record, so that it does not matter whether either is for the flow or for its purpose. Terms
are compared too, so that no later change of the policies can make the record tell more than the one before it would have.
"""

from __future__ import annotations

from consent.core.consents.book import BookEntry, applying
from consent.core.consents.records import Consent
from consent.core.decide import binding_limits
from consent.core.lifecycle.actor import Actor
from consent.core.policies.policy import PolicySet


def tells_no_more(speaker: Actor, policies: PolicySet, record: Consent) -> bool:
    """Return whether a record permits nothing that this resident did not permit just before: in no flow, axis or day.

    Args:
        speaker: The resident, with the consents that counted before the record.
        policies: Those in force.
    Raises: ConsentError: the subject or resident is unknown.
    """
    if not record.permits:
        return True
    before = speaker.book.entries(speaker.subject, speaker.resident)
    others = tuple(entry for entry in before if entry.consent.scope != record.scope)
    after = (*others, BookEntry(record, 1 + max([entry.index for entry in before], default=0)))
    flows = {(flow.id, flow.purpose) for flow in policies.flows.values()} | {(each.flow, each.purpose) for each in record.terms}
    return all(
        _permits_no_more(flow, applying(after, flow, purpose), applying(before, flow, purpose), record.time_ms)
        for flow, purpose in flows
    )


def _permits_no_more(flow: str, after: Consent | None, before: Consent | None, now_ms: int) -> bool:
    """Return whether the later of two consents that apply to a flow permits no more of it than the earlier does at this time."""
    if after is None or not after.permits or after is before:
        return True
    terms, limits = after.terms_of(flow), binding_limits(after.limits)
    if terms is None or limits.is_bottom:
        return True
    agreed = before.terms_of(flow) if before is not None and before.permits else None
    if before is None or agreed is None or not terms.asks_no_more_than(agreed):
        return False
    if before.expiry_ms is not None and (
        before.expiry_ms <= now_ms or after.expiry_ms is None or after.expiry_ms > before.expiry_ms
    ):
        return False
    return after.since_ms >= before.since_ms and limits.reveals_no_more_than(before.limits)
