"""The screen of `sluice status`."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.commands.gateway import status_text

SHOWN: dict[str, Any] = {
    "gateway": "g",
    "clock": {"now": "2026-11-22T14:29:04+00:00", "simulated": False, "rate": 1.0},
    "broker": {"connected": True, "dry": True, "ids_bound": True, "retains": False, "counters": {}},
    "sinks": {},
    "disk": {"withholds": False, "log_waits": False},
    "log": {"size": 0, "origin": "o"},
    "witnesses": None,
    "policy": None,
    "devices": 3,
    "owners_assumed": 0,
    "subjects": 0,
    "windows": {"open": 0},
    "outbox_rows": 0,
    "bundles_under_way": 0,
    "ledger": {"frames.received": 5},
    "imbalances": [],
}


@pytest.mark.parametrize(("assumed", "told"), [(0, []), (1, ["ASSUMED for 1 device"]), (2, ["ASSUMED for 2 devices"])])
def test_status_ends_with_the_accounts_below_the_ledger(assumed: int, told: list[str]) -> None:
    """Devices whose owner is assumed stand beside the registry: what follows the ledger is accounts alone."""
    lines = status_text({**SHOWN, "owners_assumed": assumed}).splitlines()
    assert [line.split(maxsplit=1)[1].partition(":")[0] for line in lines if line.startswith("owners")] == told
    assert lines[-2].startswith("ledger ")
    assert lines[-1].split() == ["frames.received", "5"]
