"""`sluice run`, `sluice status` and `sluice check`: the gateway of this machine as a whole."""

from __future__ import annotations

import argparse

from gateway.commands.output import show
from gateway.config import load_config
from gateway.control.socket import ControlClient


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
