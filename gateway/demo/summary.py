"""The demo's outcome as plain data: the gateway's accounts beside the counts of the simulator and the recipients."""

from __future__ import annotations

from typing import Any

from gateway.core.ledger import Ledger
from gateway.demo.second_key import RECIPIENT
from gateway.demo.stage import DemoScene

_PAIRS = (
    "considered",
    "withheld",
    "contributed",
    "recorded",
    "late",
    "duplicate",
    "aggregated",
    "suppressed",
    "withdrawn",
    "open",
    "released",
    "withheld_at_release",
    "waiting",
)


def outcome(scene: DemoScene) -> dict[str, Any]:
    """Return what `--json` writes; the counts of sensors and recipients are their own, not the gateway's."""
    ledger: dict[str, int] = scene.status["ledger"]
    total = Ledger(ledger).sum
    report = scene.report
    assert report is not None
    compared = scene.compared()
    return {
        "received": total("frames.received"),
        "admitted": total("frames.admitted"),
        "rejected": total("frames.rejected"),
        "ignored": total("frames.ignored"),
        "repeated": ledger.get("readings.rejected.replayed", 0) + ledger.get("frames.rejected.replayed", 0),
        "redelivered": ledger.get("frames.rejected.redelivered", 0),
        **{name: total(f"pairs.{name}") for name in _PAIRS},
        "bundles": total("bundles.formed"),
        "bundles_acknowledged": total("bundles.acknowledged"),
        "log_size": report.size,
        "gateway_restarts": scene.process.restarts,
        "withdrawal_ms": round(scene.withdrawal_ms),
        "published": scene.sensors.published,
        "published_public": scene.sensors.published_public,
        "city_public": len(scene.heard.public_ids),
        "city_public_records": scene.heard.public_records,
        "audit": "ok" if report.ok else "failed",
        "replay": "ok" if scene.replayed is not None and scene.replayed.exit_status == 0 else "failed",
        "ledger": report.ledger,
        "log_dir": str(scene.city.place.log),
        "openings_dir": str(scene.city.place.openings),
        "log_vkey": scene.city.vkey,
        "second_key": _second_key(scene),
        "portal": (scene.portal.was_at or None) if scene.portal is not None else None,
        "withheld_by_reason": {
            name.removeprefix("pairs.withheld."): n for name, n in ledger.items() if name.startswith("pairs.withheld.")
        },
        "figures_with_noise": len(scene.heard.figures),
        "figures_compared": len(compared),
        "figures_within": sum(each.is_within for each in compared),
        "compared": [each.as_json() for each in compared],
    }


def _second_key(scene: DemoScene) -> dict[str, int] | None:
    """Return since when the energy office has had a second key, and how many of its bundles since then open with it."""
    key = scene.second_key
    if key is None:
        return None
    opened, bundles = key.opened(scene.city.folder / "received" / RECIPIENT)
    return {"log_index": key.since_index, "bundles": bundles, "opened": opened}
