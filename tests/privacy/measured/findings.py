"""Findings: how often an attack was right, within which bounds, against which target; and what that means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import erf, sqrt
from typing import Final

import msgspec

Z95: Final = 1.959963984540054


class Bound(StrEnum):
    """Which of an attack's numbers a target is held against."""

    P = "p"
    LO = "lo"
    HI = "hi"


class Verdict(StrEnum):
    """What a finding means: for our gateway met, missed or reported; for those that must lose lost or held."""

    MET = "met"
    MISSED = "missed"
    REPORTED = "reported"
    LOST = "lost"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Tally:
    """What one attack came to on one gateway's records.

    Attributes:
        k: How often it was right, or how many of what it looked for it found.
        n: How often it tried.
        control: The same share where there is nothing to find.
        target: What our gateway must not exceed; None where the number is reported only.
        bound: Which number the target is held against.
        interval: Its 95 % bounds where they are not Wilson's of k of n.
        p: The share where it is not k of n: of pairs in the right order, for instance.
        extra: Further numbers, by name.
    """

    k: int
    n: int
    control: float
    target: float | None
    bound: Bound = Bound.HI
    interval: tuple[float, float] | None = None
    p: float | None = None
    extra: tuple[tuple[str, float], ...] = ()


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of ``attacks`` in the result.

    Attributes:
        id: The attack's.
        gateway: `ours`, `pass-through` or `k-only`.
        k: How often it was right, of ``n``.
        p: The share; ``lo`` and ``hi`` are its 95 % bounds.
        control: The share where there is nothing to find.
        target: Not to be exceeded by the number that ``bound`` names; absent where it is reported only.
        extra: Further numbers.
    """

    id: str
    gateway: str
    attacker: str
    k: int
    n: int
    p: float
    lo: float
    hi: float
    control: float
    target: float | None
    bound: Bound
    verdict: Verdict
    extra: dict[str, float] = {}


def finding(attack: str, gateway: str, attacker: str, tally: Tally) -> Finding:
    """Return what a tally means for a gateway."""
    # What numpy counted is not of Python's types, and no JSON.
    k, n, control = int(tally.k), int(tally.n), float(tally.control)
    target = None if tally.target is None else float(tally.target)
    lo, hi = tally.interval or wilson(k, n)
    p = tally.p if tally.p is not None else k / n if n else 0.0
    values = {Bound.P: p, Bound.LO: lo, Bound.HI: hi}
    if gateway != "ours":
        verdict = Verdict.LOST if lo > max(control, target or 0.0) else Verdict.HELD
    elif target is None:
        verdict = Verdict.REPORTED
    else:
        # Where nothing was tried nothing was shown.
        verdict = Verdict.MET if n and values[tally.bound] <= target + 1e-12 else Verdict.MISSED
    return Finding(
        id=attack,
        gateway=gateway,
        attacker=attacker,
        k=k,
        n=n,
        p=float(p),
        lo=float(lo),
        hi=float(hi),
        control=control,
        target=target,
        bound=tally.bound,
        verdict=verdict,
        extra={name: float(number) for name, number in tally.extra},
    )


def wilson(k: int, n: int) -> tuple[float, float]:
    """Return the 95 % bounds of a share (Wilson 1927), as anonymeter reports them; (0, 1) where nothing was tried."""
    if n == 0:
        return 0.0, 1.0
    p, z2 = k / n, Z95 * Z95
    middle, width = (p + z2 / (2 * n)) / (1 + z2 / n), Z95 * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - width), min(1.0, middle + width)


def auc_bounds(auc: float, inside: int, outside: int) -> tuple[float, float]:
    """Return the 95 % bounds of an area under the curve (Hanley and McNeil 1982)."""
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    spread = auc * (1 - auc) + (inside - 1) * (q1 - auc * auc) + (outside - 1) * (q2 - auc * auc)
    error = Z95 * sqrt(max(spread, 0.0) / (inside * outside))
    return max(0.0, auc - error), min(1.0, auc + error)


def best_guess(mu: float) -> float:
    """Return Φ(μ/2): how often the best attacker on μ-Gaussian privacy is right who finds both worlds equally likely."""
    return (1 + erf(mu / 2 / sqrt(2))) / 2
