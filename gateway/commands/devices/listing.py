"""`sluice device list` and `show`: what was heard of each device since the gateway started, silent ones first.

The gateway keeps that in memory alone, so that this is all there is to see of it: neither metrics nor log know a device.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator, Mapping
from typing import Final

from consent.core.toml.durations import duration_text
from consent.messages import JsonObject
from consent.printable import as_lines
from gateway.commands.client import call_gateway
from gateway.commands.output import show, utc
from gateway.config import load_config

_WIDTH: Final = 80


def show_list(args: argparse.Namespace) -> int:
    """`sluice device list`."""
    answer = call_gateway(load_config(args.config), args.method, {}, reading=True)
    show(args, answer, as_lines(_list_lines(answer)))
    return 0


def show_one(args: argparse.Namespace) -> int:
    """`sluice device show`."""
    answer = call_gateway(load_config(args.config), args.method, args.params(args), reading=True)
    show(args, answer, as_lines(_one_lines(answer)))
    return 0


def _list_lines(answer: JsonObject) -> Iterator[str]:
    devices = answer["devices"]
    silent = sum(bool(row["silent"]) for row in devices)
    yield f"{len(devices)} {'device' if len(devices) == 1 else 'devices'}, {silent} silent; {_since(answer['running_since_ms'])}"
    for row in devices:
        yield f"{row['device']}  {row['profile']}"
        subject = [] if row["subject"] is None else [f"subject {row['subject']}"]
        for said in ("  ".join([row["zone"], f"{row['owner']}{_assumed(row)}", *subject]), _heard(row, answer)):
            yield from textwrap.wrap(said, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
        if row.get("unmatched"):
            yield "  unmatched: no filter matches its topic"


def _one_lines(answer: JsonObject) -> Iterator[str]:
    every = answer["expect_every_ms"]
    rows: dict[str, object] = {
        "device": answer["device"],
        "profile": answer["profile"],
        "zone": answer["zone"],
        "owner": f"{answer['owner']}{_assumed(answer)}",
        "subject": answer["subject"] or "-",
        "registered": utc(answer["added_ms"]),
        "counted": _since(answer["running_since_ms"]),
        "last message": _at(answer["heard_ms"]),
        "last reading": _at(answer["reading_ms"]),
        "readings": answer["readings"],
        "refused": _reasons(answer["rejected"]) or "-",
        "expected": "its profile does not say how often" if every is None else f"a reading every {duration_text(every)}",
        "state": _state(answer) or "-",
    }
    for name, value in rows.items():
        yield f"{name:<14} {value}"
    if answer.get("unmatched"):
        yield f"{'warning':<14} no filter of the configuration matches its topic, so nothing of it is heard"


def _since(since_ms: int | None) -> str:
    return "no gateway is running, so nothing is heard" if since_ms is None else f"since the gateway's start, {utc(since_ms)}"


def _heard(row: Mapping[str, object], answer: JsonObject) -> str:
    if answer["running_since_ms"] is None:
        return ""
    count = row["readings"]
    readings = "1 reading" if count == 1 else f"{count} readings"
    parts = [_state(row), "no reading yet" if not count else f"last reading {_at(row['reading_ms'])}, {readings}"]
    if row["rejected"]:
        parts.append(f"refused: {_reasons(row['rejected'])}")
    return ", ".join(part for part in parts if part)


def _state(row: Mapping[str, object]) -> str:
    """Return SILENT where a device is; of one that still sends, and nothing good, that."""
    if row["silent"] is None:
        return ""
    if not row["silent"]:
        return "as expected"
    heard, reading = row["heard_ms"], row["reading_ms"]
    sends = isinstance(heard, int) and (not isinstance(reading, int) or heard > reading)
    return "SILENT, but for what is refused" if sends else "SILENT"


def _at(time_ms: object) -> str:
    return utc(time_ms) if isinstance(time_ms, int) else "none"


def _reasons(rejected: object) -> str:
    assert isinstance(rejected, dict)
    return ", ".join(f"{count} {reason}" for reason, count in rejected.items())


def _assumed(row: Mapping[str, object]) -> str:
    return " (owner_assumed)" if row["owner_assumed"] else ""
