"""`/balance`: where the readings of a day went. Every use of a reading stands in one place: told, held back and why, or waiting.

Every number is of ``public.balance``: the ledger's accounts as differences over a UTC day, and what left by which flow, all
rounded down by the gateway; ``accounts.day`` adds them up and says what rounding has left over. Titles of recipients come from
the rules in force. Without the gateway there is nothing to show: 503.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from consent.core.disclosure import DAY_MS
from consent.core.explain.phrases import Phrases
from consent.portal.accounts.csv_file import COLUMNS, csv_of
from consent.portal.accounts.day import DayBalance, Told, Uses, day_balance, sum_of
from consent.portal.answers import CSV, Answer, NoSuchPage, Page, Parameter, Route, file_of
from consent.portal.charts.meaning import Meaning
from consent.portal.charts.ribbons import Share
from consent.portal.charts.sankey import sankey
from consent.portal.site import Site
from consent.portal.visit import Visit, midnight_ms
from consent.public_messages import PublicBalance

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """A row of the table, and a part of the drawing.

    Attributes:
        name: In full; `short` as the drawing has it.
        records: In so many records it left; 0 where that is not told.
    """

    name: str
    short: str
    uses: Uses
    records: int = 0


@dataclass(frozen=True, slots=True)
class BalanceBlock:
    """A heading of the table with its rows, which add up to it.

    Attributes:
        name: As the drawing has it.
    """

    name: str
    meaning: Meaning
    rows: tuple[BalanceRow, ...]

    @property
    def uses(self) -> Uses:
        """All rows together."""
        return sum_of(row.uses for row in self.rows)


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
        kind: `whole` (of so many, so many went on), `whole-few` (too few went on to say how many), `whole-none`; the same where
            too little was weighed to say how much: `part`, `part-few`, `part-none`; or `empty`.
        day: In words.
        until: Up to when it counts, local time; empty for a whole day.
        begins: When the UTC day begins, local time.
        whole: Of how many uses this tells; 0 where that is not told.
        considered: Weighed on the day.
        added: How much more the rows hold than was weighed.
        told: What went on.
        chart: Empty where there is nothing to draw, or less than rounding leaves over.
        is_thickened: Whether some flow is drawn thicker than its number.
        blocks: What went on, what was held back, what waits, and what the rows leave over.
        group: No number tells of fewer homes than this.
        steps: To multiples of these the numbers are rounded down, as a list in words.
        csv: The address of the file.
        columns: Its columns.
        earlier: The day before, if it can be asked for.
        later: The day after, likewise.
    """

    kind: str
    day: str
    until: str
    begins: str
    whole: int
    considered: Uses
    added: int
    told: Uses
    chart: Markup
    is_thickened: bool
    blocks: tuple[BalanceBlock, ...]
    group: int
    steps: str
    csv: str
    columns: tuple[str, ...]
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
    return file_of(csv_of(answer).encode(), CSV, name)


async def _asked(site: Site, day: str) -> tuple[PublicBalance, list[str]]:
    present = await site.gate.balance()
    days = list(dict.fromkeys([present.day, *present.days]))
    if not day:
        day = next((each for each in days if each < present.day), present.day)
    if day not in days:
        raise NoSuchPage("day")
    return (present if day == present.day else await site.gate.balance(day)), days


def _view(site: Site, visit: Visit, answer: PublicBalance, days: list[str]) -> BalanceView:
    balance, begin_ms = day_balance(answer), midnight_ms(answer.day)
    blocks = tuple(_blocks(site, visit, balance))
    drawn = None
    if balance.whole > 2 * balance.left_over:  # else it would be mostly of what rounding leaves over
        drawn = sankey(_tree(visit, balance, blocks), label=_label(visit, visit.day(answer.day), blocks, balance), visit=visit)
    links = tuple([_link(visit, day, day == answer.day) for day in days])
    at = days.index(answer.day) if answer.day in days else -1
    return BalanceView(
        kind=_kind(balance),
        day=visit.day(answer.day),
        until="" if answer.until_ms >= begin_ms + DAY_MS else visit.time(answer.until_ms),
        begins=visit.time(begin_ms),
        whole=balance.whole,
        considered=balance.considered,
        added=balance.added,
        told=balance.went_on,
        chart=Markup() if drawn is None else drawn.svg,
        is_thickened=drawn is not None and drawn.thickened,
        blocks=blocks,
        group=answer.group,
        steps=Phrases(visit.language).listed([visit.number(step) for step in balance.steps]) if balance.steps else "",
        csv=visit.url("/balance.csv", day=answer.day),
        columns=COLUMNS,
        earlier=links[at + 1] if 0 <= at < len(links) - 1 else None,
        later=links[at - 1] if at > 0 else None,
        days=links,
    )


def _kind(balance: DayBalance) -> str:
    if balance.considered == Uses() and balance.rows == Uses():
        return "empty"
    told = balance.went_on
    amount = "" if told.least else "-few" if balance.told else "-none"
    return f"{'whole' if balance.whole else 'part'}{amount}"


def _link(visit: Visit, day: str, is_shown: bool) -> DayLink:
    return DayLink(visit.day(day), visit.url("/balance", day=day), is_shown)


def _blocks(site: Site, visit: Visit, balance: DayBalance) -> Iterator[BalanceBlock]:
    """Yield what was told, held back, waits, and is left over, as far as there is any."""
    told = [_told_row(site, visit, told) for told in balance.told]
    held = [_row(visit, "held", row, uses) for row, uses in balance.held]
    waiting = [_row(visit, "waiting", row, uses) for row, uses in balance.waiting]
    left = [_row(visit, "left", "rounding", Uses(balance.left_over))] if balance.left_over else []
    each = (("told", Meaning.TOLD, told), ("held", Meaning.HELD, held), ("waiting", Meaning.WAITING, waiting))
    for key, meaning, rows in (*each, ("left", Meaning.ROUNDED, left)):
        if rows:
            yield BalanceBlock(visit.text("balance", f"block.{key}"), meaning, tuple(rows))


def _told_row(site: Site, visit: Visit, told: Told) -> BalanceRow:
    known = None if site.record.policies is None else site.record.policies.recipients.get(told.recipient)
    recipient = told.recipient if known is None else visit.title(known.title) or told.recipient
    name = visit.text("balance", f"told.{told.form}", recipient=recipient)
    return BalanceRow(name, name, told.uses, told.records)


def _row(visit: Visit, block: str, row: str, uses: Uses) -> BalanceRow:
    return BalanceRow(visit.text("balance", f"{block}.{row}"), visit.text("balance", f"{block}-short.{row}"), uses)


def _tree(visit: Visit, balance: DayBalance, blocks: tuple[BalanceBlock, ...]) -> Share:
    groups = tuple([Share(block.name, block.uses.least, block.meaning, _shares(block)) for block in blocks])
    return Share(visit.text("balance", "all"), balance.whole, Meaning.ALL, groups)


def _shares(block: BalanceBlock) -> tuple[Share, ...]:
    return tuple([Share(row.short, row.uses.least, block.meaning) for row in block.rows])


def _label(visit: Visit, day: str, blocks: tuple[BalanceBlock, ...], balance: DayBalance) -> str:
    """Return the drawing in a sentence for each block."""
    said = [visit.text("balance", "label", day=day, uses=visit.number(balance.whole))]
    for block in blocks:
        rows = "; ".join(f"{row.short}: {visit.number(row.uses.least)}" for row in block.rows if row.uses.least)
        if rows:
            uses = visit.number(block.uses.least)
            said.append(visit.text("balance", "label-block", block=block.name, uses=uses, rows=rows))
    return " ".join(said)


_DAY_PARAMETER: Final = Parameter("day", r"\d{4}-\d{2}-\d{2}", "2026-11-27", is_in_query=True)

ROUTES = (
    Route("/balance", show, "Where the readings of a day went", parameters=(_DAY_PARAMETER,), needs_gate=True),
    Route("/balance.csv", download, "Every number of a day's balance", CSV, parameters=(_DAY_PARAMETER,), needs_gate=True),
)
