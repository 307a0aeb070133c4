"""Delivery: forms the bundles of each sink's recipients, sends them once committed, and drops them once acknowledged.

``gateway.app`` calls it between two steps of its loop; a sink only records here what was acknowledged, and wakes the loop.
"""

from __future__ import annotations

from gateway.aside import Aside
from gateway.core.release.bundle import (
    ROWS_BYTES,
    bundle_acknowledged,
    bundle_sent,
    discard_rows,
    form_bundle,
    form_records,
    has_ended,
    next_guard,
)
from gateway.core.release.formats.port import BundleFormat
from gateway.core.release.guarding import guard_task
from gateway.core.release.publication import draw, next_due, prepare, settle
from gateway.core.release.records import epoch_day
from gateway.core.windows.guards import GuardKey
from gateway.core.windows.publications import Due
from gateway.durable.state import Durable
from gateway.edge.loggers import structlog
from gateway.edge.sinks.port import Outgoing, Sinks, Wake

_log = structlog.get_logger()


class Delivery:
    """The bundles of one gateway on their way to its sinks.

    Attributes:
        sinks: By the name that policies use.
    """

    def __init__(self, durable: Durable, sinks: Sinks, wake: Wake) -> None:
        """Make the sinks; the gateway runs them.

        Args:
            durable: The state that bundles are formed from.
            sinks: Makes them.
            wake: Called by a sink that has connected, or received an acknowledgement.
        """
        self._durable = durable
        self._acknowledged: list[int] = []
        self._aside = Aside(wake)
        self._due: dict[str, None] = {}
        self._newest_next: set[str] = set()  # recipients whose last bundle left much behind
        self._between: set[int] = set()  # bundles of the newest records, between two of what has waited longest
        self.sinks = sinks(self.acknowledged, wake)

    def acknowledged(self, index: int) -> None:
        """Record that a bundle was acknowledged, for the next turn of the loop."""
        self._acknowledged.append(index)

    def forget_acknowledged(self) -> None:
        """Delete the bundles that have been acknowledged.

        Where one was full, the recipient's next is due at once; where something was computed aside, all are.
        """
        acknowledged, self._acknowledged = self._acknowledged, []
        for index in acknowledged:
            bundle = self._durable.state.inflight.sent[index]
            between = index in self._between
            self._between.discard(index)
            if bundle.full or between:
                self._due[bundle.recipient] = None
            if bundle.full and not between:
                self._newest_next.add(bundle.recipient)
            bundle_acknowledged(self._durable.state, index)
        if self._aside.is_ready:
            self.begin_all()

    @property
    def is_due(self) -> bool:
        """Return whether some recipient's next bundle is to be formed."""
        return bool(self._due)

    @property
    def publishes(self) -> bool:
        """Return whether a part of a publication is being computed, or is due to somebody who can be reached."""
        state = self._durable.state
        reached = (
            one.id for one in state.policies.recipients.values() if one.sink in self.sinks and self.sinks[one.sink].connected
        )
        return self._aside.recipient is not None or any(next_due(state, recipient) is not None for recipient in reached)

    def begin_all(self) -> None:
        """Have the next bundle of each recipient formed, one after another."""
        self._due.update(dict.fromkeys(self._durable.state.policies.recipients))

    def postpone(self) -> None:
        """Form nothing before the next tick."""
        self._due.clear()

    def send_again(self) -> None:
        """Send the bundles of an earlier run again, unchanged, through their original sinks, whatever the policies now are."""
        for bundle in self._durable.to_send_again:
            sink = self.sinks.get(bundle.sink)
            if sink is None:
                _log.error("a bundle waits for a sink that is no longer configured", sink=bundle.sink, log_index=bundle.index)
            else:
                sink.send_again(Outgoing(bundle.index, bundle.recipient, bundle.content, self._durable.origin))

    async def discard_orphans(self) -> None:
        """Discard what waits for recipients that the policies no longer name, as much as a bundle would take at once."""
        state = self._durable.state
        for recipient in [name for name, rows in state.outbox.waiting.items() if rows and name not in state.policies.recipients]:
            discard_rows(state, recipient, await self._durable.store.reader.outbox_rows(recipient, ROWS_BYTES))

    async def form_next(self, now_ms: int) -> None:
        """Form the next bundle of the recipient whose turn it is, if its sink is connected and has none of its bundles in flight.

        One step of the loop: what takes longer is done in several, or aside, and requests and batches come in between.
        """
        if self._aside.is_ready:
            self._aside.apply(self._durable.state, now_ms)
        recipient = next(iter(self._due))
        del self._due[recipient]
        if recipient not in self._durable.state.policies.recipients:
            return
        sink = self.sinks.get(self._durable.state.policies.recipients[recipient].sink)
        if sink is not None:
            sink.flush()
            if sink.connected:
                await self._form(recipient, now_ms)

    async def _form(self, recipient: str, now_ms: int) -> None:
        state, store = self._durable.state, self._durable.store
        if state.inflight.has(recipient) or self._aside.recipient == recipient:
            return
        form = self._durable.seals[recipient].on(epoch_day(now_ms))
        if recipient in self._newest_next:
            self._newest_next.remove(recipient)
            if await self._form_newest(recipient, now_ms, form):
                return
        if (due := next_due(state, recipient)) is not None:
            self._publish(due, now_ms, form)
            return
        guards = self._guards(recipient, now_ms)
        if guards is None:
            return
        rows = await store.reader.outbox_rows(recipient, ROWS_BYTES) if state.outbox.waiting.get(recipient) else []
        formed = form_bundle(state, recipient, rows, now_ms, form, guards)
        if formed is None and has_ended(state, recipient):  # nothing of what was looked at may leave: the rest may
            self._due[recipient] = None

    async def _form_newest(self, recipient: str, now_ms: int, form: BundleFormat) -> bool:
        """Form a bundle of the newest records that wait; return whether there was one.

        Where much waits, every other bundle is such a one: after an outage of days what is fresh does not wait for all of it.
        """
        state = self._durable.state
        if not state.outbox.waiting.get(recipient):
            return False
        rows = await self._durable.store.reader.outbox_rows(recipient, ROWS_BYTES, newest=True)
        bundle = form_records(state, recipient, rows, now_ms, form)
        if bundle is not None:
            self._between.add(bundle.index)
        return bundle is not None

    def _publish(self, due: Due, now_ms: int, form: BundleFormat) -> None:
        """Form a part of a publication aside, one after another; at once if it is of few, or was dropped too often."""
        state = self._durable.state
        if self._aside.recipient is not None:
            return  # when that is done, all are due
        task = prepare(state, due, now_ms, form)
        if self._aside.takes(task.rows):
            self._aside.begin(task, state.log.size)
        else:
            settle(state, draw(task, state.log.size), now_ms)
            self._aside.dropped = 0

    def _guards(self, recipient: str, now_ms: int) -> dict[GuardKey, frozenset[bytes]] | None:
        """Return the guard that the recipient's next totals rest on, if one is lacking; None while it is computed aside."""
        state = self._durable.state
        key = next_guard(state, recipient)
        if key is None:
            return {}
        if (excluded := self._aside.guard(state, key)) is not None:
            return {key: excluded}
        if self._aside.recipient is not None:
            return None
        task = guard_task(state, recipient, key, now_ms)
        if self._aside.takes(task.rows):
            self._aside.begin(task, state.log.size)
            return None
        self._aside.dropped = 0
        return {key: task.compute()}

    def send(self) -> None:
        """Send committed bundles, as far as their sinks accept them."""
        state = self._durable.state
        for recipient, bundle in list(state.inflight.ready.items()):
            sink = self.sinks[state.policies.recipients[recipient].sink]
            if sink.offer(Outgoing(bundle.index, recipient, bundle.content, self._durable.origin)):
                bundle_sent(state, recipient)

    async def commit(self) -> None:
        """Commit, and only then send the bundles that the commit holds."""
        await self._durable.commit()
        self.send()

    async def commit_news(self) -> None:
        """Commit what there is, and send."""
        if self._durable.must_commit():
            await self.commit()
        else:
            self.send()  # what a sink did not accept at once
