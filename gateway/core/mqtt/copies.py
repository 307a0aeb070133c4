"""Copies: where filters overlap and none covers the other, which copy of a message counts.

A broker may send one copy with the identifiers of all subscriptions that match, or a copy for each (MQTT 5, section 3.3.4);
Mosquitto and the embedded broker do the latter. Each filter that overlaps another is therefore subscribed to under an
identifier of its own, and of the filters that match a topic one is chosen: a copy counts if it came by that one.

The choice depends on nothing but the topic and the filters, so it is the same after a crash, for a copy that comes again, and
for each gateway of a shared group. An identifier follows from its filter's text, and so still means that filter where messages
have waited over a change of the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256

from gateway.core.mqtt.topics import filters_overlap, topic_matches

_MOST_IDENTIFIER = 268_435_455
_REMEMBERED_TOPICS = 16_384
_LONGEST_REMEMBERED = 256  # or the topics of a sensor that makes them up would take a gigabyte


class Copies:
    """The filters of a session that overlap, each with its identifier."""

    def __init__(self, filters: Sequence[str]) -> None:
        """Take filters none of which covers another; while no answer is known, all count as granted at QoS 1."""
        overlapping = [one for one in filters if any(filters_overlap(one, other) for other in filters if other != one)]
        self.identifiers = {pattern: _identifier(pattern) for pattern in overlapping}
        self.granted(dict.fromkeys(overlapping, 1))

    def granted(self, answers: Mapping[str, int]) -> None:
        """Take the broker's answer for each filter: one that it refused brings nothing; of the others the surest is chosen."""
        usable = [pattern for pattern in self.identifiers if answers.get(pattern, 0x80) < 0x80]
        self._filters = sorted(usable, key=lambda pattern: (-answers[pattern], pattern))
        self._matching = lru_cache(_REMEMBERED_TOPICS)(self._match)

    def is_copy(self, topic: str, identifiers: Sequence[int]) -> bool:
        """Return whether a message also comes, or came, by the subscription that is chosen for its topic.

        Args:
            topic: The topic name.
            identifiers: Those that the broker sent with it; none of ours where it waited since before we had any.
        """
        matching = self._matching(topic) if len(topic) <= _LONGEST_REMEMBERED else self._match(topic)
        return len(matching) > 1 and matching[0] not in identifiers and not set(matching).isdisjoint(identifiers)

    def _match(self, topic: str) -> tuple[int, ...]:
        return tuple(self.identifiers[pattern] for pattern in self._filters if topic_matches(pattern, topic))


def _identifier(pattern: str) -> int:
    return int.from_bytes(sha256(pattern.encode()).digest()[:8], "big") % _MOST_IDENTIFIER + 1
