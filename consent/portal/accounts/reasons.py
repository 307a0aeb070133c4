"""Which words each account of the ledger comes under: the rows of what was held back, with the accounts that each counts.

A row has two sentences in the part `balance`: `held.<row>` in full, and `held-short.<row>` for the drawing. What each reason
means to the gateway stands in ``docs/operating.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OTHER: Final = "other"
"""The row of what this version has no words for: a later gateway may have reasons of its own."""

_LIMITS: Final = ("ceiling", "class-cap", "not-aggregable", "unsupported", "no-noise", "unknown-flow", "unknown-zone")

HELD: Final[Mapping[str, tuple[str, ...]]] = {
    "no-yes": ("pairs.withheld.no-consent", "pairs.withheld.requested", "pairs.withheld.refused"),
    "stopped": ("pairs.withheld.withdrawn", "pairs.withheld.paused", "pairs.withheld.revoked"),
    "ended": ("pairs.withheld.expired",),
    "asks-more": ("pairs.withheld.invalidated",),
    "no-one": ("pairs.withheld.no-subject-consent",),
    "own": ("pairs.withheld.resident-owned", "pairs.withheld.has-subject"),
    "limits": tuple([f"pairs.withheld.{reason}" for reason in _LIMITS]),
    "careful": ("pairs.withheld.group", "pairs.withheld.retention", "pairs.withheld.budget"),
    "few": ("pairs.suppressed.k",),
    "stands-out": ("pairs.suppressed.p",),
    "compared": ("pairs.suppressed.guard", "pairs.suppressed.told"),
    "taken-back": ("pairs.withdrawn", "pairs.withheld_at_release.withdrawn"),
    "incomplete": (
        "pairs.withheld.partial",
        "pairs.withheld.reset",
        "pairs.suppressed.partial",
        "pairs.suppressed.reset",
        "pairs.suppressed.no_baseline",
    ),
    "late": ("pairs.late", "pairs.withheld.forgotten", "pairs.withheld.undated"),
    "twice": ("pairs.duplicate",),
    "no-recipient": ("pairs.withheld_at_release.no-recipient",),
    "restored": ("pairs.suppressed.restored", "pairs.withheld_at_release.restored"),
}
"""Row → the accounts that it counts, in the order in which they are shown."""

WAITING: Final[Mapping[str, str]] = {"open": "pairs.open", "ready": "pairs.waiting"}
"""Row → the account of what has neither left nor been held back yet."""

_ROWS: Final = {account: row for row, accounts in HELD.items() for account in accounts}
_HELD_GROUPS: Final = ("pairs.withheld.", "pairs.suppressed.", "pairs.withheld_at_release.")


def held_row(account: str) -> str:
    """Return the row of what was held back that an account belongs to; empty where it belongs to none."""
    return _ROWS.get(account) or (OTHER if account.startswith(_HELD_GROUPS) else "")
