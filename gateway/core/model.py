"""What a frame becomes on its way in: a reading with its observations, or a rejection with its counted reason.

The codecs make these; admission and the pipeline read them. They are made once per frame in the hot path, so they are
plain structs that the garbage collector does not track: none of them can ever take part in a reference cycle.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

UNKNOWN_MS = -1
"""Stands for an earliest time that nobody knows."""


class Observation(Struct, gc=False):
    """One value of one observed property, in the property's unit, at full precision.

    Attributes:
        observed_property: Key of the property in the policies, for example ``LAeq``.
        phenomenon_time_ms: When the value held, in milliseconds since the Unix epoch; the latest where only a span is known.
        result: The value; always finite.
        earliest_ms: Where only a span is known, its beginning, or ``UNKNOWN_MS``.
    """

    observed_property: str
    phenomenon_time_ms: int
    result: float
    earliest_ms: int | None = None


class Reading(Struct, gc=False):
    """What one frame decoded to.

    Attributes:
        boot: The device's own id for its present run, or ``None`` where its profile declares none.
        sequence: The device's count of its messages in this run, or ``None`` where the message carries none.
        has_time: Whether the times come from the message; otherwise they are the time of arrival.
        observations: At least one, in the order of the profile (of the message, for SenML).
        refused: Why values of other declared fields were refused, one for each; they cost nobody else.
    """

    boot: int | str | None
    sequence: int | None
    has_time: bool
    observations: list[Observation]
    refused: tuple[Reject, ...] = ()


class HubPart(Struct, gc=False):
    """What a hub's message holds of one of the devices behind it.

    Attributes:
        hub_id: By which the device is registered, beside the hub's topic. Personal data, as a topic is.
        outcome: Its reading, or why it has none.
    """

    hub_id: str
    outcome: Reading | Reject


class HubParts(Struct, gc=False):
    """What a hub's message decoded to: at least one part, in the order of the message, no two of one device and one time."""

    parts: list[HubPart]


class Reject(Struct, frozen=True):
    """Why a frame goes no further. Compare by identity with the constants below: no other instances are made.

    Attributes:
        reason: Last part of the ledger account, ``frames.rejected.<reason>`` or ``observations.refused.<reason>``.
    """

    reason: str


UNKNOWN_DEVICE = Reject("unknown_device")
"""No device is registered for the topic."""

TOO_LARGE = Reject("too_large")
"""The frame is larger than any message that a sensor sends."""

BAD_MAC = Reject("bad_mac")
"""The authentication code is absent, malformed or wrong."""

MALFORMED = Reject("malformed")
"""The bytes are not a message of the device's codec."""

NOT_UNDERSTOOD = Reject("not_understood")
"""The message is of a newer version, or requires a part to be understood that is not."""

WRONG_TYPE = Reject("wrong_type")
"""A declared field holds a value of another type than its own, or a number that no double can hold."""

WRONG_UNIT = Reject("wrong_unit")
"""The message states a unit that cannot be converted to the one that the profile declares."""

NOT_FINITE = Reject("not_finite")
"""A declared field holds NaN or an infinity."""

NO_READING = Reject("no_reading")
"""The message holds none of the declared fields."""

BAD_TIME = Reject("bad_time")
"""The declared time is absent, has no offset from UTC, or is not a date."""

CLOCK_AHEAD = Reject("clock_ahead")
"""The time lies too far in the future."""

CLOCK_BEHIND = Reject("clock_behind")
"""The time lies too far in the past."""

NO_SEQUENCE = Reject("no_sequence")
"""The profile declares a sequence or boot id, and the message has none."""

REPLAYED = Reject("replayed")
"""The sequence number was seen before, or is too old to be checked."""

REDELIVERED = Reject("redelivered")
"""The broker redelivered what was committed already."""

COPY = Reject("copy")
"""The message also comes by another of the gateway's subscriptions, and is counted there."""

NO_VALUE = Reject("no_value")
"""A declared field says by a word or a number of its own that it has no value."""

IMPLAUSIBLE = Reject("implausible")
"""The value lies outside of what the device can mean, or a counter has grown by more than it can."""

AMBIGUOUS_TIME = Reject("ambiguous_time")
"""The local time comes twice on that day, or never."""

DUPLICATE = Reject("duplicate")
"""By its profile's rule the message repeats the one before."""

OUT_OF_RANGE = Reject("out_of_range")
"""The value does not fit the integers that sums are kept in."""


class Ignore(Struct, frozen=True):
    """A frame that is no reading, and is not meant to be one: a keep-alive, a join, an event. Its only instance is below."""


IGNORE = Ignore()
"""The frame is counted as ignored, and there is nothing in it to account for."""

Decoded = Reading | HubParts | Ignore | Reject
"""What the bytes of a frame come to."""

Decoder = Callable[[str, bytes, int], Decoded]
"""``decode(topic, payload, received_ms)``: never raises, whatever the bytes."""
