"""`sluice consent export`, `releases` and `erase`, `sluice backup` and `sluice restore`: what is asked once and matters."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from typing import Any

from gateway.commands.client import call_gateway
from gateway.commands.output import save, show, utc
from gateway.config import load_config
from gateway.errors import OperatorError

LONG_S = 3600.0
"""How long to wait for an answer that takes a pass over the whole database."""


def export(args: argparse.Namespace) -> int:
    """`sluice consent export`: to a file that only its owner can read, or to standard output."""
    answer = _ask(args, "consent.export", {"subject": args.subject})
    text = json.dumps(answer, indent=2, ensure_ascii=False) + "\n"
    if args.out is None:
        print(text, end="")
        return 0
    save(args.out, text.encode())
    return 0


def releases(args: argparse.Namespace) -> int:
    """`sluice consent releases`."""
    answer = _ask(args, "consent.releases", {"subject": args.subject})
    show(args, answer, "".join(f"{_release_line(release)}\n" for release in answer["releases"]) or "no release\n")
    return 0


def _release_line(release: dict[str, Any]) -> str:
    flows = sorted({record["flow"] for record in release.get("records", ())})
    what = f"{release['recipient']}  {', '.join(flows)}" if flows else f"opening {release['opening']}"
    void = "" if release["taken_back"] is None else f"  taken back by {release['taken_back']}, nothing was sent"
    return f"{release['log_index']:<10} {utc(release['time_ms'])}  {what}{void}"


def erase(args: argparse.Namespace) -> int:
    """`sluice consent erase`: 1 where nothing can be read any more, but free space could not be overwritten."""
    if not args.yes:
        _confirm()
    answer = _ask(args, "consent.erase", {"subject": args.subject})
    handed_over = ", ".join(map(str, answer["handed_over"]))
    text = f"log_index      {answer['log_index']}\nparts_deleted  {answer['parts_deleted']}\nhanded_over    {handed_over}\n"
    if not answer["scrubbed"]:
        text += "no room to rewrite the database: make room, and restart the gateway\n"
    show(args, answer, text)
    return 0 if answer["scrubbed"] else 1


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise OperatorError("an erasure cannot be undone: say `--yes`")
    print("An erasure cannot be undone. Type `erase` to go on: ", end="", flush=True)
    if sys.stdin.readline().strip() != "erase":
        raise OperatorError("nothing was erased")


def backup(args: argparse.Namespace) -> int:
    """`sluice backup`."""
    answer = _ask(args, "backup", {"file": str(args.file.absolute())})
    show(args, answer, f"{answer['file']}: {answer['log_entries']} log entries, {answer['bytes']} bytes\n")
    return 0


def restore(args: argparse.Namespace) -> int:
    """`sluice restore`."""
    from gateway.restore.restore import restore as restore_backup

    place = load_config(args.config)
    restored = restore_backup(place, args.file, args.openings or place.openings, replace=args.replace)
    answer = dataclasses.asdict(restored)
    show(args, answer, "".join(f"{name:<17} {value}\n" for name, value in answer.items()))
    return 0


def _ask(args: argparse.Namespace, method: str, params: dict[str, Any]) -> dict[str, Any]:
    return call_gateway(load_config(args.config), [(method, params)], timeout_s=LONG_S)[0]
