"""`sluice consent export`, `releases` and `erase`: what a subject has a right to."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from consent.messages import SubjectOf
from consent.printable import as_lines
from gateway.commands.client import LONG_S, ask
from gateway.commands.output import save, show, utc
from gateway.commands.parser import Parser, Verbs, method
from gateway.errors import OperatorError


def add_verbs(noun: Verbs[Parser]) -> None:
    """Add the verbs and their options."""
    exporting = method(
        noun, "consent.export", "give out everything that is held about a subject", SubjectOf, run=export, prints=False
    )
    exporting.add_argument("--out", type=Path, metavar="FILE", help="write it there, for its owner alone")
    listing = method(noun, "consent.releases", "list every release that contained a subject", SubjectOf, run=releases)
    erasing = method(noun, "consent.erase", "erase a subject: nothing of it is kept", SubjectOf, run=erase)
    erasing.add_argument("--yes", action="store_true", help="do not ask again")
    for verb in (exporting, listing, erasing):
        verb.add_argument("subject", metavar="SUBJECT", help="the subject's id")


def export(args: argparse.Namespace) -> int:
    """`sluice consent export`: to a file that only its owner can read, or to standard output."""
    answer = ask(args, LONG_S)
    text = json.dumps(answer, indent=2, ensure_ascii=False) + "\n"
    if args.out is None:
        print(text, end="")
        return 0
    save(args.out, text.encode())
    print(f"export: {args.out}")
    return 0


def releases(args: argparse.Namespace) -> int:
    """`sluice consent releases`."""
    answer = ask(args, LONG_S)
    show(args, answer, as_lines(map(_release_line, answer["releases"])) or "no release\n")
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
    answer = ask(args, LONG_S)
    handed_over = ", ".join(map(str, answer["handed_over"]))
    text = f"log_index      {answer['log_index']}\nparts_deleted  {answer['parts_deleted']}\nhanded_over    {handed_over}\n"
    if not answer["scrubbed"]:
        text += "no room to finish the erasure: make room, and restart the gateway\n"
    show(args, answer, text)
    return 0 if answer["scrubbed"] else 1


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise OperatorError("an erasure cannot be undone: say `--yes`")
    print("An erasure cannot be undone. Type `erase` to go on: ", end="", flush=True)
    if sys.stdin.readline().strip() != "erase":
        raise OperatorError("nothing was erased")
