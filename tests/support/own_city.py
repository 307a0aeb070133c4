"""A street of households whose own pages are open: a real broker, gateway and portal, and a clock that a test moves.

Every household has a meter that says so much an hour. The neighbours permit figures, and are so many that noise
decides nothing. Of a few households nobody has come in yet, and their letters lie here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from consent.instants import parse_utc_ms
from gateway.recipient.opening import OpenedBundle
from tests.support.live import Listener, LiveGateway, opened
from tests.support.mosquitto import running_mosquitto
from tests.support.ports import free_port
from tests.support.still_city import running
from tests.support.waiting import HANG_S

START: Final = "2026-05-04T12:00:00Z"
NEIGHBOURS: Final = 40
"""With noise of 2.5 homes, a group of 15 is met by ten standard deviations."""
HOUR_MS: Final = 3_600_000


@dataclass
class OwnCity:
    """The street.

    Attributes:
        origin: Of the portal, without a slash at its end.
        letters: The claim codes of households of which nobody has come in.
        subjects: The ids of those households, in the same order.
        kwh: What the meter of each of them says of an hour.
    """

    live: LiveGateway
    listener: Listener
    origin: str
    portal_pid: int
    letters: list[str] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    kwh: tuple[float, ...] = ()
    _sensors: paho.Client = field(init=False)
    _topics: list[str] = field(default_factory=list)
    _sent: int = 0
    _said: int = 0

    def call(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask at the operator's door."""
        return self.live.call(method, params)

    def say(self, first: str, hours: int) -> None:
        """Have every meter say what it used in each of some hours, and wait until the gateway has it."""
        begin_ms = parse_utc_ms(first)
        for hour in range(hours):
            for n, topic in enumerate(self._topics):
                kwh = self.kwh[n] if n < len(self.kwh) else 0.5
                said = {"t": (begin_ms + hour * HOUR_MS) // 1000 + 1800, "boot": n, "seq": self._said, "kwh": kwh}
                self._sensors.publish(topic, json.dumps(said), qos=1).wait_for_publish(HANG_S)
                self._sent += 1
            self._said += 1
        self.live.wait_until(lambda shown: shown["ledger"].get("frames.received", 0) >= self._sent)

    def advance(self, to: str) -> None:
        """Set the clock, and wait until all that leaves by then has left."""
        self.call("clock.advance", {"to": to})
        self.live.wait_drained(self._sent)

    def bundles(self) -> list[OpenedBundle]:
        """Return what the city's offices have, opened by their keys."""
        return list(opened(self.live, self.listener))

    def now(self) -> datetime:
        """Return what the gateway's clock shows."""
        return datetime.fromisoformat(self.call("status")["clock"]["now"])


@contextmanager
def own_city(folder: Path, households: int = 3, kwh: tuple[float, ...] = (0.8, 1.3, 0.4)) -> Iterator[OwnCity]:
    """Run a street for the length of the context; of ``households`` nobody has come in yet."""
    (folder / "broker").mkdir()
    port = free_port()
    origin = f"http://localhost:{port}"
    extra = f'\n[portal]\naddress = "{origin}"\n[clock]\nsimulated = true\nstart = "{START}"\nrate = 0\n'
    with running_mosquitto(folder / "broker") as broker:
        live = LiveGateway(folder / "gateway", broker.port, tick_ms=100, extra=extra)
        config = _portal_file(live, origin, port)
        listener = Listener(broker.port, live.gateway)
        try:
            live.start()
            live.wait_ready()
            with running(config.parent, "portal", "--config", str(config)) as process:
                assert process.stdout is not None
                line = process.stdout.readline()
                assert line.startswith("the portal is at "), line + (config.parent / "portal.log").read_text()
                city = OwnCity(live, listener, origin, process.pid, kwh=kwh[:households])
                city._sensors = _sensors(broker.port)
                _settle(city, households)
                yield city
                city._sensors.disconnect()
                city._sensors.loop_stop()
        finally:
            listener.close()
            live.end()


def _portal_file(live: LiveGateway, origin: str, port: int) -> Path:
    """Write the portal's configuration into a folder of its own."""
    folder = live.folder.parent / "portal"
    folder.mkdir()
    values = {"log_folder": str(live.place.log), "door": str(live.place.portal_socket), "address": origin, "port": port}
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    config = folder / "portal.toml"
    config.write_text("\n".join([*lines, "requests_per_minute = 0", ""]))
    return config


def _sensors(port: int) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def _settle(city: OwnCity, households: int) -> None:
    """Register the street; the neighbours permit figures."""
    city._topics = [f"t/meter/{n}" for n in range(households + NEIGHBOURS)]
    row = {"profile": "meter", "zone": "north-quay", "owner": "resident", "subject": "new"}
    added = city.call("device.add", {"devices": [{**row, "topic": topic} for topic in city._topics]})["devices"]
    city.letters = [one["claim_code"] for one in added[:households]]
    city.subjects = [one["subject"] for one in added[:households]]
    for one in added[households:]:
        city.call("consent.grant", {"subject": one["subject"], "scope": "purpose:energy-planning"})


def code_parts(code: str) -> list[str]:
    """Return the groups of a code, as a person types them."""
    return re.split(r"[- ]", code)
