from __future__ import annotations

from hypothesis import given

from consent.portal.accounts.day import Form, Told, day_balance, form_of
from consent.public_messages import PublicBalance
from tests.support.balances import rounded_days, said_balance, told_by


@given(rounded_days())
def test_every_use_stands_in_one_row_or_in_what_rounding_leaves_over(answer: PublicBalance) -> None:
    balance = day_balance(answer)
    rows = balance.told_uses + balance.held_uses + balance.waiting_uses
    assert balance.whole == rows + max(balance.remainder, 0)
    assert balance.whole == balance.considered + balance.carried + max(-balance.remainder, 0)


@given(rounded_days())
def test_of_a_ledger_that_balances_rounding_explains_every_difference(answer: PublicBalance) -> None:
    accounts = len([account for account in answer.accounts if account.startswith("pairs.")])
    balance = day_balance(answer)
    assert abs(balance.remainder) <= answer.group * (accounts + len(answer.told) + 3)
    if answer.group == 1:
        assert balance.remainder == 0


def test_rows_are_told_by_recipient_and_form_and_held_by_reason() -> None:
    balance = day_balance(said_balance())
    assert balance.told == (
        Told("city-energy", Form.SUMS, 1545),
        Told("city-energy", Form.SINGLY, 240),
        Told("city-environment", Form.CITY, 45),
    )
    assert balance.held == (("no-yes", 1830), ("few", 60), ("taken-back", 45), ("late", 15))
    assert balance.waiting == (("open", 45),)
    assert (balance.whole, balance.remainder, balance.is_rounding) == (3840, 15, True)


def test_what_was_waiting_before_is_no_gain_of_the_day() -> None:
    """Figures of the days before may leave today: more goes on than was weighed."""
    accounts = {"pairs.considered": 30, "pairs.open": -60, "pairs.aggregated": 90}
    balance = day_balance(said_balance(accounts=accounts, told=[told_by("f", "r", "resident", "aggregate", 90)]))
    assert (balance.considered, balance.carried, balance.told_uses, balance.whole) == (30, 60, 90, 90)
    assert balance.waiting == ()


def test_a_difference_beyond_rounding_is_not_called_rounding() -> None:
    answer = said_balance(accounts={"pairs.considered": 3000}, told=[])
    assert not day_balance(answer).is_rounding
    assert day_balance(answer).remainder == 3000


def test_the_form_is_that_of_the_owner_and_the_level_of_identity() -> None:
    assert form_of(told_by("f", "r", "city", "aggregate", 1)) is Form.CITY
    assert form_of(told_by("f", "r", "resident", "aggregate", 1)) is Form.SUMS
    assert [form_of(told_by("f", "r", "resident", each, 1)) for each in ("per-record", "per-epoch", "stable")] == [
        Form.SINGLY
    ] * 3
