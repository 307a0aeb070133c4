"""The demo's street: which devices there are, of which make, in whose home or on whose wall, and what the city asks of them.

``city`` writes the policies and registers the devices; the simulator plays them. Households have a meter each, and some a
metering plug and a water meter besides; the city has sensors of its own, some behind a LoRaWAN network server or a Zigbee bridge.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.errors import OperatorError

HOUSEHOLDS: Final = 120
PLUGS, WATER_METERS = 24, 24
"""So many households, the first ones, have one; a figure of water takes fifteen that permit it."""
ZONES: Final = ("north-quay", "bridge-square", "garden-row", "school-street")  # one district
CITY_DEVICES: Final = (("air-quality", "air", 6), ("noise", "noise", 7), ("footfall", "gate", 7))
INTERVAL_S: Final = 1800
METER_INTERVAL_S: Final = 3600
REGISTER_INTERVAL_S: Final = 3600
_PLUG, _LORAWAN, _ZIGBEE, _WATER = (
    "shelly-plus-1pm",
    "milesight-em300-th-chirpstack-4",
    "zigbee2mqtt-climate",
    "wmbusmeters-water",
)
_LORAWAN_SENSORS, _ZIGBEE_SENSORS = 5, 4
_ENDS_BEFORE_EXAMPLES: Final = "\n# --- Examples"
_OWN_PROFILES: Final = {
    _LORAWAN: "[hub]                                           # all nodes in one topic filter, told apart by their EUI\n",
    _ZIGBEE: "[time]                                          # this bridge says when it heard a sensor\n"
    'path = "last_seen"\nformat = "iso8601"\nsource = "network"\n',
}
"""What the city's own files add to profiles that come with the program."""

_ADDED: Final = """
# --- What the demo adds to the shipped policies: water, and what plugs with a register have used ------------------------

[property.waterVolume]
title = { en = "Water meter reading", es = "Lectura del contador de agua", pt = "Leitura do contador de água" }
unit = "m3"
ladder = [0.001, 0.01, 0.1, 1]
clamp = { 1h = [0, 1], 4h = [0, 2], day = [0, 5] }

[quantity.water]
title = { en = "Water", es = "Agua", pt = "Água" }
properties = ["waterVolume"]
cell = "4h"
clip = 0.3
presence = 0.1

[purpose.water-planning]
title = { en = "Planning the water supply", es = "Planificar el suministro de agua", pt = "Planear o abastecimento de água" }
dpv = "ImprovePublicServices"
legal_basis = "consent"

[flow.plugs-daily]
title = { en = "Electricity at plugs, plug by plug", es = "Electricidad en enchufes", pt = "Eletricidade em tomadas" }
why = { en = "To see what could run at another time", es = "Qué podría ir a otra hora", pt = "O que pode ir a outra hora" }
properties = ["totalConsumption"]
statistic = { totalConsumption = "delta" }
purpose = "energy-planning"
recipient = "city-energy"
ask = { identity = "per-epoch", time = "day", space = "district", precision = { totalConsumption = 0.1 }, retention = 90 }

[flow.water-four-hourly]
title = { en = "Water used, by four hours", es = "Agua, cada cuatro horas", pt = "Água, a cada quatro horas" }
why = { en = "To see when pumps have to run", es = "Cuándo hacen falta las bombas", pt = "Quando são precisas as bombas" }
properties = ["waterVolume"]
statistic = { waterVolume = "delta" }
purpose = "water-planning"
recipient = "city-environment"
publish = "day"

[flow.water-four-hourly.ask]
identity = "aggregate"
time = "4h"
space = "district"
precision = { waterVolume = 0.01 }
group = 15
retention = 365
budget = 2
"""
_REGISTER_CLAMP: Final = "clamp = { 1h = [0, 5], 4h = [0, 15], day = [0, 50] }\n"


@dataclass(frozen=True, slots=True)
class Placed:
    """A device: as the simulator plays it, and as the gateway registers it.

    Attributes:
        played: The entry of a scenario.
        topic: Under which it is registered: that to which it publishes, or a filter for all that it publishes.
        id: By which a hub names it; empty: it stands behind none.
        household: Whose it is, by number; None: the city's own.
    """

    played: Mapping[str, Any]
    zone: str
    topic: str
    id: str = ""
    household: int | None = None

    def row(self, subject: str) -> Mapping[str, str]:
        """Return what registers it."""
        owner = "city" if self.household is None else "resident"
        row = {"profile": self.played["kind"], "zone": self.zone, "topic": self.topic, "owner": owner, "subject": subject}
        return row | ({"id": self.id} if self.id else {})


def change_policies(folder: Path) -> None:
    """Make the shipped policies in a folder those of the demo: more profiles, water, and flows of registers.

    Raises:
        OperatorError: They are not as shipped.
    """
    city = folder / "city.toml"
    text = city.read_text(encoding="utf-8")
    used = ", ".join(f'"{name}"' for name in (_PLUG, _LORAWAN, _ZIGBEE, _WATER))
    text, uses = re.subn(r"(?m)^(devices = \[[^\]]*)\]", rf"\1, {used}]", text)
    text, registers = re.subn(r'(\[property\.totalConsumption\][^\[]*\nunit = "kW\.h"\n)', rf"\1{_REGISTER_CLAMP}", text)
    if uses != 1 or registers != 1:
        raise OperatorError(f"`{city}`: is not as shipped, so the demo cannot add its street")
    city.write_text(text + _ADDED, encoding="utf-8")
    for name, added in _OWN_PROFILES.items():
        profile = folder / "devices" / f"{name}.toml"
        shipped, _, _ = profile.read_text(encoding="utf-8").partition(_ENDS_BEFORE_EXAMPLES)
        profile.write_text(f"{shipped}\n{added}", encoding="utf-8")


def street(gateway: str) -> list[Placed]:
    """Return all devices: those of the households first, their meters before all."""
    return [*_meters(gateway), *_plugs(gateway), *_water_meters(gateway), *_city(gateway), *_lorawan(gateway), *_zigbee(gateway)]


def _zone(number: int) -> str:
    return ZONES[number % len(ZONES)]


def _meters(gateway: str) -> list[Placed]:
    placed = []
    for home in range(HOUSEHOLDS):
        topic = f"{gateway}/homes/{secrets.token_hex(4)}/meter"
        played = {"topic": topic, "kind": "meter", "settings": {"interval_s": METER_INTERVAL_S}}
        placed.append(Placed(played, _zone(home), topic, household=home))
    return placed


def _plugs(gateway: str) -> list[Placed]:
    """Return Shelly plugs, of which only the status is a reading; what else they publish is ignored."""
    placed = []
    for home in range(PLUGS):
        serial = f"a8032a{secrets.token_hex(3)}"
        topic = f"{gateway}/homes/shellyplus1pm-{serial}"
        settings = {"interval_s": REGISTER_INTERVAL_S, "daily_kwh": 1.5}
        played = {"topic": topic, "kind": _PLUG, "identity": serial, "settings": settings}
        placed.append(Placed(played, _zone(home), f"{topic}/#", household=home))
    return placed


def _water_meters(gateway: str) -> list[Placed]:
    """Return water meters that one receiver hears, told apart by the number on their fronts."""
    placed = []
    for home in range(WATER_METERS):
        number = f"{70_000_000 + secrets.randbelow(1_000_000) * 10 + home % 10:08d}"
        topic = f"{gateway}/homes/wmbusmeters/{number}"
        played = {"topic": topic, "kind": _WATER, "identity": number, "settings": {"interval_s": REGISTER_INTERVAL_S}}
        placed.append(Placed(played, _zone(home), f"{gateway}/homes/wmbusmeters/+", number, household=home))
    return placed


def _city(gateway: str) -> list[Placed]:
    devices = [(kind, f"{gateway}/streets/{name}/{number}") for kind, name, many in CITY_DEVICES for number in range(1, many + 1)]
    settings = {"interval_s": INTERVAL_S}
    return [
        Placed({"topic": topic, "kind": kind, "public": True, "settings": settings}, _zone(place), topic)
        for place, (kind, topic) in enumerate(devices)
    ]


def _lorawan(gateway: str) -> list[Placed]:
    """Return air sensors behind a ChirpStack, some of whose frames come by two gateways and are passed on twice."""
    placed = []
    for number in range(_LORAWAN_SENSORS):
        eui = f"24e124{secrets.token_hex(5)}"
        topic = f"{gateway}/streets/application/7/device/{eui}"
        played = {
            "topic": topic,
            "kind": _LORAWAN,
            "identity": eui,
            "public": True,
            "settings": {"interval_s": INTERVAL_S},
            "restart_s": 86_400,
            "faults": {"duplicates": {"share": 0.1, "most_copies": 1, "most_s": 60}},
        }
        placed.append(Placed(played, _zone(number), f"{gateway}/streets/application/7/device/+/event/+", eui))
    return placed


def _zigbee(gateway: str) -> list[Placed]:
    """Return climate sensors behind a Zigbee bridge, which gives each a topic by its name."""
    placed = []
    for number in range(_ZIGBEE_SENSORS):
        topic = f"{gateway}/streets/zigbee2mqtt/lamp-{number + 1}"
        played = {"topic": topic, "kind": _ZIGBEE, "public": True, "settings": {"interval_s": INTERVAL_S}}
        placed.append(Placed(played, _zone(number), topic))
    return placed
