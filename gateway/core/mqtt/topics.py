"""Topic names and topic filters of MQTT 5, section 4.7: which topics a filter matches, which overlap, and which cover others.

The configuration is checked with these before anything is subscribed to: a filter that matched the gateway's own upstream
topics would feed it its own bundles, and one that another covers would bring each message twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

_LONGEST_BYTES = 65_535
_SHARE = "$share/"


def check_filter(pattern: str) -> str:
    """Return the filter unchanged if MQTT allows it, shared or not.

    Raises:
        ValueError: The filter is malformed; the message says how.
    """
    plain = without_share(pattern)
    if not plain or "\0" in plain or len(pattern.encode()) > _LONGEST_BYTES:
        raise ValueError(f"topic filter `{pattern}` is empty, too long or holds a null character")
    levels = plain.split("/")
    if any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        raise ValueError(f"topic filter `{pattern}`: `#` may only stand alone, at the end")
    if any("+" in level and level != "+" for level in levels):
        raise ValueError(f"topic filter `{pattern}`: `+` may only stand for a whole level")
    return pattern


def check_topic(topic: str) -> str:
    """Return the topic name unchanged if publishing to it is allowed.

    Raises:
        ValueError: The name is empty, too long, or holds a wildcard or null character.
    """
    if not topic or any(sign in topic for sign in "+#\0") or len(topic.encode()) > _LONGEST_BYTES:
        raise ValueError(f"topic `{topic}` is empty, too long or holds a wildcard")
    return topic


def without_share(pattern: str) -> str:
    """Return the filter behind ``$share/<group>/``, or the filter itself when it is not shared.

    Raises:
        ValueError: The filter begins as a shared one but names no group or no filter.
    """
    if not pattern.startswith(_SHARE):
        return pattern
    group, slash, plain = pattern[len(_SHARE) :].partition("/")
    if not group or not slash or not plain or any(sign in group for sign in "+#"):
        raise ValueError(f"shared topic filter `{pattern}` is not `$share/<group>/<filter>`")
    return plain


def topic_matches(pattern: str, topic: str) -> bool:
    """Return whether a subscription to the filter matches the topic. A shared filter counts as the filter behind its group."""
    wanted, given = without_share(pattern).split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in {"+", "#"}:
        return False
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index == len(given):
            return False
        if level not in {"+", given[index]}:
            return False
    return len(wanted) == len(given) or wanted[len(given) :] == ["#"]


def filters_overlap(one: str, other: str) -> bool:
    """Return whether some topic exists that both filters match. Either may be a plain topic or a shared filter."""
    ours, theirs = without_share(one).split("/"), without_share(other).split("/")
    if not _first_levels_meet(ours[0], theirs[0]) or not _first_levels_meet(theirs[0], ours[0]):
        return False
    for mine, yours in zip(ours, theirs, strict=False):
        if "#" in {mine, yours}:
            return True
        if mine != yours and "+" not in {mine, yours}:
            return False
    longer, shorter = (ours, theirs) if len(ours) > len(theirs) else (theirs, ours)
    if longer == ["", "#"] and len(shorter) == 1:
        return False  # only in the empty topic, to which nobody can publish
    return longer[len(shorter) :] in ([], ["#"])


def covers(wide: str, narrow: str) -> bool:
    """Return whether one filter matches every topic that another matches. Either may be shared."""
    ours, theirs = without_share(wide).split("/"), without_share(narrow).split("/")
    if not _first_levels_meet(ours[0], theirs[0]):
        return False
    if ours == ["+", "#"]:
        return True  # every topic has a first level
    for index, level in enumerate(ours):
        if level == "#":
            return True
        if index == len(theirs) or theirs[index] == "#" or level not in {"+", theirs[index]}:
            return False
    return len(ours) == len(theirs)


def covering(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return the fewest of these filters that match the same topics, in their order; of two that match the same, the first."""
    kept = list[str]()
    for one in dict.fromkeys(patterns):
        if not any(covers(other, one) for other in kept):
            kept = [other for other in kept if not covers(one, other)] + [one]
    return tuple(kept)


def overlaps(patterns: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each two of these filters that match a topic in common, in their order; one that is listed twice, with itself."""
    yield from (pair for pair in combinations(patterns, 2) if filters_overlap(*pair))


def refuse_overlap(patterns: Iterable[str], own: Iterable[str]) -> None:
    """Refuse subscriptions that would match what the gateway itself publishes.

    Args:
        patterns: The filters to subscribe to.
        own: The topics or filters that the gateway publishes under.

    Raises:
        ValueError: One of the filters is malformed, or would match one of the gateway's own topics.
    """
    own = [check_filter(pattern) for pattern in own]
    for pattern in patterns:
        check_filter(pattern)
        for mine in own:
            if filters_overlap(pattern, mine):
                raise ValueError(
                    f"topic filter `{pattern}` would match the gateway's own topic `{mine}`: begin it with a name, as `homes/+`"
                )


def _first_levels_meet(wildcard: str, literal: str) -> bool:
    """Wildcards in the first level do not match topics that begin with ``$`` (4.7.2)."""
    return not (wildcard in {"+", "#"} and literal.startswith("$"))
