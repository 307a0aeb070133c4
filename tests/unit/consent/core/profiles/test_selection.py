"""`[match]`, `each` and `[hub]`: how they are read, and every condition that no message meets in one line with its key."""

from __future__ import annotations

import pytest

from consent.core.profiles.profile import Condition, Match
from tests.support.profiles import parsed_profile, profile_fault


def test_conditions_are_compared_as_text() -> None:
    """Text, numbers, booleans, several of them, and presence."""
    text = """
    [match]
    "$topic" = "+/SENSOR"
    model = "Acme"
    port = [2, 2.5, true]
    "data.temp" = { present = true }
    event = { present = false }
    """
    assert parsed_profile(text).match == Match(
        "+/SENSOR",
        (
            Condition("model", ("Acme",)),
            Condition("port", ("2", "2.5", "true")),
            Condition("data.temp"),
            Condition("event", present=False),
        ),
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[match]\nmodel = []", "`match.model`: should list 1 to 64 values: of none, no message is a reading"),
        ("[match]\nmodel = [[1]]", "`match.model`: should be text of at most"),
        (
            '[match]\ndata.temp = "x"',
            "`match.data`: should be a value, a list of values, or { present = true }; a path with dots",
        ),
        ('[match]\n"a..b" = 1', "`match.a..b`: `a..b` should be names joined by dots"),
        ('[match]\n"$topic" = 5', "`match.$topic`: should be the last levels of a topic, as text"),
        ('[match]\n"$topic" = "/x"', "`match.$topic`: `/x` should be the last levels of a topic"),
        ("[match]\nm = 1\n'\"m\"' = 2", '`match."m"`: contradicts `match.m`: no message meets both'),
        ('[match]\nm = 1\n"m.x" = 2', "`match.m.x`: contradicts `match.m`"),
        ('[match]\n"m.x" = 2\nm = { present = false }', "`match.m`: contradicts `match.m.x`"),
        ("[match]\nt = { present = false }", "`fields.temperature.path`: `t` cannot match: by `match.t` nothing stands there"),
        (
            '[match]\n"$topic" = "SENSOR"\n[fields.humidity]\npath = "h"\nunit = "%"\ntopic = "STATE"',
            "`fields.humidity.topic`: `STATE` cannot",
        ),
        ('each = "^a"', "`each`: `^a` should not begin with `^`"),
        ('each = "$topic[0]"', "`each`: `$topic[0]` cannot match: a level of the topic is no list"),
        ("[hub]\nid = []", "`hub.id`: should be a path, or a list of at most 4"),
        ('[hub]\nid = ["a", "a"]', "`hub.id`: should be a path, or a list of at most 4"),
        ('[hub]\nid = ""', "`hub.id`: should name a field or a level of the topic"),
        ("[hub]", "`hub.id`: is missing"),
        (
            '[match]\nid = { present = false }\n[hub]\nid = "id"',
            "`hub.id`: `id` cannot match: by `match.id` nothing stands there",
        ),
    ],
)
def test_selection_with_a_fault_is_one_line_with_its_key(text: str, line: str) -> None:
    """And says what should stand there."""
    assert profile_fault(text).startswith(line)


def test_value_below_a_place_that_holds_one_cannot_match() -> None:
    """What is a text has no fields."""
    fields = '[fields.temperature]\npath = "a.t"\nunit = "Cel"\n'
    assert profile_fault('[match]\na = "x"', fields=fields).startswith(
        "`fields.temperature.path`: `a.t` cannot match: by `match.a` a single"
    )
    fields += '[fields.humidity]\npath = "a.t.h"\nunit = "%"\n'
    assert profile_fault("", fields=fields).startswith(
        "`fields.humidity.path`: `a.t.h` cannot match: a value is read by `fields.temperature.path`"
    )


def test_lists_and_hubs_are_read() -> None:
    """An empty path is the payload."""
    profile = parsed_profile('each = ""\n[hub]\nid = ["model", "$topic[1]"]')

    assert (profile.each, profile.hub) == ("", ("model", "$topic[1]"))
    assert parsed_profile('[hub]\nid = "id"').hub == ("id",)


def test_lists_are_of_no_format_of_records_or_of_one_value() -> None:
    """Whose payloads have other parts, or none."""
    assert profile_fault('each = "x"', head='codec = "senml"\n').startswith("`each`: should be left out: with `senml`")
    assert profile_fault('each = ""', head='codec = "value"\n').startswith(
        "`fields.temperature.path`: `t` cannot match: a payload that is one"
    )
