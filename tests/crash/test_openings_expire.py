"""Openings are kept for their days and then deleted, from the database and from the auditors' folder; what still counts stays."""

from __future__ import annotations

from pathlib import Path

from consent.core.disclosure import DAY_MS
from gateway.audit.log.reader import OpeningsReader
from gateway.durable.configured import start
from tests.support.asking import perform
from tests.support.live import LiveGateway

SCOPE = "energy-hourly"


async def test_openings_run_out_but_not_those_that_a_later_release_can_rest_on(tmp_path: Path) -> None:
    """Accounts and consents that others replaced go after their days; the grant in force, policies and genesis stay."""
    live = LiveGateway(tmp_path / "g", port=1)
    durable = await start(live.place, live.keys)
    try:
        row = {"profile": "meter", "zone": "north-quay", "topic": "t/1", "owner": "resident", "subject": "new"}
        (added,) = await perform(durable, ("device.add", {"devices": [row]}))
        who = {"subject": added["devices"][0]["subject"], "scope": SCOPE}
        indices = []
        for limits in ({"time": "4h"}, {"time": "day"}):
            (granted,) = await perform(durable, ("consent.grant", {**who, "limits": limits}))
            indices.append(granted["log_index"])
        before = OpeningsReader(tmp_path / "g" / "state" / "openings").indices
        assert set(indices) <= before
        now_ms = durable.clock.now_ms()
        await durable.drop_old_openings(now_ms + 89 * DAY_MS)
        assert OpeningsReader(tmp_path / "g" / "state" / "openings").indices == before
        await durable.drop_old_openings(now_ms + 91 * DAY_MS)
        left = OpeningsReader(tmp_path / "g" / "state" / "openings")
        assert left.indices == {index for index, _ in await durable.store.reader.openings(0)}
        assert indices[0] not in left.indices
        assert {0, indices[1]} < left.indices
    finally:
        await durable.close()
    assert live.verify().exit_status == 0
