"""A gateway that lets everything pass to which a home said yes: every reading, at once, under the home's own pseudonym for good.

Here stands what a broker's bridge does, and an exchange such as DECODE's where averages are all that homes can ask for: they are
sent home by home, hour by hour. Nothing is counted, bounded or shuffled.
"""

from __future__ import annotations

from hashlib import sha256

import numpy as np

from tests.privacy.measured.gateways.port import Entry, Permits, Released, averages, bundle
from tests.privacy.measured.recording import DAY_MS, HOUR_MS
from tests.privacy.measured.scenarios import AVERAGED_HOURS, AVERAGES, HOURLY, LIVE, START_MS, TOTALS, TYPICAL, Scenario


class PassThrough:
    """See the module."""

    name = "pass-through"

    def drive(self, scenario: Scenario) -> Released:
        """Send a bundle at the end of each hour, and one of totals at the end of each day."""
        released, permits = Released(), Permits(scenario)
        names = [sha256(f"stable {home}".encode()).hexdigest()[:32] for home in scenario.homes]
        moving = {
            home: {end: (begin, mean) for begin, end, mean in averages(_plain(scenario.kwh[home]), AVERAGED_HOURS)}
            for home in range(len(scenario.homes))
            if AVERAGES in scenario.flows
        }
        register = np.cumsum(np.nan_to_num(scenario.kwh).sum(axis=2), axis=1) + _registers(len(scenario.homes))
        # One flow of readings is enough: to a gateway that lets all pass, what they are for makes no difference.
        live = next((flow for flow in scenario.flows if flow in (HOURLY, LIVE, TYPICAL)), HOURLY)
        for hour in range(scenario.days * 24):
            begin = START_MS + hour * HOUR_MS
            entries = []
            for home, cell in enumerate(scenario.cells):
                kwh = float(scenario.kwh[home, hour // 24, hour % 24])
                if kwh != kwh or permits.throughout(live, home, begin, begin + HOUR_MS) is None:
                    continue
                span = (begin, begin + HOUR_MS)
                entries.append(Entry(live, cell, kwh, span, "stable", pseudonym=names[home], owner=scenario.homes[home]))
                if hour + 1 in moving.get(home, {}):
                    first, mean = moving[home][hour + 1]
                    span = (START_MS + first * HOUR_MS, begin + HOUR_MS)
                    entries.append(Entry(AVERAGES, cell, mean, span, "stable", pseudonym=names[home], owner=scenario.homes[home]))
            bundle(released, begin + HOUR_MS, "energy", entries)
            if hour % 24 == 23 and TOTALS in scenario.flows:
                span = (begin + HOUR_MS - DAY_MS, begin + HOUR_MS)
                totals = [
                    Entry(
                        TOTALS,
                        cell,
                        round(float(register[home, hour // 24]), 3),
                        span,
                        "stable",
                        None,
                        names[home],
                        scenario.homes[home],
                    )
                    for home, cell in enumerate(scenario.cells)
                    if permits.throughout(TOTALS, home, *span)
                ]
                bundle(released, begin + HOUR_MS, "energy", totals)
        return released


def _registers(homes: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return what meters showed when all began, between 0 and 60,000 kWh, in a column."""
    return np.random.default_rng(homes).uniform(0, 60_000, (homes, 1))


def _plain(kwh: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float | None]:
    return [None if one != one else float(one) for one in kwh.reshape(-1)]
