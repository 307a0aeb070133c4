"""What the city gets of ten households, hour by hour, is what their readings add up to, and no more.

Over a few days of households that the project makes, and over four weeks of real ones where their data set is there.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.sim.household_replay import HOUR, SCOPE, START, Row, made_rows, read_rows, replay, sums
from tests.support.data import DataSet, outside_data
from tests.support.judged import misjudged

_DAYS = 3
_HALF_HOURS_A_DAY = 48
_HOUSEHOLDS = 10


def test_seven_of_ten_consent_every_hourly_sum_is_theirs_alone(tmp_path: Path) -> None:
    """Every hour is released, each figure is the sum of the seven, and none holds anything of the other three."""
    _seven_of_ten_consent(tmp_path, made_rows(_DAYS))


def test_four_of_ten_consent_nothing_is_released_and_the_ledger_says_why(tmp_path: Path) -> None:
    """Four households are fewer than five: not one bundle leaves, and every pair is suppressed for want of subjects."""
    _four_of_ten_consent(tmp_path, made_rows(_DAYS))


def test_one_withdraws_midway_gone_from_the_open_window_and_all_after(tmp_path: Path) -> None:
    """A withdrawal in the middle of an hour takes the household out of that hour, and leaves the hours before as they were."""
    _one_withdraws_midway(tmp_path, made_rows(_DAYS))


@pytest.mark.outside_data
def test_four_weeks_of_real_households_give_what_their_own_file_adds_up_to(tmp_path: Path) -> None:
    """The same three, on homes that were really lived in: zeros, peaks, and weeks of hours."""
    (path,) = outside_data(DataSet.HOUSEHOLDS)
    read = read_rows(path)
    assert len(read) == 13_440
    assert len({row.hour for row in read}) == 672
    cases = []
    for name, check in (("seven", _seven_of_ten_consent), ("four", _four_of_ten_consent), ("leave", _one_withdraws_midway)):
        (tmp_path / name).mkdir()
        cases.append((name, True, partial(check, tmp_path / name, read)))
    assert misjudged(cases, AssertionError) == []


def _seven_of_ten_consent(folder: Path, read: tuple[Row, ...]) -> None:
    with replay(folder, read, consenting=7) as playing:
        playing.play(read)
        ledger = playing.finish(read[-1].hour)
        figures = playing.figures()
        expected = sums(read, playing.consenting)
        assert figures == {hour: (total, 7) for hour, total in expected.items()}
        hours = len(read) // (2 * _HOUSEHOLDS)
        assert len(figures) == hours
        assert (min(figures), max(figures)) == (START + HOUR, START + hours * HOUR)
        everybody = sums(read, playing.households)
        shown = [hour for hour in figures if figures[hour][0] != everybody[hour]]
        assert len(shown) > 0.89 * hours  # the others' readings would have shown
        assert ledger["frames.admitted"] == ledger["pairs.considered"] == len(read)
        assert ledger["pairs.aggregated"] == ledger["pairs.contributed"] == 7 * 2 * hours
        assert ledger["pairs.withheld.no-consent"] == 3 * 2 * hours


def _four_of_ten_consent(folder: Path, read: tuple[Row, ...]) -> None:
    read = read[: 2 * _HALF_HOURS_A_DAY * _HOUSEHOLDS]
    with replay(folder, read, consenting=4) as playing:
        playing.play(read)
        ledger = playing.finish(read[-1].hour)
        assert playing.listener.messages == []
        assert ledger["pairs.suppressed.k"] == ledger["pairs.contributed"] == 4 * 2 * 48
        assert ledger["pairs.withheld.no-consent"] == 6 * 2 * 48
        assert ledger.get("bundles.formed", 0) == ledger.get("pairs.aggregated", 0) == 0


def _one_withdraws_midway(folder: Path, read: tuple[Row, ...]) -> None:
    read = read[: _HALF_HOURS_A_DAY * _HOUSEHOLDS]
    middle = START + 13 * HOUR
    before = [row for row in read if row.at < middle]
    first_half = [row for row in read if row.at == middle]
    second_half = [row for row in read if row.at == middle + HOUR / 2]
    after = [row for row in read if row.at >= middle + HOUR]
    with replay(folder, read, consenting=7) as playing:
        playing.play(before)
        playing.publish(first_half)
        playing.advance(middle + timedelta(minutes=20))
        playing.live.wait_until(lambda s: s["windows"]["open"] == 1 and s["bundles_under_way"] == 0)  # the hours before have left
        leaving = playing.consenting[2]
        answer = playing.control.call("consent.withdraw", {"subject": playing.subjects[leaving], "scope": SCOPE})
        assert answer["status"] == "Withdrawn"
        assert playing.ledger()["pairs.withdrawn"] == 1
        playing.publish(second_half)
        playing.advance(middle + HOUR)
        playing.play(after)
        ledger = playing.finish(read[-1].hour)
        seven = sums(read, playing.consenting)
        six = sums(read, set(playing.consenting) - {leaving})
        assert any(six[hour] != seven[hour] for hour in six if hour >= middle)
        assert playing.figures() == {hour: (seven[hour], 7) if hour < middle else (six[hour], 6) for hour in seven}
        assert ledger["pairs.withdrawn"] == 1
        assert ledger["pairs.withheld.withdrawn"] == len([row for row in [*second_half, *after] if row.household == leaving])
