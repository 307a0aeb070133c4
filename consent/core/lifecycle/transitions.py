"""The life of a consent as one table: from which status each step may be taken, where it leads, and why not from others.

``steps`` consults this table before it makes a record; nothing else decides what may follow what. None stands for a scope that
never had a consent. Whatever the table does not forbid by name is allowed, so whoever adds a status or a step has to check all
of its neighbours here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from consent.core.consents.records import Status
from consent.errors import ConsentError


class Transition(StrEnum):
    """A step about a scope, taken by the resident, except `request` and `revoke` (another) and the last two (the gateway)."""

    REQUEST = "request"
    GRANT = "grant"
    RENEW = "renew"
    REFUSE = "refuse"
    PAUSE = "pause"
    RESUME = "resume"
    WITHDRAW = "withdraw"
    REVOKE = "revoke"
    EXPIRE = "expire"
    INVALIDATE = "invalidate"


LEADS_TO: Final[Mapping[Transition, Status]] = {
    Transition.REQUEST: Status.REQUESTED,
    Transition.GRANT: Status.GIVEN,
    Transition.RENEW: Status.RENEWED,
    Transition.REFUSE: Status.REFUSED,
    Transition.PAUSE: Status.PAUSED,
    Transition.RESUME: Status.GIVEN,
    Transition.WITHDRAW: Status.WITHDRAWN,
    Transition.REVOKE: Status.REVOKED,
    Transition.EXPIRE: Status.EXPIRED,
    Transition.INVALIDATE: Status.INVALIDATED,
}

Reasons = dict[Status | None, str]
"""Why a step may not be taken, by status, as what follows the scope's name."""

_SAID_NO: Final[Reasons] = {
    Status.REFUSED: "was refused: only the resident can reopen it",
    Status.WITHDRAWN: "was withdrawn: only the resident can reopen it",
}
_ENDED: Final[Reasons] = {
    Status.REQUESTED: "was asked for and not answered yet",
    Status.REFUSED: "is already refused",
    Status.WITHDRAWN: "is already withdrawn",
    Status.REVOKED: "is already revoked",
    Status.EXPIRED: "has already expired",
    Status.INVALIDATED: "is already invalidated",
}


def _where_permitted(reason: str) -> Reasons:
    return {Status.GIVEN: reason, Status.RENEWED: reason}


FORBIDDEN: Final[Mapping[Transition, Reasons]] = {
    Transition.REQUEST: {
        **_SAID_NO,
        Status.REQUESTED: "was asked for already",
        **_where_permitted("is permitted already"),
        Status.PAUSED: "is paused: only the resident can resume it",
    },
    Transition.GRANT: {},
    Transition.RENEW: {
        None: "was never permitted",
        **_ENDED,
        Status.PAUSED: "is paused: resume it",
    },
    Transition.REFUSE: {
        **_where_permitted("was permitted before: withdraw it instead"),
        Status.PAUSED: "was permitted before: withdraw it instead",
    },
    Transition.PAUSE: {
        None: "was never permitted and cannot be paused",
        **_ENDED,
        Status.PAUSED: "is already paused",
    },
    Transition.RESUME: {
        None: "was never permitted and cannot be resumed",
        **_ENDED,
        **_where_permitted("is not paused"),
    },
    Transition.WITHDRAW: {
        None: "was never spoken of and cannot be withdrawn",
        Status.REQUESTED: "was never permitted: refuse it instead",
        Status.REFUSED: "is already refused",
        Status.WITHDRAWN: "is already withdrawn",
    },
    Transition.REVOKE: {None: "was never permitted and cannot be revoked", **_ENDED},
    Transition.EXPIRE: {None: "was never permitted and cannot expire", **_ENDED},
    Transition.INVALIDATE: {None: "was never permitted and cannot be invalidated", **_ENDED},
}
"""The steps that may not be taken, by status; a status that is not listed allows the step."""


def admits(step: Transition, status: Status | None) -> bool:
    """Return whether a step may be taken from a status; None stands for no consent ever."""
    return status not in FORBIDDEN[step]


def refuse_unless_all(step: Transition, scope: str, statuses: Iterable[Status]) -> None:
    """Check a step that every consent in a scope has to admit.

    Raises: ConsentError: one does not.
    """
    said: list[Status | None] = [*statuses]
    for status in said or [None]:
        if not admits(step, status):
            raise ConsentError(f"`{scope}` {FORBIDDEN[step][status]}")


def refuse_unless_any(step: Transition, scope: str, statuses: Iterable[Status]) -> None:
    """Check a step that acts on each consent in a scope that admits it, and needs at least one.

    Raises: ConsentError: none does.
    """
    found: list[Status | None] = [*statuses] or [None]
    if not any(admits(step, status) for status in found):
        raise ConsentError(f"`{scope}` {FORBIDDEN[step][found[0]]}")
