"""The `sluice` command: its verbs, put together from the nouns; here failures become a line and an exit status.

Exit status: 0 well; 1 a finding; 2 usage or configuration; 3 our own records disagree.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Sequence

from consent.control import ControlError
from gateway.audit import arguments as auditing
from gateway.commands import backups, clock, consents, devices, gateway, keys, policies, subjects
from gateway.commands.parser import Parser, Verbs, group, verb
from gateway.config import CONFIG_VARIABLE
from gateway.errors import SluiceError
from gateway.files import AnothersFolderError

NOUNS = (gateway, keys, policies, devices, consents, subjects, backups, clock)


def build_parser() -> Parser:
    """Return the parser of every command."""
    parser = Parser(prog="sluice", description="The gate between a city's sensors and the city's databases.", allow_abbrev=False)
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
    words = sys.argv[1:] if argv is None else argv
    if any("\0" in word for word in words):
        print("sluice: an argument holds a zero byte", file=sys.stderr)
        return 2
    args = build_parser().parse_args(words)
    run: Callable[[argparse.Namespace], int] = args.run
    try:
        return run(args)
    except (SluiceError, ControlError) as error:
        print(f"sluice: {error}", file=sys.stderr)
        return error.exit_status
    except AnothersFolderError as error:
        print(f"sluice: {error.line([*_program(), *words])}", file=sys.stderr)
        return 2
    except UnicodeError:
        print("sluice: an argument or file is not utf-8", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        where = f"`{error.filename}`: " if error.filename else ""
        print(f"sluice: {where}{(error.strerror or str(error)).lower()}", file=sys.stderr)
        return 2


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
