"""Which files are made by which maker, and how values are laid out in them: one case a line, so that a difference is readable."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.vectors.generator import merkle, notes, senml, tile_log

FOLDER = Path(__file__).resolve().parent.parent
MADE: dict[str, Callable[[], dict[str, Any]]] = {
    "merkle.json": merkle.values,
    "notes.json": notes.values,
    "senml.json": senml.values,
    "tile_log.json": tile_log.values,
}


def as_text(values: dict[str, Any]) -> str:
    """Return the text of a file: each key, and below it each case on a line of its own."""
    return "{\n" + ",\n".join(f"{_json(key)}: {_block(value)}" for key, value in values.items()) + "\n}\n"


def load(name: str) -> Any:
    """Return what a stored file holds."""
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def _block(value: Any) -> str:
    if isinstance(value, list):
        return "[\n" + ",\n".join(f" {_json(one)}" for one in value) + "\n]"
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f" {_json(key)}: {_json(one)}" for key, one in value.items()) + "\n}"
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
