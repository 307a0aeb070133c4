"""What goes wrong in a soak, one thing after another, chosen at random by the seed; after each all must be well by itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from signal import SIGKILL

from tests.crash.scene import Publishing
from tests.crash.street import HOUR_MS
from tests.soak.stage import Stage
from tests.support.program import Program

SPARING = frozenset({"sensors' broker killed", "upstream broker killed", "portal killed", "recipient killed", "disk filled"})
"""What the gateway's process lives through."""
NO_MOUNT = "only root may mount a disk of its own"
NO_FAKETIME = "libfaketime is not installed"


class Course:
    """The faults of a soak.

    Attributes:
        played: How often each was played.
        not_played: Why one is not, by its name.
        kills: How often a process was killed.
        killed_at: How many messages had been sent when the sensors' broker had last come back from a kill.
        longest_gap_s: The longest that the broker waited for an acknowledgement while nothing was being played.
        left_withheld: How many bundles were formed while the clock was implausible.
    """

    def __init__(self, stage: Stage, sensors: Publishing) -> None:
        self.played: Counter[str] = Counter()
        self.kills = 0
        self.killed_at = 0
        self.longest_gap_s = 0.0
        self.left_withheld = 0
        self._stage = stage
        self._sensors = sensors
        self._faults: Mapping[str, tuple[int, Callable[[], None]]] = {
            "gateway killed": (6, self._kill_gateway),
            "gateway killed while the disk was full": (2, self._kill_on_full_disk),
            "everything killed at once": (2, self._cut_power),
            "clock wrong from a start to the next": (2, self._start_with_wrong_clock),
            "clock set while it runs": (2, self._set_clock),
            "sensors' broker killed": (2, self._kill_broker),
            "upstream broker killed": (3, self._kill_upstream),
            "portal killed": (2, partial(self._kill_program, stage.portal)),
            "recipient killed": (2, partial(self._kill_program, stage.recipient.program)),
            "disk filled": (2, self._fill_disk),
        }
        self.not_played: dict[str, str] = {}
        if stage.disk is None:
            self.not_played |= dict.fromkeys(("disk filled", "gateway killed while the disk was full"), NO_MOUNT)
        if stage.false_clock is None:
            self.not_played["clock set while it runs"] = NO_FAKETIME

    @property
    def missing(self) -> set[str]:
        """What has not been played yet, and can be."""
        return {name for name in self._faults if not self.played[name]} - self.not_played.keys()

    def play(self, *, sparing: bool) -> str:
        """Have something go wrong, and wait until all is well again; return what it was.

        Args:
            sparing: Whether the gateway's process is to live on, once everything has been played.
        """
        chance, names = self._stage.random, [name for name in self._faults if name not in self.not_played]
        names = [name for name in names if name in SPARING] if sparing else names
        names = sorted(self.missing) or names  # each once before any comes again
        (name,) = chance.choices(names, [self._faults[name][0] for name in names])
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
        self._note_broker_back()

    def _cut_power(self) -> None:
        """Kill gateway, portal, recipient and both brokers at once, and start them again."""
        stage = self._stage
        brokers, programs = (stage.broker, stage.upstream), (stage.portal, stage.recipient.program)
        stage.live.kill()
        for broker in brokers:
            broker.stop(SIGKILL)
        for program in programs:
            program.end()
        self.kills += 1 + len(brokers) + len(programs)
        for broker in brokers:
            broker.start()
        stage.start()
        for program in programs:
            program.start()
        self._note_broker_back()

    def _note_broker_back(self) -> None:
        """Note how much had been sent when the gateway is back at the sensors' broker: of that the broker may have lost some."""
        self._stage.wait_ready()
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

    def _kill_program(self, program: Program) -> None:
        program.end()
        self.kills += 1
        program.start()

    def _fill_disk(self) -> None:
        """Fill the disk under the gateway for a while."""
        stage = self._stage
        assert stage.disk is not None
        stage.disk.fill()
        time.sleep(stage.random.uniform(1, 3))
        stage.disk.empty()

    def _kill_on_full_disk(self) -> None:
        """Fill the disk under the gateway, and kill it before there is room again."""
        stage = self._stage
        assert stage.disk is not None
        stage.disk.fill()
        time.sleep(stage.random.uniform(0.5, 2))
        stage.live.kill()
        self.kills += 1
        stage.disk.empty()
        stage.start()

    def _start_with_wrong_clock(self) -> None:
        """Start the gateway with a clock that is hours ahead, and again with the right one: it must wait until that is due."""
        stage = self._stage
        self._start_by(round(stage.random.uniform(1, 4) * HOUR_MS))
        stage.wait_ready()
        time.sleep(stage.random.uniform(1, 3))
        latest_ms = stage.latest_entry_ms()
        self._start_by(0)
        self._see_withheld(latest_ms)

    def _set_clock(self) -> None:
        """Set the clock hours ahead while the gateway runs, and right again: it must wait until that is due.

        It runs under a false clock meanwhile, which costs it half its speed.
        """
        stage = self._stage
        assert stage.false_clock is not None
        stage.live.kill()
        stage.start(stage.false_clock.environment(heard_within_s=1))
        stage.wait_ready()
        stage.set_clock(round(stage.random.uniform(1, 3) * HOUR_MS))
        time.sleep(stage.random.uniform(2, 4))
        latest_ms = stage.latest_entry_ms()
        stage.set_clock(0)
        while stage.status()["clock"]["now_ms"] > stage.true_ms() + HOUR_MS // 2:
            time.sleep(0.05)  # it has not heard of it yet
        self._see_withheld(latest_ms)
        stage.wait_ready()
        stage.live.kill()
        self.kills += 2
        stage.start()

    def _see_withheld(self, latest_ms: int) -> None:
        """Count what leaves while the clock stands before the log's latest entry: nothing may."""
        first: int | None = None
        while (shown := self._stage.status())["clock"]["now_ms"] < latest_ms:
            formed = shown["ledger"].get("bundles.formed", 0)
            first = formed if first is None else first
            self.left_withheld = max(self.left_withheld, formed - first)
            time.sleep(0.1)

    def _start_by(self, by_ms: int) -> None:
        stage = self._stage
        stage.live.kill()
        self.kills += 1
        stage.started_by_ms = by_ms
        stage.start()
