"""The public's numbers after a restore: those of the log, wherever in it the backup was made."""

from __future__ import annotations

from typing import cast

import pytest

from gateway.audit.log.entries import Entry
from gateway.audit.log.openings import Opening
from gateway.core.public.numbers import PublicNumbers
from gateway.edge.store.reading import StoreReader
from gateway.restore.public_tail import PublicTail
from tests.support.gate import DAY_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, only
from tests.support.killed_gate import KilledGate
from tests.support.publications import FIRST_DAY_MS, exact_town
from tests.support.recounted import as_counted


class Rows:
    """Stands for the database with the log's entries and openings."""

    def __init__(self, rows: list[tuple[str, bytes, bytes]]) -> None:
        self.rows = rows

    async def entry(self, index: int) -> bytes:
        """Return an entry."""
        return self.rows[index][1]

    async def opening(self, index: int) -> bytes | None:
        """Return an opening."""
        return self.rows[index][2]


def lived() -> KilledGate:
    """Return a gateway after two days of figures, totals, and bundles that were voided by a change of mind."""
    gate = KilledGate(exact_town().policies())
    gate.to(gate.now_ms)
    homes = gate.homes(6, "purpose:energy")
    for day in (0, 1, 2):
        gate.to(MIDNIGHT_MS + day * DAY_MS + LATENESS_MS)
        for home in homes:
            gate.send(home, gate.now_ms - MINUTE_MS, kwh=1)
        gate.to(MIDNIGHT_MS + (day + 1) * DAY_MS + LATENESS_MS)
        assert gate.form() is not None or day == 0
        gate.withdraw(homes.pop(), "purpose:energy")
        gate.commit()
        gate.records()
        gate.records("grid")
    return gate


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 1.0])
async def test_numbers_after_a_restore_are_those_of_the_log(part: float) -> None:
    """What was voided before the backup or after it, or formed before and voided after, counts for nothing."""
    gate = lived()
    kinds = [kind for kind, _, _ in gate.entries]
    assert kinds.count("void") >= 2
    backup = int(len(kinds) * part)
    numbers, rows = PublicNumbers(), Rows(gate.entries)
    before, after = (PublicTail(numbers, cast("StoreReader", rows)) for _ in range(2))
    for index, (_, content, opening) in enumerate(gate.entries):
        await (before if index < backup else after).take(Entry.decode(content), Opening.decode(opening))
    assert as_counted(numbers.days) == as_counted(gate.state.public.days)
    assert as_counted(numbers.days)
    assert min(numbers.days) * DAY_MS >= FIRST_DAY_MS


async def test_limit_hours_since_the_backup_are_not_known() -> None:
    """Openings hold no values: what the city's own sensors told in those hours is in no page any more."""
    gate = KilledGate(only("street-noise"))
    gate.send(gate.device(), MIDNIGHT_MS, db=60)
    assert gate.bundle("public") is not None
    numbers = PublicNumbers()
    tail = PublicTail(numbers, cast("StoreReader", Rows(gate.entries)))
    for _, content, opening in gate.entries:
        await tail.take(Entry.decode(content), Opening.decode(opening))
    assert as_counted(numbers.days) == as_counted(gate.state.public.days)
    assert (numbers._hours, bool(gate.state.public._hours)) == ({}, True)


async def test_entry_whose_opening_is_gone_counts_for_nothing() -> None:
    """Nobody knows what it was."""
    gate = lived()
    numbers = PublicNumbers()
    tail = PublicTail(numbers, cast("StoreReader", Rows(gate.entries)))
    for _, content, _ in gate.entries:
        await tail.take(Entry.decode(content), None)
    assert numbers.days == {}
