"""``./dev bench closing``: how long a publication of a large city takes to form, and how long anything else waits meanwhile.

The core is driven as ``gateway.app`` drives it: a part is prepared and applied between two steps of the loop, and computed
aside. Beside it the loop does what intake does: small pieces of work, one after another, whose delays are measured. In one of
the runs a household withdraws while the part is computed: the time that its withdrawal takes is measured too, and the part is
then formed again without it. Households report through their compiled targets, not through decoders: what is measured begins
with the closed day.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import statistics
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from gateway.aside import Aside
from gateway.core.release.publication import next_due, prepare
from gateway.core.release.void import void_unsent
from gateway.core.windows.targets import CellTarget
from tests.bench.timing import say
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, Gate
from tests.support.publications import FIRST_DAY_MS, exact_town, joined, noisy_town

_PIECE_S: Final = 0.0005
"""A pause between two pieces of work of the loop."""


@dataclass(frozen=True, slots=True)
class Closing:
    """What it took to form one part, in seconds.

    Attributes:
        work_s: From its preparation until it was committed and ready, all in all.
        cpu_s: The CPU time of it, with that of what ran beside: unlike the others it depends little on who else uses the machine.
        prepare_s: For how long preparing it held the loop.
        apply_s: For how long applying it held the loop: sealing, logging, accounting.
        held_cpu_s: The CPU time of the longest of the loop's own steps: for how long it holds everything up on a quiet machine.
        blocked_s: The longest that any step of the loop, or a piece of work beside it, had to wait, whoever used the machine.
        withdrawal_s: How long a withdrawal took that came while it was computed; 0 in a run without one.
    """

    work_s: float
    cpu_s: float
    prepare_s: float
    apply_s: float
    held_cpu_s: float
    blocked_s: float
    withdrawal_s: float = 0.0


def city_with(homes: int, *, exact: bool) -> Gate:
    """Return a gate whose homes have reported every hour of a day that has ended."""
    gate, _ = joined(exact_town(50) if exact else noisy_town(), homes, "hourly")
    gate.state.identity = replace(gate.state.identity, random_bytes=os.urandom)
    for number, plan in enumerate(gate.state.plans()):
        for target in plan.targets():
            if isinstance(target, CellTarget):
                for hour in range(24):
                    target.take(FIRST_DAY_MS + hour * HOUR_MS, 100 + (number * 7919 + hour * 131) % 900)
    for account in ("pairs.considered", "pairs.contributed", "pairs.open"):
        gate.state.ledger.add(account, homes * 24)
    gate.to(FIRST_DAY_MS + DAY_MS + LATENESS_MS)
    return gate


async def close_once(gate: Gate, *, withdraws: bool) -> Closing:
    """Form what is due aside, as the gateway does; then void it, so that it can be formed again."""
    done = asyncio.Event()
    aside = Aside(done.set)
    delays: list[float] = []
    beside = asyncio.create_task(_work_beside(delays))
    await asyncio.sleep(10 * _PIECE_S)
    began_s, began_cpu_s, prepare_s, withdrawal_s = time.perf_counter(), time.process_time(), 0.0, 0.0
    held_cpu_s = 0.0
    while True:
        if aside.recipient is None:
            at_s, held_since_s = time.perf_counter(), time.thread_time()
            due = next_due(gate.state, "office")
            assert due is not None
            aside.begin(prepare(gate.state, due, gate.now_ms, gate.form_of("office")), gate.state.log.size)
            prepare_s = max(prepare_s, time.perf_counter() - at_s)
            held_cpu_s = max(held_cpu_s, time.thread_time() - held_since_s)
        if withdraws and not withdrawal_s:
            await asyncio.sleep(0.05)
            at_s = time.perf_counter()
            gate.withdraw(next(gate.state.plans()).device, "hourly")
            gate.commit()
            withdrawal_s = time.perf_counter() - at_s
        await done.wait()
        done.clear()
        at_s, held_since_s = time.perf_counter(), time.thread_time()
        ready = aside.apply(gate.state, gate.now_ms)
        if ready is not None:
            gate.commit()
            apply_s = time.perf_counter() - at_s
            held_cpu_s = max(held_cpu_s, time.thread_time() - held_since_s)
            break
    work_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    beside.cancel()
    void_unsent(gate.state, gate.now_ms)
    gate.commit()
    blocked_s = max([prepare_s, apply_s, withdrawal_s, *delays])
    return Closing(work_s, cpu_s, prepare_s, apply_s, held_cpu_s, blocked_s, withdrawal_s)


async def _work_beside(delays: list[float]) -> None:
    """Do small pieces of work, and note how much later than asked each begins."""
    while True:
        at_s = time.perf_counter()
        await asyncio.sleep(_PIECE_S)
        delays.append(time.perf_counter() - at_s - _PIECE_S)
        sum(range(2000))


def run(homes: int, runs: int) -> dict[str, Any]:
    """Measure; return the figures as they are written to the file."""
    found: dict[str, Any] = {"homes": homes, "runs": runs}
    for kind in ("noisy", "exact"):
        gate = city_with(homes, exact=kind == "exact")
        gc.collect()
        gc.freeze()  # as the gateway does when it has started
        say(f"{kind}: {homes} homes have reported")
        plain = [asyncio.run(close_once(gate, withdraws=False)) for _ in range(runs)]
        with_one = asyncio.run(close_once(gate, withdraws=True))
        found[kind] = {
            "work_s": statistics.median(each.work_s for each in plain),
            "cpu_s": statistics.median(each.cpu_s for each in plain),
            "held_cpu_s": max(each.held_cpu_s for each in [*plain, with_one]),
            "blocked_s": max(each.blocked_s for each in [*plain, with_one]),
            "withdrawal_s": with_one.withdrawal_s,
            "each": [asdict(each) for each in [*plain, with_one]],
        }
        gc.unfreeze()
        taken = f"{found[kind]['work_s']:.2f} s, {found[kind]['cpu_s']:.2f} s of CPU time"
        held = f"the loop was held for {1000 * found[kind]['held_cpu_s']:.0f} ms of CPU time"
        say(f"{kind}: {taken}; {held}, and nothing waited longer than {1000 * found[kind]['blocked_s']:.0f} ms")
    return found


def main(arguments: list[str]) -> int:
    """Run the bench; return the exit status."""
    told = "How long a publication takes to form, and who waits for it."
    parser = argparse.ArgumentParser("./dev bench closing", description=told)
    parser.add_argument("--homes", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures to a file")
    args = parser.parse_args(arguments)
    found = run(args.homes, args.runs)
    if args.json is not None:
        args.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0
