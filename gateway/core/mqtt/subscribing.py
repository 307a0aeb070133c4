"""The subscriptions of one connection: what is asked of the broker, and what it has answered.

The session subscribes anew at every connection. A filter that overlaps another has an identifier (``copies``), and so a packet of
its own; all others go into one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import mqtt5
from mqtt5 import QoS, RetainHandling, TopicFilter

from gateway.core.mqtt.faults import protocol_error


class Subscribing:
    """Subscribes, and collects the answers.

    Args:
        next_packet_id: Gives an identifier that no packet under way has.

    Attributes:
        granted: The broker's answer for each filter, as far as it has come.
        unsubscribing: The identifier of the packet that ends subscriptions, until it is answered; else 0.
    """

    def __init__(self, next_packet_id: Callable[[], int]) -> None:
        self.granted: dict[str, int] = {}
        self.unsubscribing = 0
        self._next_packet_id = next_packet_id
        self._asked: dict[int, Sequence[str]] = {}  # packet identifier -> filters that await their answer

    @property
    def awaits_answer(self) -> bool:
        """Whether a filter has not been answered."""
        return bool(self._asked)

    def subscribe(self, filters: Sequence[str], identifiers: Mapping[str, int]) -> bytes:
        """Return what subscribes to filters, some of which have identifiers."""
        packets = [self._subscribe([pattern], identifier) for pattern, identifier in identifiers.items()]
        others = [pattern for pattern in filters if pattern not in identifiers]
        if others:
            packets.append(self._subscribe(others, None))
        return b"".join(packets)

    def _subscribe(self, filters: Sequence[str], identifier: int | None) -> bytes:
        packet_id = self._next_packet_id()
        self._asked[packet_id] = filters
        asked = [
            TopicFilter(pattern, max_qos=QoS.AT_LEAST_ONCE, retain_as_published=False, retain_handling=RetainHandling.SEND_NEVER)
            for pattern in filters
        ]
        return mqtt5.SubscribePacket(packet_id, asked, subscription_id=identifier).write()

    def unsubscribe(self, filters: Sequence[str]) -> bytes:
        """Return what ends subscriptions; nothing where there are none to end."""
        if not filters:
            return b""
        self.unsubscribing = self._next_packet_id()
        return mqtt5.UnsubscribePacket(self.unsubscribing, list(filters)).write()

    def answered(self, packet: mqtt5.SubAckPacket) -> None:
        """Record the answer to one packet.

        Raises:
            BrokerFaultError: It answers nothing that was asked.
        """
        filters = self._asked.pop(packet.packet_id, ())
        if not filters or len(packet.reason_codes) != len(filters):
            raise protocol_error("an answer to a subscription that we did not ask for")
        self.granted |= {pattern: int(code) for pattern, code in zip(filters, packet.reason_codes, strict=True)}
