"""A sink that is an MQTT 5 broker: one link, with one topic for each recipient.

A bundle is sent once ``try_publish`` has written it to the socket. A bundle that the broker refuses counts as sent: it is final,
and is sent again, unchanged, at the next flush.
"""

from __future__ import annotations

from collections import Counter

from gateway.core.mqtt.events import Connected, Disconnected, LinkEvent, Published
from gateway.core.mqtt.outbound import PacketTooLargeError
from gateway.edge.link import LinkSettings
from gateway.edge.loggers import structlog
from gateway.edge.mqtt import MqttLink
from gateway.edge.sinks.port import Acknowledged, Outgoing, Wake
from gateway.recipient.wire import bundle_topic

_log = structlog.get_logger()


class MqttSink:
    """One broker upstream."""

    def __init__(self, name: str, gateway: str, settings: LinkSettings, acknowledged: Acknowledged, wake: Wake) -> None:
        """Connect on ``run``.

        Args:
            name: The name that policies use.
            gateway: Id of the gateway, a part of the topics.
            settings: Where and how.
            acknowledged: Called with the log index of each bundle that the broker acknowledges.
            wake: Called when there is something new to do: connected, or acknowledged.
        """
        self._name = name
        self._gateway = gateway
        self._link = MqttLink(settings, on_event=self._event, wake=wake)
        self._acknowledged = acknowledged
        self._wake = wake
        self._under_way: dict[int, Outgoing] = {}  # by the link's token
        self._again: dict[int, Outgoing] = {}  # by log index

    @property
    def connected(self) -> bool:
        """Whether a bundle formed now could be sent."""
        return self._link.connected

    @property
    def ids_bound(self) -> bool | None:
        """Whether the broker binds client ids to accounts; None while that is not known."""
        return self._link.terms.ids_bound

    @property
    def problem(self) -> str | None:
        """Why it is not connected; None where it is, or has not been tried yet."""
        return self._link.problem

    @property
    def counters(self) -> Counter[str]:
        """How often each event of the connection happened."""
        return self._link.counters

    async def run(self) -> None:
        """Stay connected until cancelled."""
        await self._link.run()

    def send_again(self, bundle: Outgoing) -> None:
        """Accept a bundle that was sent before the last restart; it is sent unchanged once connected."""
        self._again[bundle.index] = bundle

    def flush(self) -> None:
        """Send what has to be sent again, as far as the connection accepts it."""
        for index, bundle in list(self._again.items()):
            if not self.offer(bundle):
                return
            del self._again[index]

    def offer(self, bundle: Outgoing) -> bool:
        """Send a bundle now, or not at all.

        Returns: False where no byte of it has been written.
        """
        topic = bundle_topic(self._gateway, bundle.recipient)
        properties = (("log-origin", bundle.origin), ("log-index", str(bundle.index)))
        try:
            token = self._link.try_publish(topic, bundle.content, user_properties=properties)
        except PacketTooLargeError:
            _log.error("the broker upstream refuses bundles of this size", sink=self._name, bundle_bytes=len(bundle.content))
            return False
        if token is None:
            return False
        self._under_way[token] = bundle
        return True

    def _event(self, event: LinkEvent) -> None:
        if isinstance(event, Published):
            bundle = self._under_way.pop(event.token)
            if event.accepted:
                self._acknowledged(bundle.index)
            else:
                self._again[bundle.index] = bundle
                _log.error("the broker upstream refused a bundle", sink=self._name, log_index=bundle.index, reason=event.reason)
        elif isinstance(event, Connected):
            _log.info("upstream connected", sink=self._name)
            if self.ids_bound is False:
                _log.warning("the broker upstream lets every account choose its client id", sink=self._name)
        elif isinstance(event, Disconnected):
            if event.taken_over:
                _log.error("another client has taken over the connection upstream", sink=self._name)
            _log.warning("upstream away", sink=self._name, reason=event.reason)
        self._wake()
