"""Who counts as one visitor, and how much one is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from consent.portal.http.visitors import Rates, network_of, scheme_of, visitor_of


@dataclass
class Now:
    """A monotonic clock that a test moves."""

    s: float = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.s


def scope(client: str | None, *headers: tuple[str, str]) -> dict[str, Any]:
    """Return a request from an address."""
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return {"type": "http", "client": None if client is None else (client, 7), "scheme": "http", "headers": pairs}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("unix", "unix"),
        ("x" * 65, ""),
    ],
)
def test_visitor_is_an_address_or_a_network_of_64_bits(address: str, network: str) -> None:
    """Whoever has a network cannot be a visitor for each of its addresses."""
    assert network_of(address) == network


def test_visitor_cannot_name_another_address_for_themselves() -> None:
    """Only the proxy on this machine is believed, and of what it passes on only what it has put there itself."""
    named = ("x-forwarded-for", "203.0.113.9, 198.51.100.1")
    assert visitor_of(scope("192.0.2.7", named), trusts_proxy=True) == "192.0.2.7"
    assert visitor_of(scope("127.0.0.1", named), trusts_proxy=False) == "127.0.0.1"
    assert visitor_of(scope("127.0.0.1", named), trusts_proxy=True) == "198.51.100.1"
    twice = (("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.2"))
    assert visitor_of(scope("::1", *twice), trusts_proxy=True) == "198.51.100.2"
    assert visitor_of(scope(None, named), trusts_proxy=True) == "198.51.100.1"
    assert visitor_of(scope("127.0.0.1"), trusts_proxy=True) == "127.0.0.1"


def test_scheme_is_the_proxys_word_alone() -> None:
    """A browser that says of itself that it came by TLS gets no promise that it will."""
    told = ("x-forwarded-proto", "https")
    assert scheme_of(scope("127.0.0.1", told), trusts_proxy=True) == "https"
    assert scheme_of(scope("192.0.2.7", told), trusts_proxy=True) == "http"
    assert scheme_of(scope("127.0.0.1", told), trusts_proxy=False) == "http"


def test_bucket_is_emptied_and_filled_again() -> None:
    """Fifteen at once, then one a second; the wait is told to the second, and another visitor does not wait."""
    now = Now()
    rates = Rates(600, 150, now)
    assert [rates.wait_s("a", 10) for _ in range(15)] == [0.0] * 15
    assert rates.wait_s("a", 10) == 1.0
    assert rates.wait_s("b", 10) == 0.0
    now.s = 0.5
    assert rates.wait_s("a", 10) == 0.5
    now.s = 1.0
    assert rates.wait_s("a", 10) == 0.0
    assert rates.wait_s("a", 1) == 0.1


def test_addresses_are_bounded_and_forgotten() -> None:
    """A million addresses take the memory of a few, and nobody is remembered for longer than the bucket takes to fill."""
    now = Now()
    rates = Rates(600, 150, now, most=100)
    for n in range(1000):
        rates.wait_s(f"visitor-{n}", 10)
    assert len(rates._buckets) == 100
    now.s = 15.0
    rates.wait_s("last", 10)
    assert list(rates._buckets) == ["last"]


def test_no_bound_asks_nothing() -> None:
    """0 a minute is no bound, and keeps no address."""
    rates = Rates(0, 0, Now())
    assert [rates.wait_s("a", 10) for _ in range(1000)] == [0.0] * 1000
    assert not rates._buckets
