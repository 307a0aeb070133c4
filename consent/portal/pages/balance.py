"""`/balance`: where the readings of a day went. Every use of a reading stands in one place: told, held back and why, or waiting.

Every number is of ``public.balance``: the ledger's accounts as differences over a UTC day, and what left by which flow, all
rounded down by the gateway; ``accounts.day`` adds them up and says what rounding has left over. Titles of recipients come from
the rules in force. Without the gateway there is nothing to show: 503.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from markupsafe import Markup

from consent.portal.accounts.csv_file import csv_of
from consent.portal.accounts.day import DayBalance, Told, day_balance
from consent.portal.answers import CSV, Answer, Content, NoSuchPage, Page, Parameter, Route
from consent.portal.charts.meaning import Meaning
from consent.portal.charts.ribbons import Node
from consent.portal.charts.sankey import sankey
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.public_messages import PublicBalance

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table, and a part of the drawing."""

    name: str
    short: str
    uses: int


@dataclass(frozen=True, slots=True)
class Block:
    """A heading of the table with its rows, which add up to it.

    Attributes:
        name: As the drawing has it.
    """

    name: str
    meaning: Meaning
    uses: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class DoorRow:
    """A number of what came to the gate at all: messages, and values in them."""

    key: str
    n: int


@dataclass(frozen=True, slots=True)
class DayLink:
    """Another day that can be asked for."""

    day: str
    url: str
    is_shown: bool


@dataclass(frozen=True, slots=True)
class BalanceView:
    """What the page shows.

    What was held back is not told apart by owner: the ledger does not tell homes from the city's own sensors there, so that only
    what was told is.

    Attributes:
        day: In words.
        until: Up to when it counts, local time; empty for a whole day.
        begins: When the UTC day begins, local time.
        uses: All: of how many uses this tells.
        considered: How many of them were weighed on the day.
        carried: How many had been waiting since before.
        told: How many went on.
        chart: Empty where there is nothing to draw.
        is_thickened: Whether some flow is drawn thicker than its number.
        blocks: What went on, what was held back, what waits, and what rounding leaves over.
        is_rounding: Whether rounding explains the difference between the numbers.
        added: How much more the rows hold than was weighed, or had waited.
        group: To multiples of this all is rounded down.
        csv: The address of the file.
        earlier: The day before, if it can be asked for.
        later: The day after, likewise.
    """

    day: str
    until: str
    begins: str
    uses: int
    considered: int
    carried: int
    told: int
    chart: Markup
    is_thickened: bool
    blocks: tuple[Block, ...]
    is_rounding: bool
    added: int
    group: int
    door: tuple[DoorRow, ...]
    csv: str
    earlier: DayLink | None
    later: DayLink | None
    days: tuple[DayLink, ...]


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page of a day; of the last whole one, where none is asked for.

    Raises: NoSuchPage: there is no such day, or it is not known any more. GateAwayError: the gateway does not answer.
    """
    answer, days = await _asked(site, parameters.get("day", ""))
    return Page("balance.html", _view(site, visit, answer, days))


async def download(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with all numbers of a day, as a file; see ``accounts.csv_file`` for its columns.

    Raises: as ``show``.
    """
    answer, _ = await _asked(site, parameters.get("day", ""))
    name = f"balance-{answer.day}.csv" if _DAY.fullmatch(answer.day) else "balance.csv"
    return Content(csv_of(answer).encode(), CSV, headers={"content-disposition": f'attachment; filename="{name}"'})


async def _asked(site: Site, day: str) -> tuple[PublicBalance, list[str]]:
    present = await site.gate.balance()
    days = list(dict.fromkeys([present.day, *present.days]))
    if not day:
        day = next((each for each in days if each < present.day), present.day)
    if day not in days:
        raise NoSuchPage("day")
    return (present if day == present.day else await site.gate.balance(day)), days


def _view(site: Site, visit: Visit, answer: PublicBalance, days: list[str]) -> BalanceView:
    balance = day_balance(answer)
    blocks = tuple(_blocks(site, visit, balance))
    drawn = None
    if balance.whole:
        label = _label(visit, visit.day(answer.day), blocks, balance)
        drawn = sankey(_tree(visit, balance, blocks), label=label, visit=visit)
    begin_ms = _midnight_ms(answer.day)
    links = tuple([_link(visit, day, day == answer.day) for day in days])
    at = days.index(answer.day) if answer.day in days else -1
    return BalanceView(
        day=visit.day(answer.day),
        until="" if answer.until_ms >= begin_ms + _DAY_MS else visit.time(answer.until_ms),
        begins=visit.time(begin_ms),
        uses=balance.whole,
        considered=balance.considered,
        carried=balance.carried,
        told=balance.told_uses,
        chart=Markup() if drawn is None else drawn.svg,
        is_thickened=drawn is not None and drawn.thickened,
        blocks=blocks,
        is_rounding=balance.is_rounding,
        added=max(-balance.remainder, 0),
        group=answer.group,
        door=tuple(_door(answer.accounts)),
        csv=visit.url("/balance.csv", day=answer.day),
        earlier=links[at + 1] if 0 <= at < len(links) - 1 else None,
        later=links[at - 1] if at > 0 else None,
        days=links,
    )


_DAY_MS: Final = 86_400_000


def _midnight_ms(day: str) -> int:
    return (date.fromisoformat(day) - date(1970, 1, 1)).days * _DAY_MS


def _link(visit: Visit, day: str, is_shown: bool) -> DayLink:
    return DayLink(visit.day(day), visit.url("/balance", day=day), is_shown)


def _blocks(site: Site, visit: Visit, balance: DayBalance) -> Iterator[Block]:
    """Yield what was told, held back, waits, and is left over, as far as there is any."""
    told = [_told_row(site, visit, told) for told in balance.told]
    held = [_row(visit, "held", row, uses) for row, uses in balance.held]
    waiting = [_row(visit, "waiting", row, uses) for row, uses in balance.waiting]
    left = [_row(visit, "left", "rounding" if balance.is_rounding else "more", max(balance.remainder, 0))]
    each = (("told", Meaning.TOLD, told), ("held", Meaning.HELD, held), ("waiting", Meaning.WAITING, waiting))
    for key, meaning, rows in (*each, ("left", Meaning.ROUNDED, left)):
        if uses := sum(row.uses for row in rows):
            yield Block(visit.text("balance", f"block.{key}"), meaning, uses, tuple(rows))


def _told_row(site: Site, visit: Visit, told: Told) -> Row:
    known = None if site.record.policies is None else site.record.policies.recipients.get(told.recipient)
    recipient = told.recipient if known is None else visit.title(known.title) or told.recipient
    name = visit.text("balance", f"told.{told.form}", recipient=recipient)
    return Row(name, name, told.uses)


def _row(visit: Visit, block: str, row: str, uses: int) -> Row:
    return Row(visit.text("balance", f"{block}.{row}"), visit.text("balance", f"{block}-short.{row}"), uses)


def _tree(visit: Visit, balance: DayBalance, blocks: tuple[Block, ...]) -> Node:
    groups = tuple(
        [
            Node(block.name, block.uses, block.meaning, tuple([Node(row.short, row.uses, block.meaning) for row in block.rows]))
            for block in blocks
        ]
    )
    return Node(visit.text("balance", "all"), balance.whole, Meaning.ALL, groups)


def _label(visit: Visit, day: str, blocks: tuple[Block, ...], balance: DayBalance) -> str:
    """Return the drawing in a sentence for each block."""
    said = [visit.text("balance", "label", day=day, uses=visit.number(balance.whole))]
    for block in blocks:
        rows = "; ".join(f"{row.short}: {visit.number(row.uses)}" for row in block.rows)
        said.append(visit.text("balance", "label-block", block=block.name, uses=visit.number(block.uses), rows=rows))
    return " ".join(said)


def _door(accounts: Mapping[str, int]) -> Iterator[DoorRow]:
    """Yield what came to the gate, before any use of it was weighed."""
    for key in ("frames.received", "frames.ignored", "frames.rejected.", "observations.decoded", "observations.unasked"):
        yield DoorRow(key.rstrip(".").replace(".", "-"), _sum(accounts, key))
    yield DoorRow("observations-refused", _sum(accounts, "observations.refused."))


def _sum(accounts: Mapping[str, int], name: str) -> int:
    return sum(
        max(n, 0) for account, n in accounts.items() if account == name or (name.endswith(".") and account.startswith(name))
    )


_DAY_PARAMETER: Final = Parameter("day", r"\d{4}-\d{2}-\d{2}", "2026-11-27", is_in_query=True)

ROUTES = (
    Route("/balance", show, "Where the readings of a day went", parameters=(_DAY_PARAMETER,), needs_gate=True),
    Route("/balance.csv", download, "Every number of a day's balance", CSV, parameters=(_DAY_PARAMETER,), needs_gate=True),
)
