"""The gateway's own keys at the operator's door: what is told of them, and what a rotation answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.control.context import MethodError
from gateway.durable.configured import start
from tests.support.asking import begin, perform
from tests.support.checking import check_here
from tests.support.live import LiveGateway


async def test_status_tells_generation_age_and_who_signs(tmp_path: Path) -> None:
    """Before, during and after a handover."""
    live = LiveGateway(tmp_path, 1)
    durable = await start(live.place, live.keys, check=check_here)
    try:
        (first,) = await perform(durable, ("keys.status", {}))
        assert first["log"] | {"generation": 1, "vkey": live.vkey, "former": "", "waits_for": []} == first["log"]
        assert first["log"]["since_ms"] <= first["now_ms"]
        made = await begin(durable, "keys.rotate", {"key": "log"})
        between = await begin(durable, "keys.status")
        assert between["log"] | {"generation": 1, "vkey": made["vkey"], "former": live.vkey} == between["log"]
        (after,) = await perform(durable, ("keys.status", {}))
        assert (after["log"]["former"], after["log"]["vkey"]) == (live.vkey, made["vkey"]), "asked before the commit is published"
        (after,) = await perform(durable, ("keys.status", {}))
        assert (after["log"]["former"], after["log"]["generation"]) == ("", 2)
        assert after["log"]["since_ms"] >= first["log"]["since_ms"]
        with pytest.raises(MethodError, match="key"):
            await begin(durable, "keys.rotate", {"key": "root key"})
    finally:
        await durable.close()
