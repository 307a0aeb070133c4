"""The `sluice demo` command: its options, its screen, and its exit status."""

from __future__ import annotations

import argparse
import json
import logging
import re
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consent.instants import parse_utc_ms
from gateway.errors import OperatorError
from gateway.files import reason_of, refuse_anothers

if TYPE_CHECKING:
    from gateway.demo.stage import Options

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(s|m|min|h)?")
_EARLIEST_MS, _LATEST_MS = 315_532_800_000, 7_258_118_400_000  # 1980 to 2200
_FASTEST = 20_000  # above this, the simulated sensors fall behind their clock
_HIGHEST_PORT = 65_535
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, None: 1}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the demo's options."""
    parser.add_argument("--for", dest="span", metavar="30s", help="how long it runs (default: until Ctrl-C)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcome there")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="keep the whole state there (default: a temporary folder)")
    parser.add_argument("--broker", metavar="HOST:PORT", help="use this MQTT 5 broker (default: an embedded one)")
    parser.add_argument("--start", default="2026-05-03T23:00:00Z", metavar="TIME", help="simulated start (default: %(default)s)")
    port = "where the portal listens on this machine (default: a free port)"
    parser.add_argument("--portal-port", type=int, default=0, metavar="PORT", help=port)
    parser.add_argument("--rate", type=float, default=10_800, metavar="R", help="simulated seconds in one (default: %(default)g)")


def run(args: argparse.Namespace) -> int:
    """Run the demo and return the exit status: 0 if the log verifies, its replay finds nothing wrong and the ledger balances."""
    import asyncio

    from aiomqtt import MqttError

    from gateway.service import set_up_logging

    options = _options(args)
    set_up_logging(logging.WARNING)
    try:
        outcome = asyncio.run(_play(options))
    except MqttError as error:
        raise OperatorError(f"`--broker`: `{args.broker or 'embedded'}`: {str(error).lower()}") from error
    if args.json is not None:
        args.json.write_text(json.dumps(outcome, indent=2) + "\n")
    return 0 if outcome["audit"] == outcome["replay"] == "ok" and outcome["ledger"] == "balanced" else 1


def _options(args: argparse.Namespace) -> Options:
    """Return the checked options, with an empty folder made."""
    from gateway.demo.stage import Options

    if not 1 <= args.rate <= _FASTEST:
        raise OperatorError(f"`--rate`: `{args.rate:g}` is not from 1 to {_FASTEST}")
    try:
        start_ms = parse_utc_ms(args.start)
    except ValueError as error:
        raise OperatorError(f"`--start`: {error}") from error
    if not _EARLIEST_MS <= start_ms <= _LATEST_MS:
        raise OperatorError(f"`--start`: `{args.start}` is not from 1980 to 2200")
    if not 0 <= args.portal_port <= _HIGHEST_PORT:
        raise OperatorError(f"`--portal-port`: `{args.portal_port}` is not from 0 to {_HIGHEST_PORT}")
    seconds, broker = _seconds(args.span), _broker(args.broker)
    folder = None if args.dir is None else _empty_folder(args.dir)
    if args.json is not None:
        refuse_anothers(args.json, for_reader=True)
    if args.json is not None and args.json.is_dir():
        raise OperatorError(f"`{args.json}`: is a folder")
    if args.json is not None and not args.json.parent.is_dir():  # which may be the folder just made
        raise OperatorError(f"`{args.json}`: there is no such folder")
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="sluice-demo-"))
    return Options(folder.resolve(), seconds, broker, start_ms, args.rate, args.portal_port)


def _empty_folder(folder: Path) -> Path:
    refuse_anothers(folder, for_reader=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = next(folder.iterdir(), None)
    except OSError as error:
        raise OperatorError(f"`{folder}`: {reason_of(error)}") from error
    if occupied is not None:
        raise OperatorError(f"`{folder}`: is not empty; the demo makes its city anew in an empty folder")
    return folder


async def _play(options: Options) -> dict[str, Any]:
    import asyncio

    from gateway.demo.screen import Screen
    from gateway.demo.stage import play
    from gateway.demo.summary import outcome

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # SIGHUP: the terminal was closed
        loop.add_signal_handler(number, stop.set)
    with Screen(sys.stdout) as screen:
        scene = await play(options, stop, screen.show)
        result = outcome(scene)
        screen.finish(scene, result)
    return result


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    found = _SPAN.fullmatch(text)
    if found is None:
        raise OperatorError(f"`--for`: `{text}` is no time such as 30s or 2m")
    return float(found[1]) * _SECONDS[found[2]]


def _broker(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) <= _HIGHEST_PORT:
        raise OperatorError(f"`--broker`: `{text}` is no address such as 127.0.0.1:1883")
    return host, int(port)
