"""Filters of the sensors' broker: which overlap, and what none of them matches."""

from __future__ import annotations

import pytest

from gateway.check.filters import overlapping_filters, unheard_devices, unheard_examples
from gateway.core.examples.example import Example, ExampleMessage


def message(key: str, topic: str) -> ExampleMessage:
    """Return a message that is sent to a topic."""
    return ExampleMessage(key, b"", topic, None, None, None, None, None, "no_reading")


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        (["a/#", "b/#"], []),
        (["a/#", "a/+"], ["`a/+` brings nothing that `a/#` does not: take it out"]),
        (["a/b", "a/b"], ["`a/b` stands there twice: once is enough"]),
    ],
)
def test_filter_that_another_covers_is_to_be_taken_out(filters: list[str], told: list[str]) -> None:
    """It brings each message twice and nothing else."""
    assert [note.message for note in overlapping_filters("g.toml", filters)] == told


def test_devices_that_are_not_heard_are_counted_and_one_is_named_by_its_id() -> None:
    """Their topics stay in the registry."""
    assert list(unheard_devices("g.toml", [{"device": "aa"}])) == []
    (one,) = unheard_devices("g.toml", [{"device": "aa"}, {"device": "bb", "unmatched": True}])
    said = "no filter matches the topic to which device `bb` publishes: nothing of it is ever heard"
    assert str(one) == f"warning: `g.toml`: `broker.filters`: {said}"
    (two,) = unheard_devices("g.toml", [{"device": name, "unmatched": True} for name in ("aa", "bb")])
    assert "no filter matches the topics to which `2` devices, such as `aa`, publish: nothing of them is ever heard" in str(two)


def test_topic_of_an_example_that_no_filter_matches_is_noted() -> None:
    """Of each message; one without a topic matters nowhere."""
    messages = (
        message("example.0.messages.0", "t/1"),
        message("example.0.messages.1", "u/1"),
        message("example.0.messages.2", ""),
    )
    (note,) = unheard_examples(["$share/g/t/#", "x"], [Example("devices/a.toml", "example.0", "", messages)])
    assert str(note) == "note: `devices/a.toml`: `example.0.messages.1.topic`: no filter of this gateway matches `u/1`"
