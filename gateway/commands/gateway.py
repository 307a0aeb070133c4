"""`sluice run`, `sluice status` and `sluice check`: the gateway of this machine as a whole."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from consent.control import AwayError, ControlClient
from consent.printable import as_lines
from gateway.commands.output import show
from gateway.commands.parser import Parser, Verbs, verb, with_config
from gateway.config import load_config
from gateway.files import refuse_anothers


def add_verbs(verbs: Verbs[Parser]) -> None:
    """Add the verbs and their options."""
    running = with_config(verb(verbs, "run", "run the gateway", run), prints=False)
    running.add_argument(
        "--unwitnessed", action="store_true", help="sign and release without waiting for a witness; the log says so"
    )
    with_config(verb(verbs, "status", "show the running gateway on one screen", status))
    checking = with_config(verb(verbs, "check", "check configuration, keys, policies and their cases", check))
    checking.add_argument("--policies", type=Path, metavar="DIR", help="check this policies folder alone, with no gateway")
    sinks = "the sinks of the gateway that they are for, joined by commas: then keys must be there (goes with --policies)"
    checking.add_argument("--sinks", type=sink_names, metavar="NAMES", help=sinks)
    checking.add_argument("--junit", type=Path, metavar="FILE", help="write what was found as JUnit XML too")


def sink_names(text: str) -> frozenset[str]:
    """Return the names of sinks that are joined by commas; none are none."""
    return frozenset(text.split(",") if text else ())


def run(args: argparse.Namespace) -> int:
    """`sluice run`."""
    from gateway.service import run as run_service

    place = load_config(args.config)
    place.refuse_another_user()
    return run_service(place, unwitnessed=args.unwitnessed)


def status(args: argparse.Namespace) -> int:
    """`sluice status`."""
    place = load_config(args.config)
    try:
        client = ControlClient(place.control_socket)
    except AwayError as away:
        if isinstance(away.__cause__, PermissionError):
            refuse_anothers(place.runtime)  # the line says as whom to ask
        raise
    with client:
        shown = client.call("status")
    show(args, shown, status_text(shown))
    return 3 if shown["imbalances"] else 0


def status_text(shown: Mapping[str, Any]) -> str:
    """Return a status as one screen of text."""
    clock, broker, disk, ledger = shown["clock"], shown["broker"], shown["disk"], shown["ledger"]
    simulated = f"  SIMULATED, rate {clock['rate']:g}" if clock["simulated"] else ""
    sinks = ", ".join(f"{name} {_connection_text(sink)}" for name, sink in shown["sinks"].items())
    full = [what for what, is_so in (("withholding", disk["withholds"]), ("the log waits", disk["log_waits"])) if is_so]
    lines = [
        f"gateway    {shown['gateway']}, started {_times(shown['starts'])}",
        *_health_lines(shown["health"]),
        f"clock      {clock['now']}{simulated}{_clock_text(clock['problem'])}",
        f"broker     {_connection_text(broker)}, queue {'dry' if broker['dry'] else 'not dry yet'}",
        *_intake_lines(shown["intake"]["waits"]),
        f"upstream   {sinks or 'none configured'}",
        f"disk       {'FULL: ' + ', '.join(full) if full else 'has room'}",
        f"log        {shown['log']['size']} entries, origin {shown['log']['origin']}",
        f"witnesses  {_witnesses_text(shown['witnesses'])}",
        f"policies   {shown['policy'] or 'none'}",
        f"registry   {shown['devices']} devices, {shown['subjects']} subjects",
        *_owners_lines(shown["owners_assumed"]),
        f"windows    {shown['windows']['open']} open",
        *_times_lines(shown["times"]),
        f"outbox     {shown['outbox_rows']} rows, {shown['bundles_under_way']} bundles under way",
        "ledger     " + ("balanced" if not shown["imbalances"] else "; ".join(shown["imbalances"])),
    ]
    lines += [f"  {name:<44}{n:>12}" for name, n in ledger.items() if n]
    return as_lines(lines)


def _health_lines(health: Mapping[str, Any]) -> list[str]:
    """Return whether it does its work, or a line for each reason for which it does not."""
    return [f"health     NOT READY: {reason}" for reason in health["reasons"]] or ["health     ready"]


def _clock_text(problem: str | None) -> str:
    """Return why the clock cannot be right, behind the time that it shows."""
    return f"  WRONG: {problem}; nothing is taken in or released until it is right" if problem else ""


def _intake_lines(waits: str | None) -> list[str]:
    """Return the line on readings that wait at the broker, where they do."""
    return [f"intake     WAITS: {waits}; readings stay at the broker"] if waits else []


def _owners_lines(assumed: int) -> list[str]:
    """Return the line on devices whose owner nobody has stated, where there are any."""
    devices = "1 device" if assumed == 1 else f"{assumed} devices"
    return [f"owners     ASSUMED for {devices}: see `sluice device list` and `sluice device own`"] if assumed else []


def _times_lines(times: Mapping[str, int]) -> list[str]:
    """Return the line on times that had to be forgotten, where there are any."""
    if not times["forgotten"]:
        return []
    return [f"repeats    {times['remembered']} times remembered, {times['forgotten']} FORGOTTEN: what is older is withheld"]


def _connection_text(connection: Mapping[str, Any]) -> str:
    """Return how a connection stands, and what its operator should see to."""
    problem = connection["problem"]
    said = ["connected" if connection["connected"] else f"away ({problem})" if problem else "away"]
    if connection["ids_bound"] is False:
        said.append("CLIENT IDS ARE FREE")
    for counter, words in (("taken_over", "taken over"), ("sessions_lost", "session lost")):
        if times := connection["counters"].get(counter):
            said.append(f"{words} {_times(times)}")
    return ", ".join(said)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _witnesses_text(witnesses: Mapping[str, Any] | None) -> str:
    if witnesses is None:
        return "none configured"
    each = ", ".join(f"{one['name']} {one['problem'] or 'cosigns'}" for one in witnesses["each"])
    return each if witnesses["confirmed"] else f"WAITING for one to confirm the log: {each}"


def check(args: argparse.Namespace) -> int:
    """`sluice check`: configuration, keys, policies and their cases, without starting anything."""
    from gateway.commands.check import run as run_check

    if args.junit is not None:
        refuse_anothers(args.junit, for_reader=True)
    return run_check(args)
