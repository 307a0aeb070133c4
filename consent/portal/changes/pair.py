"""Two sets of rules that followed one another, and the difference between them: who is told more, or less.

The difference is that of ``consent.core.review.diff``, so that these pages and ``sluice policy diff`` agree. The record holds the
rules and not the recipients' keys, and no registry: a key that was exchanged under its name is not seen here, and homes are not
counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from consent.core.policies.policy import PolicySet
from consent.core.review.diff import Difference, Side, diff
from consent.portal.record import RulesChange


@dataclass(frozen=True, slots=True)
class SetsPair:
    """Two sets; equal where their bytes are.

    Attributes:
        sha256: Of the former and of the later set.
    """

    sha256: tuple[bytes, bytes]
    old: PolicySet = field(compare=False)
    new: PolicySet = field(compare=False)

    @classmethod
    def of(cls, old: PolicySet, new: PolicySet) -> SetsPair:
        """Return a pair."""
        return cls((old.sha256, new.sha256), old, new)

    @property
    def difference(self) -> Difference:
        """What differs; computed once."""
        return _difference(self)


@lru_cache(maxsize=256)
def _difference(pair: SetsPair) -> Difference:
    return diff(Side(pair.old, {}), Side(pair.new, {}))


def readable_before(changes: Sequence[RulesChange], at: int) -> RulesChange | None:
    """Return the last change before the `at`-th whose rules can be read; None where there is none."""
    return next((change for change in reversed(changes[:at]) if change.policies is not None), None)
