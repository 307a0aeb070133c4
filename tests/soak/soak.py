"""A soak from its beginning to its end, and what it comes to."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from gateway.audit.log.notes import Verifier
from gateway.audit.log.reader import LogReader, OpeningsReader
from gateway.audit.replay.replay import Replay
from gateway.audit.verify.age import AuditTime
from gateway.audit.verify.report import Report
from gateway.audit.verify.trust import Anchors, open_checkpoint
from tests.crash.scene import Publishing
from tests.soak.citizens import Citizens
from tests.soak.city import HILL, QUIET, ZONES
from tests.soak.course import Course
from tests.soak.judge import Evidence, judge
from tests.soak.slopes import Slope, slope
from tests.soak.stage import Stage, stage
from tests.soak.watch import Watch
from tests.support.live import LiveGateway

WARM_UP_S = 4.0
"""So long after its start a gateway's memory is not looked at."""
FLAT_KIB, FLAT_FDS = 512.0, 0.5
"""By so much a minute memory or open files may grow at most, where it is shown that they grow."""
DISTRICTS = {**dict.fromkeys(ZONES, QUIET), HILL: f"{HILL}side"}


class Result(msgspec.Struct, kw_only=True):
    """What a soak came to, as it is written to a file."""

    seed: int
    minutes: float
    kills: int
    sent: int
    lost: int
    lost_by_broker: int
    counted_twice: int
    leaked: int
    audit: str
    replay: str
    ledger: str
    rss_slope_kib_per_min: float
    rss_slope_ci: tuple[float | None, float | None]
    fd_slope_per_min: float
    fd_slope_ci: tuple[float | None, float | None]
    slopes: str
    longest_gap_ms: int
    faults: dict[str, int]
    not_played: dict[str, str]
    actions: dict[str, int]
    bundles: int
    records: int
    accounts: dict[str, int]
    examples: list[str]

    @property
    def holds(self) -> bool:
        """Return whether everything is as it must be."""
        zeros = self.lost == self.counted_twice == self.leaked == 0
        return zeros and (self.audit, self.replay, self.ledger, self.slopes) == ("ok", "ok", "balanced", "flat")


def soak(folder: Path, seed: int, minutes: float, show: Callable[[str], None] = print) -> Result:
    """Run a soak.

    Args:
        folder: Empty.
        show: Told what happens, in a line.
    """
    with stage(folder, seed) as made:
        ends_s = time.monotonic() + 60 * minutes
        with made.sensors() as sensors, Watch(made) as watch, Citizens(made) as citizens:
            course = Course(made, sensors)
            while time.monotonic() < ends_s and sensors.running:
                time.sleep(made.random.uniform(1, 8))
                name = course.play()
                show(f"{round(ends_s - time.monotonic())} s left, {len(sensors.published)} sent, {course.kills} kills: {name}")
                citizens.check()
            assert sensors.running, "the sensors ended too early"
            sensors.stop()
        return _finish(made, course, sensors, citizens, watch, minutes)


def _finish(made: Stage, course: Course, sensors: Publishing, citizens: Citizens, watch: Watch, minutes: float) -> Result:
    """Let everything run dry, end the gateway, audit its log, and judge."""
    late = {(message.topic, message.payload) for message in sensors.published[course.killed_at :]}
    shown = made.wait_drained(lambda: late <= made.tap.taken.keys() and made.tap.unanswered == 0)
    made.listener.catch_up()
    assert made.live.stop() == 0, "the gateway did not end in order"
    report = made.live.verify()
    replayed = _replay(made.live, made.now_ms()) if report.ok else "not tried"
    bundles = {index: made.live.open(*bundle) for index, bundle in made.upstream_tap.bundles.items()}
    seen = Evidence(
        homes=made.residents,
        sent=sensors.published,
        killed_at=course.killed_at,
        taken=made.tap.taken,
        bundles=bundles,
        others=frozenset(made.upstream_tap.others),
        permits=made.permits,
        reaches=citizens.reaches,
        ledger=shown["ledger"],
        districts=DISTRICTS,
    )
    verdict = judge(seen)
    samples = [sample for sample in watch.samples if sample.at_s >= WARM_UP_S]
    rss, fds = slope((s.run, s.at_s, s.rss_kib) for s in samples), slope((s.run, s.at_s, s.fds) for s in samples)
    return Result(
        seed=made.seed,
        minutes=minutes,
        kills=course.kills,
        sent=len(sensors.published),
        lost=verdict.lost,
        lost_by_broker=verdict.lost_by_broker,
        counted_twice=verdict.counted_twice,
        leaked=verdict.leaked,
        audit="ok" if report.ok else "; ".join(f"{found.where}: {found.problem}" for found in report.findings)[:2000],
        replay=replayed,
        ledger="balanced" if report.ok and not shown["imbalances"] else f"{report.ledger} {shown['imbalances']}",
        rss_slope_kib_per_min=round(rss.per_min, 1),
        rss_slope_ci=_bounds(rss),
        fd_slope_per_min=round(fds.per_min, 3),
        fd_slope_ci=_bounds(fds),
        slopes="flat" if rss.is_flat(FLAT_KIB) and fds.is_flat(FLAT_FDS) else "growing",
        longest_gap_ms=round(1000 * max(course.longest_gap_s, made.tap.longest_s)),
        faults=dict(course.played),
        not_played=course.not_played,
        actions=dict(citizens.done),
        bundles=len(bundles),
        records=sum(len(bundle.records) for bundle in bundles.values()),
        accounts=shown["ledger"],
        examples=verdict.examples,
    )


def _bounds(found: Slope) -> tuple[float | None, float | None]:
    return tuple(None if bound is None else round(bound, 3) for bound in (found.low, found.high))  # type: ignore[return-value]


def _replay(live: LiveGateway, now_ms: int) -> str:
    """Make every decision again from the log and its openings; return `ok`, or what is wrong."""
    assert live.place.openings is not None
    reader, verifier = LogReader(live.place.log), Verifier.parse(live.vkey)
    checkpoint, _ = open_checkpoint(reader.checkpoint(), Anchors(verifier))
    replayed = Replay(reader, checkpoint, verifier, OpeningsReader(live.place.openings), at=AuditTime(now_ms)).run()
    return "ok" if not replayed.findings else "; ".join(f"{found.where}: {found.problem}" for found in replayed.findings)[:2000]
