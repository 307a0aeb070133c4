"""The table of plausible ranges: it can be read, knows the shipped city's properties, and refuses what is malformed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from consent.core.disclosure import Time
from consent.core.review.plausible import plausible_range, read_plausible
from consent.errors import PolicyError
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies


def test_every_property_of_the_shipped_city_is_in_the_table() -> None:
    """By property, unit and length of window."""
    for prop in load_policies(ROOT / "policies").properties.values():
        assert plausible_range(prop.id, prop.unit, Time.HOUR_1) is not None, prop.id
    assert plausible_range("consumption", "kW.h", Time.HOUR_1) == (Decimal(0), Decimal(15))
    assert plausible_range("consumption", "GW.h", Time.HOUR_1) is None


def test_table_with_a_property_twice_is_refused() -> None:
    """Which of the two holds could not be told."""
    row = '[[plausible]]\nproperties = ["LAeq"]\nunit = "dB"\nrange = [20, 110]\n'
    with pytest.raises(PolicyError, match="`LAeq` stands there twice in `dB`"):
        read_plausible((row + row).encode())
    with pytest.raises(PolicyError, match="should be below"):
        read_plausible(row.replace("110", "10").encode())
