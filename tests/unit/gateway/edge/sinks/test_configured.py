"""Sinks by their kinds, and the MQTT one behind the port."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from structlog.testing import capture_logs

from gateway.config import SINK_KINDS, SinkSettings, load_config
from gateway.core.mqtt.events import TAKEN_OVER, Disconnected, Published
from gateway.edge.mqtt import MqttLink
from gateway.edge.sinks import configured
from gateway.edge.sinks.mqtt import MqttSink
from gateway.edge.sinks.port import Outgoing

CONFIG = 'gateway = "gw"\n[broker]\nfilters = ["t/#"]\n'
BUNDLE = Outgoing(7, "bureau", b"sealed", "test.example/gw")


def test_every_kind_that_a_configuration_can_name_can_be_made(tmp_path: Path) -> None:
    """Each struct of the union has its line in the table, and a sink made by it is not connected before it runs."""
    assert configured._KINDS.keys() == set(get_args(SinkSettings) or (SinkSettings,))
    file = tmp_path / "gateway.toml"
    file.write_text(CONFIG + "".join(f'[sink.{kind}-1]\nkind = "{kind}"\n' for kind in SINK_KINDS))
    sinks = configured.configured_sinks(load_config(file), lambda _: None, lambda: None)
    assert sinks.keys() == {f"{kind}-1" for kind in SINK_KINDS}
    assert not any(sink.connected or sink.offer(BUNDLE) for sink in sinks.values())


def test_connection_that_another_took_over_is_told_in_words(tmp_path: Path) -> None:
    """Before the reason as the broker gave it."""
    file = tmp_path / "gateway.toml"
    file.write_text(CONFIG + "[sink.city]\n")
    sink = configured.configured_sinks(load_config(file), lambda _: None, lambda: None)["city"]
    assert isinstance(sink, MqttSink)
    with capture_logs() as logged:
        sink._event(Disconnected(1, "the broker ended the connection", TAKEN_OVER))
        sink._event(Disconnected(2, "the broker closed the connection"))
    assert [line["event"] for line in logged] == [
        "another client has taken over the connection upstream",
        "upstream away",
        "upstream away",
    ]


def test_refused_bundle_is_sent_again_unchanged_until_the_broker_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes to the recipient's topic with its log index; only an acceptance counts as an acknowledgement."""
    published: list[tuple[str, bytes, object]] = []

    def publish(_link: MqttLink, topic: str, payload: bytes, *, user_properties: object) -> int:
        published.append((topic, payload, user_properties))
        return len(published)

    monkeypatch.setattr(MqttLink, "try_publish", publish)
    file = tmp_path / "gateway.toml"
    file.write_text(CONFIG + "[sink.city]\n")
    acknowledged: list[int] = []
    sink = configured.configured_sinks(load_config(file), acknowledged.append, lambda: None)["city"]
    assert isinstance(sink, MqttSink)
    assert sink.offer(BUNDLE)
    sink._event(Published(token=1, reason=0x87))
    assert acknowledged == []
    sink.flush()
    sink.flush()
    sink._event(Published(token=2, reason=0))
    assert acknowledged == [7]
    assert published == [("sluice/gw/bureau", b"sealed", (("log-origin", "test.example/gw"), ("log-index", "7")))] * 2
