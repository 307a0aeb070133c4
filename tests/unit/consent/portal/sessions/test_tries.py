"""How often a way in may be tried."""

from __future__ import annotations

from consent.portal.sessions.tries import FROM_ONE_NETWORK, FROM_ONE_PLACE, OF_ONE_CODE, Tries


def test_code_is_bounded_from_everywhere_and_a_place_for_every_code() -> None:
    """However a code is written; and a while later both are free again."""
    now = 0.0
    tries = Tries(lambda: now)
    written = ["7k3m-qx2p", "7K3MQX2P", " 7K3M QX2P "]
    waits = [tries.wait_s(f"place {n}", [written[n % 3]]) for n in range(OF_ONE_CODE[1] + 1)]
    assert [wait > 0 for wait in waits] == [False] * OF_ONE_CODE[1] + [True]
    assert [tries.wait_s("one", [f"code {n}"]) > 0 for n in range(FROM_ONE_PLACE[1] + 1)] == [False] * FROM_ONE_PLACE[1] + [True]
    assert tries.wait_s("another", ["new"]) == 0
    now = 61.0
    assert tries.wait_s("one", ["7K3MQX2P"]) == 0


def test_who_has_a_whole_network_of_places_is_bounded_by_it() -> None:
    """One customer may be given 65,536 networks of 64 bits, each of which counts as a place."""
    tries = Tries(lambda: 0.0)
    waits = [tries.wait_s(f"2001:db8:7:{n:x}::", [f"code {n}"]) > 0 for n in range(FROM_ONE_NETWORK[1] + 1)]
    assert waits == [False] * FROM_ONE_NETWORK[1] + [True]
    assert tries.wait_s("2001:db8:8::", ["new"]) == 0
    assert tries.wait_s("192.0.2.7", ["newer"]) == 0


def test_nothing_is_bounded_where_nothing_is() -> None:
    """For a portal that a test asks."""
    tries = Tries(lambda: 0.0, is_bound=False)
    assert {tries.wait_s("one", ["code"]) for _ in range(100)} == {0.0}
