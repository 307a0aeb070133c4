"""The answers that are offered, each with what the city would have seen of the last day: a small drawing, sentences, a table.

What would leave by itself is drawn in water; what would go into a figure with others in sand, since nobody sees it by itself,
with the blur of chance behind it where the figure is a sum or a count. How large chance is, is said as on public
pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Final

import msgspec
from markupsafe import Markup

from consent.citizen_messages import AnswerOffered, SeenByCity
from consent.core.disclosure import DAY_MS
from consent.core.explain.phrases import Phrases
from consent.core.policies.policy import Statistic
from consent.portal.asking.asked import AskedQuestion
from consent.portal.asking.axes import axis_title, chosen_in, level_in_words
from consent.portal.asking.drawings import nothing_drawn, small_bars
from consent.portal.asking.preview import number_of
from consent.portal.charts.meaning import Meaning
from consent.portal.sensors.units import begins_at_zero, symbol
from consent.portal.visit import Visit
from consent.portal.ways.example import CONFIDENCE
from consent.portal.ways.hidden import rounded_error
from consent.portal.ways.words import kept, place_title, property_title

_MOST_BARS: Final = 96
_GATES: Final[Mapping[str, str]] = {"yes": "gate-open", "less": "gate-half", "no": "gate-shut", "fine": "gate-half"}
_COARSER: Final = frozenset({"time", "space"})
_ADDED_UP: Final = frozenset({Statistic.SUM, Statistic.COUNT, Statistic.DELTA})


@dataclass(frozen=True, slots=True)
class SeenView:
    """What the city would have seen of one property.

    Attributes:
        lines: The same in sentences.
        rows: (from when to when, where, value with its unit), oldest first.
    """

    title: str
    chart: Markup
    lines: tuple[str, ...]
    rows: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class OfferView:
    """An answer, as it is offered.

    Attributes:
        answer: `yes`, `less`, `no` or `fine`.
        text: What would leave, in one sentence of the gateway's; empty for `no`.
        kept: For how long at most; empty where nothing leaves.
        limits: What it stays below of what is asked, axis by axis in words.
        seen: Property by property; of an answer by which nothing leaves, or would have left, none.
        nothing: The drawing in its place; None where something would have left.
        has_readings: Whether there are readings to draw it from.
        is_coarser: Whether it goes into coarser figures, of which more homes are part.
        is_checked: Whether it is chosen already, which only a *no* ever is, and only where the browser asks for privacy.
    """

    answer: str
    icon: str
    text: str
    kept: str
    odds: tuple[str, ...]
    limits: tuple[str, ...]
    seen: tuple[SeenView, ...]
    nothing: Markup | None
    has_readings: bool
    is_coarser: bool
    is_more: bool
    is_checked: bool


def offer_views(visit: Visit, asked: AskedQuestion) -> tuple[OfferView, ...]:
    """Return yes, less and no, as far as they are offered, in this order."""
    return tuple(offer_view(visit, asked, each) for each in asked.shown.offered if each.answer != "fine")


def offer_view(visit: Visit, asked: AskedQuestion, offer: AnswerOffered) -> OfferView:
    """Return one answer."""
    is_no = offer.answer == "no"
    leaves = not is_no and not offer.reason
    seen = tuple(_seen(visit, asked, offer.seen)) if leaves else ()
    word = visit.text("question", "seen.nothing" if not leaves else "seen.unknown")
    return OfferView(
        answer=offer.answer,
        icon=_GATES[offer.answer] if leaves else "gate-shut",
        text="" if is_no else offer.text,
        kept=kept(visit, offer.retention_days) if leaves and offer.retention_days else "",
        odds=tuple(each.text for each in offer.exposures) if leaves else (),
        limits=tuple(_limits(visit, asked, offer)) if leaves else (),
        seen=seen,
        nothing=None if seen else nothing_drawn(word, word),
        has_readings=bool(seen) or not leaves,
        is_coarser=leaves and bool(_COARSER & offer.limits.keys()) and not any(row.is_alone for row in offer.seen),
        is_more=offer.is_more,
        is_checked=is_no and visit.asks_for_privacy,
    )


def _limits(visit: Visit, asked: AskedQuestion, offer: AnswerOffered) -> Iterator[str]:
    words = Phrases(visit.language)
    for axis, level in chosen_in(offer.limits):
        title = axis_title(visit, words, asked.policies, axis)
        yield f"{title}: {level_in_words(visit, words, asked.policies, axis, level)}"


def mark_of(asked: AskedQuestion) -> str:
    """Return a mark of what is offered: it is another one where an answer would tell something else than when it was shown."""
    offered = [(each.answer, each.limits, each.disclosure, each.retention_days) for each in asked.shown.offered]
    told = msgspec.json.encode(sorted((answer, _sorted(parts)) for answer, *parts in offered if answer != "fine"))
    return sha256(told).hexdigest()[:16]


def _sorted(parts: Sequence[object]) -> str:
    return msgspec.json.encode(parts, order="sorted").decode()


def _seen(visit: Visit, asked: AskedQuestion, seen: Sequence[SeenByCity]) -> Iterator[SeenView]:
    """Yield a drawing for each property."""
    ordered = sorted(seen, key=lambda row: (row.property, row.begin_ms))
    for name, rows in groupby(ordered, key=lambda row: row.property):
        yield _seen_property(visit, asked, name, list(rows))


def _seen_property(visit: Visit, asked: AskedQuestion, name: str, rows: list[SeenByCity]) -> SeenView:
    title, unit = property_title(visit, asked.policies, name), symbol(rows[0].unit)
    lines = tuple(_lines(visit, rows, unit))
    is_alone = all(row.is_alone for row in rows)
    chart = small_bars(
        _bars(visit, rows),
        unit,
        f"{title}. {' '.join(lines)}",
        visit,
        meaning=Meaning.TOLD if is_alone else Meaning.HELD,
        from_zero=begins_at_zero(rows[0].unit),
        blur=0.0 if is_alone or rows[0].statistic not in _ADDED_UP else max(row.spread or 0.0 for row in rows) * CONFIDENCE,
    )
    return SeenView(title, chart, lines, tuple(_row(visit, asked, row, unit) for row in rows))


def _bars(visit: Visit, rows: Sequence[SeenByCity]) -> list[tuple[str, float | None]]:
    """Return a bar for each window between the first and the last, and an empty place where one has nothing."""
    length_ms = rows[0].end_ms - rows[0].begin_ms
    values = {row.begin_ms: number_of(row.value) for row in rows}
    first_ms, last_ms = rows[0].begin_ms, rows[-1].begin_ms
    if length_ms and last_ms - first_ms <= 2 * DAY_MS and (last_ms - first_ms) // length_ms < _MOST_BARS:
        places = range(first_ms, last_ms + 1, length_ms)
        return [(visit.time(at_ms), values.get(at_ms)) for at_ms in places]
    return [(visit.time(at_ms), value) for at_ms, value in list(values.items())[-_MOST_BARS:]]


def _lines(visit: Visit, rows: Sequence[SeenByCity], unit: str) -> Iterator[str]:
    """Yield how many figures or values, among how many homes, and how large chance is."""
    if all(row.is_alone for row in rows):
        yield visit.counted("question", "seen.alone", len(rows))
    else:
        yield visit.counted("question", "seen.figures", len(rows))
        homes = max(row.homes for row in rows)
        yield visit.text("question", "seen.homes", n=visit.number(homes)) if homes else visit.text("question", "seen.no-homes")
    spread = max((row.spread for row in rows if row.spread is not None), default=None)
    if spread is not None:
        error = f"{rounded_error(visit, spread * CONFIDENCE)} {unit}".rstrip()
        yield visit.text("question", "seen.spread", error=error)


def _row(visit: Visit, asked: AskedQuestion, row: SeenByCity, unit: str) -> tuple[str, str, str]:
    span = visit.moment(row.begin_ms)
    if row.end_ms > row.begin_ms:
        ends_that_day = visit.date(row.begin_ms) == visit.date(row.end_ms)
        span = f"{span}–{visit.time(row.end_ms) if ends_that_day else visit.moment(row.end_ms)}"
    number = number_of(row.value)
    value = row.value if number is None else visit.number(number)
    return span, place_title(visit, asked.policies, row.cell or asked.policies.city.id), f"{value} {unit}".rstrip()
