"""Delivery: publications before other bundles, large ones aside, and nobody waits for them but their own recipient."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway import aside, delivery
from gateway.aside import Aside
from gateway.core.inflight import ReadyBundle
from gateway.core.state import State
from gateway.delivery import Delivery
from gateway.durable.state import Durable
from gateway.edge.sinks.port import Outgoing
from gateway.recipient.opening import open_bundle
from tests.support.gate import RECIPIENT_KEY, Gate
from tests.support.publications import day_with, exact_town, joined


class Taking:
    """A sink that takes whatever it is offered while it is connected."""

    def __init__(self) -> None:
        self.connected = True
        self.taken: list[Outgoing] = []

    def flush(self) -> None:
        """Write out nothing: all is taken at once."""

    def offer(self, outgoing: Outgoing) -> bool:
        """Take a bundle."""
        self.taken.append(outgoing)
        return True


class Desk:
    """A gateway's loop as far as delivery goes: ticks, commits, and the sink's answers."""

    def __init__(self, gate: Gate) -> None:
        self.gate, self.sink, self.woken = gate, Taking(), asyncio.Event()

        async def outbox_rows(recipient: str, _bytes: int, *, newest: bool = False) -> Sequence[tuple[int, bytes]]:
            return [(number, content) for number, (whose, content) in sorted(gate.outbox.items()) if whose == recipient]

        reader = SimpleNamespace(outbox_rows=outbox_rows)
        seals = {name: SimpleNamespace(on=lambda _, name=name: gate.form_of(name)) for name in gate.state.policies.recipients}
        durable = SimpleNamespace(
            state=gate.state, store=SimpleNamespace(reader=reader), seals=seals, origin="test.example/gw", to_send_again=[]
        )
        sinks: Callable[..., Any] = lambda _acknowledged, _wake: {"city": self.sink}  # noqa: E731  the shape that edges give
        self.delivery = Delivery(cast("Durable", durable), sinks, self.woken.set)

    async def tick(self) -> list[tuple[str, set[str]]]:
        """Run a tick; return the recipient and the flows of each bundle that was taken at it."""
        self.delivery.forget_acknowledged()
        before = len(self.sink.taken)
        self.delivery.begin_all()
        while self.delivery.is_due:
            await self.delivery.form_next(self.gate.now_ms)
        self.gate.commit()
        self.delivery.send()
        taken = self.sink.taken[before:]
        for outgoing in taken:
            self.delivery.acknowledged(outgoing.index)
        opened = [open_bundle(outgoing.content, RECIPIENT_KEY, outgoing.index) for outgoing in taken]
        return [(bundle.address.recipient, {record.flow for record in bundle.records}) for bundle in opened]


def test_publications_come_first_and_the_rest_follows() -> None:
    """A small one at the tick itself; the next bundle as soon as it is acknowledged."""
    gate, homes = joined(exact_town(), 6, "purpose:energy")
    day_with(gate, homes, hours=2)

    async def run() -> None:
        desk = Desk(gate)
        assert await desk.tick() == [("office", {"hourly"}), ("grid", {"daily"})]
        desk.delivery.forget_acknowledged()
        assert desk.delivery.is_due
        assert await desk.tick() == [("office", {"totals"})]
        assert await desk.tick() == []

    asyncio.run(run())


def test_nothing_is_formed_while_the_sink_is_away() -> None:
    """A consent change acts on everything that waits; then one publication for each day leaves, in order."""
    gate, homes = joined(exact_town(), 6, "purpose:energy")
    day_with(gate, homes, hours=2)

    async def run() -> None:
        desk = Desk(gate)
        desk.sink.connected = False
        assert await desk.tick() == []
        assert not gate.state.inflight.ready
        publishes = [desk.delivery.publishes]
        desk.sink.connected = True
        publishes.append(desk.delivery.publishes)
        assert len(await desk.tick()) == 2
        assert [*publishes, desk.delivery.publishes] == [False, True, False], "to nobody who cannot be reached"

    asyncio.run(run())


def test_large_publication_is_computed_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tick ends before it is there; another recipient waits for its turn aside, and nothing is lost or told twice."""
    monkeypatch.setattr(aside, "MOST_ROWS_AT_ONCE", 0)
    gate, homes = joined(exact_town(), 6, "purpose:energy")
    day_with(gate, homes, hours=2)

    async def run() -> None:
        desk = Desk(gate)
        assert await desk.tick() == []
        taken = []
        for _ in range(2):
            await desk.woken.wait()
            desk.woken.clear()
            desk.delivery.forget_acknowledged()
            assert desk.delivery.is_due, "what is ready is to be applied"
            taken += await desk.tick()
        assert taken[0] == ("office", {"hourly"})
        while ("grid", {"daily"}) not in taken or ("office", {"totals"}) not in taken:
            await asyncio.sleep(0.001)
            taken += await desk.tick()
        assert len(taken) == 3

    asyncio.run(run())
    assert gate.count("pairs.open") == 0


def test_withdrawal_while_it_is_computed_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was computed is dropped, and computed again without the home."""
    monkeypatch.setattr(aside, "MOST_ROWS_AT_ONCE", 0)
    gate, homes = joined(exact_town(), 6, "hourly")
    day_with(gate, homes, hours=2)

    async def run() -> None:
        desk = Desk(gate)
        await desk.tick()
        gate.withdraw(homes[0], "hourly")
        while not (for_office := [outgoing for outgoing in desk.sink.taken if outgoing.recipient == "office"]):
            await asyncio.sleep(0.001)
            await desk.tick()
        assert gate.stood_in(for_office[0].index) == {home.subject for home in homes[1:]}

    asyncio.run(run())
    assert gate.state.ledger.sum("bundles.voided") == 0


@pytest.mark.parametrize("flow", ["hourly", "totals"])
def test_answers_that_never_stop_changing_hold_nothing_up_for_ever(flow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each draw, and each guard of totals, finds another answer than it began with: after three, one is computed at once."""
    monkeypatch.setattr(aside, "MOST_ROWS_AT_ONCE", 0)
    gate, homes = joined(exact_town(), 30, flow)
    day_with(gate, homes, hours=2)
    apply, gone = Aside.apply, list[bytes | None]()

    def overtaken(self: Aside, state: State, now_ms: int) -> ReadyBundle | None:
        gone.append(homes[len(gone)].subject)
        gate.withdraw(homes[len(gone) - 1], flow)
        return apply(self, state, now_ms)

    monkeypatch.setattr(Aside, "apply", overtaken)

    async def run() -> None:
        desk = Desk(gate)
        while not any(flow in flows for _, flows in await desk.tick()):  # noqa: ASYNC110  a tick is what is repeated
            await asyncio.sleep(0.001)
        last = [outgoing.index for outgoing in desk.sink.taken if outgoing.recipient == "office"][-1]
        assert gate.stood_in(last) == {home.subject for home in homes} - set(gone)

    asyncio.run(run())
    assert gone
    assert len(gone) % 3 == 0


def test_totals_wait_for_their_guard_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is computed from all that stand beside them; a withdrawal meanwhile has it computed again, and takes the home out."""
    monkeypatch.setattr(aside, "MOST_ROWS_AT_ONCE", 0)
    gate, homes = joined(exact_town(), 6, "totals")
    day_with(gate, homes, hours=2)

    async def run() -> None:
        desk = Desk(gate)
        assert await desk.tick() == [("office", set()), ("grid", set())]
        assert await desk.tick() == [], "its guard is being computed"
        gate.withdraw(homes[0], "totals")
        taken: list[tuple[str, set[str]]] = []
        while not taken:
            await asyncio.sleep(0.001)
            taken = await desk.tick()
        assert taken == [("office", {"totals"})]
        assert gate.stood_in(desk.sink.taken[-1].index) == {home.subject for home in homes[1:]}

    asyncio.run(run())
    assert len(gate.state.windows.guards) == 1


def test_every_other_bundle_of_a_backlog_is_of_the_newest_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else waits, and at once after the acknowledgement; where little waits, all leaves in order."""
    formed, waiting = list[str](), 5
    recipient = SimpleNamespace(sink="city")
    sent: dict[int, Any] = {}
    state = SimpleNamespace(
        policies=SimpleNamespace(recipients={"office": recipient}),
        outbox=SimpleNamespace(waiting={"office": 9}),
        inflight=SimpleNamespace(sent=sent, has=lambda _: bool(sent)),
    )

    async def outbox_rows(_recipient: str, _bytes: int, *, newest: bool = False) -> list[tuple[int, bytes]]:
        formed.append("newest" if newest else "oldest")
        return [(1, b"")]

    def form(*_: Any) -> Any:
        bundle = SimpleNamespace(index=len(formed), recipient="office", full=len(formed) < waiting)
        sent[bundle.index] = bundle
        return bundle

    monkeypatch.setattr(delivery, "next_due", lambda *_: None)
    monkeypatch.setattr(delivery, "form_bundle", form)
    monkeypatch.setattr(delivery, "form_records", form)
    monkeypatch.setattr(delivery, "bundle_acknowledged", lambda _, index: sent.pop(index))
    monkeypatch.setattr(Delivery, "_guards", lambda *_: {})
    seals = {"office": SimpleNamespace(on=lambda _: None)}
    durable = SimpleNamespace(state=state, store=SimpleNamespace(reader=SimpleNamespace(outbox_rows=outbox_rows)), seals=seals)

    async def run() -> None:
        desk = Delivery(cast("Durable", durable), lambda *_: {"city": cast("Any", Taking())}, lambda: None)
        desk.begin_all()
        while desk.is_due:
            await desk.form_next(0)
            desk.acknowledged(*sent)
            desk.forget_acknowledged()

    asyncio.run(run())
    assert formed == ["oldest", "newest", "oldest", "newest", "oldest"]
