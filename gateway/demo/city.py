"""The demo's small city on disk: keys, policies, configuration, registry and consents, made afresh for every run.

``street`` says which devices there are. Twenty households permit hourly figures by district, sixteen only figures of four hours
for the whole city, four nothing at all.
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from consent.device_messages import DevicesAdded
from consent.messages import Id
from firmware_sim.scenario import parse_scenario
from firmware_sim.stations import Fleet
from gateway.config import Installation, load_config
from gateway.control.context import Control
from gateway.control.doors import perform
from gateway.demo.street import HOUSEHOLDS, Placed, change_policies, street
from gateway.durable.configured import start as start_durable
from gateway.durable.state import Durable
from gateway.edge.keys import init_keys
from gateway.errors import OperatorError
from gateway.recipient.keys import generate

FULL_CONSENTS, COARSE_CONSENTS = 20, 16
SCOPE = "purpose:energy-planning"
WATER_SCOPE = "purpose:water-planning"
COARSE = {"time": "4h", "space": "city"}
TIMEZONE = "Europe/Madrid"  # of the shipped city

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
    change_policies(folder / "policies")
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
    placed = street(gateway)
    scenario = {"seed": gateway, "timezone": TIMEZONE, "devices": [each.played for each in placed]}
    city = DemoCity(folder, place, gateway, keys.log_signer.vkey(), Fleet(parse_scenario(scenario)))
    city.recipients = recipients
    durable = await start_durable(place, keys)
    try:
        await _register(durable, city, placed)
    finally:
        await durable.close()
    return city


def _named(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    return folder / name


async def _register(durable: Durable, city: DemoCity, placed: list[Placed]) -> None:
    """Register the households' meters, which gives each its subject, then all else, and grant what each household permits."""
    control = Control(durable)
    meters, others = placed[:HOUSEHOLDS], placed[HOUSEHOLDS:]
    (added,) = await perform(control, [("device.add", {"devices": [each.row("new") for each in meters]})])
    assert isinstance(added, DevicesAdded)
    subjects = [device.subject.hex() for device in added.devices if isinstance(device.subject, Id)]
    rows = [each.row("none" if each.household is None else subjects[each.household]) for each in others]
    await perform(control, [("device.add", {"devices": rows})])
    city.withdrawing = subjects[0]
    full, coarse = subjects[:FULL_CONSENTS], subjects[FULL_CONSENTS : FULL_CONSENTS + COARSE_CONSENTS]
    grants = [{"subject": subject, "scope": scope, "limits": {}} for subject in full for scope in (SCOPE, WATER_SCOPE)]
    grants += [{"subject": subject, "scope": SCOPE, "limits": COARSE} for subject in coarse]
    await perform(control, [("consent.grant", grant) for grant in grants])
