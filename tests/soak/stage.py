"""Everything that runs in a soak: brokers behind taps; gateway, portal and recipient as processes; a city that listens."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from consent.control import AwayError, ControlClient
from firmware_sim.stations import Fleet
from gateway.audit.log.entries import Entry
from gateway.config import load_config
from tests.crash.scene import EVENING_MS, MIDNIGHT_MS, Publishing, clock
from tests.crash.street import Street
from tests.soak.city import CHANGING, SCOPE, Home, erring, erring_rows, everything, homes, policies
from tests.soak.judge import Permit
from tests.soak.recipient import Recipient
from tests.soak.tap import Tap, tapped
from tests.support.asked_by_http import ask_port
from tests.support.false_clock import FalseClock, can_be_set
from tests.support.live import Listener, LiveGateway
from tests.support.mosquitto import Mosquitto, running_mosquitto
from tests.support.ports import free_port
from tests.support.program import Program
from tests.support.served_portal import write_portal_config
from tests.support.small_disk import SmallDisk, loop_disk, memory_disk, why_no_loop_disk
from tests.support.waiting import HANG_S

RATE = 1200
"""Simulated seconds in a second: an hour lasts 3 s, a day 72."""
PER_HOUR = 30
"""How often each of the city's counted sensors tells in an hour."""
DISK_MIB = 256
AUTOSAVE = {"autosave_interval": "5"}
"""Seconds after which a broker has written down what it holds; what it took since is lost when it is killed."""


@dataclass(slots=True)
class Stage:
    """What runs.

    Attributes:
        reached: The greatest log index that was ever confirmed to somebody.
        started_by_ms: By how much the gateway's clock is wrong from its start on.
        set_by_ms: By how much it was set besides while it runs.
        permits: Of all homes, as they were confirmed.
        generation: How often the gateway was started.
    """

    seed: int
    live: LiveGateway
    broker: Mosquitto
    upstream: Mosquitto
    tap: Tap
    upstream_tap: Tap
    listener: Listener
    portal: Program
    portal_port: int
    recipient: Recipient
    disk: SmallDisk | None
    false_clock: FalseClock | None
    residents: list[Home]
    street: Street
    fleet: Fleet
    random: random.Random
    erring_ids: list[str]
    began_s: float = 0.0
    reached: int = 0
    started_by_ms: int = 0
    set_by_ms: int = 0
    generation: int = 0
    permits: list[Permit] = field(default_factory=list)
    clock_text: str = ""

    def now_ms(self) -> int:
        """Return what the gateway's clock shows."""
        return self.true_ms() + self.started_by_ms + self.set_by_ms

    def true_ms(self) -> int:
        """Return what the sensors' clocks show."""
        return MIDNIGHT_MS + round((time.time() - self.began_s) * 1000 * RATE)

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start the gateway, its clock as wrong as it is."""
        text = clock(self.began_s, MIDNIGHT_MS + self.started_by_ms, RATE)
        if text != self.clock_text:
            self.live.config.write_text(self.live.config.read_text().replace(self.clock_text, text))
            self.live.place = load_config(self.live.config)
            self.clock_text = text
        self.generation += 1
        self.live.start(wait=False, environment=environment)

    def latest_entry_ms(self) -> int:
        """Return the time of the log's latest entry, as it lies in the database."""
        with closing(sqlite3.connect(f"file:{self.live.place.database}?mode=ro", uri=True)) as database:
            (content,) = database.execute("SELECT content FROM entry ORDER BY entry_index DESC LIMIT 1").fetchone()
        return Entry.decode(content).time_ms

    def set_clock(self, by_ms: int) -> None:
        """Set the gateway's clock while it runs."""
        assert self.false_clock is not None
        self.set_by_ms = by_ms
        self.false_clock.set(f"{by_ms / RATE / 1000:+.3f}")

    def ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Ask the gateway once.

        Raises: AwayError: it went away; what was asked may or may not be done. RefusedError: it refuses.
        """
        with ControlClient(self.live.place.control_socket, HANG_S) as client:
            return client.call(method, dict(params))

    def status(self) -> dict[str, Any]:
        """Return its status, once it answers."""
        deadline_s = time.monotonic() + HANG_S
        while True:
            with suppress(AwayError):
                return self.ask("status", {})
            process = self.live.process
            assert process is None or process.poll() is None, f"the gateway ended: {self.live.log()[-2000:]}"
            assert time.monotonic() < deadline_s, "the gateway does not answer"
            time.sleep(0.05)

    def wait_ready(self) -> dict[str, Any]:
        """Wait until readings are taken in and bundles can leave."""
        return self._wait("is not ready", lambda shown: shown["broker"]["connected"] and shown["broker"]["dry"])

    def wait_drained(self, all_in: Callable[[], bool]) -> dict[str, Any]:
        """Wait until nothing waits to come in or to leave.

        Args:
            all_in: Whether the gateway has acknowledged everything that it is to get.
        """
        return self._wait("does not run dry", lambda shown: all_in() and shown["outbox_rows"] == shown["bundles_under_way"] == 0)

    def _wait(self, trouble: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline_s, last = time.monotonic() + HANG_S, (0, 0)
        while True:
            shown = self.status()
            done = shown["ledger"].get("frames.received", 0), shown["log"]["size"]
            if done > last:  # it works on what has waited, and takes its time on a busy machine
                deadline_s, last = time.monotonic() + HANG_S, done
            if condition(shown) and all(sink["connected"] for sink in shown["sinks"].values()):
                return shown
            assert time.monotonic() < deadline_s, f"the gateway {trouble}: {shown}\n{self.live.log()[-2000:]}"
            time.sleep(0.05)

    def portal_answers(self) -> bool:
        """Return whether the portal shows its first page."""
        try:
            return ask_port(self.portal_port, "/", "localhost").status < 500
        except (OSError, HTTPException):
            return False

    def sensors(self) -> Publishing:
        """Return all sensors, publishing by their clocks from now on."""
        start_ms = self.true_ms() // 60_000 * 60_000
        messages = everything(self.seed, self.street, self.residents, self.fleet, start_ms, PER_HOUR)
        return Publishing(self.broker.port, messages, RATE, start_ms)


@contextmanager
def stage(folder: Path, seed: int, wrong: str = "") -> Iterator[Stage]:
    """Set the stage; everything runs when this returns, and nothing afterwards.

    Args:
        folder: Empty.
        seed: Of all that is random.
        wrong: A way in which the gateway is wrong on purpose, see ``wrong_gateway``.
    """
    with ExitStack() as stack:
        made = _built(stack, folder, seed)
        if wrong:
            made.live.program = ("tests.soak.wrong_gateway", wrong)
        _settle_in(made)
        made.began_s = time.time()
        made.start()
        made.portal.start()
        made.recipient.program.start()
        made.wait_ready()
        yield made


def _built(stack: ExitStack, folder: Path, seed: int) -> Stage:
    """Make all that runs: brokers, taps and listener do already, and the stack ends them and all others."""
    for name in ("broker", "upstream", "programs"):
        (folder / name).mkdir(parents=True)
    disk = _mounted(stack, folder / "gateway" / "state")
    broker = stack.enter_context(running_mosquitto(folder / "broker", AUTOSAVE))
    upstream = stack.enter_context(running_mosquitto(folder / "upstream", AUTOSAVE))
    tap = stack.enter_context(tapped(broker.port))
    upstream_tap = stack.enter_context(tapped(upstream.port, bundles=True))
    before, portal_port = clock(0, EVENING_MS, rate=0), free_port()
    live = LiveGateway(
        folder / "gateway",
        tap.port,
        upstream_port=upstream_tap.port,
        policies=policies(),
        extra=f'\n[portal]\naddress = "http://localhost:{portal_port}"\n{before}',
    )
    stack.callback(live.end)
    listener = Listener(upstream.port, live.gateway)
    stack.callback(listener.close)
    portal, recipient = _portal(folder / "programs", live, portal_port), Recipient(folder / "programs", live, upstream.port)
    for program in (portal, recipient.program):
        stack.callback(program.end)
    return Stage(
        seed=seed,
        live=live,
        broker=broker,
        upstream=upstream,
        tap=tap,
        upstream_tap=upstream_tap,
        listener=listener,
        portal=portal,
        portal_port=portal_port,
        recipient=recipient,
        disk=disk,
        false_clock=FalseClock(folder / "clock") if can_be_set() else None,
        residents=homes(),
        street=Street(seed),
        fleet=erring(seed),
        random=random.Random(seed),
        erring_ids=[],
        clock_text=before,
    )


def _mounted(stack: ExitStack, folder: Path) -> SmallDisk | None:
    """Mount a small disk at a folder for the length of the stack; None where this user may not."""
    disk = memory_disk if why_no_loop_disk() else loop_disk
    try:
        return stack.enter_context(disk(folder, DISK_MIB))
    except PermissionError:
        return None


def _portal(folder: Path, live: LiveGateway, port: int) -> Program:
    door = str(live.place.portal_socket)
    config = write_portal_config(folder, log_folder=str(live.place.log), door=door, port=port)
    return Program(folder, "portal", "portal", "--config", str(config))


def _settle_in(made: Stage) -> None:
    """Register what is there before the beginning, and have the steady homes and half of the changing ones consent."""
    first = [home for home in made.residents if home.kind != "later"]
    rows = [home.row() for home in first] + made.street.registry() + erring_rows(made.fleet)
    added = made.live.add_devices(rows)
    for home, row in zip(first, added, strict=False):
        home.subject = row["subject"]
    made.erring_ids = [row["device"] for row in added[-len(made.fleet.devices) :]]
    changing = [home for home in first if home.kind == "changing"][: CHANGING // 2]
    willing = [home for home in first if home.kind == "steady"] + changing
    answers = made.live.offline([("consent.grant", {"subject": home.subject, "scope": SCOPE}) for home in willing])
    for home, answer in zip(willing, answers, strict=True):
        made.reached = max(made.reached, answer["log_index"])
        made.permits.append(Permit(home.number, answer["log_index"], EVENING_MS))
