"""How often a code, or any way to come in, may be tried: from one place, and of one code.

The gateway bounds the tries of all together; this keeps one visitor from using them up, and says when to come back. Addresses and
hashes of codes are in memory alone, and forgotten within the hour.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from hashlib import sha256
from ipaddress import IPv6Network
from typing import Final

from consent.portal.http.visitors import Rates

FROM_ONE_PLACE: Final = (10, 20)
"""Tries a minute, and at once: a household that mistypes, or many behind one address."""
FROM_ONE_NETWORK: Final = (60, 120)
"""The same of all places in one IPv6 network of 48 bits, which is what one customer of a network may be given."""
OF_ONE_CODE: Final = (1, 8)
_NETWORK_BITS: Final = 48


class Tries:
    """The buckets of both."""

    def __init__(self, clock: Callable[[], float], *, is_bound: bool = True) -> None:
        """Fill them.

        Args:
            clock: Monotonic seconds.
            is_bound: Whether anything is counted.
        """
        self._places = Rates(FROM_ONE_PLACE[0] if is_bound else 0, FROM_ONE_PLACE[1], clock)
        self._networks = Rates(FROM_ONE_NETWORK[0] if is_bound else 0, FROM_ONE_NETWORK[1], clock)
        self._codes = Rates(OF_ONE_CODE[0] if is_bound else 0, OF_ONE_CODE[1], clock)

    def wait_s(self, visitor: str, codes: Iterable[str]) -> float:
        """Count a try, and return 0; or return in how many seconds there may be one."""
        names = [sha256(re.sub(r"[^0-9A-Z]", "", code.upper()).encode()).hexdigest() for code in codes if code]
        places = [self._places.wait_s(visitor, 1), *(self._networks.wait_s(each, 1) for each in _networks_of(visitor))]
        return max([*places, *(self._codes.wait_s(name, 1) for name in names)])


def _networks_of(visitor: str) -> list[str]:
    """Return the network that a place of IPv6 lies in; none of another."""
    try:
        return [str(IPv6Network((visitor, _NETWORK_BITS), strict=False))]
    except ValueError:
        return []
