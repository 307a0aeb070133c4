"""The verbs of `sluice device` and their options; each action stands in a file of its own beside this one."""

from __future__ import annotations

import argparse
from pathlib import Path

from consent.core.decide import Owner
from consent.core.languages import LANGUAGES
from consent.device_messages import DeviceOf, DeviceOwner, Discover, NewDevices
from consent.messages import Nothing
from gateway.commands.devices import add, discover, listing
from gateway.commands.parser import Parser, Verbs, group, method, verb, with_config

_AS_LISTED = "as `device list` shows it"


def add_verbs(verbs: Verbs[Parser]) -> None:
    """Add the verbs and their options."""
    noun = group(verbs, "device", "the registry of devices")
    _add_discover(noun)
    _add_try(noun)
    _add_add(noun)
    method(noun, "device.list", "list devices by their random ids, silent ones first", Nothing, run=listing.show_list)
    show = method(noun, "device.show", "show a device, and what was heard of it", DeviceOf, run=listing.show_one)
    show.add_argument("device", metavar="ID", help=_AS_LISTED)
    own = method(noun, "device.own", "state whose a device is", DeviceOwner)
    own.add_argument("device", metavar="ID", help=_AS_LISTED)
    own.add_argument("--owner", required=True, choices=list(Owner), type=str, help="whose it is")
    own.add_argument("--subject", metavar="new|ID", help="whom its readings are about, where they were about nobody")
    revoke = method(noun, "device.revoke", "strike a device off the register", DeviceOf)
    revoke.add_argument("device", metavar="ID", help=_AS_LISTED)


def _add_discover(noun: Verbs[Parser]) -> None:
    text = "list what publishes and nobody registered, to this terminal alone"
    parser = method(noun, "device.discover", text, Discover, run=discover.run)
    parser.add_argument(
        "--for",
        dest="for_s",
        type=discover.seconds,
        default=60,
        metavar="TIME",
        help="how long to listen, such as 60s or 10min (default: 60s); Ctrl-C ends it earlier",
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a list to complete for `device add --from`: a new file")


def _add_try(noun: Verbs[Parser]) -> None:
    parser = with_config(verb(noun, "try", "show what a device profile reads in messages, without a gateway", _try))
    parser.add_argument("profile", metavar="PROFILE|FILE", help="one of the policies, one that is shipped, or a file")
    parser.add_argument(
        "--payload", nargs="+", required=True, metavar="FILE", help="messages of one device or hub, in order; - is standard input"
    )
    parser.add_argument("--lines", action="store_true", help="each line of a file is a message")
    parser.add_argument("--topic", default="", metavar="TOPIC", help="that they came on")
    parser.add_argument("--received", metavar="TIME", help="when they came, such as 2026-05-01T00:00:00Z (default: now)")
    parser.add_argument(
        "--policies", type=Path, metavar="FOLDER", help="the city's properties and profiles (default: configured)"
    )


def _try(args: argparse.Namespace) -> int:
    """`sluice device try`, which alone loads the decoders."""
    from gateway.commands.devices import trying

    return trying.run(args)


def _add_add(noun: Verbs[Parser]) -> None:
    text = "register devices, and print new ids and keys once"
    parser = method(noun, "device.add", text, NewDevices, params=add.new_devices, run=add.run)
    parser.add_argument("--profile", metavar="PROFILE", help="device profile, as in policies/devices")
    parser.add_argument("--zone", metavar="ZONE", help="block where it stands")
    parser.add_argument("--topic", metavar="TOPIC", help="topic that it publishes to; a filter, where its profile reads several")
    parser.add_argument("--id", metavar="ID", help="behind a hub: by which the hub's messages name it")
    parser.add_argument("--owner", choices=list(Owner), type=str, help="whose it is; neither is assumed")
    parser.add_argument("--subject", metavar="new|ID|none", help="whom its readings are about (a city's device: none)")
    parser.add_argument(
        "--from",
        dest="from_file",
        type=Path,
        metavar="FILE",
        help="many devices: a CSV file, or one JSON object a line, with profile, zone, topic, id, owner, subject",
    )
    parser.add_argument("--dry-run", action="store_true", help="change nothing, and tell whether they could be registered")
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE", help="write the claim codes of new households as a page to print (HTML): a new file"
    )
    parser.add_argument("--language", choices=LANGUAGES, help="language of the sheet (default: the city's first)")
