"""Ids behind a hub, and the device's own numbering."""

from __future__ import annotations

from typing import Any

import pytest

from consent.core.profiles.profile import (
    AbsentSequence,
    SequenceField,
)
from gateway.core import model
from gateway.core.model import HubPart, HubParts, Observation, Reading
from tests.support.trees import NOW_MS, profile_of, read


def test_hub_carries_devices_by_id() -> None:
    """One message is one part; what names no device is told as such."""
    profile = profile_of(hub=("model", "id"))

    outcome = read(profile, {"model": "Acme", "id": 41, "t": 12.4})

    assert outcome == HubParts([HubPart("Acme/41", Reading(None, None, False, [Observation("temperature", NOW_MS, 12.4)]))])
    assert read(profile, {"model": "Acme", "t": 12.4}) == HubParts([HubPart("", model.NO_VALUE)])
    assert read(profile, {"model": "A/b", "id": 41, "t": 12.4}) == HubParts([HubPart("", model.NO_VALUE)])
    assert read(profile, {"model": "Acme", "id": 41}) == HubParts([HubPart("Acme/41", model.NO_READING)])


@pytest.mark.parametrize("hub_id", [9007199254740993.0, 1e18, 1e300, float("nan"), 2**64, "a\ufffd", None, [], {}, "x" * 201])
def test_what_several_devices_could_write_names_none(hub_id: Any) -> None:
    """A double holds 53 bits: two serial numbers would be one, and a device be credited with what the other reads."""
    assert read(profile_of(hub=("id",)), {"id": hub_id, "t": 1}) == HubParts([HubPart("", model.NO_VALUE)])
    assert read(profile_of(hub=("id", "$topic[0]")), {"id": hub_id, "t": 1}) == HubParts([HubPart("", model.NO_VALUE)])


def test_hub_by_level_of_the_topic() -> None:
    """As bridges publish."""
    profile = profile_of(hub=("$topic[1]",))

    outcome = read(profile, {"t": 1}, "zigbee2mqtt/kitchen")

    assert outcome == HubParts([HubPart("kitchen", Reading(None, None, False, [Observation("temperature", NOW_MS, 1)]))])


@pytest.mark.parametrize(
    ("absent", "message", "wanted"),
    [
        (AbsentSequence.REFUSED, {"b": "s1"}, model.NO_SEQUENCE),
        (AbsentSequence.ZERO, {"b": "s1"}, ("s1", 0)),
        (AbsentSequence.ZERO, {"n": 4}, model.NO_SEQUENCE),
        (AbsentSequence.NONE, {"b": "s1"}, (None, None)),
        (AbsentSequence.NONE, {"n": 4}, (None, None)),
        (AbsentSequence.NONE, {"n": "17", "b": 3}, (3, 17)),
        (AbsentSequence.ZERO, {"n": -1, "b": 3}, model.WRONG_TYPE),
        (AbsentSequence.ZERO, {"n": 1.5, "b": 3}, model.WRONG_TYPE),
        (AbsentSequence.ZERO, {"n": True, "b": 3}, model.WRONG_TYPE),
        (AbsentSequence.ZERO, {"n": 1, "b": "x" * 65}, model.WRONG_TYPE),
        (AbsentSequence.ZERO, {"n": "9" * 30, "b": 3}, model.WRONG_TYPE),
    ],
)
def test_absent_number_means_what_the_profile_says(absent: AbsentSequence, message: dict[str, Any], wanted: Any) -> None:
    """Zero where encoders omit zeros, nothing where a device has none, and refused by default."""
    outcome = read(profile_of(sequence=SequenceField("n", "b", absent)), message | {"t": 1})

    assert (outcome.boot, outcome.sequence) == wanted if isinstance(outcome, Reading) else outcome is wanted
