"""`sluice sim run` and `sluice sim load`: simulated devices from a shell."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firmware_sim.load import Load, LoadResult, meter_messages
from firmware_sim.run import Counters, run_fleet
from firmware_sim.scenario import Fleet, Scenario, ScenarioError, load_scenario

_USAGE = 2
_FINDING = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands to the parser of `sluice sim`; ``run`` takes the parsed arguments."""
    commands = parser.add_subparsers(dest="sim_command", required=True, metavar="COMMAND")
    fleet = _command(commands, "run", "publish what a scenario's devices measure")
    _add_broker(fleet)
    fleet.add_argument("--scenario", required=True, type=Path, metavar="FILE", help="the devices and their clock, in JSON")
    fleet.add_argument("--for", dest="for_s", type=_seconds, metavar="30s", help="stop after so long, in real time")
    fleet.add_argument(
        "--until", type=_moment_ms, metavar="TIME", help="stop at this time of the devices' clock, e.g. 2026-03-21T01:00:00Z"
    )
    load = _command(commands, "load", "publish meter readings as fast as the broker takes them")
    _add_broker(load)
    load.add_argument("--messages", required=True, type=_positive, metavar="N", help="how many readings")
    load.add_argument("--devices", required=True, type=_positive, metavar="N", help="from how many meters")
    load.add_argument("--rate", type=_rate, metavar="R", help="readings per second; without it, as fast as possible")
    load.add_argument("--connections", type=_positive, default=1, metavar="N", help="over how many connections (default: 1)")


def _command(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".", allow_abbrev=False)


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
    )
    figures = {name: getattr(counters, name) for name in ("published", "published_public", "unacknowledged", "reconnects")}
    _print_figures(figures, as_json=args.json)
    return _FINDING if counters.unacknowledged else 0


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


def _add_broker(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--broker", required=True, type=_broker, metavar="HOST:PORT", help="where the sensors' broker listens")
    parser.add_argument("--username", metavar="NAME", help="user at the broker")
    parser.add_argument(
        "--password-file", type=Path, metavar="FILE", help="file with the password at the broker, in its first line"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


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


def _broker(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise argparse.ArgumentTypeError(f"`{text}` is not host:port")
    return host.strip("[]"), int(port)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number from 1 on")
    return int(text)


def _rate(text: str) -> float:
    rate = _seconds(text)
    if not 0 < rate < 1e9:
        raise argparse.ArgumentTypeError(f"`{text}` is not a rate above 0")
    return rate


def _seconds(text: str) -> float:
    try:
        return float(text.removesuffix("s"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number") from None


def _moment_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is not an iso 8601 time") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
