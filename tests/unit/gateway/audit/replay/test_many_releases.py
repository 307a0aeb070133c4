"""Among ten thousand releases of one gateway a wrong of each kind is planted: the replay finds these and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.audit.log.payloads import ReleasePayload, ReleaseRecord
from gateway.audit.replay.report import ReplayVerdict
from tests.support.drawn import Suburb
from tests.support.gate import DAY_MS, HOUR_MS
from tests.support.replayed import replayed

HOMES = 6
RELEASES_A_DAY = 26


class Years:
    """A town whose publications go on for years: hours with noise for the lab, and days, exact and with noise, for the office."""

    def __init__(self) -> None:
        self.town = Suburb(HOMES, "hourly", "live", "warm", "warm-lab")
        self.day_ms = self.town.gate.now_ms // DAY_MS * DAY_MS
        self.town.gate.now_ms = self.day_ms

    def day(self, **office: Any) -> list[int]:
        """Publish a day, and return the entries; the office's draw may be changed."""
        town, entries = self.town, []
        for hour in range(1, 25):
            end_ms = self.day_ms + hour * HOUR_MS
            town.gate.now_ms = end_ms
            entries.append(town.publish("lab", "window", end_ms, *town.drawn(end_ms, "live")))
        self.day_ms += DAY_MS
        town.gate.now_ms = self.day_ms + HOUR_MS
        hourly = town.drawn(self.day_ms, "hourly", **office)[0]
        warm = town.draw("warm", self.day_ms, town.homes), [town.share(home, "warm", 1) for home in town.homes]
        entries.append(town.publish("office", "day", self.day_ms, hourly, warm))
        entries.append(town.publish("lab", "day", self.day_ms, *town.drawn(self.day_ms, "warm-lab")))
        return entries


Plant = Callable[[Years], tuple[int, str]]
"""Does one thing wrong; returns its entry, and what the replay must say about it."""


def other_mechanism(years: Years) -> tuple[int, str]:
    """Draw a day with half the noise."""
    return years.day(mu="4")[-2], "its μ is `4`, policies say `2`"


def more_told_than_stood(years: Years) -> tuple[int, str]:
    """Tell of fifty homes where six are."""
    return years.day(told=50)[-2], "`50` subjects were told, and `6` stand in it"


def stranger_in_a_draw(years: Years) -> tuple[int, str]:
    """Put a home into a day that has said nothing."""
    town = years.town
    town.void(years.day()[-2])
    draw = town.draw("hourly", years.day_ms, town.homes)
    shares = [town.share(home, "hourly", 0) for home in town.homes[:-1]]
    forged = town.share(town.gate.home(), "hourly", 0)
    wrong = town.publish("office", "day", years.day_ms, (draw, [*shares, forged]))
    return wrong, "a subject's data was withheld from it: no-consent"


def slice_drawn_twice(years: Years) -> tuple[int, str]:
    """Draw the day before once more in a publication of its own."""
    town = years.town
    return town.publish("office", "day", years.day_ms, *town.drawn(years.day_ms, "hourly")), "what is in it was released before"


def publication_left_out(years: Years) -> tuple[int, str]:
    """Say nothing of a day."""
    years.day_ms += DAY_MS
    return years.day()[-1], "a part is missing before it"


def figure_in_a_record(years: Years) -> tuple[int, str]:
    """Tell an hour as versions of before did."""
    town, draw = years.town, years.town.draw("hourly", years.day_ms, years.town.homes)
    window = (years.day_ms - HOUR_MS, years.day_ms)
    record = ReleaseRecord("hourly", draw.level, draw.cell, window, HOMES, "aggregate", draw.property, draw.statistic)
    shares = [town.share(home, "hourly", 0) for home in town.homes]
    return town.log(ReleasePayload("office", (record,)), shares), "a figure about subjects leaves in a draw of a publication"


def class_of_one(years: Years) -> tuple[int, str]:
    """Tell the lab an exact day without one home that the office was told of."""
    town = years.town
    entries = years.day()
    town.void(entries[-1])
    town.publish("lab", "day", years.day_ms, *town.drawn(years.day_ms, "warm-lab", homes=town.homes[1:]))
    return entries[-2], "`1` subjects stand, on "


PLANTS: tuple[Plant, ...] = (
    other_mechanism,
    more_told_than_stood,
    stranger_in_a_draw,
    slice_drawn_twice,
    publication_left_out,
    figure_in_a_record,
    class_of_one,
)


def found_among(days: int, *plants: Plant) -> tuple[list[tuple[int, str]], list[str], int]:
    """Return what was planted behind so many honest days each, what the replay found, and how many releases matched."""
    years = Years()
    planted = []
    for plant in plants:
        for _ in range(days):
            years.day()
        planted.append(plant(years))
    for _ in range(max(4, days)):
        years.day()
    found = replayed(years.town.gate)
    return planted, [f"{one.where}: {one.problem}" for one in found.findings], found.verdicts[ReplayVerdict.MATCH]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_wrong_among_many_releases_is_found(plant: Plant) -> None:
    """In its own entry; what follows from it in others is named too, and no other kind is found."""
    (((entry, expected),), found, matched) = found_among(3, plant)
    assert any(each.startswith(f"entry {entry}: ") and expected in each for each in found), found
    assert len(found) <= (3 if plant is publication_left_out else 2), found
    assert matched >= 6 * RELEASES_A_DAY


@pytest.mark.slow
def test_wrongs_of_every_kind_are_found_among_ten_thousand_releases() -> None:
    """Each in the entry that it made, and every other release matches."""
    days = 10_000 // RELEASES_A_DAY // (len(PLANTS) + 1) + 1
    planted, found, matched = found_among(days, *PLANTS)
    for entry, expected in planted:
        assert any(each.startswith(f"entry {entry}: ") and expected in each for each in found), (expected, found)
    assert len(found) <= len(PLANTS) + 4, found
    assert matched >= 10_000
