"""A tree of topic filters finds just those that MQTT lets match, however many there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.hubs.topic_tree import TopicTree
from gateway.core.mqtt.topics import topic_matches

LEVELS = st.sampled_from(["a", "b", "", "$c"])
TOPICS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join)
FILTERS = st.builds(
    lambda levels, rest: "/".join([*levels, "#"] if rest else levels),
    st.lists(st.one_of(LEVELS, st.just("+")), min_size=1, max_size=4),
    st.booleans(),
)


@given(st.lists(FILTERS, max_size=12), st.sets(st.integers(0, 11)), TOPICS)
def test_finds_what_matches_one_by_one(filters: list[str], dropped: set[int], topic: str) -> None:
    """Each once, after any of them were removed."""
    tree: TopicTree[str] = TopicTree()
    for pattern in filters:
        tree.put(pattern, pattern)
    gone = {pattern for at, pattern in enumerate(filters) if at in dropped}
    for pattern in gone:
        tree.drop(pattern)
    kept = set(filters) - gone
    found = tree.matching(topic)
    assert sorted(found) == sorted(pattern for pattern in kept if topic_matches(pattern, topic))
    assert {pattern for pattern in filters if tree.get(pattern) is not None} == kept


def test_the_level_itself_comes_before_a_wildcard() -> None:
    """So the order does not depend on which was entered first."""
    tree: TopicTree[str] = TopicTree()
    for pattern in ("#", "a/#", "+/b", "a/+", "a/b"):
        tree.put(pattern, pattern)
    assert tree.matching("a/b") == ["a/b", "a/+", "a/#", "+/b", "#"]


def test_a_tree_from_which_all_is_removed_is_empty() -> None:
    """Nothing stays of filters that come and go."""
    tree: TopicTree[int] = TopicTree()
    for n in range(50):
        tree.put(f"a/{n}/+/c", n)
    tree.drop("a/1/+")
    tree.drop("a/none")
    for n in range(50):
        tree.drop(f"a/{n}/+/c")
    assert tree._root.children == {}


def test_a_topic_with_wildcards_in_it_matches_no_filter_by_them() -> None:
    """No broker passes one on; what stands for a level is never a level."""
    tree: TopicTree[str] = TopicTree()
    tree.put("a/+", "a/+")
    assert tree.matching("a/+") == ["a/+"]
    assert tree.matching("+/x") == []
