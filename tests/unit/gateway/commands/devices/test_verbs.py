"""The verbs of `sluice device`: what can be typed becomes what the methods take."""

from __future__ import annotations

from pathlib import Path

from gateway.cli import build_parser
from gateway.commands.devices.add import new_devices
from gateway.commands.parser import named


def test_device_behind_a_hub_is_added_by_its_id() -> None:
    """The id goes along only where it is given."""
    words = ["device", "add", "--profile", "p", "--zone", "z", "--topic", "t/+", "--owner", "city"]
    row = {"profile": "p", "zone": "z", "topic": "t/+", "owner": "city", "subject": "none"}
    assert new_devices(build_parser().parse_args(words)) == {"devices": [row]}
    args = build_parser().parse_args([*words, "--id", "7", "--dry-run"])
    assert new_devices(args) == {"devices": [{**row, "id": "7"}], "dry_run": True}


def test_discover_listens_for_a_minute_unless_told_otherwise() -> None:
    """And writes nothing."""
    args = build_parser().parse_args(["device", "discover"])
    assert (named(args), args.csv) == ({"for_s": 60}, None)
    args = build_parser().parse_args(["device", "discover", "--for", "2min", "--csv", "f.csv"])
    assert (named(args), args.csv) == ({"for_s": 120}, Path("f.csv"))
