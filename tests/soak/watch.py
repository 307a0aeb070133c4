"""Looks at the gateway's process now and then: its memory and its open files."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.soak.slopes import Sample
from tests.soak.stage import Stage

EVERY_S = 0.5


class Watch:
    """Samples of each run of the gateway, taken while the context lasts.

    Attributes:
        samples: In the order in which they were taken.
    """

    def __init__(self, stage: Stage) -> None:
        self.samples: list[Sample] = []
        self._stage = stage
        self._began_s = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        began: dict[int, float] = {}
        while not self._stopping.wait(EVERY_S):
            run, process, now_s = self._stage.generation, self._stage.live.process, time.monotonic()
            with suppress(OSError, StopIteration):
                assert process is not None
                rss_kib, fds = _seen(process.pid)
                self.samples.append(Sample(run, now_s - began.setdefault(run, now_s), now_s - self._began_s, rss_kib, fds))


def _seen(pid: int) -> tuple[int, int]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    rss = next(line for line in lines if line.startswith("VmRSS"))
    return int(rss.split()[1]), len(os.listdir(f"/proc/{pid}/fd"))
