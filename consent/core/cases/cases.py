"""Cases: examples of what the policies decide, each with the expected decision, which ``decide_device`` must reach.

``parse`` reads them from `*.cases.toml`; they show the author of a policy change whom it affects. A case is about
the policies alone: whatever else a gateway checks (too few neighbours, late readings, noise) is outside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Final

import msgspec

from consent.core.consents.records import Consent
from consent.core.decide import PERMITTED, Bounds, Decision, Owner
from consent.core.disclosure import BOTTOM, Disclosure
from consent.core.outcome import decide_device, reason_besides
from consent.core.policies.policy import PolicySet

REASONS: Final = (
    "no-consent",
    "requested",
    "refused",
    "withdrawn",
    "paused",
    "expired",
    "invalidated",
    "revoked",
    "ceiling",
    "class-cap",
    "not-aggregable",
    "group",
    "retention",
    "budget",
    "no-subject-consent",
    "has-subject",
    "resident-owned",
)
"""Why a decision may withhold, but for what no checked set can meet: an unknown flow or zone, `unsupported`, `no-noise`."""

AXES: Final = ("identity", "time", "space", "group", "retention", "budget")
"""The axes that are one each; `precision` is one for each property."""

PRECISION: Final = "precision."
_UNBOUND: Final = "unbound"


@dataclass(frozen=True, slots=True)
class Expected:
    """The decision that a case expects.

    Attributes:
        reason: Why everything is withheld; ``PERMITTED`` where something is revealed.
        axes: (axis, level as it is written) for each axis that the case names; with ``exact`` for every bounded axis.
        exact: Whether precision that the case does not name must be unbounded.
        bounds: (axis, what bounds it, sorted) for each axis that the case names.
    """

    reason: str
    axes: tuple[tuple[str, str], ...]
    exact: bool
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Case:
    """An example: a device of some profile in some zone, its residents' consents, and what a flow gets of it.

    Attributes:
        file: The file of cases, relative to the policies folder.
        id: Its name in the file.
        says: What it shows, in words; empty where the file gives nothing.
        device: The id of the device profile.
        consents: One for each resident, None for one without a consent; None as a whole for a device without a subject.
        now_ms: The gateway's clock.
        owner: Whose the device is; the city's where the file does not say, of whose devices more is permitted.
    """

    file: str
    id: str
    says: str
    device: str
    zone: str
    flow: str
    consents: tuple[Consent | None, ...] | None
    now_ms: int
    expected: Expected
    owner: Owner


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of a case; where it passed, ``expected`` and ``got`` are empty."""

    case: Case
    expected: str
    got: str

    @property
    def passed(self) -> bool:
        """Return whether the decision is the expected one."""
        return not self.expected

    def __str__(self) -> str:
        """Return the result as a line."""
        where = f"`{self.case.file}`: `case.{self.case.id}`"
        return f"{where}: well" if self.passed else f"{where}: expected {self.expected}, got {self.got}"


def try_case(policies: PolicySet, case: Case) -> CaseResult:
    """Decide a case and compare the decision with the expected one."""
    decision = decide_device(policies, case.flow, case.consents, case.zone, case.device, case.now_ms, case.owner)
    besides = decision.reason or reason_besides(policies, case.flow, case.device, decision)
    if besides:
        decision = msgspec.structs.replace(decision, disclosure=BOTTOM, reason=besides)
    differences = list(_differences(case.expected, decision))
    return CaseResult(case, ", ".join(expected for expected, _ in differences), ", ".join(got for _, got in differences))


def axes_of(point: Disclosure) -> dict[str, str]:
    """Return every axis of a point as policies write it; an unbounded budget and other precisions are left out."""
    axes = {"identity": point.identity.label, "time": point.time.label, "space": point.space.label}
    axes |= {f"{PRECISION}{name}": f"{step:f}" for name, step in point.precision}
    axes |= {"group": str(point.group), "retention": str(point.retention_days)}
    return axes if point.budget == inf else axes | {"budget": f"{point.budget:g}"}


def _differences(expected: Expected, decision: Decision) -> Iterator[tuple[str, str]]:
    """Yield what was expected and what was decided instead."""
    axes = axes_of(decision.disclosure)
    if decision.reason != expected.reason:
        wanted = f"`{expected.reason}`" if expected.reason else _levels(dict(expected.axes)) or "that something is permitted"
        yield wanted, f"`{decision.reason}`" if decision.reason else _levels(axes)
        return
    told = _other_axes(expected, axes, dict(decision.bounds)) if decision.reason == PERMITTED else {}
    yield from told.values()
    holders = {axis: tuple(sorted(sources)) for axis, sources in decision.bounds}
    for axis, sources in expected.bounds:
        if axis not in told and holders.get(axis, ()) != sources:
            yield f"{axis} held by {_sources(sources)}", f"{axis} held by {_sources(holders.get(axis, ()))}"


def _other_axes(expected: Expected, axes: dict[str, str], bounds: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, str]]:
    """Return, for each axis at another level than expected, the expected and the actual one."""
    wanted = dict(expected.axes)
    named = wanted | {axis: _UNBOUND for axis in axes if axis not in wanted} if expected.exact else wanted
    return {
        axis: (f"{axis} `{level}`", f"{axis} `{axes.get(axis, _UNBOUND)}` (held by {_sources(bounds.get(axis, ()))})")
        for axis, level in named.items()
        if axes.get(axis, _UNBOUND) != level
    }


def _levels(axes: dict[str, str]) -> str:
    return ", ".join(f"{axis} `{level}`" for axis, level in axes.items())


def _sources(sources: tuple[str, ...]) -> str:
    return " and ".join(f"`{source}`" for source in sources) or "nobody"
