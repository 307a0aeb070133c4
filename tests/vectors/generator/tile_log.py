"""Makes ``tile_log.json``: the files of a small log with partial tiles, what logs of other sizes consist of, and names of files.

Source: C2SP tlog-tiles; signed as `notes` signs.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Any

from tests.vectors.generator.notes import ANA, RIVER
from tests.vectors.generator.rfc6962 import Tree

SIZE = 300
SIZES = (0, 1, 2, 255, 256, 257, 300, 511, 512, 513, 700)
_WIDTH = 256
_NAMED = [
    (0, 0, 256),
    (0, 0, 1),
    (1, 7, 255),
    (0, 999, 256),
    (0, 1000, 256),
    (2, 1067, 256),
    (0, 1234067, 256),
    (0, 1234067, 8),
    (63, 5000000, 12),
]


def entry(number: int) -> bytes:
    """Return an entry: the first is empty, a few are long."""
    return b"" if number == 0 else b"entry %d;" % number * (40 if number % 64 == 63 else 1)


def values() -> dict[str, Any]:
    """Return the file's values."""
    entries = [entry(number) for number in range(max(SIZES))]
    root = b64encode(Tree(entries[:SIZE]).hash(0, SIZE)).decode()
    text = f"{RIVER.name}\n{SIZE}\n{root}\n"
    return {
        "size": SIZE,
        "root": root,
        "vkey": RIVER.vkey,
        "witness": ANA.vkey,
        "checkpoint": text + "\n" + RIVER.line(text) + ANA.line(text),
        "files": {path: b64encode(data).decode() for path, data in sorted(files(entries[:SIZE]).items())},
        "sizes": [
            {
                "size": size,
                "root": Tree(entries[:size]).hash(0, size).hex(),
                "sha256": {path: sha256(data).hexdigest() for path, data in sorted(files(entries[:size]).items())},
            }
            for size in SIZES
        ],
        "paths": [
            {"level": level, "index": index, "width": width, "path": tile_path(str(level), index, width)}
            for level, index, width in _NAMED
        ],
    }


def files(entries: list[bytes]) -> dict[str, bytes]:
    """Return every tile and bundle of a log: level L tile N holds the roots of the 256^L entries from each multiple on."""
    tree, found, level = Tree(entries), {}, 0
    while (step := _WIDTH**level) <= len(entries):
        hashes = [tree.hash(start, start + step) for start in range(0, len(entries) - step + 1, step)]
        for start in range(0, len(hashes), _WIDTH):
            part = hashes[start : start + _WIDTH]
            found[tile_path(str(level), start // _WIDTH, len(part))] = b"".join(part)
        level += 1
    for start in range(0, len(entries), _WIDTH):
        part = entries[start : start + _WIDTH]
        found[tile_path("entries", start // _WIDTH, len(part))] = b"".join(len(one).to_bytes(2, "big") + one for one in part)
    return found


def tile_path(level: str, index: int, width: int) -> str:
    """Return a path: the index in groups of three digits, all but the last with an `x` before; a partial one with its width."""
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join(["tile", level, *("x" + group for group in groups[:-1]), groups[-1]])
    return path if width == _WIDTH else f"{path}.p/{width}"
