"""The `sluice` command: its verbs, put together from the nouns; here failures become a line and an exit status.

Exit status: 0 well; 1 a finding; 2 usage or configuration; 3 our own records disagree.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from consent.control import ControlError
from gateway.audit import arguments as auditing
from gateway.commands import backups, clock, consents, devices, gateway, keys, policies, subjects
from gateway.commands.parser import Parser, Verbs, group, verb
from gateway.errors import SluiceError
from gateway.terminal import command_parser, exit_status, guard_streams

NOUNS = (gateway, keys, policies, devices, consents, subjects, backups, clock)


def build_parser() -> Parser:
    """Return the parser of every command."""
    parser = command_parser("sluice", "The gate between a city's sensors and the city's databases.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    for noun in NOUNS:
        noun.add_verbs(verbs)
    auditing.add_verbs(group(verbs, "audit", "check a log, on any machine"))
    _add_others(verbs)
    return parser


def _add_others(verbs: Verbs[Parser]) -> None:
    """Add the verbs of the packages that bring their own options."""
    from firmware_sim import command as sim
    from gateway import demo
    from gateway.recipient import command as recipient
    from gateway.witness import command as witness

    for name, text, package in (
        ("recipient", "the other end: make keys, open bundles", recipient),
        ("witness", "watch over other gateways' logs, and cosign their checkpoints", witness),
        ("sim", "simulated devices", sim),
        ("demo", "a whole small city on this machine, with a verified audit at the end", demo),
    ):
        package.add_arguments(verb(verbs, name, text, package.run))


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    guard_streams()
    args = build_parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = args.run
    return exit_status(lambda: run(args), (SluiceError, ControlError))


if __name__ == "__main__":
    sys.exit(main())
