"""How commands print an answer: as JSON for programs, in lines for people. Answers hold other people's text."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from consent.printable import printable
from gateway.errors import OperatorError
from gateway.files import SecretFileError, create_file, refuse_anothers

_INSTANTS = frozenset({"time_ms", "since_ms", "expiry_ms", "now_ms", "expires_ms"})


def show(args: argparse.Namespace, data: dict[str, Any], text: str) -> None:
    """Print an answer as the command was asked to."""
    print(json.dumps(data) + "\n" if args.json else text, end="")


def save(file: Path, data: bytes) -> None:
    """Write what speaks of a person to a new file that only its owner can read.

    Raises: OperatorError: it is there already, or cannot be written.
    """
    refuse_anothers(file, for_reader=True)
    try:
        create_file(file, data)
    except SecretFileError as error:
        raise OperatorError(f"`{file}`: exists already" if file.exists() else str(error)) from error


def in_lines(answer: dict[str, Any], indent: str = "") -> str:
    """Return an answer in lines, one for each value; instants are told in UTC."""
    lines = ""
    for key, value in answer.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines += f"{indent}{printable(key)}\n" + "\n".join(in_lines(row, indent + "  ") for row in value)
        elif isinstance(value, dict) and value:
            lines += f"{indent}{printable(key)}\n" + in_lines(value, indent + "  ")
        else:
            name = key.removesuffix("_ms") if key in _INSTANTS else key
            lines += printable(f"{indent}{name:<14} {_told(key, value)}").rstrip() + "\n"
    return lines


def _told(key: str, value: Any) -> str:
    if value is None or value == {}:
        return "-"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if key in _INSTANTS and isinstance(value, int):
        return utc(value)
    return str(value)


def utc(time_ms: int) -> str:
    """Return an instant as ISO 8601, to the second."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
