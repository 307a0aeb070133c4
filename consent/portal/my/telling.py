"""How an answer is said on every page of one's own home: its word, its gate, and who asks."""

from __future__ import annotations

from typing import Final

from consent.citizen_messages import QuestionRow
from consent.core.consents.records import PURPOSE_PREFIX, Status
from consent.core.disclosure import DAY_MS
from consent.core.policies.policy import PolicySet
from consent.portal.gates.citizen import SessionEndedError
from consent.portal.gates.public import GateAwayError, GateRefusedError
from consent.portal.site import Site
from consent.portal.visit import SignedIn, Visit

IN_FORCE: Final = frozenset({Status.GIVEN, Status.RENEWED})
"""The statuses of a word that permits something."""
CAN_END: Final = IN_FORCE | {Status.PAUSED}
"""Those of a word that can be taken back."""
SAME: Final = "nothing-to-change"
"""The gateway's word where an answer is the one that is in force already."""
CHANGED: Final = "changed-meanwhile"
"""The gateway's word where what was answered is no longer what is asked."""
_ENDED: Final = {
    Status.REFUSED: "no",
    Status.WITHDRAWN: "withdrawn",
    Status.PAUSED: "paused",
    Status.EXPIRED: "expired",
    Status.INVALIDATED: "invalidated",
    Status.REVOKED: "revoked",
}
_GATES: Final = {"yes": "gate-open", "less": "gate-half", "fine": "gate-half"}
_PERMITS: Final = "permits"


def signed_in(visit: Visit) -> SignedIn:
    """Return the session of who reads.

    Raises: SessionEndedError: there is none.
    """
    if visit.signed_in is None:
        raise SessionEndedError
    return visit.signed_in


async def gate_now_ms(site: Site) -> int:
    """Return what the gate's clock shows; the machine's where the gate is away, or does not say."""
    try:
        return (await site.gate.state()).now_ms
    except (GateAwayError, GateRefusedError):
        return site.now_ms()


def in_fours(digest: bytes) -> str:
    """Return a hash as people compare it: hexadecimal digits in groups of four."""
    return digest.hex(" ", 2)


def from_when(visit: Visit, at_ms: int, now_ms: int) -> str:
    """Return from when on something counts: where that is tomorrow, it says so."""
    is_tomorrow = visit.date(at_ms) == visit.date(now_ms + DAY_MS)
    return visit.text("my", "tomorrow", moment=visit.moment(at_ms)) if is_tomorrow else visit.moment(at_ms)


def state_of(row: QuestionRow) -> str:
    """Return how a question stands with the reader, as a key of `my.state`."""
    if row.own in IN_FORCE:
        return (row.answer or "yes") if row.counts == _PERMITS else "waits"
    return _ENDED.get(Status(row.own), "none") if row.own in set(Status) else "none"


def gate_of(row: QuestionRow) -> str:
    """Return the drawing of a gate that is as far open as the reader's word lets it."""
    gate = _GATES.get(state_of(row), "gate-shut")
    return "gate-half" if gate == "gate-open" and row.held_back_by_another else gate


def is_unanswered(row: QuestionRow) -> bool:
    """Return whether the reader has never said anything about it."""
    return row.own in ("", Status.REQUESTED)


def scope_title(visit: Visit, policies: PolicySet, scope: str) -> str:
    """Return the title of a use of data, or of all for one purpose; the scope itself where the rules know it no more."""
    purpose = policies.purposes.get(scope.removeprefix(PURPOSE_PREFIX)) if scope.startswith(PURPOSE_PREFIX) else None
    known = purpose or policies.flows.get(scope)
    return (visit.title(known.title) if known is not None else "") or scope


def recipient_title(visit: Visit, policies: PolicySet, flow_id: str) -> str:
    """Return who gets what leaves by a use of data; empty where the rules know it no more."""
    flow = policies.flows.get(flow_id)
    return "" if flow is None else visit.title(policies.recipients[flow.recipient].title) or flow.recipient
