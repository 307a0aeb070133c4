"""Faults of a scenario: read by name, acting in a fixed order, refused in one line that says where."""

from __future__ import annotations

import pytest

from firmware_sim.misbehaviour.faults_by_name import FAULTS, FaultError, faults_by_name


def test_faults_act_in_their_order_whatever_the_file_s() -> None:
    """The sensor errs before the firmware, and the firmware before the way."""
    given: dict[str, dict[str, float]] = {name: {} for name in reversed([*FAULTS])}
    assert [fault.name for fault in faults_by_name(given)] == [*FAULTS]


@pytest.mark.parametrize(
    ("given", "key", "words"),
    [
        ([], "", "must be a table"),
        ({"lost": {}}, "lost", "unknown fault; there are drift, stuck"),
        ({"loss": 3}, "loss", "must be a table of settings"),
        ({"loss": {"share": 1}}, "loss.share", "unknown setting; there are good_to_bad"),
        ({"local_time_as_utc": {"zone": "x"}}, "local_time_as_utc.zone", "there are none"),
        ({"loss": {"lost_in_bad": 1.5}}, "loss.lost_in_bad", "is not from 0 to 1"),
        ({"loss": {"lost_in_bad": True}}, "loss.lost_in_bad", "is not a number"),
        ({"loss": {"lost_in_bad": 1, "lost_in_good": 1}}, "loss", "loses 100.0% of all messages"),
        ({"duplicates": {"most_copies": 1.5}}, "duplicates.most_copies", "is not a whole number"),
        ({"spikes": {"factor": float("nan")}}, "spikes.factor", "is not a number"),
        ({"restarts": {"told": 1}}, "restarts.told", "neither true nor false"),
        ({"drift": {"of": 3}}, "drift.of", "is not text"),
        ({"offline": {"least_s": 100, "most_s": 10}}, "offline.least_s", "is more than most_s"),
        ({"epoch_until_ntp": {}}, "epoch_until_ntp", "needs `restarts`"),
    ],
)
def test_faults_with_a_mistake_are_refused_where_it_is(given: object, key: str, words: str) -> None:
    """One line, and the key below `faults`."""
    with pytest.raises(FaultError) as caught:
        faults_by_name(given)
    assert caught.value.key == key
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sentinel_may_be_a_word_or_a_number() -> None:
    """Devices have both."""
    for value in (85, -127.0, "unavailable"):
        (fault,) = faults_by_name({"sentinel": {"value": value}})
        assert fault.value == value  # type: ignore[attr-defined]
