"""Plots as SVG: shares as bars with their bounds, errors over the number of homes as lines; they need no colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import log10
from typing import Final

_LEFT: Final = 190
_WIDTH: Final = 430
_ROW: Final = 34
_DASHES: Final = ("", "7 3", "2 3", "9 3 2 3")


@dataclass(frozen=True, slots=True)
class Bar:
    """A share between 0 and 1, its bounds, and what it is of; ``is_ours`` draws it solid."""

    label: str
    p: float
    lo: float
    hi: float
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """Errors over numbers of homes."""

    label: str
    points: Sequence[tuple[float, float]]


def bars(title: str, shown: Sequence[Bar], control: float, target: float | None) -> str:
    """Return bars from 0 to 100 %, a dotted line where guessing lies, and a dashed one that ours should stay below."""
    height = 30 + _ROW * len(shown) + 44
    bottom = 30 + _ROW * len(shown)
    parts = [
        f'<svg role="img" viewBox="0 0 {_LEFT + _WIDTH + 80} {height}" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(title)}</title>",
    ]
    for percent in range(0, 101, 25):
        x = _x(percent / 100)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="24" y2="{bottom}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{percent} %</text>')
    for row, bar in enumerate(shown):
        y = 30 + _ROW * row
        middle = y + 11
        lo, hi, kind = _x(bar.lo), _x(bar.hi), "ours" if bar.is_ours else "other"
        name = ' class="own"' if bar.is_ours else ""
        parts += [
            f'<text x="{_LEFT - 10}" y="{middle + 5}" text-anchor="end"{name}>{escape(bar.label)}</text>',
            f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{max(_x(bar.p) - _LEFT, 1.5):.1f}" height="22"/>',
            f'<path class="bounds" d="M{lo:.1f} {middle}H{hi:.1f}M{lo:.1f} {middle - 5}v10M{hi:.1f} {middle - 5}v10"/>',
            f'<text x="{_x(max(bar.hi, bar.p)) + 8:.1f}" y="{middle + 5}">{percent_text(bar.p)}</text>',
        ]
    parts.append(_mark(control, bottom, "control", f"guessing {percent_text(control)}", bottom + 32))
    if target is not None and abs(target - control) > 0.004:
        parts.append(_mark(target, bottom, "target", f"ours at most {percent_text(target)}", 16))
    return "".join([*parts, "</svg>"])


def curves(title: str, shown: Sequence[Curve], unit: str) -> str:
    """Return curves over a logarithmic axis of homes, 20 to 1,000, and one of errors, 1 to 1,000 %."""
    top, height, left, width = 16, 330, 70, 560

    def at(homes: float, error: float) -> tuple[float, float]:
        x = left + width * (log10(homes) - log10(20)) / (3 - log10(20))
        return x, top + height * (1 - (log10(min(max(error, 0.01), 10)) + 2) / 3)

    parts = [
        f'<svg role="img" viewBox="0 0 {left + width + 190} {top + height + 50}" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(title)}</title>",
    ]
    for percent in (1, 3, 10, 30, 100, 300, 1000):
        y = at(20, percent / 100)[1]
        parts.append(f'<line class="grid" x1="{left}" x2="{left + width}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{left - 8}" y="{y + 5:.1f}" text-anchor="end">{percent} %</text>')
    for homes in (20, 50, 120, 200, 1000):
        x = at(homes, 1)[0]
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + height}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{top + height + 18}" text-anchor="middle">{homes}</text>')
    parts.append(f'<text x="{left + width / 2}" y="{top + height + 40}" text-anchor="middle">{escape(unit)}</text>')
    labels: list[float] = []
    for number, curve in enumerate(shown):
        points = [at(*point) for point in curve.points]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        dash = f' stroke-dasharray="{_DASHES[number % len(_DASHES)]}"' if number % len(_DASHES) else ""
        parts.append(f'<path class="curve c{number}" d="{path}"{dash}/>')
        parts += [f'<circle class="point c{number}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points]
        y = points[-1][1]
        while any(abs(y - other) < 17 for other in labels):
            y -= 3
        labels.append(y)
        parts.append(f'<text class="own c{number}" x="{left + width + 10}" y="{y + 5:.1f}">{escape(curve.label)}</text>')
    return "".join([*parts, "</svg>"])


def percent_text(share: float) -> str:
    """Return a share in percent, as people write it."""
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.1f} %"


def _x(share: float) -> float:
    return _LEFT + _WIDTH * min(max(share, 0.0), 1.0)


def _mark(share: float, bottom: int, kind: str, label: str, text_y: int) -> str:
    x = _x(share)
    anchor = "start" if share < 0.2 else "end" if share > 0.8 else "middle"
    return (
        f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="20" y2="{bottom}"/>'
        f'<text class="{kind}" x="{x:.1f}" y="{text_y}" text-anchor="{anchor}">{escape(label)}</text>'
    )
