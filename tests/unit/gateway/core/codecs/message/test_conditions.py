"""Conditions: which messages are readings, by the topic and by what stands in them."""

from __future__ import annotations

from typing import Any

from consent.core.profiles.profile import (
    Condition,
    Field,
    Match,
)
from gateway.core import model
from tests.support.trees import profile_of, read, values


def test_messages_that_do_not_match_are_ignored() -> None:
    """By topic, by text, number or boolean, by what stands there or does not."""
    model_is = Condition("model", ("Acme", "12", "true"))
    profile = profile_of(match=Match("+/SENSOR", (model_is, Condition("t"), Condition("event", present=False))))

    for stands in ("Acme", 12, 12.0, True):
        assert values(read(profile, {"model": stands, "t": 1})) == {"temperature": 1}
    others: list[Any] = [
        {"model": "Other", "t": 1},
        {"t": 1},
        {"model": "Acme"},
        {"model": "Acme", "t": 1, "event": "join"},
        [],
        7,
    ]
    for message in others:
        assert read(profile, message) is model.IGNORE
    assert read(profile, {"model": "Acme", "t": 1}, "city/roof/7/STATE") is model.IGNORE
    assert read(profile, {"model": "Acme", "t": 1}, "SENSOR") is model.IGNORE


def test_field_is_read_only_where_its_topic_is() -> None:
    """A message whose topic no field knows is no reading, and none was meant."""
    power, energy = Field(("",), "W", topic="emeter/0/power"), Field(("",), "W.h", topic="emeter/0/total")
    profile = profile_of(fields={"power": power, "totalConsumption": energy})

    assert values(read(profile, 17.5, "shellies/x/emeter/0/power")) == {"power": 17.5}
    assert values(read(profile, 900, "shellies/x/emeter/0/total")) == {"totalConsumption": 900}
    assert read(profile, 1, "shellies/x/relay/0") is model.IGNORE
    assert read(profile, 1, "shellies/x/xemeter/0/power") is model.IGNORE
