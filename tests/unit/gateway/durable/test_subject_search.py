"""The search for a subject: it goes on where it was, and is in the end of what there is then."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.core.changes.subjects import label_keys
from gateway.core.release.void import void_unsent
from gateway.durable import subject_search
from gateway.durable.subject_search import SubjectSearch
from gateway.edge.store.reading import StoreReader
from tests.support.disk_gate import DiskGate, configured, started

HOMES = 3


async def city(gate: DiskGate) -> list[dict[str, str]]:
    """Make households of which single readings leave, one of each for a start."""
    homes = [await gate.home(f"t/{n}", "raw") for n in range(HOMES)]
    await send(gate, *homes)
    return homes


async def send(gate: DiskGate, *homes: dict[str, str]) -> None:
    """Have a reading of each wait, in a row of its own."""
    for home in homes:
        await gate.to(gate.now_ms + 60_000)
        await gate.send((home["topic"], {"kwh": 1.0}))


async def go_on(gate: DiskGate, search: SubjectSearch, home: dict[str, str]) -> tuple[list[int], int]:
    """Go on; return the releases that were found, and how many records wait."""
    subject = bytes.fromhex(home["subject"])
    await search.go_on(label_keys(gate.durable.state.registry.subjects[subject]))
    waiting = search.waiting()
    assert all(one.contributor == subject for _, one in waiting)
    return [each.index for each in search.releases], len(waiting)


async def test_what_waits_and_what_has_left_are_found_and_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look is for what has come since."""
    looked_at: list[int] = []
    is_labelled = StoreReader.is_labelled

    async def noted(reader: StoreReader, index: int, keys: list[bytes]) -> bool:
        looked_at.append(index)
        return await is_labelled(reader, index, keys)

    monkeypatch.setattr(StoreReader, "is_labelled", noted)
    async with started(configured(tmp_path)) as gate:
        homes = await city(gate)
        search = SubjectSearch(gate.durable.store.reader, bytes.fromhex(homes[0]["subject"]))
        assert await go_on(gate, search, homes[0]) == ([], 1)
        await gate.deliver()
        await send(gate, homes[1])
        releases, waiting = await go_on(gate, search, homes[0])
        assert (len(releases), waiting) == (1, 0)
        await send(gate, homes[0])
        assert await go_on(gate, search, homes[0]) == (releases, 1)
        assert looked_at == releases
        (found,) = search.releases
        assert [(record.flow, record.n) for record in found.records] == [("raw", 1)]


async def test_rows_that_a_voided_bundle_returns_are_found(tmp_path: Path) -> None:
    """They were in no row when they were looked for, and what was voided is known."""
    async with started(configured(tmp_path)) as gate:
        homes = await city(gate)
        search = SubjectSearch(gate.durable.store.reader, bytes.fromhex(homes[0]["subject"]))
        unsent = await gate.form()
        assert unsent is not None
        assert await go_on(gate, search, homes[0]) == ([unsent.index], 0)
        void_unsent(gate.durable.state, gate.now_ms)
        await gate.durable.commit()
        assert await go_on(gate, search, homes[0]) == ([unsent.index], 1)
        assert list(search.voided_by) == [unsent.index]
        assert search.voided_by[unsent.index] > unsent.index


async def test_what_records_have_alike_is_held_once_however_many_releases_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A household is in thousands of records, which differ by their times and numbers."""
    monkeypatch.setattr(subject_search, "_LABELS", 1)
    async with started(configured(tmp_path)) as gate:
        homes = await city(gate)
        await gate.deliver()
        await send(gate, homes[0])
        await gate.deliver()
        search = SubjectSearch(gate.durable.store.reader, bytes.fromhex(homes[0]["subject"]))
        releases, _ = await go_on(gate, search, homes[0])
        assert len(releases) == 2
        one, other = (record for found in search.releases for record in found.records)
        assert one.window_ms != other.window_ms
        for name in ("flow", "property", "level", "cell", "disclosure", "consent_entries", "profile", "zone"):
            assert getattr(one, name) is getattr(other, name), name
