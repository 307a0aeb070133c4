"""Parsed messages as the tests of their reading take them: a profile with little in it, and what it makes of a message."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from consent.core.profiles.profile import Codec, Field, Profile
from gateway.core.codecs.tree import compile_tree
from gateway.core.model import Decoded, Reading
from tests.support.profiles import make_profile

NOW_MS = 1_778_036_400_000
TOPIC = "city/roof/7/SENSOR"


def profile_of(**changes: Any) -> Profile:
    """Return a profile that reads `t` as temperature, changed."""
    return replace(make_profile(Codec.JSON, {"temperature": "t"}), **changes)


def fields(**by_path: str | Field) -> dict[str, Field]:
    """Return fields: each a path, or declared in full."""
    return {name: Field((each,), "1") if isinstance(each, str) else each for name, each in by_path.items()}


def read(profile: Profile, message: Any, topic: str = TOPIC) -> Decoded:
    """Return what a message says."""
    return compile_tree(profile)(topic, message, NOW_MS)


def values(outcome: Decoded) -> dict[str, float]:
    """Return the values of a reading by property."""
    assert isinstance(outcome, Reading), outcome
    return {each.observed_property: each.result for each in outcome.observations}
