"""Places: where a path leads in a parsed message, and that it never raises."""

from __future__ import annotations

from typing import Any

import pytest

from consent.core.profiles.profile import (
    Field,
)
from gateway.core import model
from tests.support.trees import fields, profile_of, read, values


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a.b", {"a": {"b": 3.5}}),
        ('"pm2.5"', {"pm2.5": 3.5}),
        ("a[-1].b", {"a": [{"b": 1}, {"b": 3.5}]}),
        ("v[value_type=SDS_P1].value", {"v": [{"value_type": "x", "value": 1}, {"value_type": "SDS_P1", "value": 3.5}]}),
        ("v[id=5].value", {"v": [7, {"id": 4, "value": 1}, {"id": 5, "value": 3.5}]}),
        ("[0]", [3.5]),
        ("", 3.5),
        ("^a", {"a": 3.5}),
    ],
)
def test_value_is_found_where_the_path_says(path: str, message: Any) -> None:
    """Names, quoted names, list positions, elements by a field, and the payload itself."""
    assert values(read(profile_of(fields=fields(temperature=path)), message)) == {"temperature": 3.5}


def test_level_of_the_topic_is_a_place_like_any_other() -> None:
    """Its levels are texts."""
    profile = profile_of(fields={"temperature": Field(("$topic[2]",), "1", decimal_mark=".")})

    assert values(read(profile, {})) == {"temperature": 7}
    assert read(profile, {}, "a/b") is model.NO_READING
