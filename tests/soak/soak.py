"""A soak from its beginning to its end, and what it comes to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from gateway.audit.log.handover import LogKeys
from gateway.audit.log.notes import Verifier
from gateway.audit.log.reader import LogReader, OpeningsReader
from gateway.audit.replay.replay import Replay
from gateway.audit.verify.age import AuditTime
from gateway.audit.verify.report import Finding
from gateway.audit.verify.trust import Anchors, open_checkpoint
from gateway.recipient.opening import OpenedBundle
from tests.crash.scene import Publishing
from tests.crash.street import Message
from tests.soak.citizens import Citizens
from tests.soak.city import HILL, OFFICE, QUIET, ZONES
from tests.soak.course import Course
from tests.soak.handed_on import judge_exports, judge_received
from tests.soak.judge import Evidence, Verdict, judge
from tests.soak.slopes import Sample, Slope, slope
from tests.soak.stage import RATE, Stage, stage
from tests.soak.watch import Watch
from tests.soak.wrong_gateway import OVER_RUNS
from tests.support.live import LiveGateway
from tests.support.repeated import Repeated

LOOK_EVERY_S = 0.5
CITY_WARM_UP_S = 2.5 * 24 * 3600 / RATE
"""Before this the gateway has not yet seen the two days of which it remembers which readings came, and has to grow."""
WARM_UP_S = 240.0
"""Nor is it looked at so long after a start, while it fills what has a bound: 65,535 marks of deliveries, those of 220 s of this
city, SQLite's page caches, and what a first export and a first erasure need."""
CYCLE_S, KILLING_S = 420.0, 60.0
"""Of every stretch of this length the gateway is killed only in the first part, so that it is also seen to run for a while."""
FLAT_KIB, FLAT_FDS = 1024.0, 0.5
"""By so much a minute, in which twenty hours pass, memory or open files may grow where they are shown to grow."""
TOO_SHORT = "too short to tell"
LONGEST_TEXT = 5000
TRACEBACK = "Traceback (most recent call last)"
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
    recipient: str
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
        books = (self.audit, self.replay, self.ledger, self.recipient) == ("ok", "ok", "balanced", "ok")
        return zeros and books and self.slopes in ("flat", TOO_SHORT)


def soak(
    folder: Path, seed: int, minutes: float, show: Callable[[str], None], tell: Callable[[str], None], wrong: str = ""
) -> Result:
    """Run a soak.

    Args:
        folder: Empty.
        minutes: How long; longer where not everything has gone wrong by then.
        show: Told how far it is, in a line that replaces the former.
        tell: Told what went wrong, a line each.
        wrong: A way in which the gateway is wrong on purpose, see ``wrong_gateway``; nothing else goes wrong then, unless only
            several runs of it tell.
    """
    is_calm = bool(wrong) and wrong not in OVER_RUNS
    with stage(folder, seed, wrong) as made:
        began_s = time.monotonic()
        ends_s = began_s + 60 * minutes
        watch, citizens = Watch(made), Citizens(made)
        looking = Repeated("watch", watch.look, lambda: LOOK_EVERY_S)
        living = Repeated("citizens", citizens.act, citizens.pause_s)
        with made.sensors() as sensors, looking, living:
            course = Course(made, sensors)
            while (time.monotonic() < ends_s or (course.missing and not is_calm)) and sensors.running:
                next_s = time.monotonic() + made.random.uniform(1, 8)
                while (left_s := next_s - time.monotonic()) > 0:
                    show(_line(ends_s, sensors, course, citizens, watch))
                    time.sleep(min(1.0, left_s))
                if not is_calm:
                    tell(course.play(sparing=(time.monotonic() - began_s) % CYCLE_S > KILLING_S))
                living.check()
                looking.check()
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
    shown = _run_dry(made, sensors.published[course.killed_at :])
    report = made.live.verify()
    bundles = {index: made.live.open(*bundle) for index, bundle in made.upstream_tap.bundles.items()}
    verdict = _judge(made, course, sensors, citizens, bundles, shown["ledger"])
    rss, fds = _growth(watch.samples)
    _, *tracebacks = made.live.log().split(TRACEBACK)
    return Result(
        seed=made.seed,
        minutes=minutes,
        kills=course.kills,
        sent=len(sensors.published),
        lost=verdict.counts["lost"],
        lost_by_broker=verdict.counts["lost_by_broker"],
        counted_twice=verdict.counts["counted_twice"],
        leaked=verdict.counts["leaked"],
        audit=_findings(report.findings),
        replay=_replay(made.live, made.now_ms()) if report.ok else "not tried",
        ledger="; ".join(shown["imbalances"]) or report.ledger,
        recipient=made.recipient.judge_missing(index for index, each in bundles.items() if each.address.recipient == OFFICE),
        rss_slope_kib_per_min=round(rss.per_min, 1),
        rss_slope_ci=_bounds(rss),
        fd_slope_per_min=round(fds.per_min, 3),
        fd_slope_ci=_bounds(fds),
        slopes=_slopes(rss, fds),
        longest_gap_ms=round(1000 * max(course.longest_gap_s, made.tap.longest_s)),
        tracebacks=len(tracebacks),
        faults=dict(course.played),
        not_played=course.not_played,
        actions=dict(citizens.done),
        bundles=len(bundles),
        bundles_lost_by_broker=len(made.upstream_tap.taken_bundles - made.listener.bundles().keys()),
        records=sum(len(bundle.records) for bundle in bundles.values()),
        accounts=shown["ledger"],
        examples=verdict.examples + [TRACEBACK + each[:LONGEST_TEXT] for each in tracebacks[:1]],
    )


def _run_dry(made: Stage, last: Sequence[Message]) -> dict[str, Any]:
    """End the gateway once it has taken the last messages and nothing waits; return its status before that.

    Whoever listens upstream has got by then what the broker has kept.
    """
    wanted = {(message.topic, message.payload) for message in last}
    shown = made.wait_drained(lambda: wanted <= made.tap.taken.keys() and made.tap.unanswered == 0)
    assert made.live.stop() == 0, "the gateway did not end in order"
    made.listener.catch_up()
    made.listener.close()  # before the recipient is sent what is no bundle
    made.recipient.end()
    return shown


def _judge(
    made: Stage,
    course: Course,
    sensors: Publishing,
    citizens: Citizens,
    bundles: Mapping[int, OpenedBundle],
    ledger: Mapping[str, int],
) -> Verdict:
    verdict = judge(
        Evidence(
            homes=made.residents,
            sent=sensors.published,
            killed_at=course.killed_at,
            passed=made.tap.passed,
            taken=made.tap.taken,
            bundles=bundles,
            others=frozenset(made.upstream_tap.others),
            permits=made.permits,
            reaches=citizens.reaches,
            ledger=ledger,
            districts=DISTRICTS,
        )
    )
    judge_received(made.recipient.received(), bundles, verdict)
    judge_exports(citizens.exports, bundles, verdict)
    verdict.note("leaked", course.left_withheld, "bundles were formed while the clock was implausible")
    return verdict


def _growth(samples: Sequence[Sample]) -> tuple[Slope, Slope]:
    """Return how memory and open files have grown since the gateway had warmed up."""
    warm = [sample for sample in samples if sample.at_s >= WARM_UP_S and sample.city_s >= CITY_WARM_UP_S]
    return slope((s.run, s.at_s, s.rss_kib) for s in warm), slope((s.run, s.at_s, s.fds) for s in warm)


def _slopes(rss: Slope, fds: Slope) -> str:
    if rss.low is None or fds.low is None:
        return TOO_SHORT
    return "flat" if rss.is_flat(FLAT_KIB) and fds.is_flat(FLAT_FDS) else "growing"


def _bounds(found: Slope) -> tuple[float | None, float | None]:
    return None if found.low is None else round(found.low, 3), None if found.high is None else round(found.high, 3)


def _replay(live: LiveGateway, now_ms: int) -> str:
    """Make every decision again from the log and its openings; return `ok`, or what is wrong."""
    assert live.place.openings is not None
    reader, verifier = LogReader(live.place.log), Verifier.parse(live.vkey)
    checkpoint, _ = open_checkpoint(reader.checkpoint(), Anchors(verifier))
    replayed = Replay(reader, checkpoint, LogKeys(verifier), OpeningsReader(live.place.openings), at=AuditTime(now_ms)).run()
    return _findings(replayed.findings)


def _findings(found: Sequence[Finding]) -> str:
    """Return `ok`, or the beginning of what is wrong."""
    return "; ".join(f"{each.where}: {each.problem}" for each in found)[:LONGEST_TEXT] or "ok"
