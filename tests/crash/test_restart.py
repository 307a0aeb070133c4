"""What a start must make good, whatever was changed in configuration and policies since the gateway last ran."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.core import pipeline
from gateway.core.mqtt.events import Frame
from gateway.demo.embedded_broker import embedded_broker
from tests.crash.street import ZONES
from tests.crash.town import POLICIES
from tests.support.asking import call
from tests.support.inside import ReluctantSink, ask, assembled, running, started, until
from tests.support.live import Listener, LiveGateway
from tests.support.ports import free_port


async def test_bundle_handed_over_to_a_recipient_that_is_gone_since_goes_out_unchanged(tmp_path: Path) -> None:
    """It was handed over, and stands: after a restart it is sent again, byte for byte, although no policy knows its recipient."""
    async with embedded_broker() as port:
        live = LiveGateway(tmp_path, port, policies=POLICIES, tick_ms=50)
        async with started(live) as durable:
            row = {"profile": "footfall", "zone": ZONES[0], "topic": "t/gate", "subject": "none"}
            call(durable, "device.add", {"devices": [row]})
            now_ms = durable.clock.now_ms() + 1000
            payload = b'{"t":%d,"seq":1,"boot":1,"count":3}' % (now_ms // 1000)
            frame = Frame("t/gate", payload, 1, duplicate=False, retain=False, generation=1)
            pipeline.take_frames(durable.state, [frame], now_ms)
            await durable.commit()
            sink = ReluctantSink()
            app = assembled(durable, sink)
            async with running(app):
                await until(lambda: durable.state.inflight.sent)
                city = live.place.policies / "city.toml"
                renamed = city.read_text().replace("[recipient.streets]", "[recipient.roads]")
                city.write_text(renamed.replace('recipient = "streets"', 'recipient = "roads"'))
                await ask(app, "policy.apply")
        ((index, content),) = sink.taken.items()
        listener = Listener(port, live.gateway)
        try:
            async with started(live) as durable:
                assert "streets" not in durable.state.policies.recipients
                app = assembled(durable)
                async with running(app):
                    await until(lambda: listener.messages and not durable.state.inflight.sent)
                    await ask(app, "policy.show")  # answered once what came before is durable
                totals = durable.state.ledger.totals
                assert (totals["bundles.acknowledged"], totals.get("bundles.sent", 0)) == (1, 0)
                assert durable.state.ledger.imbalances() == []
            assert listener.messages == [("streets", index, content)]
        finally:
            listener.close()
        async with started(live) as durable:
            assert durable.to_send_again == []


@pytest.mark.parametrize("lost", [False, True], ids=["named-later", "lost"])
def test_openings_folder_that_is_new_gets_every_opening(lost: bool, tmp_path: Path) -> None:
    """Openings of entries that were published before are exported at the next start, and the audit is whole again."""
    live = LiveGateway(tmp_path, free_port())
    config = live.config.read_text()
    if not lost:
        live.config.write_text(config.replace('openings_folder = "openings"', ""))
        live.place = load_config(live.config)
    for n in range(3):
        live.add_devices([{"profile": "meter", "zone": "north-quay", "topic": f"t/{n}", "subject": "new"}])
        live.offline([("policy.apply", {})])
    if not lost:
        assert live.place.openings is None
        live.config.write_text(config)
        live.place = load_config(live.config)
    assert live.place.openings is not None
    shutil.rmtree(live.place.openings, ignore_errors=True)
    live.offline([])
    report = live.verify()
    assert report.ok
    assert report.steps[5].detail.startswith(f"{report.size} of {report.size} entries opened")
    assert report.ledger == "balanced"
