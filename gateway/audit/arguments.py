"""The command lines of an auditor; the code that runs them is imported only when a command is run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from consent.core.languages import LANGUAGES, locale_language

Parser = argparse.ArgumentParser
Verbs = argparse._SubParsersAction  # argparse has no public name for what `add_subparsers` returns


def add_verbs(group: Verbs[Parser]) -> None:
    """Add the commands that read a log, each with the function that runs it."""
    verify = _verb(group, "verify", "verify a log: signature, tree, every entry, the ledger")
    _place(verify)
    _trust(verify).add_argument("--no-key", action="store_true", help="trust the key that the log itself offers, and say so")
    _openings(verify)
    verify.add_argument("--since", type=Path, metavar="FILE", help="a checkpoint kept earlier: read only what is new")
    verify.add_argument("--keep", type=Path, metavar="FILE", help="keep the checkpoint here if all is well")
    replay = _verb(group, "replay", "make every decision to release again, from policies and consents")
    _place(replay)
    _trust(replay)
    replay.add_argument("--openings", type=Path, required=True, metavar="DIR", help="openings, for accredited auditors")
    replay.add_argument(
        "--openings-days", type=int, default=90, metavar="DAYS", help="for how long the gateway keeps openings (default: 90)"
    )
    prove = _verb(group, "prove", "write a proof that an entry is in the log, which is checked without it")
    _index(prove)
    _place(prove)
    _trust(prove)
    prove.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: INDEX.tlog-proof)")
    check = _verb(group, "check-proof", "check the proof of an entry, offline")
    check.add_argument("file", type=Path, metavar="FILE", help="what `audit prove` wrote")
    _trust(check)
    check.add_argument("--entry", type=Path, metavar="FILE", help="the entry's bytes, where the proof does not hold them")
    explain = _verb(group, "explain", "say in plain words what an entry is about")
    _index(explain)
    _place(explain)
    _trust(explain)
    _openings(explain)
    explain.add_argument(
        "--language",
        choices=LANGUAGES,
        help="language of the explanation (default: the language of LANG where the city has it, else the city's first)",
    )
    explain.set_defaults(locale=locale_language(os.environ))
    find = _verb(group, "find", "find a citizen's own releases, by a receipt or by their label key")
    _place(find)
    find.add_argument(
        "--receipt", type=Path, action="append", default=[], metavar="FILE", help="a receipt or an export; may be repeated"
    )
    find.add_argument(
        *("--label-key", "--subject-key"),  # the second is its earlier name
        action="append",
        default=[],
        dest="label_key",
        metavar="KEY|FILE",
        help="the label key itself, or a file of keys, one a line; may be repeated",
    )
    _trust(find)
    _openings(find)
    export = _verb(group, "export", "copy a log into a folder that can be verified anywhere")
    _place(export)
    export.add_argument("out", type=Path, metavar="OUT", help="the folder to make")


def _verb(group: Verbs[Parser], name: str, text: str) -> Parser:
    parser = group.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".", allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_runner(name))
    return parser


def _runner(name: str) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        from gateway.audit import command

        return command.run(name, args, sys.stdout)

    return run


def _place(parser: Parser) -> None:
    parser.add_argument("place", metavar="DIR|URL", help="the log: a folder, or the address of one on a web server")


def _index(parser: Parser) -> None:
    parser.add_argument("index", type=int, metavar="INDEX", help="the entry's log index")


def _openings(parser: Parser) -> None:
    parser.add_argument("--openings", type=Path, metavar="DIR", help="openings, for accredited auditors")


def _trust(parser: Parser) -> argparse._ArgumentGroup:
    whom = parser.add_argument_group("whom to trust")
    whom.add_argument("--key", metavar="VKEY", help="the log's public key, or a file that holds it")
    whom.add_argument(
        "--witnesses", type=Path, metavar="POLICY", help="policy file: witnesses, quorum and, without --key, the log"
    )
    return whom
