"""By what time a log is aged, and what a verifier makes of entries that are ahead of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import GenesisPayload
from gateway.audit.log.reader import LogReader
from gateway.audit.log.witness_policy import parse_policy
from gateway.audit.verify.age import AHEAD_MS, AgedBy, AuditTime, LogAge, audit_time
from gateway.audit.verify.report import Report
from gateway.audit.verify.trust import Anchors, Cosigned, Trust
from gateway.audit.verify.verify import Verification
from tests.support.log import ORIGIN, SIGNER, START_MS, SampleLog
from tests.support.logs import COSIGNED_S, COSIGNERS, cosign, policy_text

DAY_MS = 86_400_000


def _log(folder: Path, *, simulated: bool = False) -> SampleLog:
    """Return a published log of two entries, dated at `START_MS` and a second later."""
    log = SampleLog(folder)
    log.one(Kind.GENESIS, GenesisPayload(ORIGIN, simulated).encode())
    log.account()
    log.publish()
    return log


def _verified(log: SampleLog, clock_ms: int, *, opened: bool = True, witnessed: bool = False) -> Report:
    policy = parse_policy(policy_text("any").encode(), "policy") if witnessed else None
    anchors = Anchors(SIGNER.verifier, policy=policy)
    openings = log.openings_folder.path if opened else None
    return Verification(LogReader(log.log.path), anchors, openings=openings, clock_ms=clock_ms).run()


def test_verify_names_an_entry_ahead_of_the_auditors_clock(tmp_path: Path) -> None:
    """The first of them, and how many there are; a clock that is a little off is no finding."""
    log = _log(tmp_path)
    (found,) = _verified(log, START_MS - AHEAD_MS - 1).findings
    assert found.where == "entry 0"
    assert "ahead of this machine's clock" in found.problem
    assert found.problem.endswith("and so are `1` later ones")
    assert _verified(log, START_MS - AHEAD_MS + 1000).ok


def test_verify_names_an_entry_ahead_of_when_the_witnesses_saw_it(tmp_path: Path) -> None:
    """However late the auditor comes: the witnesses had seen what they cosigned."""
    log = _log(tmp_path)
    entry = log.chain.make(Kind.GAP, (COSIGNED_S * 1000) + AHEAD_MS + 1, bytes(32))
    log.writer.append(entry.encode())
    log.publish()
    cosign(log, COSIGNERS[:1])
    later_ms = START_MS + 900 * DAY_MS
    (found,) = _verified(log, later_ms, witnessed=True).findings
    assert (found.where, "ahead of the witnesses' times" in found.problem) == ("entry 2", True)
    assert _verified(log, later_ms).ok


def test_verify_of_a_simulated_log_says_so_and_finds_nothing_ahead(tmp_path: Path) -> None:
    """A log whose genesis says that its times are simulated is held against nobody's clock."""
    step = _verified(_log(tmp_path, simulated=True), 0).steps[3]
    assert (step.findings, "simulated clock" in step.detail) == ((), True)


def test_verify_without_openings_cannot_tell_a_simulation_and_says_what_is_ahead(tmp_path: Path) -> None:
    """Whether the clock is simulated stands in an opening: without any, an entry ahead is told and not judged."""
    report = _verified(_log(tmp_path), 0, opened=False)
    assert report.ok
    assert "entry 0 is dated" in report.steps[3].detail
    assert "the genesis opening would say" in report.steps[3].detail


def test_verify_with_the_genesis_opening_kept_back_takes_the_clock_for_a_real_one(tmp_path: Path) -> None:
    """It is kept as long as the log: nobody gets away by withholding it."""
    log = _log(tmp_path, simulated=True)
    log.openings_folder.delete([0])
    assert not _verified(log, 0).ok


@pytest.mark.parametrize(
    ("times_s", "clock_ms", "expected"),
    [
        ((), 5_000, AuditTime(5_000)),
        ((3, 4), 5_000, AuditTime(4_000, AgedBy.WITNESSES)),
        ((3, 9), 5_000, AuditTime(5_000)),
    ],
)
def test_audit_time_is_the_witnesses_and_never_later_than_the_auditors(
    times_s: tuple[int, ...], clock_ms: int, expected: AuditTime
) -> None:
    """A witness cannot make a log older than the auditor knows it to be."""
    trust = Trust("key", cosigned=tuple(Cosigned("w", time_s) for time_s in times_s))
    assert audit_time(trust, clock_ms) == expected


def test_log_age_of_a_malformed_genesis_or_gap_is_that_of_a_real_clock() -> None:
    """What cannot be read excuses nothing."""
    age = LogAge(AuditTime(START_MS))
    entry = Entry(Kind.GENESIS, START_MS, 0, bytes(32), -1, bytes(32))
    opening = Opening.decode(Opening(0, ((bytes(32), b"\xa0"),)).encode())  # type: ignore[arg-type]
    for kind, time_ms, reached_ms in ((Kind.GENESIS, 9, 9), (Kind.GAP, 5, 9), (Kind.ACCOUNT, 12, 12)):
        assert age.take(msgspec.structs.replace(entry, kind=kind, time_ms=time_ms), opening) == reached_ms
    assert not age.simulated
    assert age.is_expired(9, START_MS - 10)
    assert not age.is_expired(10, START_MS - 10)
