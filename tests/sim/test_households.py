"""What the city gets of ten households, hour by hour, is what their readings add up to, exactly or with noise, and no more.

Figures leave by the day. Over a few days of households that the project makes, and over four weeks of real ones where their data
set is there.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from gateway.recipient.records import Record
from tests.sim.household_replay import (
    CLIP_KWH,
    HOUR,
    MU,
    SCOPE,
    START,
    Row,
    clipped_sums,
    made_rows,
    read_rows,
    replay,
    sums,
    told_sums,
)
from tests.support.data import DataSet, outside_data
from tests.support.judged import misjudged

_NORMAL_95 = 1.96
_DAYS = 3
_HOURS_A_DAY = 24
_HALF_HOURS_A_DAY = 48
_HOUSEHOLDS = 10


def test_seven_of_ten_consent_every_hourly_sum_is_theirs_alone(tmp_path: Path) -> None:
    """Each figure is the sum of the seven, and holds nothing of the other three; no day is told that one makes up."""
    _seven_of_ten_consent(tmp_path, made_rows(_DAYS))


def test_four_of_ten_consent_nothing_is_released_and_the_ledger_says_why(tmp_path: Path) -> None:
    """Four households are fewer than five: no exact figure leaves, and every pair of it is suppressed, as of too few."""
    _four_of_ten_consent(tmp_path, made_rows(_DAYS))


def test_one_withdraws_midway_gone_from_the_open_day_and_all_after(tmp_path: Path) -> None:
    """A withdrawal in the middle of a day takes the household out of all of it, and leaves the day before as it was told."""
    _one_withdraws_midway(tmp_path, made_rows(_DAYS))


@pytest.mark.outside_data
def test_four_weeks_of_real_households_give_what_their_own_file_adds_up_to(tmp_path: Path) -> None:
    """The same three, on homes that were really lived in: zeros, peaks, and weeks of hours, of which 95 in 100 lie within ±."""
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
        figures = playing.exact()
        expected = told_sums(read, playing.consenting)
        assert figures == {hour: (total, 5) for hour, total in expected.items()}  # seven, told in fives
        hours, told = len(read) // (2 * _HOUSEHOLDS), len(figures)
        assert told > 0.7 * hours
        assert len(figures) % _HOURS_A_DAY == 0
        everybody = sums(read, playing.households)
        shown = [hour for hour in figures if figures[hour][0] != everybody[hour]]
        assert len(shown) > 0.89 * told  # the others' readings would have shown
        _check_noisy(playing.figures("noisy"), clipped_sums(read, playing.consenting))
        assert ledger["frames.admitted"] == len(read)
        assert ledger["pairs.considered"] == 2 * len(read)  # of two flows
        assert ledger["pairs.contributed"] == 2 * 7 * 2 * hours
        assert ledger["pairs.aggregated"] == 7 * 2 * (hours + told)  # of the one with noise all
        assert ledger.get("pairs.suppressed.p", 0) == 7 * 2 * (hours - told)
        assert ledger["pairs.withheld.no-consent"] == 2 * 3 * 2 * hours


def _check_noisy(figures: dict[datetime, Record], expected: dict[datetime, float]) -> None:
    """Check that figures with noise are around the clipped sums of those who permit them, as far as they say themselves."""
    assert figures.keys() == expected.keys()
    errors = []
    for hour, record in figures.items():
        assert record.standard_error == CLIP_KWH / MU
        assert (record.mu, record.clip) == (MU, CLIP_KWH)
        errors.append((record.result - expected[hour]) / record.standard_error)
    assert max(map(abs, errors)) < 6
    if len(errors) > 500:  # of so many, a hundredth is a standard deviation of how many lie within
        assert 0.91 < sum(abs(error) < _NORMAL_95 for error in errors) / len(errors) < 0.985
    assert abs(sum(errors)) / math.sqrt(len(errors)) < 6  # and no household more or less in all of them


def _four_of_ten_consent(folder: Path, read: tuple[Row, ...]) -> None:
    read = read[: 2 * _HALF_HOURS_A_DAY * _HOUSEHOLDS]
    with replay(folder, read, consenting=4) as playing:
        playing.play(read)
        ledger = playing.finish(read[-1].hour)
        assert playing.figures() == {}
        assert playing.figures("noisy").keys() == sums(read, playing.consenting).keys()  # which asks for no company
        assert ledger["pairs.suppressed.guard"] == ledger["pairs.aggregated"] == 4 * 2 * 48
        assert ledger["pairs.withheld.no-consent"] == 2 * 6 * 2 * 48
        assert ledger["bundles.formed"] >= 2  # a publication a day, whatever stands in it


def _one_withdraws_midway(folder: Path, read: tuple[Row, ...]) -> None:
    read = read[: 2 * _HALF_HOURS_A_DAY * _HOUSEHOLDS]
    second_day, middle = START + 25 * HOUR, START + 37 * HOUR
    before = [row for row in read if row.at < middle]
    first_half = [row for row in read if row.at == middle]
    second_half = [row for row in read if row.at == middle + HOUR / 2]
    after = [row for row in read if row.at >= middle + HOUR]
    with replay(folder, read, consenting=7) as playing:
        playing.play(before)
        playing.publish(first_half)
        playing.advance(middle + timedelta(minutes=20))
        playing.live.wait_until(lambda s: s["bundles_under_way"] == 0)  # the day before has left
        leaving = playing.consenting[2]
        answer = playing.control.call("consent.withdraw", {"subject": playing.subjects[leaving], "scope": SCOPE})
        assert answer["status"] == "Withdrawn"
        gone = len([row for row in [*before, *first_half] if row.household == leaving and row.at >= second_day])
        assert playing.ledger()["pairs.withdrawn"] == 2 * gone
        playing.publish(second_half)
        playing.advance(middle + HOUR)
        playing.play(after)
        ledger = playing.finish(read[-1].hour)
        six = set(playing.consenting) - {leaving}
        first, second = ([row for row in read if (row.at >= second_day) is later] for later in (False, True))
        expected = told_sums(first, playing.consenting) | told_sums(second, six)
        assert sums(second, six) != sums(second, playing.consenting)
        assert playing.exact() == {hour: (total, 5) for hour, total in expected.items()}
        _check_noisy(playing.figures("noisy"), clipped_sums(first, playing.consenting) | clipped_sums(second, six))
        assert ledger["pairs.withdrawn"] == 2 * gone
        assert ledger["pairs.withheld.withdrawn"] == 2 * len([row for row in [*second_half, *after] if row.household == leaving])
