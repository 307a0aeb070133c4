"""The ledger: accounts, moves between them, and what an `account` entry states."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ledger import Ledger
from tests.support.gate import Gate, only


def test_add_zero_makes_no_account() -> None:
    """An account that nothing ever went into does not exist."""
    ledger = Ledger()
    ledger.add("frames.received", 0)
    ledger.move("pairs.open", "pairs.withdrawn", 0)
    assert ledger.totals == {}


def test_move_keeps_the_sum() -> None:
    """What leaves one account enters another."""
    ledger = Ledger({"pairs.open": 5})
    ledger.move("pairs.open", "pairs.aggregated", 3)
    assert ledger.totals == {"pairs.open": 2, "pairs.aggregated": 3}


def test_sum_takes_an_account_and_its_reasons_and_no_namesake() -> None:
    """`pairs.withheld` has its reasons, and not those of `pairs.withheld_at_release`."""
    ledger = Ledger({"pairs.withheld.a": 1, "pairs.withheld.b": 2, "pairs.withheld_at_release.a": 4, "pairs.open": 8})
    assert [ledger.sum(name) for name in ("pairs.withheld", "pairs.withheld_at_release", "pairs.open", "pairs.late")] == [
        3,
        4,
        8,
        0,
    ]


def test_imbalances_named() -> None:
    """A ledger that does not balance says which of its balances fails; an empty one balances."""
    assert Ledger().imbalances() == []
    (line,) = Ledger({"frames.received": 2, "frames.admitted": 1}).imbalances()
    assert line.startswith("frames.received `2` is not")


_MOVES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-9, 9)), max_size=12)


@given(st.lists(_MOVES, max_size=6))
def test_differences_of_all_periods_add_up_to_the_totals(periods: list[list[tuple[str, int]]]) -> None:
    """Every `account` entry is the one before it plus its own differences, also across a restart."""
    ledger = Ledger()
    known: dict[str, int] = {}
    for moves in periods:
        for account, n in moves:
            ledger.add(account, n)
        totals, differences = ledger.close_period()
        for account, n in differences.items():
            assert n != 0
            known[account] = known.get(account, 0) + n
        assert {name: n for name, n in known.items() if n} == {name: n for name, n in totals.items() if n}
        assert ledger.differences() == {}
        ledger = Ledger(ledger.totals, ledger.accounted())


def test_close_period_hands_out_copies() -> None:
    """What was stated once is not changed by what happens later."""
    ledger = Ledger({"a": 1})
    totals, _ = ledger.close_period()
    accounted = ledger.accounted()
    ledger.add("a")
    assert totals == accounted == ledger.accounted() == {"a": 1}
    assert ledger.differences() == {"a": 1}


def test_given_mappings_are_not_changed() -> None:
    """The ledger owns its totals."""
    totals, accounted = {"a": 1}, {"a": 1}
    ledger = Ledger(totals, accounted)
    ledger.add("a")
    ledger.close_period()
    assert totals == accounted == {"a": 1}


def test_every_account_of_a_busy_day_is_known_to_auditors() -> None:
    """The names that the core books under are those that the auditors' balances have."""
    gate = Gate(only("hourly", "raw"))
    home, stranger = gate.home("hourly", "raw"), gate.home()
    for device in (home, stranger):
        gate.send(device, kwh=1)
        gate.send(device, kwh=1)
        gate.send(device, gate.now_ms + 10**10, kwh=1)
    assert gate.state.ledger.imbalances() == []
    assert gate.count("pairs") > 0
