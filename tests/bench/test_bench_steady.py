"""The steady bench itself, for so short a time that its figures mean nothing: it runs, and says what it promises."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bench.steady import Options, as_text, run
from tests.bench.watched_broker import Packets


def test_steady_for_a_moment_gives_all_figures(tmp_path: Path) -> None:
    """All three consumers get every message, and the result has the keys that others read."""
    result = run(Options(rates=(50,), seconds=1, traced_s=1, devices=10, warm_up_s=0), tmp_path)
    (told,) = result["rates"]
    assert told.keys() == {
        "rate",
        "cpu_s_per_100k",
        "ratio_to_mosquitto_sub",
        "device_bytes_per_reading",
        "process_bytes_per_reading",
        "fdatasync_per_s",
        "puback_ms",
    }
    assert told["cpu_s_per_100k"].keys() == {"gateway", "mosquitto_sub", "mosquitto_bridge"}
    assert told["puback_ms"]["p50"] > 0
    assert told["device_bytes_per_reading"] is None or told["device_bytes_per_reading"] > 0
    assert "50/s" in as_text(json.loads(json.dumps(result)))


def test_packets_are_told_apart_however_the_stream_is_cut() -> None:
    """A message of QoS 1 with a topic of two characters, one of QoS 0, and a PUBACK."""
    stream = bytes.fromhex("3207 0002 6162 0005 78 3005 0002 6162 78 4002 0007")
    packets = Packets()
    found = [packet for byte in stream for packet in packets.feed(bytes([byte]))]
    assert found == list(Packets().feed(stream)) == [(0x30, 5), (0x40, 7)]
