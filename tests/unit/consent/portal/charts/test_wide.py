"""The flow chart for wide windows, from left to right."""

from __future__ import annotations

from consent.portal.charts.meaning import Meaning
from consent.portal.charts.ribbons import Share
from consent.portal.charts.wide import WideChart
from consent.portal.visit import Visit


def _whole(held: int) -> Share:
    told = Share("Told", 1000, Meaning.TOLD, (Share("Office", 1000, Meaning.TOLD),))
    back = Share("Held back", held, Meaning.HELD, (Share("Nobody said yes", held, Meaning.HELD),))
    return Share("All uses", 1000 + held, Meaning.ALL, (told, back))


def test_the_name_of_a_thin_group_stands_beneath_it() -> None:
    """The flow that leads there comes from above and would cross it."""
    chart = WideChart(_whole(3), Visit("en"))
    name, value = [label for label in chart.labels() if label.text in ("Held back", "3")][:2]
    assert name.y == value.y > chart.layout.middle[1].end
    assert name.right < value.left


def test_a_wide_group_bears_its_name() -> None:
    chart = WideChart(_whole(900), Visit("en"))
    name, value = [label for label in chart.labels() if label.text in ("Held back", "900")][:2]
    assert chart.layout.middle[1].start < name.top < name.y < value.y < chart.layout.middle[1].end


def test_a_long_name_is_broken_and_the_number_stands_at_its_middle() -> None:
    long = Share("Oficina municipal de energía, casa por casa, con un nombre inventado", 1000, Meaning.TOLD)
    chart = WideChart(Share("T", 1000, Meaning.ALL, (Share("Told", 1000, Meaning.TOLD, (long,)),)), Visit("es"))
    first, second, value = chart.labels()[-3:]
    assert f"{first.text} {second.text}" == long.name
    assert first.y < value.y < second.y
