"""The command lines of the simulator; the code that runs them is imported only when a command is run."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands to the parser of `sluice sim`; ``run`` takes the parsed arguments."""
    commands = parser.add_subparsers(dest="sim_command", required=True, metavar="COMMAND")
    fleet = _command(commands, "run", "publish what a scenario's devices measure")
    _add_broker(fleet)
    fleet.add_argument(
        "--scenario", required=True, type=Path, metavar="FILE", help="the devices and their clock, in JSON or TOML"
    )
    fleet.add_argument("--truth", type=Path, metavar="FILE", help="write there what really happened to each measurement")
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


def _add_broker(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--broker", required=True, type=_broker, metavar="HOST:PORT", help="where the sensors' broker listens")
    parser.add_argument("--username", metavar="NAME", help="user at the broker")
    parser.add_argument(
        "--password-file", type=Path, metavar="FILE", help="file with the password at the broker, in its first line"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Run a sub-command and return the exit status: 0, 1 if readings stayed unacknowledged, or 2 for a faulty scenario."""
    from firmware_sim.command import run as run_command

    return run_command(args)


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
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1e9:
        raise argparse.ArgumentTypeError(f"`{text}` is not a rate above 0")
    return rate


def _seconds(text: str) -> float:
    try:
        return float(text.removesuffix("s"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is not a time in seconds, such as 30s") from None


def _moment_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is not an iso 8601 time") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
