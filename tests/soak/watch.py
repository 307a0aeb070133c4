"""Looks at the gateway's process now and then: its memory and its open files."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from tests.soak.slopes import Sample
from tests.soak.stage import Stage
from tests.support.memory import resident_kib


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
            rss_kib, fds = resident_kib(process.pid), len(os.listdir(f"/proc/{process.pid}/fd"))
            since_s = now_s - self._runs_began_s.setdefault(run, now_s)
            self.samples.append(Sample(run, since_s, now_s - self._began_s, rss_kib, fds))
