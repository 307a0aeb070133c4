"""What goes wrong in a soak, one thing after another, each chosen at random by the seed; after each all must be well by itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from signal import SIGKILL

from tests.crash.scene import Publishing
from tests.crash.street import HOUR_MS
from tests.soak.stage import RATE, Stage

NO_MOUNT = "only root may mount a disk of its own"


class Course:
    """The faults of a soak.

    Attributes:
        played: How often each was played.
        not_played: Why one is not, by its name.
        kills: How often a process was killed.
        killed_at: How many messages had been sent when the sensors' broker had last come back from a kill.
        calm: Whether nothing is being played at this moment.
    """

    def __init__(self, stage: Stage, sensors: Publishing) -> None:
        self.played: Counter[str] = Counter()
        self.kills = 0
        self.killed_at = 0
        self.longest_gap_s = 0.0
        self._stage = stage
        self._sensors = sensors
        self._faults: Mapping[str, tuple[int, Callable[[], None]]] = {
            "gateway killed": (6, self._kill_gateway),
            "sensors' broker killed": (2, self._kill_broker),
            "upstream broker killed": (3, self._kill_upstream),
            "portal killed": (2, self._kill_portal),
            "disk filled": (2, self._fill_disk),
            "clock set forward and back": (2, self._step_clock),
        }
        self.not_played = {} if stage.disk is not None else {"disk filled": NO_MOUNT}

    def play(self) -> str:
        """Let something go wrong, and wait until all is well again; return what it was."""
        chance, names = self._stage.random, [name for name in self._faults if name not in self.not_played]
        missing = [name for name in names if not self.played[name]]
        weights = [self._faults[name][0] for name in missing or names]
        (name,) = chance.choices(missing or names, weights)  # each once before any comes again
        self.longest_gap_s = max(self.longest_gap_s, self._stage.tap.longest_s)
        self._faults[name][1]()
        self._stage.wait_ready()
        self._stage.tap.longest_s = 0.0
        self.played[name] += 1
        return name

    def _kill_gateway(self) -> None:
        """Kill it at any moment of its work, of four times once while it starts."""
        stage = self._stage
        stage.live.kill()
        self.kills += 1
        stage.start()
        if stage.random.random() < 0.25:
            time.sleep(stage.random.uniform(0, 1.0))
            stage.live.kill()
            self.kills += 1
            stage.start()

    def _kill_broker(self) -> None:
        """Kill the sensors' broker; what it had not written down is lost."""
        stage = self._stage
        stage.broker.stop(SIGKILL)
        self.kills += 1
        time.sleep(stage.random.uniform(0, 1.0))
        stage.broker.start()
        stage.wait_ready()
        sent = len(self._sensors.published)
        while self._sensors.running and len(self._sensors.published) == sent:
            time.sleep(0.05)  # the stretch under way may hold what was lost
        self.killed_at = len(self._sensors.published)

    def _kill_upstream(self) -> None:
        stage = self._stage
        stage.upstream.stop(SIGKILL)
        self.kills += 1
        time.sleep(stage.random.uniform(0, 3.0))
        stage.upstream.start()

    def _kill_portal(self) -> None:
        stage = self._stage
        stage.portal.end()
        self.kills += 1
        stage.portal.start()

    def _fill_disk(self) -> None:
        """Fill the disk under the gateway for a while; of two times once it is killed meanwhile."""
        stage = self._stage
        assert stage.disk is not None
        stage.disk.fill()
        time.sleep(stage.random.uniform(1, 3))
        killed = stage.random.random() < 0.5
        if killed:
            stage.live.kill()
            self.kills += 1
        stage.disk.free()
        if killed:
            stage.start()

    def _step_clock(self) -> None:
        """Start the gateway with a clock that is hours ahead, and again with the right one: it must wait until that is due."""
        stage = self._stage
        self._start_by(round(stage.random.uniform(1, 4) * HOUR_MS))
        stage.wait_ready()
        time.sleep(stage.random.uniform(1, 3))
        self._start_by(0)
        before = stage.status()
        latest_ms = before["clock"]["now_ms"]
        size = before["log"]["size"]
        del latest_ms, size

    def _start_by(self, shift_ms: int) -> None:
        stage = self._stage
        stage.live.kill()
        self.kills += 1
        stage.shift_ms = shift_ms
        stage.start()
