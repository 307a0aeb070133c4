"""A status as a gateway answers it that has seen little, for tests of the screen that shows it."""

from __future__ import annotations

from typing import Any, Final

SHOWN: Final[dict[str, Any]] = {
    "gateway": "g",
    "starts": 2,
    "clock": {"now": "2026-11-22T14:29:04+00:00", "simulated": False, "rate": 1.0, "problem": None},
    "broker": {"connected": True, "problem": None, "dry": True, "ids_bound": True, "retains": False, "counters": {}},
    "intake": {"waits": None},
    "sinks": {},
    "disk": {"withholds": False, "log_waits": False},
    "log": {"size": 0, "origin": "o"},
    "witnesses": None,
    "policy": None,
    "devices": 3,
    "owners_assumed": 0,
    "subjects": 0,
    "windows": {"open": 0},
    "times": {"remembered": 0, "forgotten": 0},
    "outbox_rows": 0,
    "bundles_under_way": 0,
    "ledger": {"frames.received": 5},
    "imbalances": [],
    "health": {"ready": True, "reasons": []},
}
