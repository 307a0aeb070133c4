"""A street of households whose own pages are open: a real broker, gateway and portal, and a clock that a test moves.

Every household has a meter that says so much an hour. The neighbours permit figures, and are so many that noise
decides nothing. Of a few households nobody has come in yet, and their letters lie here. Between portal and gateway stands a door
at which a test can cut an answer off.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from consent.instants import parse_utc_ms
from gateway.recipient.opening import OpenedBundle
from gateway.recipient.records import Record
from tests.support.cut_door import CutDoor
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
        door: Between portal and gateway.
        portal: Its configuration.
        letters: The claim codes of households of which nobody has come in.
        subjects: The ids of those households, in the same order.
        kwh: What the meter of each of them says of an hour; ``curve`` times as much in the hours of a day.
    """

    live: LiveGateway
    listener: Listener
    origin: str
    door: CutDoor
    portal: Path
    letters: list[str] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    kwh: tuple[float, ...] = ()
    curve: tuple[float, ...] = (1.0,)
    _sensors: paho.Client = field(init=False)
    _topics: list[str] = field(default_factory=list)
    _sent: int = 0
    _said: int = 0
    _process: subprocess.Popen[str] = field(init=False)
    _ends: ExitStack = field(default_factory=ExitStack)

    @property
    def portal_pid(self) -> int:
        """The portal's process."""
        return self._process.pid

    def start_portal(self) -> None:
        """Start the portal, and wait until it serves."""
        self._process = self._ends.enter_context(running(self.portal.parent, "portal", "--config", str(self.portal)))
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("the portal is at "), line + (self.portal.parent / "portal.log").read_text()

    def kill_portal(self) -> None:
        """End the portal by SIGKILL."""
        self._process.kill()
        self._process.wait(HANG_S)

    def call(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask at the operator's door."""
        return self.live.call(method, params)

    def say(self, first: str, hours: int) -> None:
        """Have every meter say what it used in each of some hours, and wait until the gateway has it."""
        begin_ms = parse_utc_ms(first)
        for hour in range(hours):
            share = self.curve[(begin_ms // HOUR_MS + hour) % len(self.curve)]
            for n, topic in enumerate(self._topics):
                kwh = self.kwh[n] if n < len(self.kwh) else 0.5
                said = {
                    "t": (begin_ms + hour * HOUR_MS) // 1000 + 1800,
                    "boot": n,
                    "seq": self._said,
                    "kwh": round(kwh * share, 3),
                }
                self._sensors.publish(topic, json.dumps(said), qos=1).wait_for_publish(HANG_S)
                self._sent += 1
            self._said += 1
        self.live.wait_until(lambda shown: shown["ledger"].get("frames.received", 0) >= self._sent)

    def advance(self, to: str) -> None:
        """Set the clock, and wait until all that leaves by then has left: until a tick comes of which nothing does."""
        formed, before = 0, -1
        while formed != before:
            self.call("clock.advance", {"to": to})
            formed, before = self.live.wait_drained(self._sent)["ledger"].get("bundles.formed", 0), formed

    def bundles(self) -> list[OpenedBundle]:
        """Return what the city's offices have, opened by their keys."""
        return list(opened(self.live, self.listener))

    def records(self, flow: str) -> list[Record]:
        """Return all that the city has by a flow, in order of the log."""
        return [record for bundle in self.bundles() for record in bundle.records if record.flow == flow]

    def day(self, day: str, until: str) -> None:
        """Have every meter speak through a day of UTC, and let the clock pass on to when its figures have left.

        Args:
            day: As `2026-05-05`.
            until: Where the clock stands then, as `2026-05-06T05:00:00Z`.
        """
        if self.now() < datetime.fromisoformat(f"{day}T00:30:00Z"):
            self.advance(f"{day}T00:30:00Z")
        self.say(f"{day}T00:00:00Z", 12)
        self.advance(f"{day}T13:00:00Z")
        self.say(f"{day}T12:00:00Z", 12)
        self.advance(until)

    def now(self) -> datetime:
        """Return what the gateway's clock shows."""
        return datetime.fromisoformat(self.call("status")["clock"]["now"])


@contextmanager
def own_city(
    folder: Path, households: int = 3, kwh: tuple[float, ...] = (0.8, 1.3, 0.4), curve: tuple[float, ...] = (1.0,)
) -> Iterator[OwnCity]:
    """Run a street for the length of the context; of ``households`` nobody has come in yet."""
    (folder / "broker").mkdir()
    port = free_port()
    origin = f"http://localhost:{port}"
    extra = f'\n[portal]\naddress = "{origin}"\n[clock]\nsimulated = true\nstart = "{START}"\nat = 1_700_000_000\nrate = 0\n'
    with running_mosquitto(folder / "broker") as broker, ExitStack() as ends:
        live = LiveGateway(folder / "gateway", broker.port, tick_ms=100, extra=extra)
        door = ends.enter_context(CutDoor(folder / "door.sock", live.place.portal_socket))
        config = _portal_file(live, door, origin, port)
        listener = Listener(broker.port, live.gateway)
        ends.callback(live.end)
        ends.callback(listener.close)
        live.start()
        live.wait_ready()
        city = OwnCity(live, listener, origin, door, config, kwh=kwh[:households], curve=curve, _ends=ends)
        city.start_portal()
        city._sensors = _sensors(broker.port)
        ends.callback(city._sensors.loop_stop)
        ends.callback(city._sensors.disconnect)
        _settle(city, households)
        yield city


def _portal_file(live: LiveGateway, door: CutDoor, origin: str, port: int) -> Path:
    """Write the portal's configuration into a folder of its own."""
    folder = live.folder.parent / "portal"
    folder.mkdir()
    values = {"log_folder": str(live.place.log), "door": str(door.path), "address": origin, "port": port, "state_folder": "state"}
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
