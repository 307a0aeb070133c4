"""The city of the soak: its policies, its homes, its own sensors, and sensors that err in every way that real ones do.

What each reading says tells whose it is: a home's temperature and humidity are its number and the reading's, a home that never
consents uses a thousand times as much as any other, and no two readings of the city's own counted sensors are the same. So what
arrives in the city tells by itself whether it was to, and whether it came twice.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any

from firmware_sim.faults import hostile_frames
from firmware_sim.scenario import parse_scenario
from firmware_sim.stations import Fleet
from tests.crash.street import HOUR_MS, Message, Street
from tests.support.checkout import ROOT
from tests.support.city import City, city

STEADY, CHANGING, SILENT, LATER = 8, 16, 6, 6
"""How many homes consent from before the beginning to the end; change their minds; never consent; move in meanwhile."""
HOME_EVERY_MS = HOUR_MS // 2
SCOPE = "purpose:comfort"
OFFICE = "housing"
"""The recipient of all that is told of homes."""
QUIET, ERRING = "riverside", "harbour"
"""The districts of what is counted, and of sensors that err."""
ZONES = ("north-quay", "bridge-square", "garden-row", "school-street")
HILL = "hill"
UNIT_WH, SILENT_WH = 1, 1_000
NUMBERS = 1_000_000
"""A home's readings are numbered below this."""
ERRING_EVERY_S = 600
ERRING_TOPIC = "t/erring"
FAULTS = (
    *("drift", "stuck", "spikes", "restarts", "rollover", "bit_flips", "sentinel", "not_a_number"),
    *("clock_drift", "local_time_as_utc", "epoch_until_ntp", "offline", "loss", "late", "duplicates"),
)
"""All that there are; what befalls registers befalls those makes alone that have some."""
OWN_KINDS = ("footfall", "noise", "air-quality")
MAKES = ("tasmota-energy", "wmbusmeters-water", "zigbee2mqtt-climate")
"""A meter at local time, one behind a hub, and a sensor that knows no time."""
ERRING_EACH = 6


@dataclass(slots=True)
class Home:
    """A household.

    Attributes:
        number: From 1; in all that it says.
        subject: Its id, once it is registered.
    """

    number: int
    topic: str
    zone: str
    kind: str
    subject: str = ""

    def message(self, turn: int, t_ms: int) -> Message:
        """Return its reading of a time."""
        wh = SILENT_WH if self.kind == "silent" else UNIT_WH
        canary = self.number * NUMBERS + turn
        payload = b'{"t":%d,"seq":%d,"boot":1,"kwh":%.3f,"temp":%d,"hum":%d}'
        payload %= t_ms // 1000, turn + 1, wh / 1000, canary, canary
        return Message(t_ms, self.topic, payload, None, wh)

    def row(self) -> dict[str, str]:
        """Return what registers it."""
        return {"profile": "home", "zone": self.zone, "topic": self.topic, "owner": "resident", "subject": "new"}


def whose(canary: float) -> int:
    """Return the number of the home that measured something."""
    return int(canary) // NUMBERS


def homes() -> list[Home]:
    """Return all homes: the steady and silent ones in one district, the others in another."""
    kinds = ["steady"] * STEADY + ["changing"] * CHANGING + ["silent"] * SILENT + ["later"] * LATER
    return [
        Home(number, f"t/homes/{number:03d}", HILL if kind in ("changing", "later") else ZONES[number % len(ZONES)], kind)
        for number, kind in enumerate(kinds, 1)
    ]


def policies(*, narrow: bool = False) -> dict[str, str]:
    """Return the policies' files.

    Args:
        narrow: Whether how damp homes are is told by district only, and not by block.
    """
    built = _with_flows(
        _places(city(languages=["en", "es", "pt"]).ceiling(identity="per-epoch", space="block")),
        "district" if narrow else "block",
    )
    built.device("home", {"consumption": "kwh", "temperature": "temp", "humidity": "hum"}, title="Device", numbered=True)
    files = built.files()
    for name in (*OWN_KINDS, *MAKES):
        files[f"devices/{name}.toml"] = (ROOT / "policies" / "devices" / f"{name}.toml").read_text().partition("\n[[example]]")[0]
    return files


def _places(built: City) -> City:
    for district in (QUIET, HILL + "side", ERRING):
        built.district(district)
    for zone in ZONES:
        built.zone(zone, QUIET)
    built.zone(HILL, HILL + "side").zone("quay", ERRING)
    built.measures("totalConsumption").measures("waterVolume").measures("consumption", ladder=[0.001]).measures(
        "temperature", ladder=[0.1]
    ).measures("humidity", ladder=[0.1])
    return built.measures("peopleCount").measures("LAeq", ladder=[0.1]).measures("pm25").measures("relativeHumidity")


def _with_flows(built: City, space: str) -> City:
    built.purpose("comfort", "Warm homes").purpose("streets", legal_basis="public-task")
    built.recipient(OFFICE, "Housing office").recipient("streets", "Streets office")
    figures: dict[str, Any] = {"identity": "aggregate", "time": "1h", "space": "district", "group": 3, "retention": 30}
    single: dict[str, Any] = {"identity": "per-record", "time": "exact", "space": "block", "retention": 30}
    built.flow("heating", "consumption", statistic="sum", purpose="comfort", recipient=OFFICE, **figures)
    built.flow("warmth", "temperature", purpose="comfort", recipient=OFFICE, **single)
    built.flow("damp", "humidity", purpose="comfort", recipient=OFFICE, **{**single, "space": space})
    told = ("peopleCount", "LAeq", "pm25", "temperature", "relativeHumidity", "totalConsumption", "waterVolume")
    return built.flow("city-sensors", *told, purpose="streets", recipient="streets", **single)


def erring(seed: int) -> Fleet:
    """Return sensors of the city's own with every fault that was measured on real ones."""
    devices = [
        {
            "topic": f"{ERRING_TOPIC}/{kind}/{number}",
            "kind": kind,
            "identity": f"7000{number:04d}",
            "public": True,
            "faults": {name: {} for name in FAULTS},
            "settings": {"interval_s": ERRING_EVERY_S},
        }
        for kind in (*OWN_KINDS, *MAKES)
        for number in range(1, ERRING_EACH + 1)
    ]
    return Fleet(parse_scenario({"seed": str(seed), "timezone": "Europe/Madrid", "devices": devices}))


def erring_rows(fleet: Fleet) -> list[dict[str, str]]:
    """Return what registers them."""
    rows = []
    for device in fleet.devices:
        row = {"profile": device.kind, "zone": "quay", "topic": device.topic, "owner": "city", "subject": "none"}
        if device.kind == "tasmota-energy":
            row["topic"] += "/SENSOR"
        elif device.kind == "wmbusmeters-water":
            row |= {"topic": f"{ERRING_TOPIC}/{device.kind}/+", "id": device.identity}
        rows.append(row)
    return rows


def everything(
    seed: int, street: Street, residents: Sequence[Home], fleet: Fleet, start_ms: int, per_hour: int
) -> Iterator[Message]:
    """Yield what all sensors send from a time on, in order, without end.

    Args:
        per_hour: How often each of the city's counted sensors tells in an hour.
    """
    yield from merge(
        _counted(street, start_ms, per_hour),
        _at_home(residents, start_ms),
        (Message(reading.time_ms, reading.topic, reading.payload, None) for reading in fleet.readings(start_ms)),
        _hostile(seed, fleet, start_ms),
        key=lambda message: message.t_ms,
    )


def _counted(street: Street, start_ms: int, per_hour: int) -> Iterator[Message]:
    years_ms = 200 * 24 * HOUR_MS
    rounds = per_hour * (years_ms // HOUR_MS)
    return street.stream(start_ms, rounds * len(street.public), start_ms + years_ms)


def _at_home(residents: Sequence[Home], start_ms: int) -> Iterator[Message]:
    turn, t_ms = 0, -(-start_ms // HOME_EVERY_MS) * HOME_EVERY_MS
    while True:
        yield from (home.message(turn, t_ms) for home in residents)
        turn, t_ms = turn + 1, t_ms + HOME_EVERY_MS


def _hostile(seed: int, fleet: Fleet, start_ms: int) -> Iterator[Message]:
    """Yield frames that are broken, wrong or malicious, of the same sensors."""
    chance, t_ms = random.Random(seed), start_ms
    own = [device for device in fleet.devices if device.kind in OWN_KINDS]
    while True:
        t_ms += chance.randrange(60_000, 600_000)
        for frame in islice(hostile_frames(own, t_ms, 24, f"{seed}/{t_ms}"), chance.randrange(24), None, 24):
            yield Message(t_ms, frame.topic, frame.payload, None)
