"""The stage of the crash tests: a real Mosquitto, a slow link, a gateway process on a fast clock, a street, and a city that
listens.

    sensors ──► Mosquitto ◄──slow link──► gateway ◄──slow link──► Mosquitto ──► listener

Nothing but the broker's acknowledgements and the bundles that arrive is believed when it comes to what was lost or doubled; what
the gateway says of itself is checked beside it.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby, pairwise
from pathlib import Path
from typing import Self

from firmware_sim.load import Load
from gateway.audit.log.earlier_payloads import decode_release
from gateway.audit.log.payloads import ReleasePayload
from gateway.audit.log.reader import OpeningsReader
from gateway.config import load_config
from gateway.edge.store.database import DATABASE_FILE
from gateway.recipient.opening import OpenedBundle
from tests.crash.slow_link import HELD_S, SlowLink, slow_link
from tests.crash.street import HOUR_MS, ZONES, Heard, Message, Street, differences, hourly_figures, public_readings
from tests.support.asking import Answer
from tests.support.checkout import ROOT
from tests.support.killed_gate import first_part
from tests.support.live import Listener, LiveGateway
from tests.support.mosquitto import Mosquitto, running_mosquitto
from tests.support.recounted import (
    Release,
    as_counted,
    entries_of,
    hours_as_counted,
    hours_recounted,
    recounted,
    stored_tallies,
)
from tests.support.waiting import HANG_S

MIDNIGHT_MS = 1_779_926_400_000  # 2026-05-28T00:00:00Z
EVENING_MS = MIDNIGHT_MS - 300_000
"""When households consent that are to stand in the figures of the day after: whoever does stands in those of whole days."""
RATE = 1200
"""Simulated seconds in a second: an hour lasts 3 s."""
AHEAD_S = 3.0
"""By so many real seconds the sensors' clocks are ahead of the gateway's, so that no reading is late on a busy machine."""
LATENESS_MS = 2_000 * RATE
"""So long after its end a window stays open: 2 s of real time, however fast the clock runs."""
COMMIT_HELD_S = 0.2
STRETCH_S = 0.5
SCOPE = "purpose:energy-planning"
FIGURES_OFFICE = "city-energy"
"""Who gets the households' figures."""


def fresh_seed() -> int:
    """Return a seed of this run's own, or the one to run again; pytest shows it when the test fails."""
    seed = int(os.environ.get("SLUICE_TEST_SEED") or random.SystemRandom().randrange(10**6))
    print(f"seed {seed}: run again with SLUICE_TEST_SEED={seed}")
    return seed


@dataclass(slots=True)
class Scene:
    """Everything that runs, and what was published.

    Attributes:
        opened: What the city has opened so far, by log index.
    """

    broker: Mosquitto
    link: SlowLink
    upstream: SlowLink
    live: LiveGateway
    street: Street
    listener: Listener
    subjects: list[str]
    random: random.Random
    opened: dict[int, OpenedBundle] = field(default_factory=dict)

    def messages(self, count: int, seconds: float) -> list[Message]:
        """Return about ``count`` messages of sensors whose clocks are ahead from now on, over ``seconds``."""
        return self.street.messages(*self._span(count, seconds))

    def publishing(self, count: int, seconds: float) -> Publishing:
        """Return sensors that publish about ``count`` messages over ``seconds`` from now on, each when its time has come."""
        began_s, span = time.monotonic(), self._span(count, seconds)
        return Publishing(self.broker.port, self.street.stream(*span), RATE, span[0], began_s)

    def _span(self, count: int, seconds: float) -> tuple[int, int, int]:
        now_ms: int = self.live.status()["clock"]["now_ms"]
        start_ms = now_ms // 1000 * 1000 + round(AHEAD_S * RATE) * 1000
        return start_ms, count, start_ms + round(seconds * RATE) * 1000

    def run_for_s(self, least_s: float, most_s: float, *, answering: bool = True) -> None:
        """Let the gateway run for a random while, counted from when it answers, or from its start."""
        if answering:
            self.live.call("status")
        time.sleep(self.random.uniform(least_s, most_s))

    def kill_and_start(self) -> None:
        """Kill the gateway, and start it again."""
        self.live.kill()
        self.live.start(wait=False)

    def kill_in_a_commit(self) -> None:
        """Kill the gateway while it waits for its disk, over quick links, and start it again.

        Whatever it tells anybody before a commit is through is told meanwhile, and found out.
        """
        link_s, upstream_s = self.link.there_s, self.upstream.there_s
        self.link.there_s = self.upstream.there_s = 0.0
        with held_disk(self.live.place.state / DATABASE_FILE):
            time.sleep(COMMIT_HELD_S)
            self.live.kill()
        self.link.there_s, self.upstream.there_s = link_s, upstream_s
        self.live.start(wait=False)

    def kill_in_a_publication(self, *, committed: bool) -> None:
        """Kill the gateway while figures about households leave, and start it again: there is a moment for it every 3 s.

        Args:
            committed: Whether their bundle has reached the city, and its acknowledgement not the gateway, or neither it nor its
                draw was committed.
        """
        now_ms: int = self.live.wait_ready()["clock"]["now_ms"]
        time.sleep((HOUR_MS - (now_ms - LATENESS_MS) % HOUR_MS) / RATE / 1000)
        if committed:
            there_s, back_s = self.upstream.there_s, self.upstream.back_s
            before, self.upstream.there_s, self.upstream.back_s = len(self.listener.messages), 0.0, HELD_S
            deadline_s = time.monotonic() + HANG_S
            while all(recipient != FIGURES_OFFICE for recipient, _, _ in self.listener.messages[before:]):
                assert time.monotonic() < deadline_s, "no publication has left"
                time.sleep(0.01)
            self.live.kill()
            self.upstream.there_s, self.upstream.back_s = there_s, back_s
        else:
            with held_disk(self.live.place.state / DATABASE_FILE):
                time.sleep(2 * COMMIT_HELD_S)
                self.live.kill()
        self.live.start(wait=False)

    def settle(self, timeout_s: float = HANG_S) -> Answer:
        """Wait until the queue is empty and all that may leave now has left; return the status."""

        def is_settled(shown: Answer) -> bool:
            return bool(shown["broker"]["dry"] and shown["outbox_rows"] == shown["bundles_under_way"] == 0)

        return self.live.wait_until(is_settled, timeout_s)

    def heard(self) -> Heard:
        """Open what the city got, each bundle once, however often it is asked."""
        for index, (recipient, content) in self.listener.bundles().items():
            if index not in self.opened:
                self.opened[index] = self.live.open(recipient, content)
        return Heard(self.opened)

    def check(self, messages: Sequence[Message], *, least_hours: int = 0, withdrawn: tuple[str, int] = ("", 0)) -> dict[str, int]:
        """Wait until all is quiet; fail unless every reading arrived once, the figures are right, and books and log agree.

        Args:
            messages: What the broker acknowledged.
            least_hours: How many hours' figures to wait for; all that came are checked.
            withdrawn: The topic of a household that has withdrawn meanwhile, and the log index of that: it stands in every figure
                of before, and in none of after.
        Returns: The ledger.
        """
        expected, expected_figures = public_readings(messages), hourly_figures(messages)
        later_figures = hourly_figures(message for message in messages if message.topic != withdrawn[0])
        self._wait_for(expected.total(), least_hours)
        shown = self.settle()
        self.listener.catch_up()
        heard = self.heard()
        assert len(set(self.listener.messages)) == len(self.listener.bundles()), "a bundle was sent again, and another one"
        assert differences(expected, heard.readings) == ""
        assert expected.total() == len(heard.ids) == heard.ids.total(), "published_public == city_public == city_public_records"
        assert len(heard.figures) >= least_hours
        for start_ms, figures in heard.figures.items():
            late = shown["ledger"].get("pairs.late", 0)
            (index, _) = figures[0]
            right = (expected_figures if index < withdrawn[1] else later_figures)[start_ms]
            assert [(index, right)] == figures, f"the hour from {start_ms}; {late} pairs came too late for theirs"
        ledger: dict[str, int] = shown["ledger"]
        assert shown["imbalances"] == []
        left = [index for index in self.listener.bundles() if index < shown["log"]["size"]]  # more may have left since
        assert ledger["bundles.formed"] - ledger.get("bundles.voided", 0) == ledger["bundles.acknowledged"] == len(left)
        assert ledger.get("pairs.late", 0) == ledger.get("pairs.waiting", 0) == 0
        assert ledger["pairs.released"] == expected.total()
        self.check_log()
        self.check_publications()
        self.check_public_numbers()
        return ledger

    def _wait_for(self, readings: int, figures: int, timeout_s: float = HANG_S) -> None:
        """Wait until so much has arrived, or in vain; what is missing then, ``check`` says."""
        deadline_s = time.monotonic() + timeout_s
        seen = -1
        while time.monotonic() < deadline_s:
            if seen != len(self.listener.messages):
                seen = len(self.listener.messages)
                heard = self.heard()
                if heard.ids.total() >= readings and len(heard.figures) >= figures:
                    return
            time.sleep(0.05)

    def check_log(self) -> None:
        """End the gateway in order; fail unless its log verifies, its ledger balances and it has complained of nothing."""
        assert self.live.stop() == 0
        self.listener.catch_up()
        report = self.live.verify()
        assert report.ok, report.to_text()
        assert report.ledger == "balanced"
        printed = self.live.log()
        complaints = [line for line in printed.splitlines() if '"level": "error"' in line or "Traceback" in line]
        assert complaints == []

    def check_publications(self) -> None:
        """Fail unless each part of each hour's publication has left as one bundle, and no hour between was left out."""
        assert self.live.place.openings is not None
        openings, parts = OpeningsReader(self.live.place.openings), Counter[tuple[int, int]]()
        for index, (recipient, _) in self.listener.bundles().items():
            if recipient == FIGURES_OFFICE:
                payload = decode_release(first_part(openings.read(index) or b""))
                if isinstance(payload, ReleasePayload) and payload.publication is not None:
                    parts[payload.publication.end, payload.publication.part] += 1
        assert set(parts.values()) <= {1}, "a part of a publication left as two bundles"
        ends = {end_ms for end_ms, _ in parts}
        assert len(ends) == 0 or ends == set(range(min(ends), max(ends) + 1, HOUR_MS)), "an hour was left out"

    def check_public_numbers(self) -> None:
        """Fail unless the tallies in the database are those that openings and opened bundles give, counted once more."""
        assert self.live.place.openings is not None
        openings = OpeningsReader(self.live.place.openings)
        releases = [
            Release(entry.time_ms, decode_release(first_part(openings.read(index) or b"")))
            for index, entry in entries_of(self.live.place.database).items()
            if index in self.listener.bundles()  # the others were voided
        ]
        stored = stored_tallies(self.live.place.database)
        assert as_counted(stored.days) == recounted(releases)
        records = [record for bundle in self.opened.values() for record in bundle.records]
        properties = tomllib.loads((self.live.place.policies / "city.toml").read_text())["property"]
        first_steps = {name: table["ladder"][0] for name, table in properties.items()}
        counted = hours_as_counted(stored.hours, first_steps)
        assert counted == hours_recounted(records, ZONES)
        assert counted, "nothing of the city's own was counted by the hour"
        ended = [day for _, day in sorted(stored.days.items()) if day.begin is not None]
        for day, following in pairwise(ended):
            assert day.at == following.begin, "between two days nothing is counted twice, or not at all"


@contextmanager
def scene(folder: Path, seed: int, *, street: Street | None = None) -> Iterator[Scene]:
    """Set the stage: everything runs when this returns, and nothing afterwards. The links are quick until told otherwise.

    The households have consented on the day before, so that they stand in the figures of the first.

    Args:
        folder: Empty.
        seed: Of all that is random here.
        street: Another one than the usual.
    """
    (folder / "broker").mkdir()
    street = street or Street(seed, meters=20)
    with (
        running_mosquitto(folder / "broker") as broker,
        slow_link(broker.port) as link,
        slow_link(broker.port) as upstream,
    ):
        live = LiveGateway(
            folder / "gateway",
            link.port,
            upstream_port=upstream.port,
            policies=policies_by_the_hour(),
            extra=clock(0, EVENING_MS, rate=0),
        )
        subjects = [row["subject"] for row in live.add_devices(street.registry()) if "subject" in row]
        live.offline([("consent.grant", {"subject": subject, "scope": SCOPE}) for subject in subjects])
        set_clock(live, clock(0, EVENING_MS, rate=0), clock(time.time()))
        listener = Listener(broker.port, live.gateway)
        try:
            live.start()
            live.wait_ready()
            yield Scene(broker, link, upstream, live, street, listener, subjects, random.Random(seed))
        finally:
            live.end()
            listener.close()


@contextmanager
def held_disk(database: Path) -> Iterator[None]:
    """Let no commit through: for the gateway this looks like a disk that takes its time."""
    connection = sqlite3.connect(database, timeout=HANG_S, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def clock(at_s: float, start_ms: int = MIDNIGHT_MS, rate: float = RATE) -> str:
    """Return the `[clock]` of a configuration, for a clock that shows ``start_ms`` at Unix time ``at_s``."""
    start = datetime.fromtimestamp(start_ms / 1000, UTC).isoformat()
    return f'\n[clock]\nsimulated = true\nstart = "{start}"\nat = {at_s}\nrate = {rate}\n'


def set_clock(live: LiveGateway, former: str, present: str) -> None:
    """Put another `[clock]` into the configuration of a gateway that does not run."""
    live.config.write_text(live.config.read_text().replace(former, present))
    live.place = load_config(live.config)


def policies_by_the_hour() -> Mapping[str, str]:
    """Return the shipped policies, but that figures leave by the hour, and that their noise is too small to show in any.

    The cases are left out, since they say otherwise.
    """
    folder = ROOT / "policies"
    names = [path.relative_to(folder) for path in folder.rglob("*.toml") if not path.name.endswith(".cases.toml")]
    files = {str(name): (folder / name).read_text() for name in names}
    begin = files["city.toml"].index("[flow.energy-hourly]")
    end = files["city.toml"].index("[flow.", begin + 1)
    flow = files["city.toml"][begin:end]
    for usual, other in (('publish = "day"', 'publish = "window"'), ("budget = 2 }", "budget = 900_000 }")):
        assert flow.count(usual) == 1
        flow = flow.replace(usual, other)
    city = files["city.toml"][:begin] + flow + files["city.toml"][end:]
    return {**files, "city.toml": city.replace("mu_day = 2.1", "mu_day = 1_000_000")}


class Publishing:
    """Sensors that publish in a thread of their own, as their clocks run; leaving the context waits for the last of them.

    Attributes:
        published: What the broker has acknowledged, whole stretches of it at a time.
        reconnects: How often the sensors lost the broker.
    """

    def __init__(
        self, port: int, messages: Iterable[Message], rate: float, start_ms: int = 0, began_s: float | None = None
    ) -> None:
        """Name what to publish, and when.

        Args:
            port: The broker's.
            messages: In the order of their times.
            rate: Simulated seconds in a second by the sensors' clocks; infinite to publish all as fast as a stretch may.
            start_ms: What their clocks show at the beginning.
            began_s: When that was, by the monotonic clock; when the context is entered if None.
        """
        self.published: list[Message] = []
        self.reconnects = 0
        self._port = port
        self._messages = messages
        self._rate = rate
        self._start_ms = start_ms
        self._began_s = began_s
        self._stopped = False
        self._unacknowledged = 0
        self._thread = threading.Thread(target=self._run, name="sensors")

    def _run(self) -> None:
        began_s = time.monotonic() if self._began_s is None else self._began_s
        length_ms = 1000 * STRETCH_S * self._rate
        for _, group in groupby(self._messages, lambda message: (message.t_ms - self._start_ms) // length_ms):
            stretch = list(group)
            pairs = [(message.topic, message.payload) for message in stretch]
            due_s = began_s + (stretch[-1].t_ms - self._start_ms) / 1000 / self._rate
            left_s = due_s - time.monotonic()  # what was held up is made up for
            result = Load("127.0.0.1", self._port, pairs, rate=len(stretch) / max(left_s, STRETCH_S / 4)).run(HANG_S)
            self.reconnects += result.reconnects
            self._unacknowledged = len(result.missing)
            if self._unacknowledged:
                return
            self.published += stretch
            if self._stopped:
                return

    @property
    def running(self) -> bool:
        """Whether they still publish."""
        return self._thread.is_alive()

    def stop(self, least: int = 0) -> None:
        """End after the present stretch, but not before ``least`` messages are published."""
        while self.running and len(self.published) < least:
            time.sleep(0.05)
        self._stopped = True

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stopped |= kind is not None
        self._thread.join()
        if kind is None:
            assert not self._unacknowledged, "the broker did not acknowledge everything"
