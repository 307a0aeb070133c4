"""The tallies of UTC days and hours, as they are stored: what left by which flow, the ledger at two moments, homes, sensors.

They are exact, and never shown as they are: ``gateway.core.public.rounding`` says how far each number is rounded down.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeVar

import msgspec

_K = TypeVar("_K")
_V = TypeVar("_V")

HOUR_MS: Final = 3_600_000
HOURS_OF_A_DAY: Final = 24


class FlowKey(NamedTuple):
    """What is counted together of a day: of one flow, what one recipient got at one level of identity.

    Attributes:
        owner: `city` of devices that are about nobody, else `resident`, as ``Owner`` has them.
        identity: The level of identity, as records have it.
    """

    flow: str
    recipient: str
    owner: str
    identity: str


class SeriesKey(NamedTuple):
    """What is averaged together of an hour: readings of one property that left by a flow, one by one, at one step.

    Attributes:
        zone: Where the city's own sensors are that told them.
        step: Of precision, in the property's unit, as records have it.
    """

    flow: str
    zone: str
    observed_property: str
    step: str


class FlowTally(msgspec.Struct, array_like=True):
    """What left by a flow on a day.

    Attributes:
        bundles: How many bundles held something of it.
        records: How many records those held.
        pairs: How many pairs of observation and flow those came from.
        last_ms: When the last of them was formed.
        told: Of figures about homes: number of homes that the recipient was told → how many figures.
    """

    bundles: int = 0
    records: int = 0
    pairs: int = 0
    last_ms: int = 0
    told: dict[int, int] = {}


class Homes(msgspec.Struct, array_like=True, frozen=True):
    """Of how many homes a flow could read a sensor, and how many of them let it have anything; both rounded down."""

    asked: int
    permitted: int


class DayTally(msgspec.Struct, array_like=True):
    """A UTC day.

    Attributes:
        flows: What left, by the day on which its bundle was formed.
        begin: The ledger's totals at the beginning of the day; None before an hour of the day was counted.
        at: The totals at the last full hour, or at the end of the day.
        until: Up to which hour, since the epoch, ``at`` counts; 0 where it does not.
        homes: By flow, as of the beginning of the day.
        sensors: How many sensors of homes there are by zone and profile, rounded down; likewise.
        hour_share: The most pairs that the readings of one home have given in an hour, as far as is known.
        is_surveyed: Whether homes and sensors have been counted.
    """

    flows: dict[FlowKey, FlowTally] = {}
    begin: dict[str, int] | None = None
    at: dict[str, int] = {}
    until: int = 0
    homes: dict[str, Homes] = {}
    sensors: dict[tuple[str, str], int] = {}
    hour_share: int = 0
    is_surveyed: bool = False

    def accounts(self) -> dict[str, int]:
        """Return what was entered in each ledger account on the day; negative where more was taken back than entered."""
        begin = self.begin or {}
        return {name: n for name, total in self.at.items() if (n := total - begin.get(name, 0))}


class Mean(msgspec.Struct, array_like=True):
    """A count of readings and their sum, in whole steps: exact, so that what is taken back leaves no trace."""

    count: int = 0
    total: int = 0


class HourTally(msgspec.Struct, array_like=True):
    """What left of an hour's readings of the city's own sensors, one by one; by the hour at which they were taken."""

    series: dict[SeriesKey, Mean] = {}


class BundleTally(msgspec.Struct):
    """What one bundle adds to the tallies, and takes back with it if it is voided.

    Attributes:
        formed_ms: When it was formed.
        flows: What is in it, as a day's.
        hours: The readings in it of the city's own sensors, by hour since the epoch.
        former_ms: Of each flow, when the last bundle before it was formed on the day; set as it is added.
    """

    formed_ms: int
    flows: dict[FlowKey, FlowTally]
    hours: dict[int, HourTally] = {}
    former_ms: dict[FlowKey, int] = {}


def encode(tally: DayTally | HourTally) -> bytes:
    """Return a tally's bytes: the same for the same counts, whatever the order in which they came."""
    if isinstance(tally, HourTally):
        return msgspec.msgpack.encode(HourTally(_sorted(tally.series)))
    flows = {key: msgspec.structs.replace(flow, told=_sorted(flow.told)) for key, flow in sorted(tally.flows.items())}
    return msgspec.msgpack.encode(msgspec.structs.replace(tally, flows=flows))


def decode_day(content: bytes) -> DayTally:
    """Return the day that bytes hold.

    Raises: msgspec.MsgspecError: they hold none.
    """
    return _decode_day(content)


def decode_hour(content: bytes) -> HourTally:
    """Return the hour that bytes hold.

    Raises: msgspec.MsgspecError: they hold none.
    """
    return _decode_hour(content)


_decode_day = msgspec.msgpack.Decoder(DayTally).decode
_decode_hour = msgspec.msgpack.Decoder(HourTally).decode


def _sorted(mapping: Mapping[_K, _V]) -> dict[_K, _V]:
    return {key: mapping[key] for key in sorted(mapping)}  # type: ignore[type-var]  # texts, numbers, and tuples of texts
