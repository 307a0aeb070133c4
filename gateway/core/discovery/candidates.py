"""Which device profiles might read a message of a device that nobody has registered, and what each of them reads in it.

A candidate is a profile with its decoder. Nothing is authenticated here, since no device is known whose key it could be: of a
message with an authentication code the content is read as it stands, which is good enough to look at and is never counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from consent.core.profiles.profile import Profile, Scheme
from gateway.core.ingest.mac0 import unverified
from gateway.core.model import Decoder, HubParts, Reading
from gateway.core.mqtt.topics import topic_matches


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device profile that may fit.

    Attributes:
        profile: Its id.
        in_force: Whether the policies in force have it; otherwise it is shipped, and the city has to choose it first.
        authenticated: Whether its messages carry an authentication code.
        endings: The last levels of the topics that its fields stand in, where one device publishes to several.
        undefined: The properties among its fields that the city does not define: that they are there is told, and no value.
        fields: How many properties it can read; of two profiles that read the same, the narrower one is meant.
    """

    profile: str
    in_force: bool
    decode: Decoder
    authenticated: bool = False
    endings: tuple[str, ...] = ()
    undefined: frozenset[str] = frozenset()
    fields: int = 0

    @classmethod
    def of(cls, profile: Profile, decode: Decoder, *, in_force: bool, undefined: frozenset[str] = frozenset()) -> Candidate:
        """Return the candidate that a profile makes."""
        endings = tuple(sorted({field.topic for field in profile.fields.values() if field.topic}))
        authenticated = profile.authentication.scheme is Scheme.MAC0
        return cls(profile.id, in_force, decode, authenticated, endings, undefined, len(profile.fields))

    def place(self, topic: str) -> str:
        """Return under what a device that publishes to a topic is registered: that, or a filter for all of its topics."""
        levels = topic.split("/")
        for ending in self.endings:
            kept = len(levels) - len(ending.split("/"))
            if kept > 0 and topic_matches(ending, "/".join(levels[kept:])):
                return "/".join([*levels[:kept], "#"])
        return topic


@dataclass(frozen=True, slots=True)
class Read:
    """What a candidate reads in a message of one device.

    Attributes:
        place: The topic or topic filter to register it under.
        hub_id: Of the device behind a hub; empty where the profile has no hub.
        values: The last value of each property, in the property's unit; empty where the part was refused.
        refused: Behind a hub: why there is none.
        undefined: Properties that stand in the message and that the city does not define.
    """

    candidate: Candidate
    place: str
    hub_id: str
    values: Mapping[str, float]
    refused: str = ""
    undefined: frozenset[str] = frozenset()

    @classmethod
    def of(cls, candidate: Candidate, place: str, hub_id: str, outcome: Reading) -> Read:
        """Return what a reading tells here: of a property that the city does not define its name alone."""
        values = {each.observed_property: each.result for each in outcome.observations}
        undefined = candidate.undefined & values.keys()
        return cls(candidate, place, hub_id, {name: values[name] for name in values if name not in undefined}, "", undefined)


def readings_of(candidate: Candidate, topic: str, payload: bytes, now_ms: int) -> Iterator[Read]:
    """Yield what a candidate reads in a message: nothing where it does not fit, one for each device behind a hub."""
    if candidate.authenticated:
        content = unverified(payload)
        if content is None:
            return
        payload = content
    outcome = candidate.decode(topic, payload, now_ms)
    place = candidate.place(topic)
    if isinstance(outcome, Reading):
        yield Read.of(candidate, place, "", outcome)
    elif isinstance(outcome, HubParts):
        for part in outcome.parts:
            if not part.hub_id:
                continue
            if isinstance(part.outcome, Reading):
                yield Read.of(candidate, place, part.hub_id, part.outcome)
            else:
                yield Read(candidate, place, part.hub_id, {}, part.outcome.reason)
