"""Where the uses of readings of a day went, from the gateway's accounts: told, held back or still waiting, each use once.

The balances are those of ``docs/log-format.md``, "Accounts", taken as differences over one day. What waits may have become less:
then readings of the days before went on or were held back, and that much had been waiting from before. All numbers were rounded
down before they left the gateway, each by itself, so that sums differ a little: the difference is stated, not spread.

What was held back is not told apart by owner: the ledger counts homes' readings and those of the city's own sensors together, and
only what left is known by flow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from consent.core.decide import Owner
from consent.portal.accounts.reasons import HELD, OTHER, WAITING, held_row
from consent.public_messages import PublicBalance, ToldBy

_SUMS: Final = "aggregate"


class Form(StrEnum):
    """How something was told: in sums over homes, home by home, or of the city's own sensors, which are about nobody."""

    SUMS = "sums"
    SINGLY = "singly"
    CITY = "city"


def form_of(told: ToldBy) -> Form:
    """Return the form in which something left."""
    if told.owner == Owner.CITY:
        return Form.CITY
    return Form.SUMS if told.identity == _SUMS else Form.SINGLY


@dataclass(frozen=True, slots=True)
class Told:
    """What one recipient got in one form."""

    recipient: str
    form: Form
    uses: int


@dataclass(frozen=True, slots=True)
class DayBalance:
    """A day; all numbers are uses of readings: a reading counts once for each use of data that it was weighed for.

    Attributes:
        considered: Weighed on the day.
        carried: Waiting at its beginning, and no longer at its end: at least so many.
        told: Those of none are left out, as in the following.
        held: (row of ``reasons``, uses).
        waiting: Likewise, more at the end of the day than at its beginning.
        group: All numbers are rounded down to multiples of this.
    """

    considered: int
    carried: int
    told: tuple[Told, ...]
    held: tuple[tuple[str, int], ...]
    waiting: tuple[tuple[str, int], ...]
    group: int

    @property
    def told_uses(self) -> int:
        """How many went on."""
        return sum(told.uses for told in self.told)

    @property
    def held_uses(self) -> int:
        """How many were held back."""
        return sum(uses for _, uses in self.held)

    @property
    def waiting_uses(self) -> int:
        """How many wait."""
        return sum(uses for _, uses in self.waiting)

    @property
    def remainder(self) -> int:
        """How much more was weighed, or had waited, than stands in any row; negative where the rows hold more."""
        return self.considered + self.carried - self.told_uses - self.held_uses - self.waiting_uses

    @property
    def whole(self) -> int:
        """All: what the rows, and a remainder above zero, add up to."""
        return self.considered + self.carried + max(-self.remainder, 0)

    @property
    def is_rounding(self) -> bool:
        """Whether rounding can have made the remainder: each number lost less than the group."""
        return abs(self.remainder) < self.group * (len(self.told) + len(self.held) + len(self.waiting) + 2)


def day_balance(answer: PublicBalance) -> DayBalance:
    """Return where the uses of readings of a day went."""
    accounts = answer.accounts
    held: dict[str, int] = defaultdict(int)
    for account, uses in accounts.items():
        if row := held_row(account):
            held[row] += max(uses, 0)
    waited = {row: accounts.get(account, 0) for row, account in WAITING.items()}
    return DayBalance(
        considered=max(accounts.get("pairs.considered", 0), 0),
        carried=-sum(min(uses, 0) for uses in waited.values()),
        told=tuple(_told(answer.told)),
        held=tuple([(row, held[row]) for row in (*HELD, OTHER) if held.get(row)]),
        waiting=tuple([(row, uses) for row, uses in waited.items() if uses > 0]),
        group=answer.group,
    )


def _told(rows: Iterable[ToldBy]) -> Iterable[Told]:
    uses: dict[tuple[str, Form], int] = defaultdict(int)
    for row in rows:
        uses[row.recipient, form_of(row)] += max(row.pairs, 0)
    forms = list(Form)
    for recipient, form in sorted(uses, key=lambda key: (key[0], forms.index(key[1]))):
        if uses[recipient, form]:
            yield Told(recipient, form, uses[recipient, form])
