"""Where bundles go: one MQTT link for each sink that the policies name, shared by the recipients behind it.

A bundle is handed over when ``try_publish`` has written it to the socket; from then on it stands. What the broker upstream has
acknowledged is told back to the application, which forgets it. Bundles found unacknowledged at start are sent again unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import structlog

from gateway.core.mqtt.events import Connected, Disconnected, LinkEvent, Published
from gateway.core.mqtt.outbound import PacketTooLargeError
from gateway.edge.mqtt import LinkSettings, MqttLink

_log = structlog.get_logger()


class _Message(NamedTuple):
    topic: str
    content: bytes
    origin: str


class Sink:
    """One connection upstream."""

    def __init__(self, name: str, settings: LinkSettings, acknowledged: Callable[[int], None], wake: Callable[[], None]) -> None:
        """Connect on ``run``.

        Args:
            name: As the policies call it.
            settings: Where and how.
            acknowledged: Called with the log index of each bundle that the broker has.
            wake: Called when there is something new to do: connected, or acknowledged.
        """
        self.name = name
        self.link = MqttLink(settings, on_event=self._event, wake=wake)
        self._acknowledged = acknowledged
        self._wake = wake
        self._under_way: dict[int, tuple[int, _Message]] = {}  # token -> (log index, message)
        self._again: dict[int, _Message] = {}  # log index -> message, to be sent again

    @property
    def connected(self) -> bool:
        """Whether a bundle formed now could be handed over."""
        return self.link.connected

    def send_again(self, index: int, topic: str, content: bytes, origin: str) -> None:
        """Take a bundle that was handed over before the last restart; it goes out unchanged once connected."""
        self._again[index] = _Message(topic, content, origin)

    def flush(self) -> None:
        """Hand over what is to be sent again, as far as the connection takes it."""
        for index, message in list(self._again.items()):
            if not self.try_send(index, *message):
                return
            del self._again[index]

    def try_send(self, index: int, topic: str, content: bytes, origin: str) -> bool:
        """Hand a bundle over now, or not at all.

        Returns: False where no byte of it has been written.
        """
        properties = (("log-origin", origin), ("log-index", str(index)))
        try:
            token = self.link.try_publish(topic, content, user_properties=properties)
        except PacketTooLargeError:
            _log.error("the broker upstream refuses bundles of this size", sink=self.name, bundle_bytes=len(content))
            return False
        if token is None:
            return False
        self._under_way[token] = (index, _Message(topic, content, origin))
        return True

    def _event(self, event: LinkEvent) -> None:
        if isinstance(event, Published):
            index, message = self._under_way.pop(event.token)
            if event.accepted:
                self._acknowledged(index)
            else:
                # It has been handed over and stands, so it is offered again, at the next tick, unchanged.
                self._again[index] = message
                _log.error("the broker upstream refused a bundle", sink=self.name, log_index=index, reason=event.reason)
        elif isinstance(event, Connected):
            _log.info("upstream connected", sink=self.name)
        elif isinstance(event, Disconnected):
            _log.warning("upstream away", sink=self.name, reason=event.reason)
        self._wake()
