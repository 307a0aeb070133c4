"""A hundred magic identities go in by every door, and none of them is found in anything that comes out or stays on the disk.

The same search is turned on gateways that leak on purpose, and has to find each leak.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from consent.control import RefusedError
from firmware_sim.wire import Value, cbor_bytes, json_bytes, senml_bytes
from gateway.recipient.opening import OpenedBundle
from gateway.recipient.records import encode_record
from tests.privacy.canaries import (
    ADDRESSES,
    CANARIES,
    COORDINATES,
    DEVICE_IDS,
    EACH,
    NAMES,
    NEEDLES,
    TOPICS,
    finds,
    id_needles,
)
from tests.privacy.leaking import LEAKS
from tests.privacy.tap import Tap
from tests.support.live import Listener, LiveGateway, opened
from tests.support.mosquitto import running_mosquitto
from tests.support.ports import free_port
from tests.support.waiting import HANG_S

START = "2026-05-01T00:00:00Z"
START_S = 1_777_593_600
PURPOSE = "purpose:energy-planning"
NEIGHBOURS = 30
"""Households without canaries, so that the number of homes, which has noise of 2.5, is below the group of 15 never by chance."""
CONSENTING = 18
"""Of the households with canaries."""
IDENTITIES = {"aggregate", "per-epoch", "per-record"}
"""Of all that leaves once the day has ended."""


class Sensors:
    """Publishes at QoS 1 with every property that MQTT 5 has for text, each holding a canary."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=DEVICE_IDS[0], protocol=paho.MQTTv5)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._sent: list[paho.MQTTMessageInfo] = []
        self.published = 0

    def publish(self, topic: str, payload: bytes, who: int) -> None:
        """Send one frame."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.UserProperty = [("owner", NAMES[who]), (DEVICE_IDS[who], ADDRESSES[who])]
        properties.ContentType = NAMES[who]
        properties.ResponseTopic = TOPICS[who]
        properties.CorrelationData = DEVICE_IDS[who].encode()
        self._sent.append(self._client.publish(topic, payload, qos=1, properties=properties))
        self.published += 1

    def settle(self) -> None:
        """Wait until the broker has everything."""
        for info in self._sent:
            info.wait_for_publish(HANG_S)
        self._sent.clear()

    def close(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()


def meter_topic(n: int) -> str:
    """Where a household's meter publishes."""
    return f"t/{TOPICS[n]}/{DEVICE_IDS[n]}/{NAMES[n]}"


def street_topic(kind: str, n: int) -> str:
    """Where a device of the city publishes."""
    return f"t/{kind}/{TOPICS[n]}/{DEVICE_IDS[n]}"


def neighbour_topic(n: int) -> str:
    """Where the meter of a household without canaries publishes."""
    return f"t/side-street/{n}"


def told(n: int) -> dict[str, Any]:
    """What makers put into their messages, unasked."""
    where = {"lat": COORDINATES[n], "lon": COORDINATES[-1 - n], "text": str(COORDINATES[n])}
    return {"id": DEVICE_IDS[n], "addr": ADDRESSES[n], "owner": {"name": NAMES[n]}, "where": where, "topic": TOPICS[n]}


def good_frames(second: int, turn: int) -> Iterator[tuple[str, bytes, int]]:
    """Give a round of good readings: (topic, payload, n), of households and of the city's own devices."""
    t_s = START_S + second
    for n in range(EACH):
        fields = {**told(n), "t": t_s, "boot": NAMES[n], "seq": turn, "kwh": 0.25}
        yield meter_topic(n), json_bytes(fields), n
    for n in range(NEIGHBOURS):
        yield neighbour_topic(n), json_bytes({"t": t_s, "boot": n, "seq": turn, "kwh": 0.25}), n % EACH
    for n in range(4):
        yield street_topic("footfall", n), json_bytes({**told(n), "t": t_s, "boot": DEVICE_IDS[n], "seq": turn, "count": 7}), n
        yield street_topic("noise", n), cbor_bytes({**told(n), "t": t_s, "boot": DEVICE_IDS[n], "seq": turn, "LAeq": 61.5}), n
        records: list[tuple[str, str, Value]] = [
            ("pm25", "ug/m3", 12.5),
            ("owner", "", NAMES[n]),
            ("lat", "lat", COORDINATES[n]),
            (TOPICS[n], "", ADDRESSES[n]),
        ]
        yield street_topic("air-quality", n), senml_bytes(f"urn:dev:{DEVICE_IDS[n]}:", t_s, records), n


def bad_frames(second: int) -> Iterator[tuple[str, bytes, int]]:
    """Give frames that have to be refused, full of canaries: broken, of wrong types, of unknown devices."""
    for n in range(EACH):
        whole = json_bytes({**told(n), "t": START_S + second, "boot": 1, "seq": 1, "kwh": 0.25})
        yield meter_topic(n), whole[: len(whole) - 5], n
        yield meter_topic(n), json_bytes({**told(n), "t": ADDRESSES[n], "boot": 1, "seq": 1, "kwh": NAMES[n]}), n
        yield meter_topic(n), json_bytes({"boot": NAMES[n] * 4, "seq": DEVICE_IDS[n], "kwh": COORDINATES[n]}), n
        yield meter_topic(n), NAMES[n].encode("utf-16"), n
        yield f"t/unknown/{TOPICS[n]}", whole, n
        yield f"t/{DEVICE_IDS[n]}", ADDRESSES[n].encode(), n
        yield street_topic("noise", n % 4), cbor_bytes({"LAeq": COORDINATES[n], "boot": [NAMES[n]], "t": DEVICE_IDS[n]}), n
        yield street_topic("air-quality", n % 4), senml_bytes(NAMES[n], START_S, [("pm25", ADDRESSES[n], COORDINATES[n])]), n


def wrong_calls(live: LiveGateway) -> None:
    """Ask over the control socket with canaries in the place of everything."""
    row = {"profile": "meter", "zone": "north-quay", "topic": TOPICS[0], "owner": "resident", "subject": "new"}
    for n in range(EACH):
        for method, params in (
            ("consent.grant", {"subject": DEVICE_IDS[n], "scope": NAMES[n]}),
            ("consent.show", {"subject": NAMES[n]}),
            ("consent.withdraw", {"subject": "00" * 16, "scope": TOPICS[n], ADDRESSES[n]: 1}),
            ("device.add", {"devices": [{**row, "zone": ADDRESSES[n]}]}),
            ("device.add", {"devices": [{**row, "profile": NAMES[n], "topic": meter_topic(n)}]}),
            ("device.add", {"devices": [{**row, "topic": f"{meter_topic(n)}/#"}]}),
            ("device.revoke", {"device": DEVICE_IDS[n]}),
            ("clock.advance", {"to": str(COORDINATES[n])}),
            (NAMES[n], told(n)),
        ):
            with pytest.raises(RefusedError):
                live.call(method, params)
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as raw:
        raw.connect(str(live.place.control_socket))
        raw.sendall("\n".join([*NAMES, *ADDRESSES]).encode())
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(1 << 16):
            pass


class Scene:
    """One run of a gateway among canaries, and everything of it that can be searched."""

    def __init__(self, live: LiveGateway, broker: Tap, upstream: Tap, sensors: Sensors, listener: Listener) -> None:
        self.live = live
        self.sensors = sensors
        self.listener = listener
        self.places: dict[str, bytes] = {}
        self.devices: list[str] = []
        self.people: list[str] = []
        self.metrics_port = live.place.config.metrics.port
        self._taps = {"sent to the sensors' broker": broker, "sent upstream": upstream}
        self._upstream = upstream

    def play(self) -> None:
        """Run through releases, refusals, a withdrawal, a kill and an outage, looking at everything on the way."""
        live = self.live
        live.start()
        live.wait_ready()
        subjects = self._register()
        for subject in (*subjects[:CONSENTING], *subjects[EACH:]):
            live.call("consent.grant", {"subject": subject, "scope": PURPOSE})
        self._round(600, 1)
        wrong_calls(live)
        self._round(1800, 2)
        live.call("clock.advance", {"to": "2026-05-01T01:20:00Z"})
        live.wait_drained(self.sensors.published)
        live.call("consent.withdraw", {"subject": subjects[0], "scope": PURPOSE})
        self.look("before the kill")
        live.kill()
        live.start()
        live.wait_ready()
        with self._upstream.away():
            live.wait_until(lambda s: not s["sinks"]["city"]["connected"])
            self._round(5400, 3)
            live.call("clock.advance", {"to": "2026-05-01T02:20:00Z"})
            assert live.status()["outbox_rows"] > 0
            self.look("during the outage")
        live.wait_drained(self.sensors.published)
        live.call("clock.advance", {"to": "2026-05-02T00:20:00Z"})
        live.wait_until(lambda _: self.identities() == IDENTITIES)  # one bundle after another: between two of them nothing waits
        live.wait_drained(self.sensors.published)
        self.look("at the end")
        assert live.stop() == 0
        self.look("when ended")

    def _register(self) -> list[str]:
        meters = [*map(meter_topic, range(EACH)), *map(neighbour_topic, range(NEIGHBOURS))]
        rows = [
            {"profile": "meter", "zone": "north-quay", "topic": topic, "owner": "resident", "subject": "new"} for topic in meters
        ]
        rows += [
            {"profile": kind, "zone": "garden-row", "topic": street_topic(kind, n), "owner": "city", "subject": "none"}
            for n in range(4)
            for kind in ("footfall", "noise", "air-quality")
        ]
        added = self.live.call("device.add", {"devices": rows})["devices"]
        self.devices = [row["device"] for row in added]
        self.people = [row[whose] for row in added for whose in ("subject", "resident") if whose in row]
        return [row["subject"] for row in added if "subject" in row]

    def _round(self, second: int, turn: int) -> None:
        for frame in (*good_frames(second, turn), *bad_frames(second)):
            self.sensors.publish(*frame)
        self.sensors.settle()
        self.live.wait_until(lambda s: s["ledger"].get("frames.received", 0) >= self.sensors.published)

    def look(self, when: str) -> None:
        """Keep what there is now: state folder with database, log and openings; output, metrics, answers; all that was sent."""
        for file in self.live.place.state.rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # the gateway goes on meanwhile
                if file.is_file():
                    self.places[f"{file.relative_to(self.live.place.state)} {when}"] = file.read_bytes().rstrip(b"\0")
        self.places[f"output {when}"] = self.live.log().encode()
        self.places |= {name: bytes(tap.sent) for name, tap in self._taps.items()}
        self.listener.catch_up()
        for recipient, index, content in self.listener.messages:
            self.places[f"bundle {index}"] = f"{recipient} ".encode() + content
        if self.live.process is not None and self.live.process.poll() is None:
            self.places[f"metrics {when}"] = self._told("/metrics")
            self.places[f"health {when}"] = self._told("/healthz") + self._told("/readyz")
            answers = [self.live.status(), self.live.call("policy.show"), self.live.call("device.list")]
            self.places[f"answers {when}"] = json.dumps(answers).encode()

    def _told(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=HANG_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def opened(self) -> list[OpenedBundle]:
        """Open all bundles, and put their records among the places."""
        bundles = list(opened(self.live, self.listener))
        for bundle in bundles:
            self.places[f"opened bundle {bundle.log_index}"] = b"".join(map(encode_record, bundle.records))
        return bundles

    def identities(self) -> set[str]:
        """Return how those of whom something has arrived are told apart."""
        return {record.identity for bundle in opened(self.live, self.listener) for record in bundle.records}

    def found(self) -> list[str]:
        """Search everything: for canaries everywhere; for the registry's own ids where they have no business either."""
        elsewhere = {name: held for name, held in self.places.items() if not name.startswith("answers")}
        closed = {name: held for name, held in elsewhere.items() if not name.startswith("openings/")}
        return [
            *finds(self.places),
            *finds(elsewhere, id_needles("a device's id", self.devices)),
            *finds(closed, id_needles("a person's id", self.people)),
        ]


@contextmanager
def scene(folder: Path, *program: str) -> Iterator[Scene]:
    """Set up brokers, taps and a gateway; ``program`` runs in the gateway's place."""
    (folder / "m").mkdir()
    with running_mosquitto(folder / "m") as mosquitto, contextlib.ExitStack() as stack:
        broker, upstream = Tap(mosquitto.port), Tap(mosquitto.port)
        stack.callback(broker.close)
        stack.callback(upstream.close)
        extra = f'\n[metrics]\nport = {free_port()}\n[clock]\nsimulated = true\nstart = "{START}"\nrate = 0\n'
        live = LiveGateway(folder / "g", broker.port, upstream_port=upstream.port, tick_ms=100, extra=extra)
        live.program = program or live.program
        stack.callback(live.end)
        sensors, listener = Sensors(mosquitto.port), Listener(mosquitto.port, live.gateway)
        stack.callback(sensors.close)
        stack.callback(listener.close)
        yield Scene(live, broker, upstream, sensors, listener)


def test_canaries_go_in_everywhere_and_come_out_nowhere(tmp_path: Path) -> None:
    """None of the hundred is on the wire, in a bundle opened or not, in log, openings, output, metrics or a file of the state."""
    with scene(tmp_path) as run:
        run.play()
        run.opened()
        assert run.found() == []
        # and it was worth searching: all of this has happened
        assert run.identities() == IDENTITIES
        ledger = run.live.verify()
        assert ledger.exit_status == 0, ledger.to_text()
        kinds = [name.partition(" ")[0].partition("/")[0] for name in run.places]
        assert {"sluice.db", "sluice.db-wal", "sluice.db-shm", "log", "openings", "output", "metrics", "health", "opened"} <= set(
            kinds
        )
        assert len(run.places["sent upstream"]) > 10_000
        assert b"frames.rejected.unknown_device" in run.places["metrics at the end"]


@pytest.mark.parametrize(
    ("leak", "traces"),
    [
        ("logged_topic", ["an identity as bytes in output"]),
        ("unsealed_registry", ["an identity as bytes in sluice.db"]),
        ("device_in_record_id", ["a device's id as bytes in opened bundle"]),
        ("topic_in_metrics", ["an identity as bytes in metrics"]),
        ("topic_on_the_wire", ["an identity in base64 in sent upstream"]),
        ("unsealed_journal", ["an identity as bytes in sluice.db"]),
    ],
)
def test_canaries_of_a_leaking_gateway_are_found(leak: str, traces: list[str], tmp_path: Path) -> None:
    """The same search, on a gateway with one careless change, says where the leak is."""
    with scene(tmp_path, "tests.privacy.leaking", leak) as run:
        run.play()
        run.opened()
        found = run.found()
    for trace in traces:
        assert any(find.startswith(trace) for find in found), found


def test_every_leak_is_tried() -> None:
    """No leaking build is left out of the test above."""
    (mark,) = test_canaries_of_a_leaking_gateway_are_found.pytestmark  # type: ignore[attr-defined]
    assert {name for name, _ in mark.args[1]} == LEAKS.keys()


@pytest.mark.parametrize(
    "encode",
    [
        str.encode,
        lambda text: text.upper().encode(),
        lambda text: text.swapcase().encode(),
        lambda text: text[::-1].encode(),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode().hex().upper().encode(),
        lambda text: base64.b64encode(text.encode()),
        lambda text: base64.b64encode(b"x" + text.encode()),
        lambda text: base64.urlsafe_b64encode(b"xy" + text.encode()),
    ],
)
def test_search_finds_every_canary_in_every_form(encode: Any) -> None:
    """Each of the hundred, alone in a place, is found; what is none is not."""
    assert len(CANARIES) == 5 * EACH == len(set(CANARIES))
    for canary in CANARIES:
        assert finds({"here": b"..." + encode(str(canary)) + b"..."}), canary
    assert finds({"here": cbor_bytes(COORDINATES[7])})
    assert not finds({"here": encode("Calle del Puente 1, 41.3879")}, NEEDLES)
