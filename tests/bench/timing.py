"""What one round of readings costs a process: published to it, awaited, and read from the operating system's account of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

from firmware_sim.load import Load
from tests.bench.consumers import BenchError, Consumer

Message = tuple[str, bytes]

_TIMEOUT_S = 90.0
_ALL_THREADS = 2
"""Of a process: Linux makes the number of its clock from this and the process id, as ``clock_getcpuclockid`` does."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one consumer took for one round."""

    readings: int
    cpu_s: float
    seconds: float

    @property
    def cpu_s_per_100k(self) -> float:
        """CPU seconds per 100,000 readings."""
        return self.cpu_s / self.readings * 100_000


def measure(consumer: Consumer, messages: Sequence[Message], rate: float | None = None) -> Sample:
    """Publish messages to a consumer; return what they cost it.

    Raises: BenchError: not all have come through.
    """
    with consumer.turn(len(messages)) as turn:
        before_s, started_s = cpu_s(turn.process), time.monotonic()
        sent = Load("127.0.0.1", consumer.port, messages, rate=rate).run(_TIMEOUT_S)
        if sent.missing or sent.unheard:
            raise BenchError(
                f"`{consumer.name}`: of `{sent.messages}` messages `{sent.acknowledged}` were taken, `{sent.unheard}` unheard"
            )
        turn.wait(_TIMEOUT_S)
        return Sample(len(messages), cpu_s(turn.process) - before_s, time.monotonic() - started_s)


def cpu_s(process: psutil.Process) -> float:
    """Return what the operating system has charged to a process and its children, dead and alive."""
    own_s = time.clock_gettime(~process.pid << 3 | _ALL_THREADS)  # to the nanosecond, where `cpu_times` counts by the hundredth
    ended_s: float = sum(process.cpu_times()[2:4])
    return own_s + ended_s + sum(sum(one.cpu_times()[:4]) for one in process.children(recursive=True))


def in_words(sample: Sample) -> str:
    """Return a sample as it is shown while the bench runs."""
    return f"{sample.cpu_s_per_100k:6.2f} CPU-s per 100k  {sample.readings / sample.seconds:8.0f} readings/s"


def say(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)
