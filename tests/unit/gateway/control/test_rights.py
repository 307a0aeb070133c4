"""A subject's rights: a search that takes long holds nobody up, and what it finds is of the moment at which it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from consent.messages import plain
from gateway.app import Gateway
from gateway.control import rights
from gateway.control.context import MethodError
from gateway.control.doors import ControlDoor
from gateway.durable.state import Action
from gateway.durable.subject_search import SubjectSearch
from gateway.edge.store.reading import StoreReader
from tests.support.disk_gate import DiskGate, configured, started
from tests.support.inside import ReluctantSink, assembled, running
from tests.support.victim import SCOPE, TOPIC, outage, town

Ask = Callable[..., Awaitable[dict[str, Any]]]


class Held:
    """Holds a search up at the first release that it looks at.

    Attributes:
        begun: Set once it has come there.
        goes_on: To be set by the test.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand in for the reader's method."""
        self.begun, self.goes_on = asyncio.Event(), asyncio.Event()
        is_labelled = StoreReader.is_labelled

        async def held(reader: StoreReader, index: int, keys: Any) -> bool:
            self.begun.set()
            await self.goes_on.wait()
            return await is_labelled(reader, index, keys)

        monkeypatch.setattr(StoreReader, "is_labelled", held)


@asynccontextmanager
async def city(folder: Path) -> AsyncIterator[tuple[Gateway, DiskGate, dict[str, str]]]:
    """Run a gateway that has released something of a household, of which records wait too."""
    async with started(configured(folder)) as gate:
        victim, others = await town(gate)
        await gate.ask("consent.grant", subject=victim["subject"], scope="raw")
        await outage(gate, [victim, *others])
        app = assembled(gate.durable, ReluctantSink(refusals=1_000_000))
        async with running(app):
            yield app, gate, victim


async def ask(app: Gateway, method: str, **params: Any) -> dict[str, Any]:
    """Ask a running gateway as its operator."""
    return dict(plain(await ControlDoor(app).answer(method, params)))


async def test_withdrawal_during_an_export_is_answered_before_it_and_counts_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that is read of the database before the answer holds the loop up, and what is read is not told as it was."""
    async with city(tmp_path) as (app, _, victim):
        before = await ask(app, "consent.export", subject=victim["subject"])
        assert before["waiting"]
        held = Held(monkeypatch)
        exporting = asyncio.create_task(ask(app, "consent.export", subject=victim["subject"]))
        await held.begun.wait()
        withdrawn = await ask(app, "consent.withdraw", subject=victim["subject"], scope=SCOPE)
        assert not exporting.done()
        held.goes_on.set()
        export = await exporting
        assert export["history"][-1]["log_index"] == withdrawn["log_index"]
        assert {each["status"] for each in export["consents"] if each["scope"] == SCOPE} == {"Withdrawn"}
        assert not export["contributions"]
        assert [each["log_index"] for each in export["releases"]] == [each["log_index"] for each in before["releases"]] != []


async def test_export_tells_of_what_has_come_while_it_was_searched_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the search had passed by: it is of the moment of the answer, and of no other."""
    monkeypatch.setattr(rights, "_PASSES", 1)
    async with city(tmp_path) as (app, gate, victim):
        begun, goes_on, go_on = asyncio.Event(), asyncio.Event(), SubjectSearch.go_on

        async def held(search: SubjectSearch, keys: Any) -> None:
            await go_on(search, keys)
            begun.set()
            await goes_on.wait()

        monkeypatch.setattr(SubjectSearch, "go_on", held)
        exporting = asyncio.create_task(ask(app, "consent.export", subject=victim["subject"]))
        await begun.wait()
        send: Action[None] = partial(gate.send, (TOPIC, {"t": gate.now_ms + 1, "kwh": 1.0}))
        await app.ask(send)
        goes_on.set()
        export = await exporting
        assert export == {**await ask(app, "consent.export", subject=victim["subject"]), "time_ms": export["time_ms"]}


@pytest.mark.parametrize("method", ["consent.export", "consent.releases"])
async def test_whoever_is_erased_meanwhile_is_told_of_no_more(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the search has found by then is dropped with it."""
    async with city(tmp_path) as (app, _, victim):
        held = Held(monkeypatch)
        asking = asyncio.create_task(ask(app, method, subject=victim["subject"]))
        await held.begun.wait()
        held.goes_on.set()
        erased = await ask(app, "consent.erase", subject=victim["subject"])
        assert erased["parts_deleted"]
        with pytest.raises(MethodError, match="there is no such subject"):
            await asking
