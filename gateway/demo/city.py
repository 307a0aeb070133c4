"""The demo's small city on disk: keys, policies, configuration, registry and consents, made afresh for every run.

``street`` says which devices there are. Eighty households permit hourly figures by district, twenty-four only figures of four
hours for the whole city, sixteen nothing at all.
"""

from __future__ import annotations

import secrets
import shutil
import time
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
from gateway.edge.keys.keyring import init_keys
from gateway.errors import OperatorError
from gateway.recipient.keys import generate

LEAD_S = 4.0
"""Real seconds until the simulated clock starts; the gateway must have subscribed by then, or the first day is incomplete."""
LONGEST_SETUP_S = 600
FULL_CONSENTS, COARSE_CONSENTS = 80, 24
SCOPE = "purpose:energy-planning"
WATER_SCOPE = "purpose:water-planning"
COARSE = {"time": "4h", "space": "city"}
DISTRICT, WHOLE_CITY = "riverside", "ribera"
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

[portal]
address = "{portal}"
"""


@dataclass(slots=True)
class DemoCity:
    """The small city, as made on disk.

    Attributes:
        withdrawing: The household that withdraws its consent midway.
        withdrawing_meter: The topic of its meter.
        claim_code: The code in the letter of a household that nobody has come in for, and that permits nothing.
        fleet: All devices, ready to publish.
        recipients: The file of each recipient's private key; None of those who get open data.
        permitting: By the cell of a figure of meters, the topics of those whose homes permit it there.
    """

    folder: Path
    place: Installation
    gateway: str
    vkey: str
    fleet: Fleet
    withdrawing: str = ""
    withdrawing_meter: str = ""
    claim_code: str = ""
    recipients: dict[str, Path | None] = field(default_factory=dict)
    permitting: dict[str, frozenset[str]] = field(default_factory=dict)


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


async def make_city(folder: Path, host: str, port: int, start_ms: int, rate: float, portal: str) -> DemoCity:
    """Make everything that the gateway needs, register all devices and consents, and set the clock.

    However long that takes, all consents stand before the first day: meanwhile the clock runs as fast as real time.

    Args:
        folder: An empty folder for the whole state.
        host: The broker's host.
        port: The broker's port.
        start_ms: Simulated time, ``LEAD_S`` real seconds after this has returned.
        rate: Simulated seconds in a real second.
        portal: The portal's address.
    """
    gateway = f"demo-{secrets.token_hex(3)}"  # a new id, so that no broker holds a session of an earlier run
    shutil.copytree(shipped_policies(), folder / "policies", ignore=shutil.ignore_patterns("keys"))
    change_policies(folder / "policies")
    (folder / "policies" / "keys").mkdir()
    recipients: dict[str, Path | None] = {"open-data": None}
    for recipient in ("city-energy", "city-environment"):
        pair = generate(_named(folder / "recipients", recipient))
        shutil.copy(pair.public_path, folder / "policies" / "keys")
        recipients[recipient] = pair.private_path
    config = folder / "gateway.toml"
    values = {"gateway": gateway, "host": host, "port": port, "portal": portal}
    before_ms = start_ms - round(1000 * (LEAD_S * rate + LONGEST_SETUP_S))
    config.write_text(_CONFIG.format(**values, start=_utc(before_ms), at=time.time(), rate=1), encoding="utf-8")
    place = load_config(config)
    keys = init_keys(place.keys, f"sluice.example/{gateway}")
    placed = street(gateway)
    scenario = {"seed": gateway, "timezone": TIMEZONE, "devices": [each.played for each in placed]}
    city = DemoCity(folder, place, gateway, keys.log_signer.vkey(), Fleet(parse_scenario(scenario)))
    city.recipients = recipients
    meters = [each.topic for each in placed[:HOUSEHOLDS]]
    city.withdrawing_meter = meters[0]
    city.permitting = {
        DISTRICT: frozenset(meters[:FULL_CONSENTS]),
        WHOLE_CITY: frozenset(meters[FULL_CONSENTS : FULL_CONSENTS + COARSE_CONSENTS]),
    }
    durable = await start_durable(place, keys)
    try:
        await _register(durable, city, placed)
    finally:
        await durable.close()
    config.write_text(_CONFIG.format(**values, start=_utc(start_ms), at=time.time() + LEAD_S, rate=rate), encoding="utf-8")
    city.place = load_config(config)
    return city


def _utc(t_ms: int) -> str:
    """Return an instant as a configuration writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t_ms / 1000))


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
    city.withdrawing, city.claim_code = subjects[0], str(added.devices[-1].claim_code)
    full, coarse = subjects[:FULL_CONSENTS], subjects[FULL_CONSENTS : FULL_CONSENTS + COARSE_CONSENTS]
    grants = [{"subject": subject, "scope": scope, "limits": {}} for subject in full for scope in (SCOPE, WATER_SCOPE)]
    grants += [{"subject": subject, "scope": SCOPE, "limits": COARSE} for subject in coarse]
    await perform(control, [("consent.grant", grant) for grant in grants])
