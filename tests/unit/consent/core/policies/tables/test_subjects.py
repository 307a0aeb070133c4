"""What a flow says of its figures about households: what cannot be made, or contradicts itself, is refused in one line."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from consent.core.periods import Period, Publish
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.core.policies.tables.subjects import KEYS
from consent.errors import PolicyError
from tests.support.city import City, city

ASK = {"identity": "aggregate", "time": "1h", "space": "district", "retention": 30, "group": 5}


def street(**flow: Any) -> City:
    """Return a city with one flow of figures about households, changed as given."""
    said: dict[str, Any] = {"statistic": "sum", "purpose": "energy", "recipient": "office", "budget": 2} | ASK | flow
    said = {key: value for key, value in said.items() if value is not None or key == "noise"}
    return (
        city()
        .limits(mu_day=4, exact_group=50)
        .district("north")
        .zone("mill", "north")
        .measures("consumption", 0, 5)
        .measures("totalConsumption")
        .quantity("electricity", "consumption", "totalConsumption", clip=10, presence=2)
        .purpose("energy")
        .purpose("streets", legal_basis="public-task")
        .recipient("office")
        .recipient("public", sealed=False)
        .flow(
            "hourly",
            said.pop("property", "consumption"),
            **{key: value for key, value in said.items() if value is not None or key == "noise"},
        )
        .device("meter", {"consumption": "kwh", "totalConsumption": "total"})
    )


def policies(**flow: Any) -> PolicySet:
    """Return what it says."""
    return street(**flow).policies()


def fault(**flow: Any) -> str:
    """Return the line that refuses it."""
    with pytest.raises(PolicyError) as caught:
        policies(**flow)
    line = str(caught.value)
    assert "\n" not in line
    return line.removeprefix("`city.toml`: `flow.hourly.")


def refused(**flow: Any) -> list[str]:
    """Return why it is read, and not put in force."""
    return [str(error).removeprefix("`city.toml`: `flow.hourly.") for error in policies(**flow).refusals()]


def test_flow_with_noise_says_how_its_figures_are_made() -> None:
    """By the day unless it says otherwise, with the quantity's clip unless it has its own."""
    found = policies().mechanisms["hourly", "consumption"]
    assert (found.mu, found.clip) == (Fraction(2), Decimal(10))
    assert (found.period, found.publish, found.is_exact) == (Period.DAY, Publish.DAY, False)
    found = policies(clip=4.5, publish="window", budget=0.62).mechanisms["hourly", "consumption"]
    assert (found.mu, found.clip, found.publish) == (Fraction("0.62"), Decimal("4.5"), Publish.WINDOW)
    found = policies(statistic="typical-day", period="week").mechanisms["hourly", "consumption"]
    assert found.period is Period.WEEK


def test_flow_without_noise_is_exact_and_by_the_day() -> None:
    """Only where it says so."""
    found = policies(budget=None, noise="none").mechanisms["hourly", "consumption"]
    assert (found.mu, found.is_exact, found.publish) == (None, True, Publish.DAY)


def test_flow_with_neither_noise_nor_none_is_refused_and_what_it_asks_withheld() -> None:
    """An earlier version's is read, so that a set in force stays so."""
    said = "is missing: figures of `consumption` over households have noise, or the flow says"
    assert refused(budget=None, noise=None) == [f'ask.budget`: {said} `noise = "none"`']
    assert policies(budget=None, noise=None).withheld_of_subjects == {("hourly", "consumption")}


def test_flow_with_both_noise_and_none_is_refused() -> None:
    """Nobody could say which of the two counts."""
    assert fault(noise="none") == "noise`: `none` stands beside `ask.budget`, which asks for noise: leave one of them out"


def test_property_of_no_quantity_is_refused_and_withheld() -> None:
    """What its figures reveal would be counted nowhere."""
    text = street().text().replace('properties = ["consumption", "totalConsumption"]', 'properties = ["totalConsumption"]')

    found = parse_policies({"city.toml": text.encode()} | {name: each.encode() for name, each in street().other_files().items()})
    (one,) = found.unsupported
    assert (one.key, one.since_form) == ("flow.hourly.properties", 3)
    assert one.message == "`consumption` over households stands in no `[quantity]`, by which what they reveal is accounted for"


@pytest.mark.parametrize("mu", [0, -1, Decimal("0.0000001")])
def test_noise_without_end_is_refused(mu: float) -> None:
    """A μ of 0 or less is none that a draw could have."""
    line = fault(budget=mu)
    assert line.startswith("ask.budget`: `")
    assert line.endswith("should be a number from 0.000001 to 1000000")


@pytest.mark.parametrize("noise", ["gaussian", "some", "None"])
def test_noise_is_named_by_its_amount_alone(noise: str) -> None:
    """There is one mechanism."""
    assert fault(noise=noise) == f"noise`: `{noise}` is not `none`; `ask.budget` says how much noise there is"


def test_mean_with_noise_needs_a_clamp() -> None:
    """Around whose middle it is drawn; exact it needs none, and a sum is bounded by its clip."""
    said = "a `mean` with noise needs `property.totalConsumption.clamp`, around whose middle it is drawn"
    assert fault(property="totalConsumption", statistic="mean") == f"statistic.totalConsumption`: {said}"
    assert policies(property="totalConsumption", statistic="mean", budget=None).unsupported == ()
    assert policies(property="totalConsumption", statistic="delta").unsupported == ()


def test_count_with_noise_is_refused_and_withheld() -> None:
    """Each figure tells of how many households it is; how often their devices spoke is not offered."""
    (said,) = refused(statistic="count")
    assert said.startswith("statistic.consumption`: `count` of readings is not offered with noise, ")
    assert refused(statistic="count", budget=None) == []


@pytest.mark.parametrize(
    ("flow", "line"),
    [
        ({"time": "15min"}, "ask.time`: `15min` is finer than the `1h` of `quantity.electricity.cell`"),
        ({"clip": 11}, "clip`: `11` is more than the `10` of `quantity.electricity.clip`"),
        ({"clip": 2}, "clip`: `2` should be above `2`, the `presence` of `quantity.electricity`"),
        ({"clip": -1}, "clip`: `-1` should be a number from 0.000000001 to 1000000000"),
        ({"period": "week"}, "statistic.consumption`: `sum` is of a day: over a `week` write `typical-day`"),
        ({"statistic": "typical-day"}, '`period`: `typical-day` is of a week: write `period = "week"`'[1:]),
        (
            {"statistic": "typical-day", "period": "week", "time": "15min"},
            "ask.time`: `15min` is finer than the hours by which a `typical-day` is told",
        ),
        ({"purpose": "streets"}, "ask.budget`: binds only figures about households: by consent, at identity `aggregate`"),
        ({"period": "month"}, "period`: `month` is none of day, week"),
        ({"publish": "hour"}, "publish`: `hour` is none of day, window"),
        (
            {"period": "week", "statistic": "typical-day", "publish": "window"},
            "publish`: `window`: a week's figures leave once it has ended, as `day` says",
        ),
    ],
)
def test_flow_whose_figures_cannot_be_made_is_refused(flow: dict[str, Any], line: str) -> None:
    """Finer than the cells, beyond the quantity's clip, or of a span that the statistic is not of."""
    assert fault(**flow) == line


@pytest.mark.parametrize(("said", "key"), [({"publish": "window"}, "publish"), ({"period": "week"}, "period")])
def test_exact_quantity_has_one_publication_period(said: dict[str, str], key: str) -> None:
    """Two of them would let what left by the one be taken from what leaves by the other."""
    statistic = "typical-day" if key == "period" else "sum"
    line = f"{key}`: exact figures of a quantity are all published by the `day`"
    assert fault(budget=None, noise="none", statistic=statistic, **said) == line


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("flow", [{"identity": "per-epoch", "time": "day", "group": None}, {"purpose": "streets"}])
def test_flow_of_no_figures_about_households_says_nothing_of_them(key: str, flow: dict[str, Any]) -> None:
    """What would bind nothing is a mistake."""
    value: Any = {"noise": "none", "publish": "day", "period": "day", "clip": 5}[key]
    line = f"{key}`: binds only figures about households: by consent, at identity `aggregate`"
    assert fault(budget=None, **(flow | {key: value})) == line


def test_typical_day_is_of_households() -> None:
    """A public task's figures are not gathered in cells."""
    said = fault(budget=None, purpose="streets", statistic="typical-day")
    assert said == "statistic.consumption`: `typical-day` is of households: by consent, at identity `aggregate`"


def test_figures_with_noise_may_be_open_data_and_exact_ones_may_not() -> None:
    """Whoever reads them may know anything about anybody."""
    assert policies(recipient="public").unsupported == ()
    said = "recipient`: `public` has no key and may only get data of a public task, and figures with noise"
    assert fault(recipient="public", budget=None) == said
    assert fault(recipient="public", budget=None, identity="per-epoch", time="day", group=None) == said
