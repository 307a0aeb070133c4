"""Publishers that nobody registered, as ``sluice device discover`` lists them: topic, id behind a hub, rate, and what fits.

The pipeline shows each frame of an unknown device to ``Discovery.saw``, while one is under way and only then. What is kept is
bounded, and none of it is a payload: counts, times, and the last value of each property that a fitting profile reads. It ends
with the terminal that asked, and goes with it; no log, metric or row ever holds any of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.core.codecs.message.identity import LONGEST_HUB_ID
from gateway.core.discovery.candidates import Candidate, Read, readings_of
from gateway.core.hubs.topic_tree import TopicTree
from gateway.core.mqtt.topics import topic_matches

MOST_PUBLISHERS: Final = 500
"""How many are kept; what others publish is counted, and that is all."""
MOST_TOPIC_BYTES: Final = 1024
"""The longest topic that a device can be registered with."""
MOST_PAYLOAD_BYTES: Final = 8 * 1024
"""Into a longer message nobody looks; it is counted."""
MOST_FITS: Final = 8
"""How many profiles are told for one publisher."""
MOST_READ_BYTES_PER_S: Final = 1 << 20
"""How much is read in one second, each message as often as profiles are tried on it; of others the topic alone is counted.

So the readings of registered devices do not wait, whatever strangers publish.
"""
_LOOK_BYTES: Final = 200
"""What it costs to try a profile on the shortest message, in bytes that could be read meanwhile."""
TRIED_BY_ALL: Final = 16
"""After so many messages of a topic only those profiles are tried that have fitted one of them, if any has."""


class Registered:
    """The places in the registry: of which device is a message registered?"""

    def __init__(self, places: Iterable[tuple[str, str]]) -> None:
        """Take the topic, or topic filter, and the id behind a hub of each registered device."""
        self._topics: set[tuple[str, str]] = set()
        self._filters: defaultdict[str, TopicTree[bool]] = defaultdict(TopicTree)  # by id: a city may have thousands
        for topic, hub_id in places:
            if "+" in topic or "#" in topic:
                self._filters[hub_id].put(topic, True)
            else:
                self._topics.add((topic, hub_id))

    def has(self, topic: str, hub_id: str) -> bool:
        """Return whether a device is registered that a message on a topic is of."""
        filters = self._filters.get(hub_id)
        return (topic, hub_id) in self._topics or (filters is not None and bool(filters.matching(topic)))


@dataclass(slots=True)
class Fit:
    """A profile by which a publisher's messages give readings.

    Attributes:
        values: The last value of each property that it read, in the property's unit.
        readings: How many messages it read.
        refused: Behind a hub: why the last one that was refused gave nothing; empty where all did.
        undefined: The properties that it would read if the city defined them.
    """

    candidate: Candidate
    values: dict[str, float] = field(default_factory=dict)
    readings: int = 0
    refused: str = ""
    undefined: set[str] = field(default_factory=set)

    @property
    def worth(self) -> tuple[int | bool | str, ...]:
        """Return by what fits are sorted, the best first: of those that read as much, one in force, then the narrowest."""
        of = self.candidate
        return -self.readings, -len(self.values), not of.in_force, -len(self.undefined), of.fields, of.profile


@dataclass(slots=True)
class UnknownPublisher:
    """What was heard of one publisher. Topic and id are personal data.

    Attributes:
        topic: The topic, or the filter for all topics of one device, to register it under.
        hub_id: Of a device behind a hub; empty where it publishes by itself, or where nothing is known.
        first_ms: When it was first heard, by the gateway's clock.
        fits: By profile, those that read most first once listed.
    """

    topic: str
    hub_id: str
    first_ms: int
    last_ms: int
    messages: int = 0
    looked: int = 0
    fits: dict[str, Fit] = field(default_factory=dict)

    @property
    def per_h(self) -> float | None:
        """Return how many messages come in an hour; None after a single one."""
        span_ms = self.last_ms - self.first_ms
        return None if self.messages < 2 or span_ms <= 0 else (self.messages - 1) * 3_600_000 / span_ms

    def heard(self, now_ms: int) -> None:
        """Count a message."""
        self.messages += 1
        self.last_ms = max(self.last_ms, now_ms)

    def fitted(self, read: Read) -> None:
        """Keep what a profile has read; behind a hub also that it has found the device, and read nothing."""
        profile = read.candidate.profile
        fit = self.fits.get(profile)
        if fit is None:
            if len(self.fits) >= MOST_FITS:
                return
            fit = self.fits[profile] = Fit(read.candidate)
        fit.values.update(read.values)
        fit.undefined |= read.undefined
        fit.readings += not read.refused
        fit.refused = read.refused or fit.refused


class Discovery:
    """Gathers publishers for one terminal.

    Attributes:
        until_ms: When it ends by itself, by the gateway's clock.
        messages: How many messages of unknown devices came.
        left_off: How many of them came of publishers that had no room.
        terminal: The connection that it is for; no other is told anything.
    """

    def __init__(self, candidates: Sequence[Candidate], registered: Registered, until_ms: int, terminal: object = None) -> None:
        """Begin, with the profiles that may fit; those in force are told first.

        Args:
            registered: What is registered now, of which nothing is kept: a message of a hub may hold devices of both kinds.
        """
        self.until_ms = until_ms
        self.terminal = terminal
        self.messages = 0
        self.left_off = 0
        self._registered = registered
        self._candidates = sorted(candidates, key=lambda each: not each.in_force)
        self._publishers: dict[tuple[str, str], UnknownPublisher] = {}
        self._behind: defaultdict[str, set[str]] = defaultdict(
            set
        )  # topic -> profiles that find devices in its messages which are registered otherwise than by it
        self._second = -1
        self._read_bytes = 0

    def saw(self, topic: str, payload: bytes, now_ms: int) -> None:
        """Take a message of a device that nobody registered, or that has parts of such devices.

        Args:
            topic: As it came; empty where it was no text, which says nothing.
            now_ms: The gateway's clock.
        """
        if now_ms >= self.until_ms or not topic:
            return
        self.messages += 1
        publisher = self._publisher(topic, "", now_ms)
        if publisher is None:
            self.left_off += 1
            return
        publisher.heard(now_ms)
        candidates = self._tried_on(publisher)
        if self._may_look(len(candidates) * (_LOOK_BYTES + len(payload)), now_ms) and len(payload) <= MOST_PAYLOAD_BYTES:
            self._look(publisher, candidates, payload, now_ms)

    def _publisher(self, topic: str, hub_id: str, now_ms: int) -> UnknownPublisher | None:
        """Return a publisher, entered anew where there is room."""
        found = self._publishers.get((topic, hub_id))
        if found is None and self._has_room(topic, hub_id):
            found = self._publishers[topic, hub_id] = UnknownPublisher(topic, hub_id, now_ms, now_ms)
        return found

    def _has_room(self, topic: str, hub_id: str) -> bool:
        fits = len(topic.encode(errors="replace")) <= MOST_TOPIC_BYTES and len(hub_id) <= LONGEST_HUB_ID
        return fits and len(self._publishers) < MOST_PUBLISHERS

    def _may_look(self, cost_bytes: int, now_ms: int) -> bool:
        if now_ms // 1000 != self._second:
            self._second, self._read_bytes = now_ms // 1000, 0
        if self._read_bytes + cost_bytes > MOST_READ_BYTES_PER_S:
            return False
        self._read_bytes += cost_bytes
        return True

    def _look(self, publisher: UnknownPublisher, candidates: Sequence[Candidate], payload: bytes, now_ms: int) -> None:
        """Try the profiles on a message; each device in it counts once, whichever profiles find it there."""
        publisher.looked += 1
        heard: set[tuple[str, str]] = set()
        for candidate in candidates:
            for read in readings_of(candidate, publisher.topic, payload, now_ms):
                place = read.place, read.hub_id
                if place == (publisher.topic, ""):
                    publisher.fitted(read)
                    continue
                self._behind[publisher.topic].add(read.candidate.profile)
                if self._registered.has(publisher.topic, read.hub_id):
                    continue
                behind = self._publisher(*place, now_ms)
                if behind is None:
                    continue
                behind.fitted(read)
                if place not in heard:
                    heard.add(place)
                    behind.heard(now_ms)

    def _tried_on(self, publisher: UnknownPublisher) -> Sequence[Candidate]:
        known = publisher.fits.keys() | self._behind.get(publisher.topic, set())
        if not known or publisher.looked < TRIED_BY_ALL:
            return self._candidates
        return [each for each in self._candidates if each.profile in known]

    def found(self, registered: Registered | None = None) -> list[UnknownPublisher]:
        """Return the publishers that are not registered by now, by topic and id.

        A topic stands for itself only where its messages are not of devices that are registered otherwise: by an id behind a hub,
        or by a filter for several topics, some of which nobody reads.

        Args:
            registered: What is registered by now; None takes what was at the beginning.
        """
        registered = registered or self._registered
        filters = [each.topic for each in self._publishers.values() if each.topic.endswith("#")]
        listed = [each for each in self._publishers.values() if self._stands_alone(each, filters)]
        fresh = [each for each in listed if not registered.has(each.topic, each.hub_id)]
        return sorted(fresh, key=lambda each: (each.topic, each.hub_id))

    def _stands_alone(self, publisher: UnknownPublisher, filters: Sequence[str]) -> bool:
        if publisher.hub_id or publisher.fits or publisher.topic.endswith("#"):
            return True
        return publisher.topic not in self._behind and not any(topic_matches(each, publisher.topic) for each in filters)
