"""Limits of one's own: the levels of each axis, in words, as a choice; and as the short text that stands in an address.

What may be chosen is what the gateway says (``QuestionShown.axes``): a level that it does not name is left out, whoever wrote the
address. The last level of each axis is all that is asked, and no limit. In an address limits look like
`time:4h,precision.LAeq:1`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from consent.core.explain.phrases import PRECISION, Phrases
from consent.core.policies.policy import PolicySet
from consent.core.spread import times_in_100
from consent.messages import ConsentLimits, JsonObject
from consent.portal.answers import Parameter
from consent.portal.visit import Visit
from consent.portal.ways.words import property_title

LIMITS: Final = "[A-Za-z0-9_.:,-]{0,400}"
"""What limits in an address look like."""
IN_ADDRESS: Final = Parameter("limits", LIMITS, "time:4h", is_in_query=True)
_WHOLE: Final = frozenset({"group", "retention"})
_BUDGET: Final = "budget"
_MU: Final = "mu"
"""As records write the same axis (``consent.core.canonical``)."""
_ICONS: Final = {"time": "kept", "space": "where", "group": "people", "retention": "kept", "identity": "you", "budget": "air"}


@dataclass(frozen=True, slots=True)
class AxisChoice:
    """An axis that may be limited.

    Attributes:
        name: As fields of forms name it.
        title: In words.
        asked: What is asked, in words: the choice of no limit.
        levels: (level, in words, whether it is chosen) of less than that, least telling first.
        is_limited: Whether one of them is chosen.
    """

    name: str
    title: str
    icon: str
    asked: str
    levels: tuple[tuple[str, str, bool], ...]
    is_limited: bool


def chosen_of(axes: Mapping[str, Sequence[str]], pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the level chosen of each axis that is limited; what the gateway does not offer is left out."""
    return {axis: level for axis, level in pairs if level in axes.get(axis, ())[:-1]}


def read_limits(axes: Mapping[str, Sequence[str]], text: str) -> dict[str, str]:
    """Return the same of limits as they stand in an address."""
    return chosen_of(axes, (part.partition(":")[::2] for part in text.split(",")))


def written(chosen: Mapping[str, str]) -> str:
    """Return chosen levels as they stand in an address."""
    return ",".join(f"{axis}:{level}" for axis, level in sorted(chosen.items()))


def limits_of_choice(chosen: Mapping[str, str]) -> ConsentLimits:
    """Return chosen levels as policies write limits."""
    limits, steps = ConsentLimits(), JsonObject()
    for axis, level in chosen.items():
        if axis.startswith(PRECISION):
            steps[axis.removeprefix(PRECISION)] = _number(level)
        else:
            limits[axis] = _number(level) if axis in _WHOLE or axis == _BUDGET else level
    if steps:
        limits["precision"] = steps
    return limits


def _number(level: str) -> int | float:
    number = float(level)
    return int(number) if number.is_integer() else number


def chosen_in(limits: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (axis, level) of limits as policies write them."""
    for axis, value in limits.items():
        if isinstance(value, Mapping):
            yield from ((f"{PRECISION}{name}", _text(step)) for name, step in value.items())
        else:
            yield axis, _text(value)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def axis_choices(
    visit: Visit, policies: PolicySet, axes: Mapping[str, Sequence[str]], chosen: Mapping[str, str]
) -> Iterator[AxisChoice]:
    """Yield every axis on which less than what is asked may be chosen, with its levels in words."""
    words = Phrases(visit.language)
    for axis, (*levels, most) in axes.items():
        if not levels:
            continue
        told = tuple((level, level_in_words(visit, words, policies, axis, level), chosen.get(axis) == level) for level in levels)
        asked = level_in_words(visit, words, policies, axis, most)
        icon = "what" if axis.startswith(PRECISION) else _ICONS.get(axis, "what")
        yield AxisChoice(axis, axis_title(visit, words, policies, axis), icon, asked, told, axis in chosen)


def axis_title(visit: Visit, words: Phrases, policies: PolicySet, axis: str) -> str:
    """Return what an axis is called."""
    if axis in (_BUDGET, _MU):
        return guess_title(visit)
    if not axis.startswith(PRECISION):
        try:
            return words.say(f"axis.{axis}")
        except KeyError:  # of a gateway that knows more axes than this portal
            return axis
    name = axis.removeprefix(PRECISION)
    return words.say("axis.precision", what=words.quoted(property_title(visit, policies, name)))


def guess_title(visit: Visit) -> str:
    """Return what the axis of noise is called: by what it is for, since nobody knows a μ."""
    return visit.text("fine", "guess.title")


def guess_level(visit: Visit, mu: float) -> str:
    """Return how often somebody who knows everything about all others is right at most, by figures with so much noise."""
    return visit.text("fine", "guess.level", n=times_in_100(mu))


def level_in_words(visit: Visit, words: Phrases, policies: PolicySet, axis: str, level: str) -> str:
    """Return a level in words, or as it is written where it is none of ours."""
    try:
        if axis.startswith(PRECISION):
            known = policies.properties.get(axis.removeprefix(PRECISION))
            return words.step(Decimal(level), "" if known is None else known.unit)
        if axis == "group":
            return words.say("group", n=level)
        if axis == "retention":
            return words.days(int(level))
        if axis in (_BUDGET, _MU):
            return guess_level(visit, float(level))
        return words.say(f"area.{level}" if axis == "space" else f"{axis}.{level}")
    except (KeyError, ValueError, InvalidOperation):
        return level
