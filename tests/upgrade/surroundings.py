"""Surroundings that are the same in each run: randomness, the machine's boot, the wraps of keys; and what is written in them.

Randomness is drawn from a stream for each purpose, so that purposes may come to draw in another order; within one they may not.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from hashlib import sha256
from pathlib import Path
from unittest import mock

import structlog

import gateway.core.release.formats.sealed
import gateway.recipient.opening
from gateway.edge import system_clock
from gateway.edge.keys.sealing import Sealer
from gateway.recipient.wire import KEY_WRAP_SUITE

HASH_SEED = "0"
"""The hash seed of Python by which sets of ids have an order; the run must be a process of its own that begins with it."""

STREAMS = {
    "segment_keys": "segment keys",
    "log": "salts",
    "state": "salts",
    "openings": "padding of labels",
    "subjects": "households",
    "devices": "devices",
    "sessions": "coming in",
    "claims": "coming in",
    "credentials": "coming in",
    "records": "ids of readings",
    "draft": "ids of figures",
    "order": "order of records",
    "gaussian": "noise",
    "entry": "padding of labels",
    "pseudonyms": "pseudonym keys",
    "daily": "content keys",
    "sealing": "nonces",
}
"""What a module of the gateway, by its last name, draws randomness for."""


class FixedRandomness:
    """Stands in for ``os.urandom``; whoever is not of this project gets the real one."""

    def __init__(self) -> None:
        self._real = os.urandom
        self._drawn: Counter[tuple[str, int]] = Counter()

    def __call__(self, n: int) -> bytes:
        """Return ``n`` bytes, for the purpose of the module that asks."""
        module = str(sys._getframe(1).f_globals["__name__"])
        if not module.startswith(("gateway.", "consent.")):
            return self._real(n)
        stream = STREAMS[module.rpartition(".")[2]], n
        self._drawn[stream] += 1
        seed = repr((*stream, self._drawn[stream])).encode()
        return b"".join(sha256(seed + at.to_bytes(4, "big")).digest() for at in range(n // 32 + 1))[:n]


class FixedWrap:
    """Stands in for HPKE, which draws its ephemeral keys where nobody can fix them; the wraps are as long, and hide nothing."""

    def __init__(self) -> None:
        self._keys: dict[bytes, bytes] = {}

    def encrypt(self, key: bytes, _public_key: object, info: bytes) -> bytes:
        """Return a wrap that depends on the key and on what it is for."""
        wrap = b"".join(sha256(bytes([part]) + info + key).digest() for part in range(3))[:80]
        self._keys[wrap] = key
        return wrap

    def decrypt(self, wrap: bytes, _private_key: object, _info: bytes) -> bytes:
        """Return the key that was wrapped."""
        return self._keys[wrap]


@contextmanager
def fixed(written: Callable[[str, bytes], None] = lambda _table, _content: None, *, wraps: bool = True) -> Iterator[None]:
    """Fix the surroundings.

    Args:
        written: Told of each row that is sealed: its table, and what it holds.
        wraps: Fix the wraps of content keys too; what is sealed under them can then be opened only in here.
    """
    seal = Sealer.seal

    def sealed(self: Sealer, table: str, row_id: bytes, plaintext: bytes) -> bytes:
        if table != "sealing_key":
            written(table, plaintext)
        return seal(self, table, row_id, plaintext)

    wrap = FixedWrap() if wraps else KEY_WRAP_SUITE
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with ExitStack() as stack:
        for target, name, stand_in in (
            (os, "urandom", FixedRandomness()),
            (time, "time", lambda: 1_772_409_600.0),
            (system_clock, "boot_id", lambda: "00000000-0000-0000-0000-000000000000"),
            (gateway.core.release.formats.sealed, "KEY_WRAP_SUITE", wrap),
            (gateway.recipient.opening, "KEY_WRAP_SUITE", wrap),
            (Sealer, "seal", sealed),
        ):
            stack.enter_context(mock.patch.object(target, name, stand_in))
        yield
    structlog.reset_defaults()


class TablesWatch:
    """Looks at what lies open in the database's tables, beside the gateway that writes them."""

    def __init__(self, database: Path, seen: Callable[[str, bytes], None]) -> None:
        self._database = database
        self._seen = seen
        self._before: defaultdict[str, bytes] = defaultdict(bytes)

    def look(self) -> None:
        """Tell of each table that has changed: all its rows, without what is sealed."""
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
            for table in tables:
                columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                chosen = ", ".join(column for column in columns if column not in ("sealed", "wrapped", "marks"))
                rows = database.execute(f"SELECT {chosen} FROM {table} ORDER BY 1").fetchall()  # noqa: S608  the database's own names
                held = repr(rows).encode()
                if held != self._before[table]:
                    self._before[table] = held
                    self._seen(table, held)
