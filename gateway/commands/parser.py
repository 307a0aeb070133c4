"""The building blocks of the command line: groups, verbs, and verbs that are one control method.

A verb's operands and options are named like the fields of the struct that its method takes, so nothing has to be copied.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from consent.core.languages import LANGUAGES, locale_language
from consent.messages import Parameters
from gateway.commands.client import one_call
from gateway.config import CONFIG_FILE, CONFIG_VARIABLE, configured_file

Parser = argparse.ArgumentParser
Verbs = argparse._SubParsersAction  # argparse has no other name for what `add_subparsers` returns
Run = Callable[[argparse.Namespace], int]


def group(verbs: Verbs[Parser], name: str, text: str) -> Verbs[Parser]:
    """Add a noun, and return where its verbs go."""
    return _add(verbs, name, text).add_subparsers(dest=f"{name}_verb", required=True, metavar="COMMAND")


def verb(verbs: Verbs[Parser], name: str, text: str, run: Run) -> Parser:
    """Add a verb that runs a function."""
    parser = _add(verbs, name, text)
    parser.set_defaults(run=run)
    return parser


def method(
    verbs: Verbs[Parser],
    name: str,
    text: str,
    takes: type[Parameters],
    *,
    params: Callable[[argparse.Namespace], dict[str, Any]] | None = None,
    run: Run = one_call,
    prints: bool = True,
) -> Parser:
    """Add a verb that is one control method, such as `consent.withdraw`.

    Args:
        takes: What the method takes, each field filled from the operand or option of its name, where that is given.
        params: Makes the parameters where they are not so easily made.
        run: What calls it and prints the answer.
        prints: Whether it can print JSON.
    """
    parser = with_config(verb(verbs, name.rpartition(".")[2], text, run), prints=prints)
    parser.set_defaults(method=name, takes=takes, params=params or named)
    return parser


def named(args: argparse.Namespace) -> dict[str, Any]:
    """Return a method's parameters as they are given, by name."""
    given = {name: getattr(args, name, None) for name in args.takes.__struct_fields__}
    return {name: value for name, value in given.items() if value not in (None, "")}


def with_config(parser: Parser, *, prints: bool = True) -> Parser:
    """Add the configuration's option and, where the command prints an answer, `--json`."""
    parser.add_argument(
        "--config",
        type=Path,
        default=configured_file(),
        metavar="FILE",
        help=f"configuration (default: ${CONFIG_VARIABLE}, or {CONFIG_FILE})",
    )
    if prints:
        parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def with_language(parser: Parser, what: str) -> Parser:
    """Add `--language`; where it is not given, the language of the person's locale goes along as `locale`."""
    parser.add_argument(
        "--language",
        choices=LANGUAGES,
        help=f"{what} (default: the language of LANG where the city has it, else the city's first)",
    )
    parser.set_defaults(locale=locale_language(os.environ))
    return parser


def _add(verbs: Verbs[Parser], name: str, text: str) -> Parser:
    return verbs.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".", allow_abbrev=False)
