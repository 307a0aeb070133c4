"""From where a request comes, and how many requests from there are answered: a bucket of tokens for each address.

An address is kept in memory alone, and forgotten by the first request after its bucket is full again. Of IPv6 the network of 64
bits counts, which is what one household or one server is given. Behind a reverse proxy on this machine the address is the one
that the proxy names.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from starlette.types import Scope

_NETWORK_BITS: Final = 64
_LONGEST_ADDRESS: Final = 64
_FORWARDED_FOR: Final = b"x-forwarded-for"
_FORWARDED_PROTO: Final = b"x-forwarded-proto"


def network_of(address: str) -> str:
    """Return what counts as one visitor: an IPv4 address, the /64 of an IPv6 one; other texts stand for themselves."""
    if len(address) > _LONGEST_ADDRESS:
        return ""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        host_bits = ip.max_prefixlen - _NETWORK_BITS
        return str(IPv6Address(int(ip) >> host_bits << host_bits))
    return str(ip)


def is_local(address: str) -> bool:
    """Return whether an address is this machine's own; that of a Unix socket, which has none, is."""
    try:
        return not address or ip_address(address).is_loopback
    except ValueError:
        return False


def visitor_of(scope: Scope, *, trusts_proxy: bool) -> str:
    """Return who counts as asking.

    Args:
        trusts_proxy: A proxy on this machine has put the address it saw at the end of `X-Forwarded-For`; what stands before that,
            and what anyone else sends, is the visitor's own word.
    """
    client = scope.get("client")
    address = str(client[0]) if client else ""
    if trusts_proxy and is_local(address):
        told = _last(scope["headers"], _FORWARDED_FOR)
        return network_of(told) if told else address
    return network_of(address)


def scheme_of(scope: Scope, *, trusts_proxy: bool) -> str:
    """Return `https` or `http`, as the visitor's browser sees it."""
    client = scope.get("client")
    if trusts_proxy and is_local(str(client[0]) if client else ""):
        return "https" if _last(scope["headers"], _FORWARDED_PROTO) == "https" else str(scope["scheme"])
    return str(scope["scheme"])


def _last(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    found = [value for key, value in headers if key == name]
    return found[-1].decode("latin-1").rpartition(",")[2].strip() if found else ""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class Rates:
    """The buckets: bounded in number, and those longest unused go first."""

    def __init__(self, a_minute: int, burst: int, clock: Callable[[], float], most: int = 10_000) -> None:
        """Fill every bucket.

        Args:
            a_minute: So many tokens come in a minute; 0: nothing is counted.
            burst: So many a bucket holds.
            clock: Monotonic seconds.
            most: So many addresses are known at once.
        """
        self._a_second = a_minute / 60
        self._burst = float(burst)
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, visitor: str, price: int) -> float:
        """Take tokens, and return 0; or take none, and return in how many seconds there are enough."""
        if not self._a_second:
            return 0.0
        now = self._clock()
        self._forget(now)
        bucket = self._buckets.get(visitor)
        if bucket is None:
            while len(self._buckets) >= self._most:
                self._buckets.popitem(last=False)
            bucket = self._buckets[visitor] = _Bucket(self._burst, now)
        self._buckets.move_to_end(visitor)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at_s) * self._a_second)
        bucket.at_s = now
        if bucket.tokens < price:
            return (price - bucket.tokens) / self._a_second
        bucket.tokens -= price
        return 0.0

    def _forget(self, now: float) -> None:
        """Forget whose bucket is full again: those longest unused stand first."""
        full_after_s = self._burst / self._a_second
        while self._buckets and now - next(iter(self._buckets.values())).at_s >= full_after_s:
            self._buckets.popitem(last=False)
