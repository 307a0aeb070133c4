"""Less: whether a record tells no more than what was in force before it, so that it needs no more than a session.

The gateway asks it before a record enters, and an auditor when the log is replayed.
"""

from __future__ import annotations

from consent.core.consents.records import Consent
from consent.core.lifecycle.actor import Actor
from consent.core.policies.policy import PolicySet


def tells_no_more(speaker: Actor, policies: PolicySet, record: Consent) -> bool:
    """Return whether a record permits nothing that this resident did not permit just before: in no flow, axis or day.

    Args:
        speaker: The resident, with the consents that counted before the record.
        policies: Those in force.
    """
    raise NotImplementedError
