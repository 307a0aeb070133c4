"""Where the uses of readings of a day went, from the gateway's accounts: told, held back or still waiting, each use once.

The balances are those of ``docs/log-format.md``, "Accounts", taken as differences over one day. What left or was held back may
have been waiting from the days before, so that the rows can be more than was weighed on the day.

Every number was rounded down before it left the gateway, each by itself and to a step of its own, so that it never tells of fewer
homes than the group. None is therefore computed from others: what the rows do not add up to is stated as such, and of what is
below its step only that is said.

What was held back is not told apart by owner: the ledger counts homes' readings and those of the city's own sensors together, and
only what left is known by flow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from consent.core.decide import Owner
from consent.portal.accounts.reasons import HELD, OTHER, WAITING, held_row
from consent.public_messages import PublicBalance, ToldBy

CONSIDERED: Final = "pairs.considered"
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
class Uses:
    """A number of uses of readings: a reading counts once for each use of data that it was weighed for.

    Attributes:
        least: At least so many.
        below: What was too few for its step, all of it together, is fewer than this; 0 where there is nothing such.
    """

    least: int = 0
    below: int = 0

    @classmethod
    def of(cls, rounded: int, step: int) -> Uses:
        """Return what a number that was rounded down says: of one above zero that it is at least so many."""
        return cls(rounded, 0) if rounded > 0 else cls(0, step)

    def __add__(self, other: Uses) -> Uses:
        """Return both together."""
        return Uses(self.least + other.least, self.below + other.below)


@dataclass(frozen=True, slots=True)
class Told:
    """What one recipient got in one form.

    Attributes:
        records: In so many records, at least.
    """

    recipient: str
    form: Form
    uses: Uses
    records: int


@dataclass(frozen=True, slots=True)
class DayBalance:
    """A day.

    Attributes:
        considered: Weighed on the day.
        told: What went on; in this and the following, rows of which there was nothing, or too little, are absent.
        held: (row of ``reasons``, uses).
        waiting: Likewise, more at the end of the day than at its beginning.
        steps: To multiples of these the numbers are rounded down, least first.
    """

    considered: Uses
    told: tuple[Told, ...]
    held: tuple[tuple[str, Uses], ...]
    waiting: tuple[tuple[str, Uses], ...]
    steps: tuple[int, ...]

    @property
    def went_on(self) -> Uses:
        """All that went on."""
        return sum_of(told.uses for told in self.told)

    @property
    def rows(self) -> Uses:
        """All rows together."""
        return sum_of([self.went_on, *(uses for _, uses in (*self.held, *self.waiting))])

    @property
    def whole(self) -> int:
        """What drawing and table add up to; 0 where too little was weighed to say how much it was."""
        return max(self.considered.least, self.rows.least) if self.considered.least else 0

    @property
    def left_over(self) -> int:
        """How much more was weighed than stands in the rows, which are rounded down."""
        return max(self.considered.least - self.rows.least, 0)

    @property
    def added(self) -> int:
        """How much more stands in the rows than was weighed on the day: it had been waiting, or the whole is rounded down."""
        return max(self.whole - self.considered.least, 0)


def sum_of(parts: Iterable[Uses]) -> Uses:
    """Return all parts together."""
    return sum(parts, Uses())


def day_balance(answer: PublicBalance) -> DayBalance:
    """Return where the uses of readings of a day went."""
    told = tuple(_told(answer.told))
    accounts = {name: Uses.of(answer.accounts.get(name, 0), step) for name, step in answer.steps.items()}
    held: dict[str, Uses] = {}
    for name, uses in accounts.items():
        if row := held_row(name):
            held[row] = held.get(row, Uses()) + uses
    steps = {step for name, step in answer.steps.items() if name.startswith("pairs.")} | {row.step for row in answer.told}
    return DayBalance(
        considered=accounts.get(CONSIDERED, Uses()),
        told=told,
        held=tuple([(row, held[row]) for row in (*HELD, OTHER) if row in held]),
        waiting=tuple([(row, accounts[account]) for row, account in WAITING.items() if account in accounts]),
        steps=tuple(sorted(steps)),
    )


def _told(rows: Iterable[ToldBy]) -> Iterator[Told]:
    found: dict[tuple[str, Form], tuple[Uses, int]] = {}
    for row in rows:
        key = row.recipient, form_of(row)
        uses, records = found.get(key, (Uses(), 0))
        found[key] = uses + Uses.of(row.pairs, row.step), records + row.records
    forms = list(Form)
    for recipient, form in sorted(found, key=lambda key: (key[0], forms.index(key[1]))):
        yield Told(recipient, form, *found[recipient, form])
