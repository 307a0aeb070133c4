"""`sluice device`: the registry of devices."""

from __future__ import annotations

import argparse
import codecs
import json
import re
from pathlib import Path
from typing import Any, Final

from consent.control import ControlError
from consent.core.decide import Owner
from consent.messages import NO_SUBJECT, DeviceOf, DeviceOwner, NewDevices, Nothing
from consent.printable import one_line
from gateway.commands.client import ask
from gateway.commands.output import in_lines, show
from gateway.commands.parser import Parser, Verbs, group, method
from gateway.errors import OperatorError, SluiceError
from gateway.files import read_regular, reason_of
from gateway.terminal import complain

_LARGEST_BYTES: Final = 1 << 24
_OF_A_DEVICE: Final = re.compile(r"`devices\[(?P<index>\d+)\](?:\.(?P<key>\w+))?`")
_EXAMPLE: Final = '{"profile": "meter", "zone": "north-quay", "topic": "homes/7f3a/meter", "owner": "resident", "subject": "new"}'


def add_verbs(verbs: Verbs[Parser]) -> None:
    """Add the verbs and their options."""
    noun = group(verbs, "device", "the registry of devices")
    text = "register devices, and print new ids and keys once"
    add = method(noun, "device.add", text, NewDevices, params=_new_devices, run=add_devices)
    add.add_argument("--profile", metavar="PROFILE", help="device profile, as in policies/devices")
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


def add_devices(args: argparse.Namespace) -> int:
    """`sluice device add`: a refusal of one device among many names its line in the file and its topic.

    Warnings are for people, and part of the answer for programs.
    """
    try:
        answer = ask(args)
    except (ControlError, SluiceError) as error:
        refused = _OF_A_DEVICE.match(str(error))
        if args.from_file is None or refused is None:
            raise
        number, row = args.rows[int(refused["index"])]
        key = f"`{refused['key']}` " if refused["key"] else ""
        said = f"{key}{str(error)[refused.end() :].removeprefix(': ').lstrip()}"
        raise OperatorError(f"{_line(args.from_file, number, row)}: {said}") from error
    show(args, answer, in_lines({"devices": answer["devices"]}))
    for line in [] if args.json else answer.get("warnings", []):
        complain(f"warning: {line}")
    return 0


def _new_devices(args: argparse.Namespace) -> dict[str, Any]:
    """Read the devices to add from the options, or from a file of JSON lines."""
    if args.from_file is None:
        if not (args.profile and args.zone and args.topic):
            raise OperatorError("name `--profile`, `--zone` and `--topic`, or a file with `--from`")
        return {"devices": [_new_device(args)]}
    lines = enumerate(_read(args.from_file).removeprefix(codecs.BOM_UTF8).split(b"\n"), 1)
    args.rows = [(number, _of_line(args.from_file, number, line)) for number, line in lines if line.strip()]
    if not args.rows:
        raise OperatorError(f"`{args.from_file}`: holds no device, one json object a line")
    return {"devices": [row for _, row in args.rows]}


def _read(file: Path) -> bytes:
    try:
        return read_regular(file, _LARGEST_BYTES)
    except OSError as error:
        raise OperatorError(f"`{file}`: {reason_of(error)}") from error
    except ValueError as error:
        raise OperatorError("`--from`: no path can hold a zero byte") from error


def _new_device(args: argparse.Namespace) -> dict[str, str]:
    if args.owner is None:
        raise OperatorError("whose is it? type `--owner city`, or `--owner resident` with `--subject new` or a subject's id")
    if args.owner == Owner.RESIDENT and args.subject in (None, NO_SUBJECT):
        raise OperatorError("a resident's device has a subject: type `--subject new`, or the id of one that is known")
    subject = NO_SUBJECT if args.subject is None else args.subject
    return {"profile": args.profile, "zone": args.zone, "topic": args.topic, "owner": args.owner, "subject": subject}


def _of_line(file: Path, number: int, line: bytes) -> Any:
    try:
        row = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise OperatorError(f"{_line(file, number)}: is not utf-8") from error
    except (ValueError, RecursionError) as error:
        raise OperatorError(f"{_line(file, number)}: is no json object, such as `{_EXAMPLE}`") from error
    if not isinstance(row, dict):
        raise OperatorError(f"{_line(file, number)}: is no json object, such as `{_EXAMPLE}`")
    if row.get("owner") not in list(Owner):
        add = 'add `"owner": "city"`, or `"owner": "resident"` and a subject'
        raise OperatorError(f"{_line(file, number, row)}: states no owner: {add}")
    return row


def _line(file: Path, number: int, row: Any = None) -> str:
    """Return which line of a file is meant, and which device, by the topic that its operator gave it."""
    topic = (row or {}).get("topic")
    return f"`{file}`: line {number}" + (f", topic `{one_line(topic)}`" if isinstance(topic, str) else "")
