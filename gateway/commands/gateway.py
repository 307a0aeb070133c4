"""`sluice run`, `sluice status` and `sluice check`: the gateway of this machine as a whole."""

from __future__ import annotations

import argparse
from pathlib import Path

from consent.control import ControlClient
from gateway.commands.output import show
from gateway.commands.parser import Parser, Verbs, verb, with_config
from gateway.config import load_config


def add_verbs(verbs: Verbs[Parser]) -> None:
    """Add the verbs and their options."""
    running = with_config(verb(verbs, "run", "run the gateway", run), prints=False)
    running.add_argument(
        "--unwitnessed", action="store_true", help="sign and release without waiting for a witness; the log says so"
    )
    with_config(verb(verbs, "status", "show the running gateway on one screen", status))
    checking = with_config(verb(verbs, "check", "check configuration, keys, policies and their cases", check))
    checking.add_argument("--policies", type=Path, metavar="DIR", help="check this policies folder alone, with no gateway")
    checking.add_argument("--junit", type=Path, metavar="FILE", help="write what was found as JUnit XML too")


def run(args: argparse.Namespace) -> int:
    """`sluice run`."""
    from gateway.service import run as run_service

    return run_service(load_config(args.config), unwitnessed=args.unwitnessed)


def status(args: argparse.Namespace) -> int:
    """`sluice status`."""
    from gateway.control.status import as_text

    with ControlClient(load_config(args.config).control_socket) as client:
        shown = client.call("status")
    show(args, shown, as_text(shown))
    return 3 if shown["imbalances"] else 0


def check(args: argparse.Namespace) -> int:
    """`sluice check`: configuration, keys, policies and their cases, without starting anything."""
    from gateway.commands.check import run as run_check

    return run_check(args)
