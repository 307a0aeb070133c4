"""`sluice policy diff`: asks the gateway, or weighs two folders without one, and prints it for people."""

from __future__ import annotations

import argparse
import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from consent.core.policies.parse import parse_policies
from consent.core.review.diff import Side, diff
from consent.core.review.rows import Whose
from consent.errors import PolicyError
from consent.messages import IN_FORCE
from consent.policy_files import read_policy_files
from consent.printable import as_lines
from gateway.commands.client import call_gateway
from gateway.commands.output import show
from gateway.config import CONFIG_VARIABLE, Installation, configured_file, load_config
from gateway.errors import OperatorError
from gateway.recipient.keys import RecipientKeyError, load_public

MOST_ZONES = 3


def difference(args: argparse.Namespace) -> int:
    """`sluice policy diff`: 1 where anything rises and nobody has accepted it."""
    place = _gateway_at_hand(args.config)
    if place is None and IN_FORCE in (args.old, args.new):
        raise OperatorError(
            f"`{IN_FORCE}` is what a gateway has, and none is here: name it with `--config` or `{CONFIG_VARIABLE}`"
        )
    sides = {name: _side(text) for name, text in (("old", args.old), ("new", args.new)) if text != IN_FORCE}
    if place is None:
        found = diff(sides["old"], sides["new"]).as_data()
    else:
        params = {name: _sent(sides[name]) if name in sides else IN_FORCE for name in ("old", "new")}
        found = call_gateway(place, "policy.diff", params)
    show(args, found, difference_text(found))
    return 1 if found["rises"] and not args.accept else 0


def _gateway_at_hand(config: Path | None) -> Installation | None:
    """Return the gateway whose subjects are counted: the one that is named, or this machine's if it has begun a log.

    Raises: OperatorError: the one that is named has not.
    """
    if config is None and not configured_file().exists():
        return None
    place = load_config(config or configured_file())
    if place.database.exists():
        return place
    if config is not None:
        raise OperatorError(f"`{place.state}`: there is no gateway's database")
    return None


def _side(text: str) -> Side:
    """Read a policies folder, and what public keys lie in it.

    Raises: OperatorError: a file of it cannot be used.
    """
    folder = Path(text)
    if not folder.is_dir():
        raise OperatorError(f"there is no policies folder `{folder}`")
    try:
        policies = parse_policies(read_policy_files(folder))
        files = {each.id: [folder / file for file in each.key_files] for each in policies.recipients.values() if each.key_files}
        there = {name: named for name, named in files.items() if all(file.exists() for file in named)}
        keys = {name: b"".join(load_public(file).public_bytes_raw() for file in named) for name, named in there.items()}
    except (PolicyError, RecipientKeyError) as error:
        raise OperatorError(f"`{folder}`: {error}") from error
    return Side(policies, keys)


def _sent(side: Side) -> dict[str, Any]:
    return {"files": _encoded(side.policies.files), "keys": _encoded(side.keys)}


def _encoded(contents: Mapping[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(content).decode() for name, content in contents.items()}


def difference_text(found: dict[str, Any]) -> str:
    """Return the rows in columns: what is decided otherwise, then what is said otherwise; nothing where nothing is."""
    changes = [
        [
            row["direction"],
            row["flow"],
            row["profile"] or "not told",
            _zones_text(row),
            row["axis"],
            f"{row['old'] or 'not told'} → {row['new'] or 'not told'}",
            _whose_text(row),
        ]
        for row in found["changes"]
    ]
    rules = [[row["direction"], row["key"], f"{row['old']} → {row['new']}"] for row in found["rules"]]
    return _columns(changes) + _columns(rules)


def _zones_text(row: dict[str, Any]) -> str:
    zones = row["zones"]
    if row["everywhere"]:
        return "everywhere"
    if len(zones) > MOST_ZONES:
        return f"{', '.join(zones[:MOST_ZONES])} and {len(zones) - MOST_ZONES} more"
    return ", ".join(zones) or "not told"


def _whose_text(row: dict[str, Any]) -> str:
    if row["count"] is None:
        return str(row["whose"])
    things = "devices" if row["whose"] == Whose.PUBLIC else "subjects"
    return f"{row['whose']}: {_count_text(*row['count'])} {things}"


def _count_text(least: int, most: int) -> str:
    if least == most:
        return str(least or "no")
    return f"fewer than {most + 1}" if least == 1 else f"{least} to {most}"


def _columns(rows: list[list[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return as_lines("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
