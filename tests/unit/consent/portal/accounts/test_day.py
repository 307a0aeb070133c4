"""The accounts of a day as the page groups them: each number once, by what was told, held back and still waits."""

from __future__ import annotations

from hypothesis import given

from consent.portal.accounts.day import Form, Told, Uses, day_balance, form_of
from consent.portal.accounts.reasons import held_row
from tests.support.balances import RoundedDay, rounded_days, said_balance, told_by


@given(rounded_days())
def test_the_whole_is_what_the_rows_and_what_they_leave_over_add_up_to(day: RoundedDay) -> None:
    balance = day_balance(day.answer)
    if balance.considered.least:
        assert balance.whole == balance.rows.least + balance.left_over == balance.considered.least + balance.added
        assert not balance.left_over or not balance.added
    else:
        assert balance.whole == 0


@given(rounded_days())
def test_every_row_holds_what_was_truly_there(day: RoundedDay) -> None:
    """At least what it says, and fewer than it says where it says that."""
    balance = day_balance(day.answer)
    held = sum(uses for account, uses in day.exact.items() if held_row(account))
    steps = sum(step for account, step in day.answer.steps.items() if held_row(account))
    said = sum((uses for _, uses in balance.held), Uses())
    assert said.least <= held < said.least + steps or held == steps == 0
    assert balance.went_on.least <= day.exact["told"]
    for uses in (balance.considered, *[uses for _, uses in (*balance.held, *balance.waiting)]):
        assert uses.least or uses.below or uses == Uses()


def test_rows_are_told_by_recipient_and_form_and_held_by_reason() -> None:
    balance = day_balance(said_balance())
    assert balance.told == (
        Told("city-energy", Form.SUMS, Uses(1545), 103),
        Told("city-energy", Form.SINGLY, Uses(240), 16),
        Told("city-environment", Form.CITY, Uses(45), 3),
    )
    assert balance.held == (
        ("no-yes", Uses(1830)),
        ("few", Uses(60)),
        ("taken-back", Uses(45)),
        ("late", Uses(15)),
        ("twice", Uses(0, 15)),
    )
    assert balance.waiting == (("open", Uses(45)),)
    assert (balance.whole, balance.left_over, balance.added, balance.steps) == (3840, 15, 0, (15,))


def test_what_was_waiting_before_is_no_gain_of_the_day() -> None:
    """Figures of the days before may leave today: more goes on than was weighed."""
    answer = said_balance({"pairs.considered": 30}, told=[told_by("f", "r", "resident", "aggregate", 90)])
    balance = day_balance(answer)
    assert (balance.considered, balance.whole, balance.added, balance.left_over) == (Uses(30), 90, 60, 0)


def test_where_too_little_was_weighed_there_is_no_whole() -> None:
    """Nothing is computed from what is below its step; what went on of the city's own sensors is told all the same."""
    told = [told_by("f", "r", "city", "per-record", 800, 50), told_by("g", "r", "resident", "aggregate", 0, 4800)]
    balance = day_balance(said_balance({"pairs.considered": 0, "pairs.withheld.k": 0}, 4800, told=told))
    assert balance.considered == Uses(0, 4800)
    assert (balance.whole, balance.left_over, balance.added) == (0, 0, 0)
    assert balance.went_on == Uses(800, 4800)
    assert balance.steps == (50, 4800)


def test_the_form_is_that_of_the_owner_and_the_level_of_identity() -> None:
    assert form_of(told_by("f", "r", "city", "aggregate", 15)) is Form.CITY
    assert form_of(told_by("f", "r", "resident", "aggregate", 15)) is Form.SUMS
    assert [form_of(told_by("f", "r", "resident", each, 15)) for each in ("per-record", "per-epoch", "stable")] == [
        Form.SINGLY
    ] * 3
