"""The double-entry account of readings: where every frame, observation and pair has gone, as in a water balance.

It runs beside the pipeline: each step that decides what becomes of a reading counts it here, and the totals are stored in the
same transaction. Accounts are named ``unit.account`` or ``unit.account.reason``; the balances that they must keep are
those of ``gateway.audit.log.balances``, which auditors apply to the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.audit.log.balances import imbalances


class LedgerMove(NamedTuple):
    """Units that went from one account to another."""

    source: str
    target: str
    n: int


class Ledger:
    """Totals by account. Owned by the pipeline and changed in place."""

    __slots__ = ("_accounted", "totals")

    def __init__(self, totals: Mapping[str, int] | None = None, accounted: Mapping[str, int] | None = None) -> None:
        """Continue from the stored totals, and from those that the last `account` entry of the log holds."""
        self.totals: dict[str, int] = dict(totals or {})
        self._accounted: dict[str, int] = dict(accounted or {})

    def add(self, account: str, n: int = 1) -> None:
        """Add ``n`` units to an account; a negative number takes them out."""
        if n:
            self.totals[account] = self.totals.get(account, 0) + n

    def move(self, source: str, target: str, n: int) -> None:
        """Move ``n`` units from one account to another of the same unit."""
        self.add(source, -n)
        self.add(target, n)

    def sum(self, account: str) -> int:
        """Return the total of an account over all its reasons."""
        prefix = account + "."
        return sum(n for name, n in self.totals.items() if name == account or name.startswith(prefix))

    def imbalances(self) -> list[str]:
        """Return which balances do not hold; empty when all do."""
        return imbalances(self.totals)

    def differences(self) -> dict[str, int]:
        """Return what has changed in each account since the last `account` entry."""
        names = self.totals.keys() | self._accounted.keys()
        changes = {name: self.totals.get(name, 0) - self._accounted.get(name, 0) for name in names}
        return {name: n for name, n in changes.items() if n}

    def accounted(self) -> dict[str, int]:
        """Return the totals as of the last `account` entry."""
        return dict(self._accounted)

    def close_period(self) -> tuple[dict[str, int], dict[str, int]]:
        """Begin a new accounting period.

        Returns: The present totals, and the differences to the last period's, as an `account` entry states them.
        """
        differences = self.differences()
        self._accounted = dict(self.totals)
        return dict(self.totals), differences
