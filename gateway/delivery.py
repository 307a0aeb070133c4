"""The way out: the sinks as configured, the bundles formed for whoever is behind them, and what the brokers there acknowledge.

``gateway.app`` calls it between two steps of its loop; a sink only notes here what was acknowledged, and wakes the loop.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from gateway.config import Connection, Installation
from gateway.core.mqtt.settings import SessionSettings
from gateway.core.release import release
from gateway.core.release.records import epoch_day
from gateway.durable.state import DurableState
from gateway.edge.connections import link_settings, password
from gateway.edge.sinks.mqtt import Sink
from gateway.recipient.wire import bundle_topic

_log = structlog.get_logger()


class Upstream:
    """All sinks of one gateway.

    Attributes:
        sinks: By the name that policies call them by.
    """

    def __init__(self, durable: DurableState, wake: Callable[[], None]) -> None:
        """Make the sinks; the application runs their links.

        Args:
            durable: What bundles are formed from.
            wake: Called by a sink that is connected, or has had something acknowledged.
        """
        self._durable = durable
        self._wake = wake
        self.sinks = {name: self._sink(durable.place, name, at) for name, at in durable.config.sink.items()}
        self._acknowledged: list[int] = []

    def _sink(self, place: Installation, name: str, connection: Connection) -> Sink:
        session = SessionSettings(
            client_id=f"sluice-{place.config.gateway}-{name}", user=connection.user, password=password(place, connection)
        )
        return Sink(name, link_settings(place, connection, session), self.acknowledged, self._wake)

    def _topic(self, recipient: str) -> str:
        return bundle_topic(self._durable.config.gateway, recipient)

    def acknowledged(self, index: int) -> None:
        """Note that the broker upstream has a bundle, for the next turn of the loop."""
        self._acknowledged.append(index)

    def forget_acknowledged(self) -> bool:
        """Forget the bundles that the broker upstream has.

        Returns: Whether one was full, so that the recipient's next should be formed at once.
        """
        acknowledged, self._acknowledged = self._acknowledged, []
        full = False
        for index in acknowledged:
            full = full or self._durable.state.inflight.sent[index].full
            release.acknowledged(self._durable.state, index)
        return full

    def send_again(self) -> None:
        """Have bundles of an earlier run go out unchanged, by the sink they were for, whatever the policies say by now."""
        for bundle in self._durable.to_send_again:
            sink = self.sinks.get(bundle.sink)
            if sink is None:
                _log.error("a bundle waits for a sink that is no longer configured", sink=bundle.sink, log_index=bundle.index)
            else:
                sink.send_again(bundle.index, self._topic(bundle.recipient), bundle.content, self._durable.origin)

    async def form_bundles(self, now_ms: int) -> None:
        """Form each recipient's next bundle, and drop what waits for recipients that the policies no longer name."""
        state = self._durable.state
        for sink in self.sinks.values():
            sink.flush()
        for recipient in state.policies.recipients:
            await self._form(recipient, now_ms)
        for recipient in [name for name, rows in state.outbox.waiting.items() if rows and name not in state.policies.recipients]:
            release.discard_rows(state, recipient, await self._durable.store.reader.outbox_rows(recipient, release.ROWS_BYTES))

    async def _form(self, recipient: str, now_ms: int) -> None:
        """Form the recipient's next bundle, if its sink is connected and has nothing of its under way."""
        state, store = self._durable.state, self._durable.store
        sink = self.sinks.get(state.policies.recipients[recipient].sink)
        if sink is None or not sink.connected:
            return
        if state.inflight.has(recipient):
            return
        rows = await store.reader.outbox_rows(recipient, release.ROWS_BYTES) if state.outbox.waiting.get(recipient) else []
        release.form_bundle(state, recipient, rows, now_ms, self._durable.seals[recipient].on(epoch_day(now_ms)))

    def hand_over(self) -> None:
        """Hand over committed bundles, as far as their sinks take them."""
        state = self._durable.state
        for recipient, unsent in list(state.inflight.ready.items()):
            sink = self.sinks[state.policies.recipients[recipient].sink]
            if sink.try_send(unsent.index, self._topic(recipient), unsent.content, self._durable.origin):
                release.handed_over(state, recipient)
