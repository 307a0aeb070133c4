"""Who of the connected clients may stay: a bound on all connections, and a smaller one on those of one network.

Whoever opens connections and says nothing holds places that others need. Where a network is beyond its share, or all places are
taken, the connection that has been longest over its present exchange gives way to the new one, at once: an honest exchange takes
milliseconds, and the one that has lasted longer than all others is the one to doubt. Of several networks the one with the most
connections gives way, so that one network never costs another a place. Nobody waits for a place.

A network is an IPv4 address, or the first 64 bits of an IPv6 one, the least that a customer is given (RFC 6177). Loopback
addresses and those named as proxies speak for many, and have no share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, Generic, TypeVar

MOST_PLACES: Final = 256
SHARE: Final = 32
"""How many places one network may hold."""
_HOST_BITS: Final = 64

C = TypeVar("C", bound=Hashable)
Network = IPv4Network | IPv6Network


@dataclass(slots=True)
class Places(Generic[C]):
    """The places of a server, and which connection holds each.

    Attributes:
        proxies: Addresses that have no share, since they speak for many.
        most: How many places there are.
        share: How many of them one network may hold.
    """

    proxies: tuple[Network, ...] = ()
    most: int = MOST_PLACES
    share: int = SHARE
    _network: dict[C, Hashable] = field(init=False, default_factory=dict)
    """The network of each connection, the one first that has been longest over its exchange."""
    _held: Counter[Hashable] = field(init=False, default_factory=Counter)

    def enter(self, connection: C, address: str) -> C | None:
        """Give a connection a place; return the one that has lost its place for it, which is to be closed.

        Args:
            address: Of its client; what is no internet address is a network of its own.
        """
        network, has_share = self._network_of(address)
        loser = None
        if has_share and self._held[network] >= self.share:
            loser = next(each for each, whose in self._network.items() if whose == network)
        elif len(self._network) >= self.most:
            most = max(self._held.values())
            loser = next(each for each, whose in self._network.items() if self._held[whose] == most)
        if loser is not None:
            self.leave(loser)
        self._network[connection] = network
        self._held[network] += 1
        return loser

    def refresh(self, connection: C) -> None:
        """Record that a connection has begun another exchange."""
        if connection in self._network:
            self._network[connection] = self._network.pop(connection)

    def leave(self, connection: C) -> None:
        """Take back a connection's place, if it has one."""
        network = self._network.pop(connection, None)
        if network is not None:
            self._held[network] -= 1
            if not self._held[network]:
                del self._held[network]

    def _network_of(self, address: str) -> tuple[Hashable, bool]:
        """Return the network of an address, and whether that has a share."""
        try:
            found = ip_address(address)
        except ValueError:
            return address, True
        if isinstance(found, IPv6Address):
            found = found.ipv4_mapped or found
        if found.is_loopback or any(found in proxy for proxy in self.proxies):
            return found, False
        return (int(found) >> _HOST_BITS if isinstance(found, IPv6Address) else found), True
