"""`sluice device`: the registry of devices."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from consent.core.decide import Owner
from consent.messages import NO_SUBJECT, DeviceOf, DeviceOwner, NewDevices, Nothing
from gateway.commands.client import ask
from gateway.commands.output import in_lines, show
from gateway.commands.parser import Parser, Verbs, group, method
from gateway.errors import OperatorError


def add_verbs(verbs: Verbs[Parser]) -> None:
    """Add the verbs and their options."""
    noun = group(verbs, "device", "the registry of devices")
    text = "register devices, and print new ids and keys once"
    add = method(noun, "device.add", text, NewDevices, params=_new_devices, run=_add)
    add.add_argument("--profile", metavar="CLASS", help="device class, as in policies/devices")
    add.add_argument("--zone", metavar="ZONE", help="block where it stands")
    add.add_argument("--topic", metavar="TOPIC", help="topic that it publishes to")
    add.add_argument("--owner", choices=list(Owner), type=str, help="whose it is; neither is assumed")
    add.add_argument("--subject", metavar="new|ID|none", help="whom its readings are about (a city's device: none)")
    add.add_argument(
        "--from",
        dest="from_file",
        type=Path,
        metavar="FILE",
        help="many devices, one JSON object a line: profile, zone, topic, owner, subject",
    )
    method(noun, "device.list", "list devices by their random ids", Nothing)
    own = method(noun, "device.own", "state whose a device is", DeviceOwner)
    own.add_argument("device", metavar="ID", help="as `device list` shows it")
    own.add_argument("--owner", required=True, choices=list(Owner), type=str, help="whose it is")
    own.add_argument("--subject", metavar="new|ID", help="whom its readings are about, where they were about nobody")
    revoke = method(noun, "device.revoke", "strike a device off the register", DeviceOf)
    revoke.add_argument("device", metavar="ID", help="as `device list` shows it")


def _add(args: argparse.Namespace) -> int:
    """`sluice device add`: warnings are for people, and part of the answer for programs."""
    answer = ask(args)
    warnings = answer.get("warnings", [])
    show(args, answer, in_lines({"devices": answer["devices"]}))
    for line in [] if args.json else warnings:
        print(f"sluice: warning: {line}", file=sys.stderr)
    return 0


def _new_devices(args: argparse.Namespace) -> dict[str, Any]:
    """Read the devices to add from the options, or from a file of JSON lines."""
    if args.from_file is None:
        if not (args.profile and args.zone and args.topic):
            raise OperatorError("name `--profile`, `--zone` and `--topic`, or a file with `--from`")
        return {"devices": [_new_device(args)]}
    try:
        lines = args.from_file.read_text().splitlines()
        return {"devices": [_of_line(args.from_file, number, line) for number, line in enumerate(lines, 1) if line.strip()]}
    except OSError as error:
        raise OperatorError(f"`{args.from_file}`: {(error.strerror or 'cannot be read').lower()}") from error
    except ValueError as error:
        raise OperatorError(f"`{args.from_file}`: not one json object a line") from error


def _new_device(args: argparse.Namespace) -> dict[str, str]:
    if args.owner is None:
        raise OperatorError("whose is it? type `--owner city`, or `--owner resident` with `--subject new` or a subject's id")
    if args.owner == Owner.RESIDENT and args.subject in (None, NO_SUBJECT):
        raise OperatorError("a resident's device has a subject: type `--subject new`, or the id of one that is known")
    subject = NO_SUBJECT if args.subject is None else args.subject
    return {"profile": args.profile, "zone": args.zone, "topic": args.topic, "owner": args.owner, "subject": subject}


def _of_line(file: Path, number: int, line: str) -> Any:
    row = json.loads(line)
    if isinstance(row, dict) and row.get("owner") not in list(Owner):
        raise OperatorError(
            f'`{file}`: line {number} states no owner: add `"owner": "city"`, or `"owner": "resident"` and a subject'
        )
    return row
