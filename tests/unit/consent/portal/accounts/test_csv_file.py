"""The balance as a file: the same numbers as the page's, a row for each account and flow."""

from __future__ import annotations

import csv
import io
from collections import defaultdict

from hypothesis import given

from consent.portal.accounts import csv_file
from consent.portal.accounts.csv_file import COLUMNS, csv_of
from consent.portal.accounts.day import day_balance
from tests.support.balances import RoundedDay, rounded_days, said_balance, told_by


def rows_of(text: str) -> list[dict[str, str]]:
    """Return the lines of a file by their columns."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


@given(rounded_days())
def test_the_lines_of_a_row_add_up_to_the_row(day: RoundedDay) -> None:
    sums: dict[str, int] = defaultdict(int)
    for line in rows_of(csv_of(day.answer)):
        if line["row"]:
            sums[line["row"]] += int(line["n"])
    balance = day_balance(day.answer)
    assert sums.pop("considered", 0) == balance.considered.least
    expected = {f"held.{row}": uses.least for row, uses in balance.held}
    expected |= {f"waiting.{row}": uses.least for row, uses in balance.waiting}
    for told in balance.told:
        expected[f"told.{told.form}"] = expected.get(f"told.{told.form}", 0) + told.uses.least
    assert sums == expected


@given(rounded_days())
def test_each_number_is_a_multiple_of_what_it_says_it_is_rounded_to(day: RoundedDay) -> None:
    lines = rows_of(csv_of(day.answer))
    steps = [int(line["rounded_to"]) for line in lines if line["kind"] == "flow" and line["unit"] == "pairs"]
    assert steps == [told.step for told in day.answer.told]
    for line in lines:
        assert line["unit"] == "records" or int(line["n"]) % int(line["rounded_to"]) == 0
        if line["kind"] == "account":
            n, step = int(line["n"]), int(line["rounded_to"])
            assert n <= day.exact[line["account"]] < n + step


def test_every_account_and_flow_is_there_with_its_unit() -> None:
    answer = said_balance()
    lines = rows_of(csv_of(answer))
    accounts = {line["account"]: int(line["n"]) for line in lines if line["kind"] == "account"}
    assert accounts == {**answer.accounts, "pairs.duplicate": 0}
    assert {line["unit"] for line in lines} == {"bundles", "pairs", "records"}
    assert sum(line["kind"] == "flow" for line in lines) == 2 * len(answer.told)
    assert {line["until"] for line in lines} == {"2026-11-28T00:00:00Z"}


def test_records_are_exact_but_for_homes_one_by_one() -> None:
    lines = rows_of(csv_of(said_balance()))
    steps = {line["identity"]: line["rounded_to"] for line in lines if line["unit"] == "records"}
    assert steps == {"aggregate": "1", "per-record": "1", "per-epoch": "15"}


def test_no_cell_is_run_by_a_spreadsheet() -> None:
    lines = rows_of(csv_of(said_balance(told=[told_by("=1+1", "@evil", "resident", "-stable,\n", 15)])))
    assert (lines[-1]["flow"], lines[-1]["recipient"], lines[-1]["identity"]) == ("'=1+1", "'@evil", "'-stable,\n")


def test_every_column_is_described() -> None:
    assert all(f"`{column}`" in (csv_file.__doc__ or "") for column in COLUMNS)
