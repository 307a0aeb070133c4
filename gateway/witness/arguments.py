"""The command lines of a witness; the code that runs them is imported only when a command is run."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands to the parser of `sluice witness`; ``run`` takes the parsed arguments."""
    commands = parser.add_subparsers(dest="witness_command", required=True, metavar="COMMAND")
    text = "make a witness's key and its state folder"
    keygen = commands.add_parser("keygen", help=text, description=f"{text.capitalize()}.", allow_abbrev=False)
    keygen.add_argument("name", metavar="NAME", help="the witness's name, e.g. witness.library.example")
    keygen.add_argument("--key", type=Path, required=True, metavar="FILE", help="where to put the signing key")
    keygen.add_argument("--state", type=Path, required=True, metavar="DIR", help="the state folder to make")
    keygen.add_argument("--json", action="store_true", help="print JSON")
    text = "witness logs until interrupted"
    serve = commands.add_parser("run", help=text, description=f"{text.capitalize()}.", allow_abbrev=False)
    serve.add_argument("--config", type=Path, metavar="FILE", help="a file with all settings, instead of the options below")
    serve.add_argument("--listen", metavar="HOST:PORT", help="address to serve HTTP on")
    serve.add_argument("--key", type=Path, metavar="FILE", help="the signing key")
    serve.add_argument("--state", type=Path, metavar="DIR", help="the state folder that keygen made")
    serve.add_argument(
        "--proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="a reverse proxy, which is bounded by all places alone",
    )
    serve.add_argument(
        "--log", action="append", default=[], metavar="VKEY", help="public key of a log, or a file of them; may be repeated"
    )


def run(args: argparse.Namespace) -> int:
    """Run a sub-command and return the exit status.

    Raises: SluiceError: a key, file, address or option is wrong, or the disk failed.
    """
    from gateway.witness.command import run as run_command

    return run_command(args)
