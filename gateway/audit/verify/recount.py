"""The ledger recounted: every account entry against the balances, the entry before it, and the releases and voids since.

The log's entries come in order, with the payloads of those whose openings are available. Where an opening has
expired, only what depends on it is left unchecked, and counting starts again at the next account entry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from gateway.audit.log.balances import account_of, imbalances
from gateway.audit.log.earlier_payloads import AnyReleasePayload, AnyVoidPayload
from gateway.audit.log.payloads import RESTORED_BOOKS, AccountPayload, GapPayload

_PAIR_ACCOUNTS = ("pairs.aggregated", "pairs.released")
_BUNDLE_ACCOUNTS = ("bundles.formed", "bundles.voided")


class Recount:
    """The ledger as an outsider can reconstruct it.

    Attributes:
        accounts: How many account entries there are.
        opened: How many of them could be opened.
        recounted: How many of those could also be recounted from releases and voids.
        begun_anew: How often the ledger started again after a gap.
    """

    def __init__(self) -> None:
        self.accounts = self.opened = self.recounted = self.begun_anew = 0
        self._totals: Mapping[str, int] = {}  # of the last opened account entry; all zero before the first
        self._previous_opened = True
        self._moved: Counter[str] = Counter()  # changes by releases and voids since then
        self._pairs_known = True
        self._bundles_known = True
        self._releases: dict[int, tuple[int, ...] | None] = {}
        self._voided: set[int] = set()

    def skip(self) -> None:
        """Pass over an unreadable entry, which may be of any kind."""
        self._previous_opened = self._pairs_known = self._bundles_known = False

    def gap(self, payload: GapPayload | None) -> None:
        """Record a gap, whose opening may be missing: after it the totals may be older than those before it."""
        if payload is None:
            self.skip()
        elif payload.reason == RESTORED_BOOKS:
            self.begun_anew += 1
            self.skip()

    def release(self, index: int, payload: AnyReleasePayload | None) -> None:
        """Count a release, whose opening may be missing."""
        self._moved["bundles.formed"] += 1
        if payload is None:
            self._releases[index] = None
            self._pairs_known = False
            return
        pairs: Counter[str] = Counter()
        for record in payload.records:
            pairs[account_of(record.identity, record.statistic)] += record.n
        for draw in payload.draws:
            pairs[account_of("aggregate", draw.statistic)] += draw.n
        self._releases[index] = tuple(pairs[name] for name in _PAIR_ACCOUNTS)
        self._moved.update(pairs)

    def void(self, payload: AnyVoidPayload | None) -> list[str]:
        """Count a void, whose opening may be missing, and return what is wrong with it."""
        self._moved["bundles.voided"] += 1
        if payload is None:
            self._pairs_known = False
            return []
        if payload.release not in self._releases:
            return [f"voids `{payload.release}`, which is no release before it"] if self._bundles_known else []
        if payload.release in self._voided:
            return [f"voids release `{payload.release}` a second time"]
        self._voided.add(payload.release)
        pairs = self._releases[payload.release]
        if pairs is None:
            self._pairs_known = False
        else:
            self._moved.subtract(dict(zip(_PAIR_ACCOUNTS, pairs, strict=True)))
        return []

    def account(self, payload: AccountPayload | None) -> list[str]:
        """Check an account entry, whose opening may be missing, and return what is wrong with it."""
        self.accounts += 1
        if payload is None:
            self._previous_opened = False
            return []
        self.opened += 1
        found = imbalances(payload.totals)
        if self._previous_opened:
            found += self._unexplained(payload)
        found += self._miscounted(payload.totals)
        self._totals, self._moved = payload.totals, Counter()
        self._previous_opened = self._pairs_known = self._bundles_known = True
        return found

    def _unexplained(self, payload: AccountPayload) -> list[str]:
        """Return the accounts whose total is not the one before plus the difference."""
        found = []
        for name in sorted({*self._totals, *payload.totals, *payload.differences}):
            before, change, after = self._totals.get(name, 0), payload.differences.get(name, 0), payload.totals.get(name, 0)
            if before + change != after:
                found.append(f"{name} `{after}` is not `{before}` before and a difference of `{change}`")
        return found

    def _miscounted(self, totals: Mapping[str, int]) -> list[str]:
        """Return the accounts whose total disagrees with the releases and voids since the last account entry."""
        names = (*(_BUNDLE_ACCOUNTS if self._bundles_known else ()), *(_PAIR_ACCOUNTS if self._pairs_known else ()))
        self.recounted += self._pairs_known and self._bundles_known
        found = []
        for name in names:
            expected = self._totals.get(name, 0) + self._moved[name]
            if totals.get(name, 0) != expected:
                found.append(f"{name} is `{totals.get(name, 0)}`, releases and voids say `{expected}`")
        return found
