"""Moments, and how firmware writes numbers and times."""

from __future__ import annotations

import math

import pytest

from firmware_sim.formats.message import Moment, as_text, scaled, utc

MOMENT = Moment("t", "02005e100001", {}, 1_777_849_200_000, 1_777_849_200_250, boot=1, sequence=7, zone="Europe/Madrid")


def test_moment_draws_the_same_for_the_same_message_and_another_for_a_copy() -> None:
    """What a format adds of its own does not depend on when it is asked."""
    copy = Moment(**{name: getattr(MOMENT, name) for name in MOMENT.__slots__} | {"copy": 1})
    assert MOMENT.hex("x", 16) == MOMENT.hex("x", 16) != copy.hex("x", 16)
    assert MOMENT.hex("x", 16, of_run=True) == copy.hex("x", 16, of_run=True)
    drawn = [MOMENT.between(f"c{number}", 3, 5) for number in range(100)]
    assert set(drawn) == {3, 4, 5}


def test_moment_tells_local_time_without_an_offset() -> None:
    """Madrid is two hours ahead in May."""
    assert MOMENT.local() == "2026-05-04T01:00:00"


def test_time_of_a_network_has_as_many_decimals_as_asked_for() -> None:
    """Network servers write nanoseconds."""
    assert utc(1_777_849_200_250) == "2026-05-03T23:00:00.250Z"
    assert utc(1_777_849_200_250, "+00:00", 9) == "2026-05-03T23:00:00.250000000+00:00"


@pytest.mark.parametrize(("value", "text"), [(1, "1.00"), (12.345, "12.35"), (math.nan, "nan"), ("n/a", "n/a"), (None, "null")])
def test_number_as_text_keeps_words(value: float | str | None, text: str) -> None:
    """A sentinel is sent as it is, and NaN as C prints it."""
    assert as_text(value, 2) == text


def test_scaled_leaves_alone_what_is_no_number() -> None:
    """Words pass every unit."""
    assert scaled(1.234, 1000, 1) == 1234.0
    assert scaled("unavailable", 1000, 1) == "unavailable"
    assert math.isinf(scaled(math.inf, 1000, 0))  # type: ignore[arg-type]


def test_decimal_identity_is_the_number_itself() -> None:
    """Meters have decimal numbers on their fronts; any other serial number gives one of its own."""
    assert Moment("t", "76348799", {}, 0, 0, 1, 0).decimal_id(8) == 76_348_799
    assert 0 <= MOMENT.decimal_id(8) < 10**8
