"""How a gateway's decisions grow with its citizens: a process of its own for each size, so that its memory is honest.

Such a process makes the memory of a gateway that knows so many, compiles everyone's plans, says what that took, and then decides
anew as often as it is told to: so the sizes can take turns, and what else goes on in the machine meets all alike.
"""

from __future__ import annotations

import gc
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from consent.core.decide import decide
from consent.core.policies.policy import Flow, PolicySet
from gateway.core.plans import Device
from gateway.core.state import State
from tests.bench.consent_city import FLOWS, NOW_MS, bench_policies, gateway_state
from tests.bench.consumers import BenchError
from tests.support.checkout import ROOT
from tests.support.compiled import compile_all
from tests.support.memory import resident_kib


@dataclass(frozen=True, slots=True)
class Compiled:
    """What compiling everyone's plans took.

    Attributes:
        compile_s: CPU seconds, the garbage collector's included.
        rss_mib: Of the process, with consents and plans.
        base_mib: Of the process before it knew anybody.
    """

    citizens: int
    compile_s: float
    rss_mib: float
    base_mib: float


@dataclass(frozen=True, slots=True)
class Turn:
    """CPU microseconds for one evaluation: households in the order of the book, and picked at random, each with all its flows."""

    in_order_us: float
    random_us: float


class Grown:
    """A process that knows so many citizens."""

    def __init__(self, process: subprocess.Popen[str], citizens: int) -> None:
        """Wait until it has compiled."""
        self._process = process
        self.compiled = Compiled(citizens=citizens, **self._answer())

    def turn(self, evaluations: int) -> Turn:
        """Have it evaluate so often in order, and as often at random; the same number for every size."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{evaluations}\n")
        self._process.stdin.flush()
        return Turn(**self._answer())

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchError(f"the process ended with `{self._process.wait()}`")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def grown(citizens: int) -> Iterator[Grown]:
    """Run such a process for the length of the context."""
    command = [sys.executable, "-P", "-m", "tests.bench.consent_growth", str(citizens)]
    environ = {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:
        try:
            yield Grown(process, citizens)
        finally:
            process.kill()


# within the process


def serve(citizens: int) -> None:
    """Compile, and then evaluate as often as each line that comes in says."""
    policies = bench_policies()
    base_mib = _rss_mib()
    state = gateway_state(policies, citizens)
    gc.collect()
    started_s = time.process_time()
    compile_all(state, NOW_MS)
    _say(compile_s=time.process_time() - started_s, rss_mib=_rss_mib(), base_mib=base_mib)
    gc.collect()
    gc.freeze()  # as the gateway does when it has started
    devices, flows = list(state.registry.devices.values()), [policies.flows[flow] for flow in FLOWS]
    picked = random.Random(citizens)
    for line in sys.stdin:
        households = int(line) // len(flows)
        in_order = list(islice(cycle(devices), households))
        at_random = picked.choices(devices, k=households)
        _say(in_order_us=_evaluate(state, in_order, flows), random_us=_evaluate(state, at_random, flows))


def _evaluate(state: State, devices: Sequence[Device], flows: list[Flow]) -> float:
    """Decide every flow for each device, from what the book says; return CPU microseconds for one."""
    policies: PolicySet = state.policies
    book = state.registry.book
    started_s = time.process_time()
    for device in devices:
        cap = policies.profiles[device.profile].cap
        for flow in flows:
            decide(policies, flow.id, book.resolve(device.contributor, flow), device.zone, cap, NOW_MS)
    return (time.process_time() - started_s) / len(devices) / len(flows) * 1e6


def _rss_mib() -> float:
    return resident_kib() / 1024


def _say(**figures: float) -> None:
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
