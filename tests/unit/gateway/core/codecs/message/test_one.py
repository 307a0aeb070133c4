"""One message: fields, units, sums, and that a bad field costs that field alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from consent.core.profiles.conversions import UNSCALED, Scaling
from consent.core.profiles.profile import (
    Field,
)
from gateway.core import model
from gateway.core.model import Observation, Reading
from tests.support.trees import NOW_MS, fields, profile_of, read, values


def test_one_bad_field_costs_that_field() -> None:
    """The others are read; the bad one is told by its reason."""
    profile = profile_of(fields=fields(temperature="t", humidity="h", pm25="p"))

    outcome = read(profile, {"t": 21, "h": "wet"})

    assert outcome == Reading(None, None, False, [Observation("temperature", NOW_MS, 21)], (model.WRONG_TYPE,))
    assert read(profile, {"h": "wet"}) is model.WRONG_TYPE
    assert read(profile, {"x": 1}) is model.NO_READING
    assert read(profile, {"t": None}) is model.NO_READING


def test_registers_of_three_phases_are_summed_or_left_out() -> None:
    """One of them absent: there is no sum."""
    profile = profile_of(fields={"totalConsumption": Field(("a.e", "b.e", "c.e"), "W.h", Decimal("0.001"))})
    phases: dict[str, Any] = {"a": {"e": 1000}, "b": {"e": 250}, "c": {"e": 50}}

    assert values(read(profile, phases)) == {"totalConsumption": pytest.approx(1.3)}
    assert read(profile, phases | {"c": {}}) is model.NO_READING
    assert read(profile, phases | {"c": {"e": "x"}}) is model.WRONG_TYPE


def test_unit_is_the_one_that_the_message_names() -> None:
    """The profile's own where it names none, and refused where nobody knows it."""
    scales = {"°F": Scaling(Decimal(5) / 9, Decimal(-160) / 9), "°C": UNSCALED}
    profile = profile_of(fields={"temperature": Field(("t",), "Cel", unit_path="u", unit_scales=scales)})

    assert values(read(profile, {"t": 59, "u": "°F"})) == {"temperature": pytest.approx(15)}
    assert values(read(profile, {"t": 15, "u": " °C"})) == {"temperature": 15}
    assert values(read(profile, {"t": 15})) == {"temperature": 15}
    assert read(profile, {"t": 15, "u": "°N"}) is model.WRONG_UNIT
    assert read(profile, {"u": "°N"}) is model.NO_READING
