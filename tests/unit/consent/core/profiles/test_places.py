"""The paths of one profile against each other: values inside values, topics that exclude each other, names of records."""

from __future__ import annotations

import pytest

from consent.core.profiles.places import ProfilePaths, suffixes_agree
from consent.core.profiles.profile import Codec
from consent.core.toml.file import TomlFile
from consent.errors import PolicyError

FILE = TomlFile("devices/probe.toml", b"")


def places(codec: Codec = Codec.JSON, *, jmespath: bool = False, in_list: bool = False) -> ProfilePaths:
    """Return places of which none has been read."""
    return ProfilePaths(FILE, codec, jmespath=jmespath, in_list=in_list)


def test_value_inside_another_matches_no_message_of_one_topic() -> None:
    """Of different topics it may; and the same place may mean two things."""
    read = places()
    read.value("a.b", "fields.x.path", "one")
    read.value("a.b.c", "fields.y.path", "two")
    read.value("a.b", "fields.z.path", "one")
    with pytest.raises(PolicyError, match=r"`time.path`: `a` cannot match: a value is read by `fields.x.path` inside it"):
        read.value("a", "time.path")


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [("a/b", "b", True), ("a/b", "+/b", True), ("", "x", True), ("a", "b", False), ("a/b", "c/b", False), ("x/a/b", "a/+", True)],
)
def test_topics_agree_where_one_topic_can_end_both_ways(one: str, other: str, agree: bool) -> None:
    """Either way round."""
    assert suffixes_agree(one, other) is suffixes_agree(other, one) is agree


def test_names_of_records_and_expressions_are_not_taken_for_paths() -> None:
    """Each has a grammar of its own, checked by whoever reads it; they are only kept short and printable."""
    assert places(Codec.SENML).path("urn:dev:x/t", "fields.x.path") == "urn:dev:x/t"
    assert places(jmespath=True).path("a[?b=='c'].d | [0]", "fields.x.path")
    for read, text in ((places(Codec.SENML), "a..b"), (places(jmespath=True), "x" * 501), (places(jmespath=True), "^x")):
        with pytest.raises(PolicyError, match=r"`fields.x.path`: "):
            read.path(text, "fields.x.path")
