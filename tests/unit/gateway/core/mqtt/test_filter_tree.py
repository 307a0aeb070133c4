"""The tree finds an overlap where comparing each with each finds one, and nowhere else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.mqtt.filter_tree import FilterTree
from gateway.core.mqtt.topics import filters_overlap

LEVELS = st.sampled_from(["a", "b", "+", "$s"])
PATTERNS = st.builds(
    lambda levels, end: "/".join([*levels, *end]), st.lists(LEVELS, min_size=1, max_size=4), st.sampled_from([[], ["#"]])
)


@given(st.lists(PATTERNS, max_size=6), PATTERNS)
def test_tree_agrees_with_comparing_each_with_each(patterns: list[str], wanted: str) -> None:
    """Whichever it names does overlap."""
    tree = FilterTree()
    for pattern in patterns:
        tree.add(pattern)
    meeting = {pattern for pattern in patterns if pattern != wanted and filters_overlap(pattern, wanted)}
    found = tree.overlapping(wanted)
    assert found in meeting if meeting else found is None


def test_ten_thousand_filters_are_checked_at_once() -> None:
    """A list of devices, each with a filter of its own: each is compared with what may meet it, not with all."""
    tree = FilterTree()
    for n in range(10_000):
        tree.add(f"homes/{n}/+")
    assert all(tree.overlapping(f"homes/{n}/+") is None for n in range(10_000))
    assert tree.overlapping("homes/77/#") == "homes/77/+"
