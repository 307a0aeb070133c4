"""Registers in device profiles: what of how one counts does not fit the city is warned of by file and key."""

from __future__ import annotations

import pytest

from consent.core.policies.parse import parse_policies
from gateway.check.terms import faults_in, notes_in
from tests.support.city import city

FILE = "devices/meter.toml"


def warnings(field: str, *, statistic: str = "delta", clamp: tuple[float, float] = (0, 30), asked: bool = True) -> list[str]:
    """Return what is said of a meter's register whose field holds further lines."""
    built = (
        city()
        .district("north")
        .zone("mill", "north")
        .measures("totalConsumption", *clamp)
        .measures("consumption", 0, 30)
        .purpose("energy", dpv="CombatClimateChange")
        .recipient("office")
        .flow(
            "hourly",
            "totalConsumption" if asked else "consumption",
            purpose="energy",
            recipient="office",
            statistic=statistic,
            identity="aggregate",
            time="1h",
            group=5,
            space="district",
            retention=30,
        )
        .device("meter", {"totalConsumption": "total"})
    )
    files = built.files()
    files[FILE] = files[FILE].replace('path = "total"', f'path = "total"\n{field}')
    policies = parse_policies({name: text.encode() for name, text in files.items()})
    assert list(faults_in(policies)) == []
    return [str(note) for note in notes_in(policies)]


@pytest.mark.parametrize(
    "field",
    [
        "",
        "counter = { most_per_h = 25 }",
        "counter = { most_per_h = 30, bits = 32 }",
        'counter = { restarts = "daily" }',
        "plausible = [0, 1000000]",
        'decimal_mark = ","',
    ],
)
def test_register_that_fits_the_city_is_well(field: str) -> None:
    """A register shows more than what is consumed in an hour, so its plausible values are no matter of the clamp."""
    assert warnings(field) == []


@pytest.mark.parametrize(
    ("field", "key", "said"),
    [
        (
            "counter = { most_per_h = 31 }",
            "counter.most_per_h",
            "is `31`, and the property's `clamp` lets a subject count as at most `30` in an hour",
        ),
        ("counter = { bits = 16 }", "counter.bits", "without `most_per_h` every fall"),
        (
            'decimal_mark = ","\ncounter = { most_per_h = 25, bits = 24 }',
            "counter.bits",
            "a register of 24 bits is a whole number, and `decimal_mark` says that it is sent with fractions",
        ),
        ('unit_path = "unit"\ncounter = { most_per_h = 25, bits = 24 }', "counter.bits", "in another unit that a message names"),
    ],
)
def test_register_that_counts_otherwise_than_the_city_is_warned_of(field: str, key: str, said: str) -> None:
    """One line each, with the key."""
    (line,) = warnings(field)
    assert line.startswith(f"warning: `{FILE}`: `fields.totalConsumption.{key}`: ")
    assert said in line


def test_register_that_no_flow_takes_differences_of_is_warned_of() -> None:
    """Nothing judges its readings; but where no flow asks for the property at all there is nothing to say."""
    (line,) = warnings("counter = { most_per_h = 25 }", statistic="mean")
    assert line.endswith("no flow asks for a `delta` of `totalConsumption`, so that its readings are not judged by this")
    assert warnings("counter = { most_per_h = 25 }", asked=False, statistic="mean") == []


def test_plausible_values_beyond_the_clamp_are_warned_of_where_figures_are_of_values() -> None:
    """They would count as its end."""
    (line,) = warnings("plausible = [-5, 20]", statistic="mean")
    assert line.startswith(f"warning: `{FILE}`: `fields.totalConsumption.plausible`: ")
    assert line.endswith(
        "reaches from `-5` to `20`, and the property's `clamp` from `0` to `30`: what lies beyond counts as its end"
    )
    assert warnings("plausible = [0, 30]", statistic="mean") == []
    assert warnings("plausible = [-5, 20]", statistic="sum") == []
