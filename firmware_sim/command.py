"""`sluice sim run` and `sluice sim load`: simulated devices from a shell."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from firmware_sim.load import Load, LoadResult, meter_messages
from firmware_sim.misbehaviour.truth import Truth
from firmware_sim.run import Counters, run_fleet
from firmware_sim.scenario import Scenario, ScenarioError, load_scenario
from firmware_sim.stations import Fleet

_USAGE = 2
_FINDING = 1


def run(args: argparse.Namespace) -> int:
    """Run a sub-command and return the exit status: 0, 1 if readings stayed unacknowledged, or 2 for a faulty scenario."""
    if args.sim_command == "load":
        return _run_load(args)
    try:
        scenario = load_scenario(args.scenario)
    except ScenarioError as error:
        _complain(str(error))
        return _USAGE
    return asyncio.run(_run_scenario(args, scenario))


async def _run_scenario(args: argparse.Namespace, scenario: Scenario) -> int:
    host, port = args.broker
    stop, counters = asyncio.Event(), Counters()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if args.for_s is not None:
        loop.call_later(args.for_s, stop.set)
    with _recording(args.truth) as record:
        await run_fleet(
            Fleet(scenario),
            host,
            port,
            scenario.clock(),
            stop,
            counters,
            until_ms=args.until,
            username=args.username,
            password=_password(args),
            record=record,
        )
    figures = {name: getattr(counters, name) for name in ("published", "published_public", "unacknowledged", "reconnects")}
    _print_figures(figures, as_json=args.json)
    return _FINDING if counters.unacknowledged else 0


@contextmanager
def _recording(path: Path | None) -> Iterator[Callable[[Truth], None] | None]:
    """Open the file that the truth is written to, one line of JSON for each measurement."""
    if path is None:
        yield None
        return
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        _complain(f"`{path}`: {(error.strerror or 'cannot be written').lower()}")
        raise SystemExit(_USAGE) from None
    with file:

        def record(truth: Truth) -> None:
            file.write(truth.line())

        yield record


def _run_load(args: argparse.Namespace) -> int:
    host, port = args.broker
    rounds = -(-args.messages // args.devices)
    messages = meter_messages(args.messages, args.devices, (int(time.time()) - rounds) * 1000)
    load = Load(
        host,
        port,
        messages,
        connections=args.connections,
        rate=args.rate,
        username=args.username,
        password=_password(args),
    )
    before = [signal.signal(number, lambda *_: load.stop()) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        result = load.run()
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
    _print_figures(_load_figures(result), as_json=args.json)
    return _FINDING if result.missing else 0


def _load_figures(result: LoadResult) -> dict[str, Any]:
    figures = asdict(result)
    figures["missing"] = len(result.missing)
    figures["rate_per_s"] = round(result.rate_per_s, 1)
    return figures


def _print_figures(figures: dict[str, Any], *, as_json: bool) -> None:
    print(json.dumps(figures) if as_json else "  ".join(f"{name} {value}" for name, value in figures.items()))


def _password(args: argparse.Namespace) -> str | None:
    if args.password_file is None:
        return None
    try:
        return str(args.password_file.read_text().partition("\n")[0])
    except OSError as error:
        _complain(f"`{args.password_file}`: {(error.strerror or 'cannot be read').lower()}")
        raise SystemExit(_USAGE) from None


def _complain(line: str) -> None:
    """Tell what is wrong in one line, whatever line ends it quotes; the rest is up to the stream."""
    print(r"\n".join(line.split("\n")), file=sys.stderr)
