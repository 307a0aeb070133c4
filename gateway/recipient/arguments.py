"""The command lines of a recipient; the code that runs them is imported only when a command is run."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands to the parser of `sluice recipient`; ``run`` takes the parsed arguments."""
    commands = parser.add_subparsers(dest="recipient_command", required=True, metavar="COMMAND")
    keygen = commands.add_parser("keygen", help="make a key pair", description="Make a key pair.", allow_abbrev=False)
    keygen.add_argument("target", type=Path, metavar="DIR_OR_FILE", help="a folder, or the name of the private key file")
    keygen.add_argument("--public", type=Path, metavar="DIR_OR_FILE", help="where the public half goes instead: the policies")
    keygen.add_argument("--json", action="store_true", help="print JSON")
    text = "show the fingerprint of a key, computed from it"
    telling = commands.add_parser("fingerprint", help=text, description=f"{text.capitalize()}.", allow_abbrev=False)
    telling.add_argument("file", type=Path, metavar="FILE", help="a public key, or a private one for that of its public key")
    telling.add_argument("--json", action="store_true", help="print JSON")
    text = "open bundles and print their records"
    _add_opening(commands.add_parser("open", help=text, description=f"{text.capitalize()}.", allow_abbrev=False))
    text = "tell which bundles never came, by their counters and the log"
    missing = commands.add_parser("missing", help=text, description=f"{text.capitalize()}.", allow_abbrev=False)
    missing.add_argument("--into", type=Path, default=Path("bundles"), metavar="DIR", help="where bundles lie (default: bundles)")
    missing.add_argument("--log", type=Path, required=True, metavar="DIR", help="the gateway's public log")
    missing.add_argument("--log-key", required=True, metavar="VKEY", help="the log's public key, or a file that holds it")
    missing.add_argument("--json", action="store_true", help="print JSON")


def _add_opening(opening: argparse.ArgumentParser) -> None:
    opening.add_argument("files", type=Path, nargs="*", metavar="FILE", help="bundles as received")
    opening.add_argument("--key", type=Path, metavar="KEYFILE", help="the private key; not needed for open data")
    opening.add_argument("--log", type=Path, metavar="DIR", help="the gateway's public log: hand on only what it covers")
    opening.add_argument("--log-key", metavar="VKEY", help="the log's public key, or a file that holds it")
    opening.add_argument("--json", action="store_true", help="print one JSON object a line")
    follow = opening.add_argument_group("listening to a broker")
    follow.add_argument("--follow", action="store_true", help="receive bundles until interrupted")
    follow.add_argument("--broker", metavar="HOST:PORT", help="the city's broker")
    follow.add_argument("--gateway", metavar="ID", help="the gateway's id")
    follow.add_argument("--recipient", metavar="ID", help="the recipient's id")
    follow.add_argument("--into", type=Path, default=Path("bundles"), metavar="DIR", help="where bundles lie (default: bundles)")
    follow.add_argument("--client-id", metavar="ID", help="MQTT client id, where several listen for the same recipient")
    follow.add_argument("--username", metavar="NAME", help="user at the broker")
    follow.add_argument("--password-file", type=Path, metavar="FILE", help="file with the password at the broker")
    follow.add_argument(
        "--tls",
        action=argparse.BooleanOptionalAction,
        help="encrypt, and check the broker's certificate; without saying, at port 8883 and with `--ca-file`",
    )
    follow.add_argument("--ca-file", type=Path, metavar="FILE", help="certificates to trust, not the system's; turns TLS on")


def run(args: argparse.Namespace) -> int:
    """Run a sub-command and return the exit status."""
    from gateway.recipient.command import run as run_command

    return run_command(args)
