"""`sluice device`: the registry of devices."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from consent.messages import DeviceOf, NewDevices, Nothing
from gateway.commands.parser import Parser, Verbs, group, method
from gateway.errors import OperatorError


def add_verbs(verbs: Verbs[Parser]) -> None:
    """Add the verbs and their options."""
    noun = group(verbs, "device", "the registry of devices")
    add = method(noun, "device.add", "register devices, and print new ids and keys once", NewDevices, params=_new_devices)
    add.add_argument("--profile", metavar="CLASS", help="device class, as in policies/devices")
    add.add_argument("--zone", metavar="ZONE", help="block where it stands")
    add.add_argument("--topic", metavar="TOPIC", help="topic that it publishes to")
    add.add_argument("--subject", default="none", metavar="new|ID|none", help="whose it is (default: none, the city's own)")
    add.add_argument(
        "--from",
        dest="from_file",
        type=Path,
        metavar="FILE",
        help="many devices, one JSON object a line: profile, zone, topic, subject",
    )
    method(noun, "device.list", "list devices by their random ids", Nothing)
    revoke = method(noun, "device.revoke", "strike a device off the register", DeviceOf)
    revoke.add_argument("device", metavar="ID", help="as `device list` shows it")


def _new_devices(args: argparse.Namespace) -> dict[str, Any]:
    """Read the devices to add from the options, or from a file of JSON lines."""
    if args.from_file is None:
        if not (args.profile and args.zone and args.topic):
            raise OperatorError("name `--profile`, `--zone` and `--topic`, or a file with `--from`")
        return {"devices": [{"profile": args.profile, "zone": args.zone, "topic": args.topic, "subject": args.subject}]}
    try:
        lines = args.from_file.read_text().splitlines()
        return {"devices": [json.loads(line) for line in lines if line.strip()]}
    except OSError as error:
        raise OperatorError(f"`{args.from_file}`: {(error.strerror or 'cannot be read').lower()}") from error
    except ValueError as error:
        raise OperatorError(f"`{args.from_file}`: not one json object a line") from error
