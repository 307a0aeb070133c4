"""A gateway that lives, and the people and sensors around it: what they can do, from which lives are told.

A life depends on nothing but a seed and the gateway's own randomness. Time stands in it until it is set.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cbor2

from firmware_sim.wire import mac0_bytes, senml_bytes
from tests.upgrade.gate import (
    DATABASE_FILE,
    HOUR_MS,
    LATENESS_MS,
    MINUTE_MS,
    Answer,
    Gate,
    Message,
    MethodError,
    restore_backup,
    started,
)

ENERGY = "purpose:energy"
QUIET = "purpose:quiet"
CITY_FILE = "policies/city.toml"


@dataclass(slots=True)
class Device:
    """A sensor, and what it has counted.

    Attributes:
        key: Of its message authentication code; empty: it has none.
        sent: How many messages it has sent, which is also its sequence number.
        wh: Its meter's total.
    """

    topic: str
    profile: str
    id: str
    key: bytes = b""
    sent: int = 0
    wh: int = 1_000_000

    def message(self, t_ms: int, rng: random.Random) -> Message:
        """Return its next message."""
        self.sent += 1
        used = 50 + int(900 * rng.random())
        self.wh += used
        if self.profile == "air":
            return self.topic, senml_bytes("air:", t_ms // 1000, [("pm25", "ug/m3", 5 + self.sent % 17)])
        level = 30 + int(600 * rng.random()) / 10
        if self.profile == "station":
            return self.topic, cbor2.dumps({"db": level, "t": t_ms})
        fields: dict[str, Any] = {"t": t_ms, "seq": self.sent, "boot": "b1", "kwh": used / 1000}
        fields |= {"total": self.wh / 1000} if self.sent % 3 else {"temp": 17 + self.sent % 9, "db": level}
        if self.profile == "timeless":
            fields.pop("t")
        payload = json.dumps(fields).encode()
        return self.topic, mac0_bytes(self.key, self.sent, payload) if self.key else payload


@dataclass(slots=True)
class Home:
    """A household as its crew knows it."""

    subject: str
    residents: list[str]
    code: str
    devices: list[Device] = field(default_factory=list)


class Life:
    """A gateway that is ended and started again, and the people and sensors around it.

    Attributes:
        gate: The gateway as it runs now.
        rng: Of the sensors' readings, and of what happens at random.
        homes: The households that live there now.
        street: The city's own sensors.
        answers: What was asked, and what was answered, in order; of a refusal nothing but that it was one.
        received: Every bundle formed, by log index: (recipient, content).
        frames: How many messages have come in.
        watch: Called after every step.
    """

    def __init__(self, folder: Path, seed: int, watch: Callable[[], None] = lambda: None) -> None:
        self.folder = folder
        self.rng = random.Random(seed)
        self.homes: list[Home] = []
        self.street: list[Device] = []
        self.answers: list[tuple[str, Answer]] = []
        self.received: dict[int, tuple[str, bytes]] = {}
        self.frames = 0
        self.gate: Gate
        self.watch = watch
        self._stack = AsyncExitStack()
        self._packet_id = 0
        self._backups = 0

    # starts and ends

    async def begin(self) -> None:
        """Start the gateway."""
        self.gate = await self._stack.enter_async_context(started(self.folder))
        self.gate.formed = self.received
        for index in self.gate.to_send_again():
            await self.gate.acknowledge(index)
        self.watch()

    async def end(self, *, killed: bool = False) -> None:
        """End it, in order or not."""
        self.gate.killed = killed
        await self._stack.aclose()

    async def restart(self, *, killed: bool = False) -> None:
        """End it and start it again."""
        await self.end(killed=killed)
        await self.begin()

    async def back_up(self) -> Path:
        """Make a backup."""
        self._backups += 1
        path = self.folder / f"backup-{self._backups}.db"
        await self.gate.ask("backup", file=str(path))
        self.watch()
        return path

    async def lose_and_restore(self, backup: Path) -> None:
        """Lose the database, restore a backup, and start on it; the clock is as far as it was."""
        now_ms = self.gate.now_ms
        await self.end()
        for file in (self.folder / "state").glob(f"{DATABASE_FILE}*"):
            file.unlink()
        await asyncio.to_thread(restore_backup, self.folder, backup)
        await self.begin()
        await self.to(now_ms)

    # what people do

    async def ask(self, method: str, **params: Any) -> Answer:
        """Ask over the control socket; a refusal is answered with nothing."""
        try:
            answer = await self.gate.ask(method, **params)
        except MethodError:
            answer = {}
        self.answers.append((method, answer))
        self.watch()
        return answer

    async def say(self, home: Home, what: str, scope: str = ENERGY, resident: int = 0, **params: Any) -> Answer:
        """Let a resident say something."""
        who = home.residents[resident]
        return await self.ask(f"consent.{what}", subject=home.subject, scope=scope, resident=who, **params)

    async def new_home(self, *profiles: str, zone: str = "mill") -> Home:
        """Let a household move in, with a device of each profile."""
        home = Home("new", [], "")
        for profile in profiles:
            made = await self._register(profile, zone, home.subject)
            if home.subject == "new":
                home.subject, home.residents, home.code = made["subject"], [made["resident"]], made["claim_code"]
            home.devices.append(self._device)
        self.homes.append(home)
        return home

    async def new_station(self, profile: str, zone: str) -> None:
        """Put up a sensor of the city's own."""
        await self._register(profile, zone, "none")
        self.street.append(self._device)

    async def _register(self, profile: str, zone: str, subject: str) -> Answer:
        topic = f"t/{len(self.answers)}"
        owner = "city" if subject == "none" else "resident"
        row = {"profile": profile, "zone": zone, "topic": topic, "owner": owner, "subject": subject}
        made: Answer = (await self.ask("device.add", devices=[row]))["devices"][0]
        self._device = Device(topic, profile, made["device"], bytes.fromhex(made.get("key", "")))
        return made

    async def join(self, home: Home) -> None:
        """Let somebody join a household."""
        code = (await self.ask("subject.code", subject=home.subject))["claim_code"]
        home.residents.append((await self.ask("subject.claim", code=code))["resident"])

    async def leave(self, home: Home) -> None:
        """Let the last who joined leave."""
        await self.ask("subject.leave", subject=home.subject, resident=home.residents.pop())

    async def erase(self, home: Home) -> None:
        """Have a household erased."""
        await self.ask("consent.erase", subject=home.subject)
        self.homes.remove(home)

    async def apply(self, old: str, new: str) -> None:
        """Change a piece of the city's policies, and put them in force."""
        path = self.folder / CITY_FILE
        text = path.read_text()
        assert old in text, f"the city has no {old!r}"
        path.write_text(text.replace(old, new, 1))
        await self.ask("policy.apply", accept=True)

    # what sensors do, and time

    async def send(self, *messages: Message, repeat: bool = False) -> None:
        """Take a batch of messages; ``repeat``: the broker sends all of it once more after a reconnect."""
        first, self._packet_id = self._packet_id + 1, (self._packet_id + len(messages)) % 30_000
        await self.gate.take(messages, first)
        if repeat:
            await self.gate.reconnect(session_present=True)
            await self.gate.take(messages, first, duplicate=True)
        self.frames += len(messages) * (1 + repeat)
        self.watch()

    async def everybody_sends(self, t_ms: int, *, repeat: bool = False, devices: Iterable[Device] | None = None) -> None:
        """Take a message of each sensor as one batch."""
        senders = [*(device for home in self.homes for device in home.devices), *self.street] if devices is None else devices
        await self.send(*(device.message(t_ms, self.rng) for device in senders), repeat=repeat)

    async def to(self, t_ms: int) -> None:
        """Set the clock forward."""
        await self.gate.to(t_ms)
        self.watch()

    async def hour(self) -> None:
        """Let everybody send once in an hour, and the hour and its lateness pass."""
        start_ms = self.gate.now_ms // HOUR_MS * HOUR_MS
        await self.to(start_ms + 50 * MINUTE_MS)
        await self.everybody_sends(start_ms + 30 * MINUTE_MS)
        await self.to(start_ms + HOUR_MS + LATENESS_MS)

    async def deliver(self, *recipients: str) -> None:
        """Deliver what may leave."""
        await self.gate.deliver(*recipients)
        self.watch()

    async def form(self, recipient: str, *, hand_over: bool = False) -> int | None:
        """Form a bundle; it stands ready, or is handed over and not acknowledged."""
        index = await self.gate.form(recipient)
        self.watch()
        if index is not None and hand_over:
            await self.gate.hand_over(recipient)
            self.watch()
        return index
