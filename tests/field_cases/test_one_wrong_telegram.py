"""Case 35: one wrong telegram of a counter takes no hour from a district, and puts nothing into it that nobody used.

Twelve households, registers that grow by half a kilowatt-hour each half hour, and in three of them one telegram that is wrong.
"""

from __future__ import annotations

from typing import Any

import pytest

from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from tests.field_cases.cases import tables, time_ms
from tests.support.city import city
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, Gate, reading

pytestmark = pytest.mark.outside_data

COUNTER = "{ most_per_h = 25 }"
"""What a home's supply lets through at most, in kilowatts."""


def policies(input_: dict[str, Any], *, counts: bool) -> PolicySet:
    """Return a city with the case's flow, in whose device profile stands what a counter can grow, or not."""
    flow = input_["flow"]
    built = (
        city()
        .ceiling(identity="per-epoch", space="block")
        .district("north")
        .zone("mill", "north")
        .measures("totalConsumption", *input_["property_clamp"])
        .purpose("energy", dpv="CombatClimateChange")
        .recipient("office")
        .flow(
            "hourly",
            "totalConsumption",
            purpose="energy",
            recipient="office",
            statistic=flow["statistic"],
            identity=flow["identity"],
            time=flow["time"],
            group=flow["group"],
            space="district",
            retention=30,
        )
        .device("meter", {"totalConsumption": "total"}, "unix-ms")
    )
    files = built.files()
    if counts:
        files["devices/meter.toml"] = files["devices/meter.toml"].replace(
            'path = "total"', f'path = "total"\ncounter = {COUNTER}'
        )
    return parse_policies({name: text.encode() for name, text in files.items()})


def telegrams(input_: dict[str, Any]) -> list[tuple[int, list[float]]]:
    """Return the moments at which all meters tell their registers, with what each tells."""
    told = [[each["total"] for each in input_[f"meter_{n}"]] for n in range(3)]
    moments = [time_ms(each["at"]) for each in input_["meter_0"]]
    usual = [[1000.0 * n + 0.5 * step for step in range(len(moments))] for n in range(3, input_["households"])]
    return [(at_ms, [meter[step] for meter in (*told, *usual)]) for step, at_ms in enumerate(moments)]


def figures(input_: dict[str, Any], policies: PolicySet) -> list[float]:
    """Return the figures of the hours from 23:00 on, as they leave once their days have ended."""
    rounds = telegrams(input_)
    begin_ms = rounds[0][0] - rounds[0][0] % HOUR_MS
    gate = Gate(policies, begin_ms - DAY_MS)
    homes = gate.homes(input_["households"], "hourly")
    for at_ms, totals in rounds:
        gate.to(at_ms)
        gate.take(*(reading(home, at_ms, total=total) for home, total in zip(homes, totals, strict=True)))
    found: list[tuple[int, float]] = []
    for days in (1, 2):
        gate.to(begin_ms - begin_ms % DAY_MS + days * DAY_MS + LATENESS_MS)
        found += [(each.phenomenon_time[0], each.result) for each in gate.records() if each.flow == "hourly"]
    return [figure for start_ms, figure in sorted(found) if start_ms > begin_ms]


def test_no_figure_holds_what_no_household_used() -> None:
    """Every hour leaves, near what twelve households used; a telegram that the next one contradicts is no baseline."""
    input_ = tables()["35"]["input"]
    found = figures(input_, policies(input_, counts=True))
    used = input_["households"] * 1.0
    assert len(found) >= 6
    for figure in found[:6]:
        assert used - 2 <= figure <= used + 0.5, found
    assert sum(found[:6]) <= 6 * used


def test_profile_that_does_not_say_what_a_counter_can_grow_lets_the_jump_through() -> None:
    """As the case was observed: the hour of a whole district takes what one wrong telegram says, up to the clamp."""
    input_ = tables()["35"]["input"]
    found = figures(input_, policies(input_, counts=False))
    assert max(found) > 200
