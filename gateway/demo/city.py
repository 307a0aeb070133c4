"""The demo's small city on disk: keys, policies, configuration, registry and consents, made afresh for every run.

Forty households have a meter; twenty more devices are the city's own. Twenty households permit hourly figures by district,
sixteen only figures of four hours for the whole city, four nothing at all.
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from consent.device_messages import DevicesAdded
from consent.messages import Id
from firmware_sim.scenario import Fleet, parse_scenario
from gateway.config import Installation, load_config
from gateway.control.context import Control
from gateway.control.doors import perform
from gateway.durable.configured import start as start_durable
from gateway.durable.state import Durable
from gateway.edge.keys import init_keys
from gateway.errors import OperatorError
from gateway.recipient.keys import generate

HOUSEHOLDS, FULL_CONSENTS, COARSE_CONSENTS = 40, 20, 16
ZONES = ("north-quay", "bridge-square", "garden-row", "school-street")  # one district
CITY_DEVICES = (("air-quality", "air", 6), ("noise", "noise", 7), ("footfall", "gate", 7))
SCOPE = "purpose:energy-planning"
COARSE = {"time": "4h", "space": "city"}
INTERVAL_S = 1800

_CONFIG = """\
# The configuration of this demo; `docs/configuration.md` explains every key.
gateway = "{gateway}"
state_folder = "state"
keys_folder = "keys"
policies_folder = "policies"

[broker]
host = "{host}"
port = {port}
filters = ["{gateway}/homes/#", "{gateway}/streets/#"]

[sink.city]
host = "{host}"
port = {port}
reconnect_s = 2

[release]
tick_ms = 1000
checkpoint_ms = 1000

[audit]
openings_folder = "openings"

[clock]
simulated = true
start = "{start}"
at = {at}
rate = {rate}
"""


@dataclass(slots=True)
class DemoCity:
    """The small city, as made on disk.

    Attributes:
        withdrawing: The household that withdraws its consent midway.
        fleet: All devices, ready to publish.
    """

    folder: Path
    place: Installation
    gateway: str
    vkey: str
    fleet: Fleet
    withdrawing: str = ""
    recipients: dict[str, Path] = field(default_factory=dict)


def shipped_policies() -> Path:
    """Return the policies folder that comes with the program.

    Raises:
        OperatorError: when it is missing.
    """
    candidates = (Path(__file__).resolve().parents[2] / "policies", Path("/etc/sluice/policies"))  # a checkout; the image
    for folder in candidates:
        if (folder / "city.toml").is_file():
            return folder
    raise OperatorError(f"`{candidates[0]}`: the shipped policies are missing; run the demo from a checkout")


async def make_city(folder: Path, host: str, port: int, start: str, at_s: float, rate: float) -> DemoCity:
    """Make everything that the gateway needs, and register all devices and consents.

    Args:
        folder: An empty folder for the whole state.
        host: The broker's host.
        port: The broker's port.
        start: Simulated time at ``at_s``.
        at_s: Unix time at which the simulated clock shows ``start``.
        rate: Simulated seconds in a real second.
    """
    gateway = f"demo-{secrets.token_hex(3)}"  # a new id, so that no broker holds a session of an earlier run
    shutil.copytree(shipped_policies(), folder / "policies", ignore=shutil.ignore_patterns("keys"))
    (folder / "policies" / "keys").mkdir()
    recipients = {}
    for recipient in ("city-energy", "city-environment"):
        pair = generate(_named(folder / "recipients", recipient))
        shutil.copy(pair.public_path, folder / "policies" / "keys")
        recipients[recipient] = pair.private_path
    config = folder / "gateway.toml"
    config.write_text(_CONFIG.format(gateway=gateway, host=host, port=port, start=start, at=at_s, rate=rate), encoding="utf-8")
    place = load_config(config)
    keys = init_keys(place.keys, f"sluice.example/{gateway}")
    devices = _devices(gateway)
    city = DemoCity(folder, place, gateway, keys.log_signer.vkey(), Fleet(parse_scenario({"seed": gateway, "devices": devices})))
    city.recipients = recipients
    durable = await start_durable(place, keys)
    try:
        await _register(durable, city, devices)
    finally:
        await durable.close()
    return city


def _named(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    return folder / name


def _devices(gateway: str) -> list[dict[str, Any]]:
    """Return the devices in the form of a scenario."""
    meters = [
        {"topic": f"{gateway}/homes/{secrets.token_hex(4)}/meter", "kind": "meter", "settings": {"interval_s": INTERVAL_S}}
        for _ in range(HOUSEHOLDS)
    ]
    return meters + [
        {
            "topic": f"{gateway}/streets/{name}/{number}",
            "kind": kind,
            "public": True,
            "settings": {"interval_s": INTERVAL_S},
        }
        for kind, name, count in CITY_DEVICES
        for number in range(1, count + 1)
    ]


async def _register(durable: Durable, city: DemoCity, devices: list[dict[str, Any]]) -> None:
    rows = [
        {
            "profile": device["kind"],
            "zone": ZONES[number % len(ZONES)],
            "topic": device["topic"],
            "owner": "city" if device.get("public") else "resident",
            "subject": "none" if device.get("public") else "new",
        }
        for number, device in enumerate(devices)
    ]
    control = Control(durable)
    (added,) = await perform(control, [("device.add", {"devices": rows})])
    assert isinstance(added, DevicesAdded)
    subjects = [device.subject.hex() for device in added.devices if isinstance(device.subject, Id)]
    city.withdrawing = subjects[0]
    grants = [{"subject": subject, "scope": SCOPE, "limits": {}} for subject in subjects[:FULL_CONSENTS]]
    coarse = subjects[FULL_CONSENTS : FULL_CONSENTS + COARSE_CONSENTS]
    grants += [{"subject": subject, "scope": SCOPE, "limits": COARSE} for subject in coarse]
    await perform(control, [("consent.grant", grant) for grant in grants])
