"""Accounting: what all figures of a quantity reveal on a day adds up over flows, and is bounded when policies load."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.policies.accounting import overspent, spent
from consent.core.policies.parse import parse_policies
from consent.errors import PolicyError
from tests.support.city import City, city

MUS = st.decimals(min_value="0.01", max_value="3", places=2)


def street(*flows: dict[str, Any], **limits: object) -> City:
    """Return a city with flows of one quantity."""
    town = city().limits(**limits).district("north").zone("mill", "north")
    town = town.measures("consumption", 0, 5).measures("totalConsumption").measures("LAeq", 30, 90)
    town = town.quantity("electricity", "consumption", "totalConsumption", clip=10, presence=2)
    town = town.purpose("energy").recipient("office").recipient("firm").device("meter", {"consumption": "kwh"})
    for number, flow in enumerate(flows):
        ask = {"identity": "aggregate", "time": "1h", "space": "district", "retention": 30}
        said: dict[str, Any] = {"statistic": "sum", "purpose": "energy", "recipient": "office"} | ask | flow
        town.flow(f"flow-{number}", *said.pop("properties", ("consumption",)), **said)
    return town


def fault(town: City) -> str:
    """Return the line that refuses a city."""
    with pytest.raises(PolicyError) as caught:
        town.policies()
    return str(caught.value)


def test_more_noise_budget_than_a_day_has_is_refused_by_the_names_of_the_flows() -> None:
    """Whoever gets the figures, and over whatever property they are drawn."""
    flows = (
        {"budget": 2},
        {"budget": 1, "recipient": "firm"},
        {"budget": 1, "properties": ["totalConsumption"], "statistic": "delta"},
    )
    line = "`city.toml`: `limits.mu_day`: `2.4` is less than 2.449, to which a day's figures of `quantity.electricity` add up: "
    assert fault(street(*flows, mu_day=Decimal("2.4"))) == f"{line}the root of the squares of `flow-0` 2, `flow-1` 1, `flow-2` 1"
    assert street(*flows, mu_day=Decimal("2.45")).policies().unsupported == ()


def test_each_property_of_a_flow_is_a_draw_of_its_own() -> None:
    """Two of one quantity count twice."""
    both = street({"budget": 1, "properties": ["consumption", "totalConsumption"]}, mu_day=2).policies()
    assert spent(both, "electricity") == 2


def test_figures_of_a_week_count_in_full_on_each_of_its_days() -> None:
    """So no day on which both are drawn reveals more than is permitted."""
    flows = ({"budget": 2}, {"budget": Decimal("0.62"), "statistic": "typical-day", "period": "week"})
    assert spent(street(*flows, mu_day=3).policies(), "electricity") == 4 + Fraction("0.62") ** 2
    assert "`limits.mu_day`: `2.09` is less than 2.094" in fault(street(*flows, mu_day=Decimal("2.09")))


def test_window_by_window_or_at_once_reveals_the_same() -> None:
    """The windows of a day share the flow's μ."""
    assert spent(street({"budget": 2, "publish": "window"}, mu_day=2).policies(), "electricity") == 4


def test_exact_figures_and_other_quantities_do_not_count() -> None:
    """The guard is over the exact ones; each quantity is accounted for by itself."""
    found = street({}, {"budget": 2}, {"budget": 2, "properties": ["LAeq"], "statistic": "mean"}, mu_day=2).policies()
    assert spent(found, "electricity") == spent(found, "laeq") == 4
    assert list(overspent(found)) == []


def test_noise_without_a_bound_for_the_day_is_refused() -> None:
    """Whoever asks for noise says how much there may be of it together."""
    text = street({"budget": 2}).text().replace("mu_day = 100\n", "")
    files = {"city.toml": text.encode()} | {name: each.encode() for name, each in street().other_files().items()}

    with pytest.raises(PolicyError, match=r"`limits.mu_day`: is missing: `flow-0` 2 draw on `quantity.electricity`"):
        parse_policies(files)


@given(st.lists(MUS, min_size=1, max_size=4), MUS)
def test_accounting_refuses_exactly_what_exceeds_the_bound(mus: list[Decimal], bound: Decimal) -> None:
    """Compared as exact fractions, at the bound itself too."""
    town = street(*({"budget": mu} for mu in mus), mu_day=bound)
    try:
        town.policies()
        permitted = True
    except PolicyError:
        permitted = False
    assert permitted is (sum(Fraction(mu) ** 2 for mu in mus) <= Fraction(bound) ** 2)
