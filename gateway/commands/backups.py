"""`sluice backup` and `sluice restore`."""

from __future__ import annotations

import argparse
import dataclasses
import logging
from pathlib import Path

from consent.messages import BackupTo
from consent.printable import as_lines
from gateway.commands.client import LONG_S, ask
from gateway.commands.output import show
from gateway.commands.parser import Parser, Verbs, method, verb, with_config
from gateway.config import load_config


def add_verbs(verbs: Verbs[Parser]) -> None:
    """Add the verbs and their options."""
    made = method(
        verbs,
        "backup",
        "write a backup of the database, also while the gateway runs",
        BackupTo,
        params=lambda args: {"file": str(args.file.absolute())},
        run=backup,
    )
    made.add_argument("file", type=Path, metavar="FILE", help="must not exist")
    text = "bring a backup up to date with the published log, and put it in place"
    restored = with_config(verb(verbs, "restore", text, restore))
    restored.add_argument("file", type=Path, metavar="FILE", help="what `sluice backup` wrote")
    restored.add_argument("--log", metavar="DIR|URL", help="a copy of the published log (default: the configured folder)")
    restored.add_argument("--openings", type=Path, metavar="DIR", help="openings of the entries since (default: as configured)")
    restored.add_argument("--replace", action="store_true", help="put it in the place of a database that is there")


def backup(args: argparse.Namespace) -> int:
    """`sluice backup`."""
    answer = ask(args, LONG_S, writes=(args.file,))
    show(args, answer, as_lines([f"{answer['file']}: {answer['log_entries']} log entries, {answer['bytes']} bytes"]))
    return 0


def restore(args: argparse.Namespace) -> int:
    """`sluice restore`."""
    from gateway.restore.restore import restore as restore_backup
    from gateway.service import set_up_logging

    set_up_logging(logging.WARNING)

    place = load_config(args.config)
    place.refuse_another_user()
    restored = restore_backup(place, args.file, args.openings or place.openings, log=args.log, replace=args.replace)
    answer = dataclasses.asdict(restored)
    show(args, answer, as_lines(f"{name:<17} {value}" for name, value in answer.items()))
    return 0
