"""One draw checked by itself: that it states the mechanism of the policies, and what of its numbers follows from the log alone.

The noise of a draw is in no log, so that nobody can check that it was drawn honestly. But how many subjects stand in a draw is
in its parts, and the number that recipients were told is that one with noise of a known spread: it lies within six standard
deviations of it, or somebody was left out of the parts, or put into them.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, sqrt
from typing import Final, NamedTuple

from consent.core.disclosure import DAY_MS
from consent.core.outcome import WINDOW_MS_BY_LABEL
from consent.core.periods import Publish
from consent.core.policies.policy import Flow, PolicySet
from consent.core.policies.quantity import Mechanism
from gateway.audit.log.payloads import ReleasedDraw

GAUSSIAN: Final = "gaussian"
EXACT: Final = "none"
TOLD_STEP: Final = 5
"""To a multiple of which the number of subjects is rounded down."""

_DEVIATIONS: Final = 6
_TYPICAL_DAY: Final = "typical-day"


class NumberBounds(NamedTuple):
    """How many subjects may stand in a draw of which a number was told."""

    least: int
    most: int


def draw_problems(policies: PolicySet, flow: Flow, mechanism: Mechanism, draw: ReleasedDraw) -> Iterator[str]:
    """Yield what of a draw is not as the policies say, whoever stands in it."""
    if draw.statistic != flow.statistic_of(draw.property):
        yield f"`{draw.statistic}` is not the statistic of flow `{flow.id}`"
    window_ms = WINDOW_MS_BY_LABEL.get(draw.level[0])
    if window_ms is None:
        yield f"`{draw.level[0]}` is no level at which figures are drawn"
        return
    yield from _mechanism_problems(mechanism, draw, window_ms)
    yield from _span_problems(mechanism, draw, window_ms)
    if draw.told % TOLD_STEP:
        yield f"`{draw.told}` subjects are told, which is no multiple of {TOLD_STEP}"
    if draw.told < (least := _rounded(least_group(policies, flow, mechanism))):
        yield f"`{draw.told}` subjects are told, where figures are told of `{least}` at least"


def bounds(policies: PolicySet, flow: Flow, mechanism: Mechanism, draw: ReleasedDraw) -> NumberBounds:
    """Return how many subjects may stand in a draw, given the number that was told; with noise, none at all may be as many."""
    if mechanism.is_exact:
        return NumberBounds(max(draw.told, least_group(policies, flow, mechanism)), draw.told + TOLD_STEP - 1)
    spread = _DEVIATIONS * spread_of_number(mechanism, WINDOW_MS_BY_LABEL[draw.level[0]])
    return NumberBounds(max(0, ceil(draw.told - spread)), floor(draw.told + TOLD_STEP + spread))


@lru_cache(maxsize=256)
def spread_of_number(mechanism: Mechanism, window_ms: int) -> float:
    """Return the standard deviation of the noise in the number of subjects; policies have a few, for all draws.

    Raises: ValueError: figures are exact.
    """
    return sqrt(mechanism.variance(window_ms)) / float(mechanism.quantity.presence)


def kind_of(mechanism: Mechanism) -> str:
    """Return in which kind of publication its draws leave."""
    if mechanism.publish is Publish.WINDOW:
        return "window"
    return mechanism.period.value


def least_group(policies: PolicySet, flow: Flow, mechanism: Mechanism) -> int:
    """Return of how many subjects, at the least, figures are told."""
    return max(policies.limits.exact_group if mechanism.is_exact else 0, flow.ask.group)


def _rounded(number: int) -> int:
    return number // TOLD_STEP * TOLD_STEP


def _mechanism_problems(mechanism: Mechanism, draw: ReleasedDraw, window_ms: int) -> Iterator[str]:
    if draw.mechanism != (EXACT if mechanism.is_exact else GAUSSIAN):
        yield f"its mechanism is `{draw.mechanism}`, which policies do not say"
        return
    if draw.period != mechanism.period.value:
        yield f"its period is `{draw.period}`, policies say `{mechanism.period.value}`"
    draws = 1 if mechanism.mu is None else mechanism.draws_a_period(window_ms)
    if draw.draws != draws:
        yield f"`{draw.draws}` draws share its μ, policies say `{draws}`"
    said = (mechanism.mu, mechanism.clip, mechanism.quantity.presence) if mechanism.mu is not None else (None, None, None)
    for name, stated, expected in zip(("μ", "clip", "presence"), (draw.mu, draw.clip, draw.presence), said, strict=True):
        if _number(stated) != (None if expected is None else _exactly(expected)):
            yield f"its {name} is `{stated}`, policies say `{'' if expected is None else float(expected):g}`"


@lru_cache(maxsize=256)
def _exactly(number: Decimal | Fraction) -> Fraction:
    """Return a number of the policies: they have a few, which a hundred thousand draws state."""
    return Fraction(number)


@lru_cache(maxsize=256)
def _number(stated: str) -> Fraction | None:
    """Return a decimal that a draw states; None for an empty text, and a number that no policies say for anything else."""
    if not stated:
        return None
    try:
        number = Decimal(stated)
    except InvalidOperation:
        return Fraction(-1)
    return Fraction(number) if number.is_finite() and abs(number.adjusted()) < 30 else Fraction(-1)


def _span_problems(mechanism: Mechanism, draw: ReleasedDraw, window_ms: int) -> Iterator[str]:
    begins_ms, ends_ms = draw.span
    drawn_ms = window_ms if mechanism.publish is Publish.WINDOW else mechanism.period.length_ms
    whole = mechanism.period.start_ms(begins_ms) == begins_ms if drawn_ms != window_ms else begins_ms % window_ms == 0
    if ends_ms - begins_ms != drawn_ms or not whole:
        yield "what it was drawn of is no whole period of its flow, nor a window of it"
        return
    cell_ms = mechanism.quantity.cell_ms
    cells = drawn_ms // cell_ms
    if list(draw.struck) != sorted(set(draw.struck)) or (draw.struck and draw.struck[-1] >= cells):
        yield "the cells that the gateway missed are none of its span, or out of order"
        return
    expected = _records(draw, drawn_ms, window_ms, cell_ms)
    if not expected:
        yield "no cell of it is whole, and it tells of some"
    elif draw.records != expected:
        yield f"it gave `{draw.records}` records, from its cells follow `{expected}`"


def _records(draw: ReleasedDraw, drawn_ms: int, window_ms: int, cell_ms: int) -> int:
    """Return how many records a draw gives: one for each window of its level of which the gateway missed nothing."""
    struck = set(draw.struck)
    if draw.statistic == _TYPICAL_DAY:  # an hour of day is told unless it was missed on all days
        a_day = DAY_MS // cell_ms
        struck = {hour for hour in range(a_day) if all(day + hour in struck for day in range(0, drawn_ms // cell_ms, a_day))}
        drawn_ms = DAY_MS
    missed = {cell * cell_ms // window_ms for cell in struck}
    return max(drawn_ms // window_ms, 1) - len(missed)
