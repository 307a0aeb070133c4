"""A gateway that counts to k and stops there: exact sums of at least 15 homes, and totals under daily pseudonyms.

Here stands what many call anonymous, this project's own first figures among them: who is in counts from the moment of its word,
n is told exactly, records lie in the order of registration, a bundle is as large as what it holds, a home may demand a larger
group for the whole cohort, and nothing is bounded. Daily totals are what the meter's register shows. A moving average of one
home counts as a figure, since more than k readings stand in a day of it.
"""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from typing import Final

import numpy as np

from tests.privacy.measured.gateways.port import Entry, Permits, Released, averages, bundle
from tests.privacy.measured.recording import DAY_MS, HOUR_MS, WEEK_MS
from tests.privacy.measured.scenarios import AVERAGED_HOURS, AVERAGES, EXACT, HOURLY, LIVE, START_MS, TOTALS, TYPICAL, Scenario

K: Final = 15
_WINDOW_HOURS: Final = {"1h": 1, "4h": 4, "day": 24}


class KOnly:
    """See the module."""

    name = "k-only"

    def drive(self, scenario: Scenario) -> Released:
        """Send a bundle at each hour's end, one of totals at each day's, and typical days at each week's."""
        released, permits = Released(), Permits(scenario)
        register = np.cumsum(np.nan_to_num(scenario.kwh).sum(axis=2), axis=1) + _registers(len(scenario.homes))
        for hour in range(1, scenario.days * 24 + 1):
            now = START_MS + hour * HOUR_MS
            entries = []
            for flow in (HOURLY, LIVE):
                if flow in scenario.flows:
                    for time, hours in _WINDOW_HOURS.items():
                        if hour % hours == 0:
                            entries += _figures(scenario, permits, flow, time, hour - hours, hour)
            if hour % 24 == 0 and EXACT in scenario.flows:
                entries += _figures(scenario, permits, EXACT, "day", hour - 24, hour)
            if entries or {HOURLY, LIVE, EXACT} & set(scenario.flows):
                bundle(released, now, "energy", entries)
            if hour % 24 == 0 and (totals := _singles(scenario, permits, register, hour // 24 - 1)):
                bundle(released, now, "energy", totals)
            if hour % (24 * 7) == 0 and TYPICAL in scenario.flows:
                bundle(released, now, "everybody", _typical(scenario, permits, now))
        return released


def _figures(scenario: Scenario, permits: Permits, flow: str, time: str, first: int, last: int) -> list[Entry]:
    """Return the sums of each cohort in hours from ``first`` to ``last``."""
    begin, end = START_MS + first * HOUR_MS, START_MS + last * HOUR_MS
    used = scenario.kwh.reshape(len(scenario.homes), -1)[:, first:last]
    cohorts: dict[str, list[int]] = defaultdict(list)
    least: dict[str, int] = defaultdict(lambda: K)
    for home, cell in enumerate(scenario.cells):
        permit = permits.throughout(flow, home, begin, end)
        if permit is None or (permit.time or ("day" if flow == EXACT else "1h")) != time or np.isnan(used[home]).all():
            continue
        cohorts[cell].append(home)
        least[cell] = max(least[cell], permit.group or 0)
    return [
        Entry(
            flow,
            cell,
            round(float(np.nansum(used[homes])), 3),
            (begin, end),
            "aggregate",
            len(homes),
            members=[scenario.homes[home] for home in homes],
        )
        for cell, homes in sorted(cohorts.items())
        if len(homes) >= least[cell]
    ]


def _singles(
    scenario: Scenario, permits: Permits, register: np.ndarray[tuple[int, int], np.dtype[np.float64]], day: int
) -> list[Entry]:
    """Return a day's totals, and what moving averages there are."""
    span = (START_MS + day * DAY_MS, START_MS + (day + 1) * DAY_MS)
    entries = []
    for home, cell in enumerate(scenario.cells):
        name, owner = sha256(f"{day} {scenario.homes[home]}".encode()).hexdigest()[:32], scenario.homes[home]
        if TOTALS in scenario.flows and permits.throughout(TOTALS, home, *span):
            shown = round(float(register[home, day]), 3)
            entries.append(Entry(TOTALS, cell, shown, span, "per-epoch", pseudonym=name, owner=owner))
        if AVERAGES in scenario.flows and permits.throughout(AVERAGES, home, *span):
            plain: list[float | None] = [None if one != one else float(one) for one in scenario.kwh[home, day]]
            for first, last, mean in averages(plain, AVERAGED_HOURS):
                part = (span[0] + first * HOUR_MS, span[0] + last * HOUR_MS)
                entries.append(Entry(AVERAGES, cell, mean, part, "per-epoch", pseudonym=name, owner=owner))
    return entries


def _typical(scenario: Scenario, permits: Permits, end: int) -> list[Entry]:
    """Return each district's mean of each hour of the day over the week that ends."""
    span, day = (end - WEEK_MS, end), (end - START_MS) // DAY_MS
    entries = []
    for cell in sorted(set(scenario.cells)):
        homes = [
            home
            for home, where in enumerate(scenario.cells)
            if where == cell
            and permits.throughout(TYPICAL, home, *span)
            and not np.isnan(scenario.kwh[home, day - 7 : day]).all()
        ]
        if len(homes) >= K:
            means = np.nan_to_num(scenario.kwh[homes, day - 7 : day]).mean(axis=(0, 1))
            entries += [
                Entry(
                    TYPICAL,
                    cell,
                    round(float(mean), 4),
                    span,
                    "aggregate",
                    len(homes),
                    members=[scenario.homes[home] for home in homes] if hour == 0 else None,
                    hour=hour,
                )
                for hour, mean in enumerate(means)
            ]
    return entries


def _registers(homes: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.random.default_rng(homes).uniform(0, 60_000, (homes, 1))
