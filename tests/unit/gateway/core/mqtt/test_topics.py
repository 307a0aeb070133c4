"""Filters against brute force: an independent matcher over all small topics."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.mqtt.topics import (
    check_filter,
    check_topic,
    covering,
    covers,
    filters_overlap,
    refuse_overlap,
    topic_matches,
)

LEVELS = ("a", "b", "", "$s")
TOPICS = [
    "/".join(levels) for depth in range(1, 5) for levels in itertools.product(LEVELS, repeat=depth) if levels not in {("",)}
]
DEEP_TOPICS = [*TOPICS, *("/".join(levels) for levels in itertools.product(("a", "other", ""), repeat=5)), "other", "a/other"]
"""Enough that no two filters of these levels match the same ones unless they match the same."""
filters = st.tuples(
    st.lists(st.sampled_from(["a", "b", "", "$s", "+"]), min_size=0, max_size=3), st.sampled_from([[], ["#"], ["a"], ["+"]])
).map(lambda parts: "/".join(parts[0] + parts[1]))
usable_filters = filters.filter(bool)


def brute_match(pattern: str, topic: str) -> bool:
    """Match by a regular expression, as a second opinion."""
    if topic.startswith("$") and pattern[0] in "+#":
        return False
    text = re.escape(pattern).replace(r"\+", "[^/]*")
    text = re.sub(r"^\\\#$", ".*", text)
    text = re.sub(r"/\\\#$", "(/.*)?", text)
    return re.fullmatch(text, topic) is not None


@given(usable_filters, st.sampled_from(TOPICS))
def test_match_small_filters_agrees_with_regular_expression(pattern: str, topic: str) -> None:
    """Both matchers agree on every small topic."""
    assert topic_matches(pattern, topic) is brute_match(pattern, topic)


@given(usable_filters, usable_filters)
@example("+", "/#")
def test_overlap_small_filters_agrees_with_enumeration(one: str, other: str) -> None:
    """Two filters overlap exactly when some small topic matches both."""
    both = any(brute_match(one, topic) and brute_match(other, topic) for topic in TOPICS)
    assert filters_overlap(one, other) is both
    assert filters_overlap(other, one) is both


@given(usable_filters, usable_filters)
@example("a/+", "a/#")
@example("#", "$s/a")
@example("+/#", "#")
def test_covers_small_filters_agrees_with_enumeration(wide: str, narrow: str) -> None:
    """A filter covers another exactly when it matches every small topic that the other matches."""
    every = all(brute_match(wide, topic) for topic in DEEP_TOPICS if brute_match(narrow, topic))
    assert covers(wide, narrow) is every
    assert covers(f"$share/g/{wide}", narrow) is every


@given(st.lists(usable_filters, max_size=4))
def test_covering_matches_the_same_topics_with_none_to_spare(patterns: list[str]) -> None:
    """Every small topic is matched as before, and no filter that is kept covers another."""
    kept = covering(patterns)
    for topic in TOPICS:
        assert any(brute_match(one, topic) for one in kept) is any(brute_match(one, topic) for one in patterns)
    assert not any(covers(one, other) for one in kept for other in kept if one != other)


@given(usable_filters, usable_filters)
def test_overlap_shared_filter_counts_as_the_filter_behind_it(one: str, other: str) -> None:
    """The group of a shared subscription changes nothing."""
    assert filters_overlap(f"$share/g/{one}", other) is filters_overlap(one, other)


@pytest.mark.parametrize(
    "pattern", ["", "a#", "#/a", "a/#/b", "a+", "+a/b", "a\0b", "$share/g", "$share//a", "$share/+/a", "x" * 65_536]
)
def test_check_filter_malformed_is_refused(pattern: str) -> None:
    """Filters that MQTT does not allow never reach the broker."""
    with pytest.raises(ValueError, match="filter"):
        check_filter(pattern)


@pytest.mark.parametrize("topic", ["", "a/+", "#", "a\0"])
def test_check_topic_malformed_is_refused(topic: str) -> None:
    """Nobody publishes to a wildcard."""
    with pytest.raises(ValueError, match="topic"):
        check_topic(topic)


@pytest.mark.parametrize("pattern", ["#", "sluice/#", "+/gw/+", "$share/g/sluice/+/city"])
def test_refuse_overlap_filter_over_own_topics_is_refused(pattern: str) -> None:
    """A filter that would take in our own bundles is named, together with the topic."""
    with pytest.raises(ValueError, match="`sluice/gw/city`"):
        refuse_overlap([pattern], ["sluice/gw/city"])


def test_refuse_overlap_sensor_filters_pass() -> None:
    """Filters elsewhere in the tree are fine."""
    refuse_overlap(["sensors/#", "+/up", "$share/g/meters/+"], ["sluice/gw/city", "sluice/gw/#"])
