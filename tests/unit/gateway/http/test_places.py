"""The places of an HTTP server: one network's silent clients cost nobody else theirs, and nobody waits for one."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from gateway.http.places import MOST_PLACES, SHARE, Places


def _entered(places: Places[str], address: str, n: int, name: str = "") -> list[str | None]:
    return [places.enter(f"{name or address} {number}", address) for number in range(n)]


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "no address"])
def test_network_beyond_its_share_loses_its_own_longest(address: str) -> None:
    """The first that came goes first, and no other network's."""
    places = Places[str]()
    assert _entered(places, "198.51.100.1", 1) == [None]
    assert _entered(places, address, SHARE) == [None] * SHARE
    assert places.enter("new", address) == f"{address} 0"
    assert places.enter("newer", address) == f"{address} 1"
    assert places.enter("another", "198.51.100.2") is None


def test_addresses_of_one_customer_are_one_network() -> None:
    """The 2^64 of an IPv6 network, which cost nothing; the next network is another's."""
    places = Places[str]()
    _entered(places, "2001:db8:0:1::1", SHARE)
    assert places.enter("same", "2001:db8:0:1:ffff:ffff:ffff:ffff") == "2001:db8:0:1::1 0"
    assert places.enter("other", "2001:db8:0:2::1") is None


def test_exchange_that_ends_makes_a_connection_the_newest() -> None:
    """Who asks and is answered stays before who has said nothing."""
    places = Places[str](share=2)
    _entered(places, "192.0.2.1", 2)
    places.refresh("192.0.2.1 0")
    assert places.enter("new", "192.0.2.1") == "192.0.2.1 1"


def test_place_that_was_left_is_free() -> None:
    """Once, however often it is left, and also where it was lost before."""
    places = Places[str](share=2)
    _entered(places, "192.0.2.1", 2)
    assert places.enter("new", "192.0.2.1") == "192.0.2.1 0"
    for _ in range(2):
        places.leave("192.0.2.1 0")
        places.leave("192.0.2.1 1")
        places.refresh("192.0.2.1 1")
    assert places.enter("newer", "192.0.2.1") is None
    assert places.enter("newest", "192.0.2.1") == "new"


def test_full_server_takes_a_place_from_the_network_with_the_most() -> None:
    """A crowd of one network never costs a lone client its place; among equals the longest goes."""
    places = Places[str](most=6, share=4)
    _entered(places, "192.0.2.1", 1, "lone")
    _entered(places, "192.0.2.2", 4, "crowd")
    _entered(places, "192.0.2.3", 1, "other")
    assert places.enter("new", "192.0.2.4") == "crowd 0"
    places = Places[str](most=2)
    assert [places.enter(name, f"192.0.2.{name}") for name in "1234"] == [None, None, "1", "2"]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1", "192.0.2.7", "2001:db8:1::5"])
def test_proxy_has_no_share_and_the_server_its_bound(address: str) -> None:
    """Many people come from its one address: loopback, and what is named."""
    places = Places[str]((ip_network("192.0.2.7"), ip_network("2001:db8:1::/48")))
    assert _entered(places, address, MOST_PLACES) == [None] * MOST_PLACES
    assert places.enter("new", address) == f"{address} 0"
