"""`steady`: what a street cabinet sees, readings that come one by one for years: CPU time, syncs, and bytes at the disk.

The gateway, `mosquitto_sub` and Mosquitto's bridge receive the same messages from one broker at the same time, at steady rates.
The gateway's state lies on a file system of its own, where the machine allows that. A second run at each rate, with the gateway
traced and behind a relay, counts its syncs and how long messages wait for their PUBACK: tracing would spoil the CPU time.
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware_sim.load import Load, meter_messages
from gateway.service import set_up_logging
from tests.bench.city import FIRST_READING_MS, bench_gateway
from tests.bench.consumers import LOG_SUBSCRIPTIONS, BenchError, Bridge, Gateway, MosquittoSub
from tests.bench.own_disk import OwnDisk, own_disk
from tests.bench.report import reported
from tests.bench.timing import Message, cpu_s, say
from tests.bench.watched_broker import relayed, waits_since_asked
from tests.support.live import LiveGateway
from tests.support.mosquitto import Mosquitto, running_mosquitto
from tests.support.ports import free_port
from tests.support.waiting import HANG_S

RATES = (10, 100, 1000)
SPACING_MS = 300_000
_SETTLE_S = 1.0
"""From the last message until all accounts are read: every batch is committed by then."""
_TIMEOUT_S = 90.0
_CALLS = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s.*\bf(?:data)?sync$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure.

    Attributes:
        rates: Messages a second.
        seconds: How long at each rate.
        traced_s: How long again at each rate, traced.
        devices: Meters, each with a subject of its own.
        warm_up_s: How long at the lowest rate before anything is measured: until the write-ahead log has grown.
    """

    rates: tuple[int, ...] = RATES
    seconds: int = 30
    traced_s: int = 10
    devices: int = 1000
    warm_up_s: int = 30


def run(options: Options, folder: Path) -> dict[str, Any]:
    """Run the bench in an empty folder; return the result as it is written to the file."""
    (folder / "broker").mkdir()
    messages = iter(_messages(options))
    with own_disk(folder) as disk, running_mosquitto(folder / "broker", extra=LOG_SUBSCRIPTIONS) as broker:
        say(
            "the state lies on an ext4 of its own"
            if disk
            else "no disk of its own can be mounted here: bytes at the device absent"
        )
        live = bench_gateway((disk.folder if disk else folder) / "gateway", broker.port, options.devices)
        try:
            live.start().wait_ready()
            slowest = min(options.rates)
            if options.warm_up_s:
                _publish(broker, _take(messages, slowest * options.warm_up_s), slowest)
            rates = [_cost(rate, _take(messages, rate * options.seconds), live, broker, disk) for rate in options.rates]
            live.stop()
            if options.traced_s:
                for rate, told in zip(options.rates, rates, strict=True):
                    told.update(_traced(rate, _take(messages, rate * options.traced_s), live, broker))
            return {"rates": rates, "seconds": options.seconds, "devices": options.devices}
        finally:
            live.end()


def _messages(options: Options) -> list[Message]:
    """Return the readings of all rates: a meter's sequence goes on from one to the next, so that none is a replay."""
    count = sum(options.rates) * (options.seconds + options.traced_s) + min(options.rates) * options.warm_up_s
    return meter_messages(count, options.devices, FIRST_READING_MS, SPACING_MS)


def _take(messages: Iterator[Message], count: int) -> list[Message]:
    return [next(messages) for _ in range(count)]


def _cost(rate: int, messages: list[Message], live: LiveGateway, broker: Mosquitto, disk: OwnDisk | None) -> dict[str, Any]:
    """Measure all three at one rate, at once."""
    consumers = (Gateway(live, broker), MosquittoSub(broker), Bridge(broker, broker.folder))
    with ExitStack() as stack:
        turns = {consumer.name: stack.enter_context(consumer.turn(len(messages))) for consumer in consumers}
        written, process_written = disk.written_bytes() if disk else 0, _written_bytes(live)
        before = {name: cpu_s(turn.process) for name, turn in turns.items()}
        _publish(broker, messages, rate)
        time.sleep(_SETTLE_S)
        per_100k = {name: (cpu_s(turn.process) - before[name]) / len(messages) * 100_000 for name, turn in turns.items()}
        written, process_written = (disk.written_bytes() if disk else 0) - written, _written_bytes(live) - process_written
        for turn in turns.values():
            turn.wait(_TIMEOUT_S)
    told = {
        "rate": rate,
        "cpu_s_per_100k": {name: round(cost, 3) for name, cost in per_100k.items()},
        "ratio_to_mosquitto_sub": round(per_100k["gateway"] / per_100k["mosquitto_sub"], 3),
        "device_bytes_per_reading": round(written / len(messages)) if disk else None,
        "process_bytes_per_reading": round(process_written / len(messages)),
    }
    say(f"{rate:5}/s  {told}")
    return told


def _publish(broker: Mosquitto, messages: list[Message], rate: int) -> None:
    sent = Load("127.0.0.1", broker.port, messages, rate=rate).run(len(messages) / rate + _TIMEOUT_S)
    if sent.missing or sent.unheard:
        raise BenchError(f"of `{sent.messages}` messages `{sent.acknowledged}` were taken, `{sent.unheard}` unheard")


def _written_bytes(live: LiveGateway) -> int:
    assert live.process is not None
    lines = Path(f"/proc/{live.process.pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))


def _traced(rate: int, messages: list[Message], live: LiveGateway, broker: Mosquitto) -> dict[str, Any]:
    """Count syncs, and measure how long messages wait for their PUBACK."""
    relay_port = free_port()
    configured = live.config.read_text()
    live.config.write_text(configured.replace(f"[broker]\nport = {broker.port}\n", f"[broker]\nport = {relay_port}\n"))
    with relayed(broker.port, relay_port) as relay:
        received = live.start().wait_ready()["ledger"].get("frames.received", 0)
        assert live.process is not None
        waits_since_asked(relay)
        with _counted_syncs(live.process.pid) as syncs:
            _publish(broker, messages, rate)
        live.wait_until(lambda shown: shown["ledger"].get("frames.received", 0) >= received + len(messages))
        time.sleep(_SETTLE_S)
        waits_ms = waits_since_asked(relay)
        live.stop()
    live.config.write_text(configured)
    told = {"fdatasync_per_s": syncs(), "puback_ms": _quantiles(waits_ms)}
    say(f"{rate:5}/s  {told}")
    return told


@contextmanager
def _counted_syncs(pid: int) -> Iterator[Any]:
    """Count a process's calls of fdatasync and fsync during the context; yields what returns them a second, None untraced."""
    program = shutil.which("strace")
    if program is None:
        yield lambda: None
        return
    command = [program, "-f", "-c", "-e", "trace=fdatasync,fsync", "-p", str(pid)]
    counted: list[float] = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        if "attached" not in tracer.stderr.readline():
            raise BenchError("`strace` could not attach to the gateway")
        began_s = time.monotonic()
        try:
            yield lambda: counted[0]
        finally:
            seconds = time.monotonic() - began_s
            tracer.send_signal(signal.SIGINT)
            table = tracer.communicate(timeout=HANG_S)[1]
            counted.append(round(sum(map(int, _CALLS.findall(table))) / seconds, 2))


def _quantiles(waits_ms: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(waits_ms, n=100) if len(waits_ms) > 1 else [0.0] * 99
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1)}


def as_text(result: dict[str, Any]) -> str:
    """Return a result as a small table."""
    lines = [
        f"{'':>6}{'CPU-s per 100k':>18}{'sub':>8}{'bridge':>8}{'ratio':>8}{'syncs/s':>9}{'B/reading':>11}  PUBACK p50/p99 ms"
    ]
    for told in result["rates"]:
        cost, waits, device = told["cpu_s_per_100k"], told.get("puback_ms"), told["device_bytes_per_reading"]
        lines.append(
            f"{told['rate']:>4}/s{cost['gateway']:>18.2f}{cost['mosquitto_sub']:>8.2f}{cost['mosquitto_bridge']:>8.2f}"
            f"{told['ratio_to_mosquitto_sub']:>7.2f}×{told.get('fdatasync_per_s') or 0:>9.1f}"
            f"{device if device is not None else '-':>11}  {waits['p50'] if waits else '-'}/{waits['p99'] if waits else '-'}"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Run the command; return the exit status: 1 when a round came to nothing."""
    set_up_logging()
    default = Options()
    parser = argparse.ArgumentParser(prog="./dev bench steady", description="what readings cost that come at a steady rate")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
    parser.add_argument(
        "--rates", type=int, nargs="+", default=list(default.rates), help="messages a second (default: all three)"
    )
    parser.add_argument("--seconds", type=int, default=default.seconds, help="at each rate (default %(default)s)")
    parser.add_argument("--traced-s", type=int, default=default.traced_s, help="again, traced; 0: not (default %(default)s)")
    parser.add_argument("--devices", type=int, default=default.devices, help="meters and subjects (default %(default)s)")
    given = parser.parse_args(arguments)
    options = Options(tuple(given.rates), given.seconds, given.traced_s, given.devices)
    result = reported(lambda folder: run(options, folder), as_text, given.json)
    return 1 if result is None else 0
