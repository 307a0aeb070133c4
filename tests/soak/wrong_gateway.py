"""A gateway that is wrong on purpose, so that a soak shows that it finds what it is for.

python -m tests.soak.wrong_gateway WAY run --config FILE
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gateway.audit.log.folder import LogFolder
from gateway.cli import main
from gateway.core import pipeline
from gateway.core.changes import changes
from gateway.core.ledger import Ledger
from gateway.core.mqtt.events import Frame
from gateway.core.state import State

ONE_IN = 50
"""Of so many things one goes wrong."""
LEAKED_BYTES, HOUR_MS = 100 * 1024, 3_600_000
"""So much is never freed of each hour of the city's time: 2 MiB in a minute."""


def lose() -> None:
    """Acknowledge some messages, and do nothing with them."""
    take, seen = pipeline.take_frames, 0

    def take_some(state: State, frames: Sequence[Frame], now_ms: int) -> None:
        nonlocal seen
        before, seen = seen, seen + len(frames)
        take(state, [frame for number, frame in enumerate(frames, before) if number % ONE_IN], now_ms)

    pipeline.take_frames = take_some


def count_twice() -> None:
    """Put some readings into the outbox twice, and account for both."""
    put = pipeline._put_in_outbox

    def put_twice(state: State, records: list[pipeline._Taken]) -> None:
        again = records[::ONE_IN]
        for account in ("pairs.considered", "pairs.recorded", "pairs.waiting"):
            state.ledger.add(account, len(again))
        put(state, [*records, *again])

    pipeline._put_in_outbox = put_twice


def leak() -> None:
    """Log what homes permit and end, and go on as before."""
    changes.compile_devices = lambda *_: None  # type: ignore[attr-defined]


def break_log() -> None:
    """Publish entries of the log that are not those that are hashed."""
    publish = LogFolder.publish

    def publish_changed(self: LogFolder, files: Mapping[str, bytes], checkpoint_note: bytes) -> None:
        changed = {path: data[:-1] + bytes([data[-1] ^ 1]) if "/entries/" in path else data for path, data in files.items()}
        publish(self, changed, checkpoint_note)

    LogFolder.publish = publish_changed  # type: ignore[method-assign]


def miscount() -> None:
    """Leave some messages out of the ledger."""
    add = Ledger.add

    def add_some(self: Ledger, account: str, n: int = 1) -> None:
        add(self, account, n - (account == "frames.admitted"))

    Ledger.add = add_some  # type: ignore[method-assign]


def leak_memory() -> None:
    """Free nothing of some memory, hour by hour."""
    take, kept = pipeline.take_frames, dict[int, bytes]()

    def take_and_keep(state: State, frames: Sequence[Frame], now_ms: int) -> None:
        if now_ms // HOUR_MS not in kept:
            kept[now_ms // HOUR_MS] = b"kept" * (LEAKED_BYTES // 4)
        take(state, frames, now_ms)

    pipeline.take_frames = take_and_keep


WAYS: Final[Mapping[str, Callable[[], None]]] = {
    "loses": lose,
    "counts-twice": count_twice,
    "leaks": leak,
    "breaks-log": break_log,
    "miscounts": miscount,
    "leaks-memory": leak_memory,
}
OVER_RUNS: Final = frozenset({"leaks-memory"})
"""Ways that only several runs of the gateway tell: it is killed meanwhile, as one that is right."""

if __name__ == "__main__":
    for way in sys.argv[1].split(","):
        WAYS[way]()
    sys.exit(main(sys.argv[2:]))
