"""The chart of how many homes one is hidden among: for each day the least as a bar and the usual as a line above it, as SVG.

Everything in it is a number that the gateway has rounded down (``HiddenAmong``); the page has the same as a table beneath.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from markupsafe import Markup

from consent.portal.visit import Visit
from consent.public_messages import HiddenAmong

DAYS: Final = 30
"""How many days have room: those without a figure stay empty."""


class _Drawing(NamedTuple):
    """The size of a drawing, in units of its own."""

    name: str
    width: int
    height: int


_DRAWINGS: Final = (_Drawing("wide", 664, 196), _Drawing("narrow", 320, 166))
_LEFT, _TOP, _BELOW = 34, 24, 22
_NICE: Final = (5, 10, 20, 30, 40, 50, 80, 100, 150, 200, 300, 400, 500, 800, 1000)


def hidden_among(days: Sequence[HiddenAmong], visit: Visit, label: str, unit: str) -> Markup:
    """Return the chart, once for wide and once for narrow screens.

    Args:
        days: Newest first, at least one.
        label: The sentence that says the same.
        unit: What the highest line counts, as `{n} homes` filled.
    """
    return Markup("").join(_svg(size, days, visit, label, unit) for size in _DRAWINGS)


def top_of(days: Sequence[HiddenAmong]) -> int:
    """Return what the highest line stands for."""
    most = max(day.usual for day in days)
    return next((nice for nice in _NICE if nice >= most), -(-most // 1000) * 1000)


def _svg(size: _Drawing, days: Sequence[HiddenAmong], visit: Visit, label: str, unit: str) -> Markup:
    _, width, height = size
    base, top = height - _BELOW, top_of(days)
    last = date.fromisoformat(days[0].day).toordinal()
    slot = (width - _LEFT) / DAYS
    bars, lines = [], []
    for day in days:
        place = DAYS - 1 - (last - date.fromisoformat(day.day).toordinal())
        if not 0 <= place < DAYS:
            continue
        x, wide = _LEFT + slot * place + slot * 0.12, slot * 0.76
        least, usual = (base - (base - _TOP) * min(n, top) / top for n in (day.least, day.usual))
        bars.append(f"M{x:.1f} {base}V{least:.1f}h{wide:.1f}V{base}z")
        lines.append(f"M{x:.1f} {usual:.1f}h{wide:.1f}")
    middle = (base + _TOP) / 2
    first = date.fromordinal(last - DAYS + 1).isoformat()
    return Markup(
        '<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}"><text x="0" y="14">{}</text>'
        '<path class="rule" d="M0 {}H{}M{} {}H{}"/><text x="0" y="{}">{}</text><path class="bar" d="{}"/>'
        '<path class="usual" d="{}"/><path class="base" d="M{} {}H{}"/><text x="{}" y="{}">{}</text>'
        '<text x="{}" y="{}" text-anchor="end">{}</text></svg>'
    ).format(
        *(size.name, width, height, label, unit),
        *(_TOP, width, _LEFT, middle, width, middle + 4, visit.number(top / 2)),
        *("".join(bars), "".join(lines), _LEFT, base, width),
        *(_LEFT, height - 5, visit.day(first), width, height - 5, visit.day(days[0].day)),
    )
