"""Settings of faults: each has a default, within the range that it is checked against."""

from __future__ import annotations

from dataclasses import fields

import pytest

from firmware_sim.misbehaviour.faults_by_name import FAULTS
from firmware_sim.misbehaviour.settings import MOST_LASTS_S, MOST_PER_DAY, lasts_s, per_day, share


@pytest.mark.parametrize("name", FAULTS)
def test_default_of_every_setting_is_within_its_range(name: str) -> None:
    """A fault without settings is a usable one, and every number has a range."""
    for item in fields(FAULTS[name]):
        if str(item.type) in ("float", "int"):
            assert item.metadata["least"] <= item.default <= item.metadata["most"], item.name


def test_ranges_are_those_of_their_kind() -> None:
    """Shares go to one, rates to forty-eight a day, lengths to thirty days."""
    assert share(0.5).metadata == {"least": 0.0, "most": 1.0}
    assert per_day(0.5).metadata["most"] == MOST_PER_DAY
    assert lasts_s(0.5).metadata["most"] == MOST_LASTS_S
