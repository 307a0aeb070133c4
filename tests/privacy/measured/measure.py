"""Measures all of it: drives every scenario through every gateway, tries every attack on what was recorded, and reckons errors.

Recordings are files in a folder, written before any attack begins; an attack is given their place. Two processes share the work.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import msgspec

from tests.privacy.measured.attacks import (
    count,
    informed,
    moving_average,
    place,
    rowspace,
    size,
    spoiler,
    sybil,
    trace,
    value,
)
from tests.privacy.measured.attacks.attack import Attack
from tests.privacy.measured.cost import Cost, cost
from tests.privacy.measured.findings import Finding, Verdict, finding
from tests.privacy.measured.gateways.k_only import KOnly
from tests.privacy.measured.gateways.ours import Ours
from tests.privacy.measured.gateways.pass_through import PassThrough
from tests.privacy.measured.gateways.port import Gateway
from tests.privacy.measured.households import ten_homes
from tests.privacy.measured.recording import Recording, write
from tests.privacy.measured.scenarios import SCENARIOS, Scenario, watched_weeks
from tests.privacy.measured.utility import Utility, utility

ATTACKS: Final = (
    place.ATTACK,
    value.ATTACK,
    rowspace.ATTACK,
    count.ATTACK,
    size.ATTACK,
    spoiler.ATTACK,
    informed.ATTACK,
    informed.WEEKS,
    sybil.ATTACK,
    trace.TRACE_7,
    trace.TRACE_28,
    moving_average.ATTACK,
)
GATEWAYS: Final[tuple[type[Gateway], ...]] = (Ours, PassThrough, KOnly)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` writes.

    Attributes:
        city: Whose homes they are.
    """

    city: str
    seed: int
    attacks: list[Finding]
    utility: list[Utility]
    cost: Cost

    def missed(self) -> list[Finding | Utility]:
        """Return what of ours missed its target."""
        judged: list[Finding | Utility] = [*self.attacks, *self.utility]
        return [one for one in judged if one.verdict is Verdict.MISSED]

    def held(self) -> list[Finding]:
        """Return which attacks did not win where they must; then what they show elsewhere is worth nothing."""
        return [one for one in self.attacks if one.verdict is Verdict.HELD]


def measure(folder: Path, seed: int, say: Callable[[str], None], jobs: int = 2) -> Result:
    """Measure all; recordings are left in the folder.

    Args:
        seed: Of everything.
        say: Is told what has been done.
        jobs: How many processes share the work.
    """
    runs = [
        (gateway, make, 100 * seed + number)
        for make, times in SCENARIOS
        for number in range(times)
        for gateway in GATEWAYS
        if gateway is Ours or make is not watched_weeks  # the others need no second proof
    ]
    runs.sort(key=lambda run: run[0] is not Ours)  # the longest first
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        errors = pool.submit(utility)
        recorded = [pool.submit(record, folder, *run) for run in runs]
        for one in recorded:
            say(f"recorded {one.result()}")
        tried = [pool.submit(attempt, folder, attack.id, gateway.name) for attack, gateway in trials()]
        attacks = []
        for each in tried:
            found = each.result()
            say(told(found))
            attacks.append(found)
        table = errors.result()
        costs = pool.submit(cost).result()
    return Result(city=ten_homes()[0], seed=seed, attacks=attacks, utility=table, cost=costs)


def trials() -> list[tuple[Attack, type[Gateway]]]:
    """Return each attack with each gateway that it is tried on."""
    return [(attack, gateway) for attack in ATTACKS for gateway in GATEWAYS if gateway is Ours or not attack.is_of_ours_alone]


def record(folder: Path, gateway: type[Gateway], make: Callable[[int], Scenario], seed: int) -> str:
    """Drive a scenario through a gateway, and write down what its recipients opened; return which it was."""
    scenario = make(seed)
    released = gateway().drive(scenario)
    write(folder / gateway.name / scenario.name, released.lines, [*scenario.truth(), *released.owners], released.members)
    return f"{gateway.name}/{scenario.name}"


def attempt(folder: Path, attack_id: str, gateway: str) -> Finding:
    """Try an attack on a gateway's recordings."""
    attack = next(one for one in ATTACKS if one.id == attack_id)
    recordings = [Recording(path) for path in sorted((folder / gateway).iterdir()) if path.name.startswith(attack.scenario)]
    return finding(attack.id, gateway, attack.part("Attacker"), attack.run(recordings))


def attack_of(found: Finding) -> Attack:
    """Return the attack behind a finding."""
    return next(one for one in ATTACKS if one.id == found.id)


def told(found: Finding) -> str:
    """Return a finding in one line."""
    target = "" if found.target is None else f", {found.bound} at most {found.target:.4g}"
    return (
        f"{found.id:<15} {found.gateway:<13} {found.verdict:<9} {found.k} of {found.n} = {found.p:.3f} "
        f"[{found.lo:.3f}, {found.hi:.3f}], control {found.control:.3f}{target}"
    )
