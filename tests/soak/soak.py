"""A soak from its beginning to its end, and what it comes to."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from gateway.audit.log.handover import LogKeys
from gateway.audit.log.notes import Verifier
from gateway.audit.log.reader import LogReader, OpeningsReader
from gateway.audit.replay.replay import Replay
from gateway.audit.verify.age import AuditTime
from gateway.audit.verify.trust import Anchors, open_checkpoint
from tests.crash.scene import Publishing
from tests.soak.citizens import Citizens
from tests.soak.city import HILL, QUIET, ZONES
from tests.soak.course import Course
from tests.soak.judge import Evidence, judge
from tests.soak.slopes import Slope, slope
from tests.soak.stage import RATE, Stage, stage
from tests.soak.watch import Watch
from tests.support.live import LiveGateway

CITY_WARM_UP_S = 2.5 * 24 * 3600 / RATE
"""Before this the gateway has not yet seen the two days of which it remembers which readings came, and has to grow."""
WARM_UP_S = 150.0
"""Nor is it looked at so long after a start, while it fills its caches."""
CYCLE_S, KILLING_S = 300.0, 60.0
"""Of every stretch of this length the gateway is killed only in the first part, so that it is also seen to run for a while."""
FLAT_KIB, FLAT_FDS = 1024.0, 0.5
"""By so much a minute, in which twenty hours pass, memory or open files may grow where they are shown to grow."""
TOO_SHORT = "too short to tell"
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
    tracebacks: int
    faults: dict[str, int]
    not_played: dict[str, str]
    actions: dict[str, int]
    bundles: int
    bundles_lost_by_broker: int
    records: int
    accounts: dict[str, int]
    examples: list[str]

    @property
    def holds(self) -> bool:
        """Return whether everything is as it must be."""
        zeros = self.lost == self.counted_twice == self.leaked == self.tracebacks == 0
        books = (self.audit, self.replay, self.ledger) == ("ok", "ok", "balanced")
        return zeros and books and self.slopes in ("flat", TOO_SHORT)


def soak(folder: Path, seed: int, minutes: float, show: Callable[[str], None], tell: Callable[[str], None]) -> Result:
    """Run a soak.

    Args:
        folder: Empty.
        minutes: How long; longer where not everything has gone wrong by then.
        show: Told how far it is, in a line that replaces the former.
        tell: Told what went wrong, a line each.
    """
    with stage(folder, seed) as made:
        began_s = time.monotonic()
        ends_s = began_s + 60 * minutes
        with made.sensors() as sensors, Watch(made) as watch, Citizens(made) as citizens:
            course = Course(made, sensors)
            while (time.monotonic() < ends_s or course.missing) and sensors.running:
                next_s = time.monotonic() + made.random.uniform(1, 8)
                while (left_s := next_s - time.monotonic()) > 0:
                    show(_line(ends_s, sensors, course, citizens, watch))
                    time.sleep(min(1.0, left_s))
                tell(course.play(sparing=(time.monotonic() - began_s) % CYCLE_S > KILLING_S))
                citizens.check()
            assert sensors.running, "the sensors ended too early"
            sensors.stop()
        show("letting everything run dry, and counting")
        return _finish(made, course, sensors, citizens, watch, minutes)


def _line(ends_s: float, sensors: Publishing, course: Course, citizens: Citizens, watch: Watch) -> str:
    """Return how far it is."""
    rss_mib = watch.samples[-1].rss_kib // 1024 if watch.samples else 0
    return (
        f"{max(0, round(ends_s - time.monotonic()))} s left: {len(sensors.published)} readings sent, {course.kills} kills, "
        f"{citizens.done.total()} changes of mind and policy, gateway at {rss_mib} MiB"
    )


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
        passed=made.tap.passed,
        taken=made.tap.taken,
        bundles=bundles,
        others=frozenset(made.upstream_tap.others),
        permits=made.permits,
        reaches=citizens.reaches,
        ledger=shown["ledger"],
        districts=DISTRICTS,
    )
    verdict = judge(seen)
    verdict.note("leaked", course.left_withheld, "bundles were formed while the clock was implausible")
    samples = [sample for sample in watch.samples if sample.at_s >= WARM_UP_S and sample.city_s >= CITY_WARM_UP_S]
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
        slopes=_slopes(rss, fds),
        longest_gap_ms=round(1000 * max(course.longest_gap_s, made.tap.longest_s)),
        tracebacks=made.live.log().count("Traceback"),
        faults=dict(course.played),
        not_played=course.not_played,
        actions=dict(citizens.done),
        bundles=len(bundles),
        bundles_lost_by_broker=len(made.upstream_tap.taken_bundles - made.listener.bundles().keys()),
        records=sum(len(bundle.records) for bundle in bundles.values()),
        accounts=shown["ledger"],
        examples=verdict.examples,
    )


def _slopes(rss: Slope, fds: Slope) -> str:
    if rss.low is None or fds.low is None:
        return TOO_SHORT
    return "flat" if rss.is_flat(FLAT_KIB) and fds.is_flat(FLAT_FDS) else "growing"


def _bounds(found: Slope) -> tuple[float | None, float | None]:
    return tuple(None if bound is None else round(bound, 3) for bound in (found.low, found.high))  # type: ignore[return-value]


def _replay(live: LiveGateway, now_ms: int) -> str:
    """Make every decision again from the log and its openings; return `ok`, or what is wrong."""
    assert live.place.openings is not None
    reader, verifier = LogReader(live.place.log), Verifier.parse(live.vkey)
    checkpoint, _ = open_checkpoint(reader.checkpoint(), Anchors(verifier))
    replayed = Replay(reader, checkpoint, LogKeys(verifier), OpeningsReader(live.place.openings), at=AuditTime(now_ms)).run()
    return "ok" if not replayed.findings else "; ".join(f"{found.where}: {found.problem}" for found in replayed.findings)[:2000]
