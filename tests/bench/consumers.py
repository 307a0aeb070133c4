"""What the ingest bench measures: processes that receive readings from a broker at QoS 1, the gateway and three that do less.

The gateway stays up, on a broker of its own; the others share one, and each runs only while its turn lasts. All brokers have the
settings that are shipped.
"""

from __future__ import annotations

import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import psutil  # type: ignore[import-untyped]

from firmware_sim.load import Load
from tests.bench.city import FILTER
from tests.support.live import LiveGateway
from tests.support.mosquitto import Mosquitto, mosquitto_program, running_mosquitto
from tests.support.waiting import HANG_S

LOG_SUBSCRIPTIONS = "log_type subscribe\n"
"""Makes a broker tell when a consumer has subscribed. It says nothing more while messages flow."""

_PAHO_PROGRAM = Path(__file__).with_name("bare_paho.py")
_POLL_S = 0.01
_END_TOPIC = "bench/end"


class BenchError(Exception):
    """A measurement that came to nothing, in one line."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A consumer that is subscribed and idle: its process, and what returns once all messages of the turn have come."""

    process: psutil.Process
    wait: Callable[[float], None]


class Consumer(Protocol):
    """Receives what is published to a broker."""

    @property
    def name(self) -> str:
        """The key of its figures in the result."""

    @property
    def port(self) -> int:
        """Of the broker that it receives from."""

    def turn(self, count: int) -> AbstractContextManager[Turn]:
        """Have it subscribed for the length of the context, in which ``count`` messages will come."""


class Gateway:
    """The whole gateway; a message has come when the ledger counts it, which is after its commit."""

    name = "gateway"

    def __init__(self, live: LiveGateway, broker: Mosquitto) -> None:
        self.port = broker.port
        self._live = live

    @contextmanager
    def turn(self, count: int) -> Iterator[Turn]:
        """Leave it running as it is."""
        assert self._live.process is not None
        wanted = self._live.status()["ledger"].get("frames.received", 0) + count

        def wait(timeout_s: float) -> None:
            self._live.wait_until(lambda shown: shown["ledger"].get("frames.received", 0) >= wanted, timeout_s)

        yield Turn(psutil.Process(self._live.process.pid), wait)


class MosquittoSub:
    """Mosquitto's own command line client in C, printing to nowhere."""

    name = "mosquitto_sub"

    def __init__(self, broker: Mosquitto) -> None:
        self.port = broker.port
        self._broker = broker

    @contextmanager
    def turn(self, count: int) -> Iterator[Turn]:
        """Run it until it has printed ``count`` messages; it then ends, and its account can be read until it is reaped."""
        name = f"bench-sub-{time.monotonic_ns()}"
        command = [
            mosquitto_program("mosquitto_sub"),
            "-p",
            str(self.port),
            "-i",
            name,
            "-q",
            "1",
            "-t",
            FILTER,
            "-C",
            str(count),
        ]
        with _running(command) as started:
            _await_subscription(self._broker, name)
            process = psutil.Process(started.pid)
            yield Turn(process, lambda timeout_s: _until(lambda: process.status() == psutil.STATUS_ZOMBIE, timeout_s, self.name))


class Paho:
    """A bare subscriber on paho-mqtt."""

    name = "paho"

    def __init__(self, broker: Mosquitto) -> None:
        self.port = broker.port
        self._broker = broker

    @contextmanager
    def turn(self, count: int) -> Iterator[Turn]:
        """Run it; it says so when ``count`` messages have come."""
        name = f"bench-paho-{time.monotonic_ns()}"
        command = [sys.executable, "-P", str(_PAHO_PROGRAM), str(self.port), name, FILTER, str(count)]
        with _running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
            _await_subscription(self._broker, name)
            said = started.stdout
            assert said is not None
            yield Turn(psutil.Process(started.pid), lambda timeout_s: _until(lambda: _readable(said), timeout_s, self.name))


class Bridge:
    """A second Mosquitto that takes over all messages from the first at QoS 1, for subscribers of which it has none."""

    name = "mosquitto_bridge"

    def __init__(self, broker: Mosquitto, folder: Path) -> None:
        self.port = broker.port
        self._broker = broker
        self._folder = folder

    @contextmanager
    def turn(self, count: int) -> Iterator[Turn]:
        """Run it; a last message on another topic, behind all others, comes out of it when they have come."""
        name = f"bench-bridge-{time.monotonic_ns()}"
        topics = "".join(f"topic {pattern} in 1\n" for pattern in (FILTER, _END_TOPIC))
        bridge = (
            f"connection bench\naddress 127.0.0.1:{self.port}\nremote_clientid {name}\ncleansession true\nnotifications false\n"
        )
        folder = self._folder / name
        folder.mkdir()
        with running_mosquitto(folder, extra=LOG_SUBSCRIPTIONS + bridge + topics) as sink:
            _await_subscription(self._broker, name, _END_TOPIC)
            end = [mosquitto_program("mosquitto_sub"), "-p", str(sink.port), "-i", "bench-end", "-t", _END_TOPIC, "-C", "1"]
            with _running(end) as ended:
                _await_subscription(sink, "bench-end", _END_TOPIC, qos=0)

                def wait(timeout_s: float) -> None:
                    Load("127.0.0.1", self.port, [(_END_TOPIC, b"end")], client_id="bench-end").run(timeout_s)
                    _until(lambda: ended.poll() is not None, timeout_s, self.name)

                yield Turn(psutil.Process(sink.pid), wait)


@contextmanager
def _running(
    command: Sequence[str], stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the length of the context."""
    with subprocess.Popen(command, stdin=stdin, stdout=stdout) as started:
        try:
            yield started
        finally:
            started.kill()


def _await_subscription(broker: Mosquitto, client_id: str, pattern: str = FILTER, qos: int = 1) -> None:
    """Wait until the broker's log says that a client has subscribed."""
    wanted = f": {client_id} {qos} {pattern}\n"
    _until(lambda: wanted in broker.log_file.read_text(), HANG_S, client_id)


def _readable(stream: IO[bytes]) -> bool:
    return bool(select.select([stream], [], [], 0)[0])


def _until(condition: Callable[[], bool], timeout_s: float, who: str) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise BenchError(f"`{who}` was not done within {timeout_s:.0f} s")
        time.sleep(_POLL_S)
