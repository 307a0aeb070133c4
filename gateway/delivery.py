"""Delivery: forms the bundles of each sink's recipients, sends them once committed, and drops them once acknowledged.

``gateway.app`` calls it between two steps of its loop; a sink only records here what was acknowledged, and wakes the loop.
"""

from __future__ import annotations

import structlog

from gateway.aside import MOST_ROWS_AT_ONCE, Aside
from gateway.core.release.bundle import ROWS_BYTES, bundle_acknowledged, bundle_sent, discard_rows, form_bundle
from gateway.core.release.formats.port import BundleFormat
from gateway.core.release.publication import draw, next_due, prepare, settle
from gateway.core.release.records import epoch_day
from gateway.core.windows.publications import Due
from gateway.durable.state import Durable
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
        self.sinks = sinks(self.acknowledged, wake)

    def acknowledged(self, index: int) -> None:
        """Record that a bundle was acknowledged, for the next turn of the loop."""
        self._acknowledged.append(index)

    def forget_acknowledged(self) -> bool:
        """Delete the bundles that have been acknowledged.

        Returns: Whether one was full, so that the recipient's next should be formed at once, or one that was computed aside is
            ready.
        """
        acknowledged, self._acknowledged = self._acknowledged, []
        full = self._aside.is_ready
        for index in acknowledged:
            full = full or self._durable.state.inflight.sent[index].full
            bundle_acknowledged(self._durable.state, index)
        return full

    def send_again(self) -> None:
        """Send the bundles of an earlier run again, unchanged, through their original sinks, whatever the policies now are."""
        for bundle in self._durable.to_send_again:
            sink = self.sinks.get(bundle.sink)
            if sink is None:
                _log.error("a bundle waits for a sink that is no longer configured", sink=bundle.sink, log_index=bundle.index)
            else:
                sink.send_again(Outgoing(bundle.index, bundle.recipient, bundle.content, self._durable.origin))

    async def form_bundles(self, now_ms: int) -> None:
        """Form each recipient's next bundle, and discard what waits for recipients that the policies no longer name."""
        state = self._durable.state
        for sink in self.sinks.values():
            sink.flush()
        if self._aside.is_ready:
            self._aside.apply(state, now_ms)
        for recipient in state.policies.recipients:
            await self._form(recipient, now_ms)
        for recipient in [name for name, rows in state.outbox.waiting.items() if rows and name not in state.policies.recipients]:
            discard_rows(state, recipient, await self._durable.store.reader.outbox_rows(recipient, ROWS_BYTES))

    async def _form(self, recipient: str, now_ms: int) -> None:
        """Form the recipient's next bundle, if its sink is connected and has none of its bundles in flight."""
        state, store = self._durable.state, self._durable.store
        sink = self.sinks.get(state.policies.recipients[recipient].sink)
        if sink is None or not sink.connected:
            return
        if state.inflight.has(recipient) or self._aside.recipient == recipient:
            return
        form = self._durable.seals[recipient].on(epoch_day(now_ms))
        if (due := next_due(state, recipient)) is not None:
            self._publish(due, now_ms, form)
            return
        rows = await store.reader.outbox_rows(recipient, ROWS_BYTES) if state.outbox.waiting.get(recipient) else []
        form_bundle(state, recipient, rows, now_ms, form)

    def _publish(self, due: Due, now_ms: int, form: BundleFormat) -> None:
        """Form a part of a publication: at once if it is of few, else aside, one after another."""
        state = self._durable.state
        task = prepare(state, due, now_ms, form)
        if task.rows <= MOST_ROWS_AT_ONCE:
            settle(state, draw(task, state.log.size), now_ms)
        elif self._aside.recipient is None:
            self._aside.begin(task, state.log.size)

    def send(self) -> None:
        """Send committed bundles, as far as their sinks accept them."""
        state = self._durable.state
        for recipient, bundle in list(state.inflight.ready.items()):
            sink = self.sinks[state.policies.recipients[recipient].sink]
            if sink.offer(Outgoing(bundle.index, recipient, bundle.content, self._durable.origin)):
                bundle_sent(state, recipient)
