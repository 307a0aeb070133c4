"""The ledger's accounts and the balances that must hold between them.

Every reading ends in exactly one account, in one of five units that are never mixed: frames, readings (of frames that carry
several, of devices behind a hub), observations, pairs of an observation and a flow, and bundles. The gateway keeps its ledger
by these rules, and the auditor checks it by the same ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_REASON = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")

# The left side equals the sum of the right side; a name that ends in a dot stands for all its reasons.
BALANCES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("frames.received", ("frames.admitted", "frames.ignored", "frames.rejected.")),
    ("readings.carried", ("readings.admitted", "readings.rejected.")),
    ("observations.decoded", ("observations.asked", "observations.unasked", "observations.refused.")),
    (
        "pairs.considered",
        ("pairs.withheld.", "pairs.contributed", "pairs.recorded", "pairs.late", "pairs.duplicate"),
    ),
    ("pairs.contributed", ("pairs.aggregated", "pairs.suppressed.", "pairs.withdrawn", "pairs.open")),
    ("pairs.recorded", ("pairs.released", "pairs.withheld_at_release.", "pairs.waiting")),
    ("bundles.formed", ("bundles.ready", "bundles.sent", "bundles.acknowledged", "bundles.voided")),
)
_NAMES = {name for left, right in BALANCES for name in (left, *right)}
ACCOUNTS: Final = frozenset(name for name in _NAMES if not name.endswith("."))
REASON_ACCOUNTS: Final = tuple(sorted(name for name in _NAMES if name.endswith(".")))

IDENTITIES: Final = frozenset({"aggregate", "per-record", "per-epoch", "stable"})
"""The levels of identity that a released record can have."""


def account_of(identity: str, statistic: str) -> str:
    """Return the account of a record's pairs: a reading released by itself is released, any figure aggregated."""
    return "pairs.released" if identity == "per-record" and not statistic else "pairs.aggregated"


def is_account(name: str) -> bool:
    """Return whether the ledger has an account of this name: a plain one, or one of a known group with a reason after the dot."""
    if name in ACCOUNTS:
        return True
    return any(name.startswith(group) and _REASON.fullmatch(name, len(group)) for group in REASON_ACCOUNTS)


def imbalances(totals: Mapping[str, int]) -> list[str]:
    """Return one line for each balance that does not hold and each impossible account; empty when the ledger is right.

    Args:
        totals: The accounts by name; an absent one is zero.
    """
    found = [f"unknown account `{name}`" for name in sorted(totals) if not is_account(name)]
    found += [f"account `{name}` is negative: `{totals[name]}`" for name in sorted(totals) if totals[name] < 0]
    for left, right in BALANCES:
        whole = totals.get(left, 0)
        terms = [(name, _amount(totals, name)) for name in right]
        if whole != sum(amount for _, amount in terms):
            listed = " + ".join(f"{name.partition('.')[2].rstrip('.')} `{amount}`" for name, amount in terms)
            found.append(f"{left} `{whole}` is not {listed}")
    return found


def _amount(totals: Mapping[str, int], name: str) -> int:
    """Return an account's total, or the sum over a group's reasons."""
    if not name.endswith("."):
        return totals.get(name, 0)
    return sum(amount for account, amount in totals.items() if account.startswith(name))
