"""A gateway in this process and everything that tells of it, for tests that bring it into a state and look at what is told."""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from prometheus_client.parser import text_string_to_metric_families

from gateway.app import Gateway
from gateway.edge.link import BrokerLink
from gateway.watching.machine import Machine
from gateway.watching.metrics import Figures
from gateway.watching.notify import Notifier
from gateway.watching.watch import Watch
from tests.support.inside import ReluctantSink, SetClock, assembled, started
from tests.support.live import LiveGateway

PROFILE = "noise"
"""Of the shipped city: in the scene its devices are expected every quarter of an hour."""
SILENT_MS = 15 * 60_000 + 1
DEVICE = {"profile": PROFILE, "zone": "north-quay", "owner": "city", "subject": "none"}
"""A device of that profile, but for its topic."""

Samples = dict[str, float]
"""By series, as `sluice_account{account="frames.received"}`: its value."""


class Seconds:
    """A monotonic clock that the test sets.

    Attributes:
        now: What it tells.
    """

    def __init__(self) -> None:
        self.now = float(math.ceil(time.monotonic()))  # whole seconds, of which sums are exact

    def __call__(self) -> float:
        """Tell what was set."""
        return self.now


@dataclass
class StandingLink:
    """A link to the sensors' broker over which nothing comes.

    Attributes:
        connected: As the test has it.
        counters: What has happened to the connection, likewise.
        waiting: How many frames wait.
    """

    connected: bool = True
    counters: Counter[str] = field(default_factory=Counter)
    waiting: int = 0


class CountedSink(ReluctantSink):
    """A sink to whose connection happens what the test says.

    Attributes:
        happened: How often what has.
    """

    def __init__(self) -> None:
        super().__init__()
        self.happened: Counter[str] = Counter()

    @property
    def counters(self) -> Counter[str]:
        """Tell what has happened."""
        return self.happened


class Kernel:
    """What a kernel would tell of the gateway's process, written as the test has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "fd").mkdir(parents=True)
        self.say(memory_bytes=100 << 20, written_bytes=0)

    def say(self, *, memory_bytes: int, written_bytes: int) -> None:
        """Tell this from now on."""
        (self.folder / "statm").write_text(f"0 {memory_bytes // os.sysconf('SC_PAGE_SIZE')} 0 0 0 0 0\n")
        (self.folder / "io").write_text(f"rchar: 0\nwchar: 0\nread_bytes: 0\nwrite_bytes: {written_bytes}\n")


@dataclass
class Scene:
    """A gateway that does not run by itself.

    Attributes:
        clock: The gateway's.
        sink: The only one, connected.
        seconds: The monotonic clock of the watch.
        machine: What is told of the machine; a test may put another in its place.
    """

    app: Gateway
    clock: SetClock
    sink: CountedSink
    seconds: Seconds
    watch: Watch
    machine: Machine

    def connect(self) -> StandingLink:
        """Put a link that is connected, and behind which all is taken in, in the place of the one that is away."""
        link = StandingLink()
        self.app.link = cast("BrokerLink", link)
        self.app.durable.state.drained = True
        return link

    def text(self) -> str:
        """Return what Prometheus would be told now."""
        return Figures(self.watch, self.machine).text().decode()

    def samples(self) -> Samples:
        """Return the same by series."""
        return dict(series_of(self.text()))

    async def survey(self) -> None:
        """Have everything looked at."""
        await self.watch.survey.take(self.app)


def series_of(text: str) -> Iterator[tuple[str, float]]:
    """Yield each series of an exposition, and its value."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            yield f"{sample.name}{{{labels}}}" if labels else sample.name, sample.value


@asynccontextmanager
async def watched_gateway(folder: Path, *, extra: str = "") -> AsyncIterator[Scene]:
    """Start a gateway's state in this process and watch it; its loop does not run, and its broker is away.

    Args:
        folder: Empty.
        extra: More TOML.
    """
    live = LiveGateway(folder, 1, extra=extra)
    profile = live.place.policies / "devices" / f"{PROFILE}.toml"
    profile.write_text(profile.read_text().replace('codec = "cbor"', 'codec = "cbor"\nexpect_every = "15min"', 1))
    clock = SetClock(time.time_ns() // 1_000_000)
    async with started(live, clock) as durable:
        sink, seconds = CountedSink(), Seconds()
        app = assembled(durable, sink)
        watch = Watch(Notifier(), seconds)
        watch.app = app
        yield Scene(app, clock, sink, seconds, watch, Machine(durable.place))
