"""Looks at the gateway's process now and then: its memory and its open files."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from tests.soak.slopes import Sample
from tests.soak.stage import Stage


class Watch:
    """Samples of each run of the gateway.

    Attributes:
        samples: In the order in which they were taken.
    """

    def __init__(self, stage: Stage) -> None:
        self.samples: list[Sample] = []
        self._stage = stage
        self._began_s = time.monotonic()
        self._runs_began_s: dict[int, float] = {}

    def look(self) -> None:
        """Take a sample, unless no gateway runs at the moment."""
        run, process, now_s = self._stage.generation, self._stage.live.process, time.monotonic()
        assert process is not None
        with suppress(OSError, StopIteration):
            rss_kib, fds = _seen(process.pid)
            since_s = now_s - self._runs_began_s.setdefault(run, now_s)
            self.samples.append(Sample(run, since_s, now_s - self._began_s, rss_kib, fds))


def _seen(pid: int) -> tuple[int, int]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    rss = next(line for line in lines if line.startswith("VmRSS"))
    return int(rss.split()[1]), len(os.listdir(f"/proc/{pid}/fd"))
