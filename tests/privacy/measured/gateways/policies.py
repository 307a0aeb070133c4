"""The policies under which our gateway is driven: the shipped city's for electricity, with the districts of a scenario."""

from __future__ import annotations

from typing import Final

from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from tests.privacy.measured.mechanism import (
    CONTRACTED_CLIP,
    CONTRACTED_GROUP,
    CONTRACTED_MU,
    EXACT_GROUP,
    LIVE_MU,
    OPEN_CLIP,
    OPEN_GROUP,
    OPEN_MU,
    PRESENCE,
)
from tests.privacy.measured.scenarios import EXACT, HOURLY, LIVE, TOTALS, TYPICAL

RECIPIENTS: Final = ("energy", "live", "everybody")

_HEAD: Final = f"""\
[city]
id = "town"
name = "Town"
address = "Square 1"
contact = "https://town.example"
data_protection_officer = "dpo@town.example"
jurisdiction = "PT"
storage_place = "Town hall"
languages = ["en"]
timezone = "UTC"

[ceiling]
identity = "per-epoch"
space = "block"
group = 10

[limits]
mu_day = 2.1
mu_rungs = [0.5, 1, 2]
exact_group = {EXACT_GROUP}

[property.consumption]
title = {{ en = "Electricity used" }}
unit = "kW.h"
ladder = [0.001, 0.01, 0.1, 1]
clamp = {{ 15min = [0, 2], 1h = [0, 5], 4h = [0, 15], day = [0, 50] }}

[quantity.electricity]
title = {{ en = "Electricity" }}
properties = ["consumption"]
cell = "1h"
clip = {CONTRACTED_CLIP:g}
presence = {PRESENCE:g}

[purpose.planning]
title = {{ en = "Planning" }}
dpv = "ImprovePublicServices"
legal_basis = "consent"
"""
_FLOWS: Final = {
    HOURLY: f"""\
recipient = "energy"
ask.identity = "aggregate"
ask.time = "1h"
ask.space = "district"
ask.precision = {{ consumption = 0.1 }}
ask.group = {CONTRACTED_GROUP}
ask.retention = 730
ask.budget = {CONTRACTED_MU:g}
publish = "day"
""",
    LIVE: f"""\
recipient = "live"
ask.identity = "aggregate"
ask.time = "1h"
ask.space = "district"
ask.precision = {{ consumption = 0.1 }}
ask.group = {CONTRACTED_GROUP}
ask.retention = 730
ask.budget = {LIVE_MU:g}
publish = "window"
""",
    TYPICAL: f"""\
recipient = "everybody"
ask.identity = "aggregate"
ask.time = "1h"
ask.space = "district"
ask.precision = {{ consumption = 0.001 }}
ask.group = {OPEN_GROUP}
ask.retention = 730
ask.budget = {OPEN_MU:g}
period = "week"
clip = {OPEN_CLIP:g}
""",
    EXACT: f"""\
recipient = "energy"
ask.identity = "aggregate"
ask.time = "day"
ask.space = "district"
ask.precision = {{ consumption = 0.001 }}
ask.group = {EXACT_GROUP}
ask.retention = 730
noise = "none"
""",
    TOTALS: """\
recipient = "energy"
ask.identity = "per-epoch"
ask.time = "day"
ask.space = "district"
ask.precision = { consumption = 1 }
ask.retention = 90
""",
}
_METER: Final = """\
title = { en = "Meter" }
codec = "json"
[fields.consumption]
path = "kwh"
unit = "kW.h"
[time]
path = "t"
format = "unix-ms"
"""


def policies_for(cells: tuple[str, ...], flows: tuple[str, ...]) -> PolicySet:
    """Return the policies of a town.

    Args:
        cells: Its districts; each has a zone of the name `in-<district>`.
        flows: Those of its flows that ours can have are in force.
    """
    city = [_HEAD]
    for cell in sorted(set(cells)):
        title = f'title = {{ en = "{cell}" }}\n'
        city += [f"[district.{cell}]\n{title}", f'[zone.in-{cell}]\n{title}district = "{cell}"\n']
    used = [flow for flow in flows if flow in _FLOWS]
    recipients = {line.split('"')[1] for flow in used for line in _FLOWS[flow].splitlines() if line.startswith("recipient")}
    for name in sorted(recipients):
        key = "" if name == "everybody" else f'public_key_file = "keys/{name}.pub"\n'
        city.append(f'[recipient.{name}]\ntitle = {{ en = "{name}" }}\n{key}sink = "city"\n')
    for flow in used:
        statistic = "typical-day" if flow == TYPICAL else "sum"
        city.append(
            f'[flow.{flow}]\ntitle = {{ en = "{flow}" }}\nwhy = {{ en = "To plan" }}\nproperties = ["consumption"]\n'
            f'statistic = {{ consumption = "{statistic}" }}\npurpose = "planning"\n{_FLOWS[flow]}'
        )
    return parse_policies({"city.toml": "\n".join(city).encode(), "devices/meter.toml": _METER.encode()})
