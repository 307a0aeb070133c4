"""Writes the JSON files of ``tests/vectors`` again."""

from __future__ import annotations

from tests.vectors.generator.files import FOLDER, MADE, as_text

for name, values in MADE.items():
    (FOLDER / name).write_text(as_text(values()), encoding="utf-8")
