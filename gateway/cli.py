"""The `sluice` command: its verbs, put together from the nouns; here failures become a line and an exit status.

Exit status: 0 well; 1 a finding; 2 usage or configuration; 3 our own records disagree.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from consent.control import ControlError
from firmware_sim import arguments as sim
from gateway import demo
from gateway.audit import arguments as auditing
from gateway.commands import backups, clock, consents, gateway, keys, policies, portal, subjects
from gateway.commands.devices import verbs as devices
from gateway.commands.parser import Parser, Verbs, group, verb
from gateway.config import CONFIG_VARIABLE
from gateway.errors import OperatorError, SluiceError
from gateway.files import AnothersFolderError
from gateway.recipient import arguments as recipient
from gateway.terminal import command_parser, complain, exit_status, guard_streams
from gateway.witness import arguments as witness

NOUNS = (gateway, portal, keys, policies, devices, consents, subjects, backups, clock)


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
    words = sys.argv[1:] if argv is None else argv
    if any("\0" in word for word in words):
        complain("an argument holds a zero byte")
        return 2
    args = build_parser().parse_args(words)

    def run() -> int:
        try:
            status: int = args.run(args)
        except AnothersFolderError as error:
            raise OperatorError(error.line([*_program(), *words])) from error
        return status

    return exit_status(run, (SluiceError, ControlError))


def _program() -> list[str]:
    """Return how to type this program's name: as it was typed, where it is not found by its name alone.

    And the configuration with it, where the environment names it: `sudo` hands the environment on only as it is told to.
    """
    here = sys.argv[0]
    typed = os.path.abspath(here) if os.path.basename(here) == "sluice" and shutil.which("sluice") is None else "sluice"
    config = os.environ.get(CONFIG_VARIABLE)
    return ["env", f"{CONFIG_VARIABLE}={config}", typed] if config and os.geteuid() else [typed]


if __name__ == "__main__":
    sys.exit(main())
