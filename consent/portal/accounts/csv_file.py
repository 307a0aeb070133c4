"""`balance.csv`: every number of a day that the gateway tells, one in each line, for whoever wants to add them up again.

The columns, in this order; those that do not apply are empty:

- `day`: the UTC day.
- `until`: up to when it counts, as `2026-11-28T17:00:00Z`.
- `rounded_to`: the number is rounded down to a multiple of this, so that it never tells of fewer homes than the group; 1: it is
  exact.
- `kind`: `account` or `flow`.
- `account`: of an account, its name in the ledger; see ``docs/log-format.md``, "Accounts".
- `flow`, `recipient`, `owner`, `identity`: of a flow, what left by it: to whom, whose sensors told it (`city` where it is about
  nobody, else `resident`), and at which level of identity.
- `row`: the row of the page `/balance` that counts the number: `considered`, `told.<form>`, `held.<reason>`, `waiting.<reason>`;
  empty where none does.
- `unit`: `pairs` (uses of readings), `records` or `bundles`.
- `n`: the number. What is less than `rounded_to` has no line, or 0 where another number of the same has one: it may be none.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from consent.portal.accounts.day import CONSIDERED, Form, form_of
from consent.portal.accounts.reasons import WAITING, held_row
from consent.public_messages import PublicBalance

COLUMNS: Final = ("day", "until", "rounded_to", "kind", "account", "flow", "recipient", "owner", "identity", "row", "unit", "n")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so would be run by a spreadsheet."""


def csv_of(answer: PublicBalance) -> str:
    """Return the file of a day."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    until = datetime.fromtimestamp(answer.until_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for line in _lines(answer):
        writer.writerow([answer.day, until, *map(safe_cell, line)])
    return file.getvalue()


def safe_cell(value: str | int) -> str | int:
    """Return a cell as a spreadsheet may read it: a text that it would run begins with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _lines(answer: PublicBalance) -> Iterator[tuple[str | int, ...]]:
    for account, step in sorted(answer.steps.items()):
        n = max(answer.accounts.get(account, 0), 0)
        yield step, "account", account, "", "", "", "", row_of(account), account.partition(".")[0], n
    for told in answer.told:
        flow, form = ("flow", "", told.flow, told.recipient, told.owner, told.identity), form_of(told)
        yield told.step, *flow, f"told.{form}", "pairs", told.pairs
        yield told.step if form is Form.SINGLY else 1, *flow, "", "records", told.records


def row_of(account: str) -> str:
    """Return the row of the page that counts an account; empty where none does."""
    if account == CONSIDERED:
        return "considered"
    waiting = next((row for row, name in WAITING.items() if name == account), "")
    if waiting:
        return f"waiting.{waiting}"
    row = held_row(account)
    return f"held.{row}" if row else ""
