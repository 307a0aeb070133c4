"""The reach of a flow: what it gets of a device profile in a zone, axis by axis, so that sets of policies can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Final

from consent.core.consents.records import Consent
from consent.core.decide import Decision, Owner
from consent.core.disclosure import Disclosure, Identity
from consent.core.outcome import decide_device, level_of, measured, unsupported_reason
from consent.core.periods import Period
from consent.core.policies.policy import PolicySet

ALL_AXES: Final = "all"
"""Stands for every axis at once, where something begins or ceases to leave."""

NOTHING: Final = "nothing"


class Direction(StrEnum):
    """Whether a change reveals more, less, or cannot be ordered and reveals nothing new."""

    RISES = "rises"
    FALLS = "falls"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class AxisStep:
    """The level of one axis: ``rank`` grows with what is revealed, ``label`` is how policies write it."""

    rank: float
    label: str


@dataclass(frozen=True, slots=True)
class Reach:
    """What leaves.

    Attributes:
        steps: (axis, its level) for the axes that bind; empty where nothing leaves.
        reason: Why nothing leaves; empty where something does, or where the policies ask for nothing of it.
    """

    steps: tuple[tuple[str, AxisStep], ...] = ()
    reason: str = ""

    @property
    def label(self) -> str:
        """Return all axes in one line."""
        if not self.steps:
            return f"{NOTHING} ({self.reason})" if self.reason else NOTHING
        return ", ".join(_named(axis, step.label) for axis, step in self.steps if step.rank < inf)


def _named(axis: str, label: str) -> str:
    return label if axis in ("identity", "time", "space", "budget") else f"{axis.removeprefix('precision.')} {label}"


def reach_of(policies: PolicySet, flow_id: str, profile_id: str, zone: str, consents: Sequence[Consent | None] | None) -> Reach:
    """Return the reach of a flow; ``consents`` as in ``decide``, none of them with an expiry."""
    names = measured(policies, flow_id, profile_id)
    if not names:
        return Reach()
    # as the city's: nothing is permitted of a resident's device that is not permitted of one of the city's about a subject
    decision = decide_device(policies, flow_id, consents, zone, profile_id, 0, Owner.CITY)
    reasons = {name: decision.reason or _reason_besides(policies, flow_id, name, decision) for name in names}
    if all(reasons.values()):
        return Reach(reason=reasons[names[0]])
    told = [name for name in names if not reasons[name]]
    steps = [(f"precision.{name}", _precision(policies, name, decision.disclosure, zone)) for name in told]
    period = policies.flows[flow_id].period
    return Reach(tuple(_steps(decision.disclosure, steps, period, has_subject=decision.has_subject)))


def _reason_besides(policies: PolicySet, flow_id: str, observed_property: str, decision: Decision) -> str:
    return unsupported_reason(policies, policies.flows[flow_id], observed_property, decision)


def _precision(policies: PolicySet, observed_property: str, point: Disclosure, zone: str) -> AxisStep:
    step = level_of(policies, observed_property, point, zone).step
    return AxisStep(-float(step), f"{step} {policies.properties[observed_property].unit}")


def _steps(
    point: Disclosure, precision: Sequence[tuple[str, AxisStep]], period: Period, *, has_subject: bool
) -> Iterator[tuple[str, AxisStep]]:
    for axis, level in (("identity", point.identity), ("time", point.time), ("space", point.space)):
        yield axis, AxisStep(level, level.label)
    yield from precision
    if has_subject and point.identity is Identity.AGGREGATE:
        yield "group", AxisStep(-point.group, str(point.group))
        yield "budget", AxisStep(point.budget, f"μ {point.budget:g} a {period}" if point.budget < inf else "no noise")
    yield "retention", AxisStep(point.retention_days, f"{point.retention_days} days")


def compared(old: Reach, new: Reach) -> Iterator[tuple[str, Direction, str, str]]:
    """Yield (axis, direction, old, new) for each difference; where something begins or ceases to leave, that is one row.

    The group and budget of figures are compared between figures only: where the identity changes, that says enough.
    """
    if bool(old.steps) is not bool(new.steps):
        yield ALL_AXES, Direction.RISES if new.steps else Direction.FALLS, old.label, new.label
        return
    before, after = dict(old.steps), dict(new.steps)
    for axis in dict.fromkeys([*before, *after]):
        was, now = before.get(axis), after.get(axis)
        if was is not None and now is not None:
            if was.rank != now.rank:
                yield axis, Direction.RISES if now.rank > was.rank else Direction.FALLS, was.label, now.label
        elif axis.startswith("precision."):
            direction = Direction.RISES if was is None else Direction.FALLS
            yield axis, direction, NOTHING if was is None else was.label, NOTHING if now is None else now.label
