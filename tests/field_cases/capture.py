"""Three months of one LoRaWAN node behind ChirpStack, as its server published them, and what is in them by a plain count.

The count is made without the gateway's code. A line is a message with three things added by whoever recorded it: `_topic`, and
`_timestamp`, when it came.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Final

from tests.support.data import DataSet, outside_data

FILTER: Final = "t/application/+"
"""Under which the node is registered: its server publishes events of all its nodes by their kind."""
NODE: Final = "d1d1e80000000032"
"""By which the server's messages name it."""
PROFILE: Final = """\
title = { en = "Climate node" }
codec = "chirpstack-3"

[hub]
id = "devEUI"

[fields.temperature]
path = "temperature"
unit = "Cel"

[fields.pressure]
path = "pressure"
unit = "hPa"
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A message of the recording.

    Attributes:
        received_ms: When it came, in ms since the Unix epoch.
        message: As it was published.
        is_uplink: Otherwise it tells the state of the node's battery.
    """

    received_ms: int
    message: dict[str, Any]
    is_uplink: bool

    @property
    def topic(self) -> str:
        """Where the server publishes it."""
        return f"t/{self.message['_topic']}"

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return json.dumps({key: value for key, value in self.message.items() if not key.startswith("_")}).encode()


@dataclass(frozen=True, slots=True)
class Counted:
    """What a plain count of the recording gives.

    Attributes:
        repeated: Uplinks whose number came before.
        gaps: Runs of missing numbers, by their length.
        missing: Numbers that never came.
        empty: Uplinks in which the node told neither property.
        values: How many values of each property came, repeats aside.
        timed: Uplinks that a gateway stamped with a time.
    """

    uplinks: int
    events: int
    repeated: int
    gaps: Counter[int]
    missing: int
    empty: int
    values: Counter[str]
    timed: int


@cache
def recording() -> tuple[Recorded, ...]:
    """Return all messages in their order, or skip where the recording is absent."""
    (path,) = outside_data(DataSet.WYRES)
    with gzip.open(path) as file:
        messages = [json.loads(line) for line in file]
    return tuple(Recorded(each["_timestamp"], each, each["_topic"] == "application/rx") for each in messages)


def counted(messages: Sequence[Recorded]) -> Counted:
    """Count what is in a recording."""
    uplinks = [each.message for each in messages if each.is_uplink]
    numbers: list[int] = [each["fCnt"] for each in uplinks]
    steps = [later - earlier for earlier, later in pairwise(numbers)]
    first = [each for n, each in enumerate(uplinks) if each["fCnt"] not in numbers[max(n - 1, 0) : n]]
    values = Counter(name for each in first for name in ("temperature", "pressure") if name in each["object"])
    return Counted(
        uplinks=len(uplinks),
        events=len(messages) - len(uplinks),
        repeated=len(numbers) - len(set(numbers)),
        gaps=Counter(step - 1 for step in steps if step > 1),
        missing=sum(step - 1 for step in steps if step > 1),
        empty=sum("temperature" not in each["object"] and "pressure" not in each["object"] for each in uplinks),
        values=values,
        timed=sum(any("time" in heard for heard in each["rxInfo"]) for each in uplinks),
    )
