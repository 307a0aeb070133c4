"""What a verifier makes of erased parts and gaps: an erasure takes no more than it says, and hides nothing that is nobody's."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.log.entries import Kind
from gateway.audit.log.openings import labels_file, labels_root
from gateway.audit.log.payloads import RESTORED, RESTORED_BOOKS, Contribution, GapPayload, ReleasePayload, ReleaseRecord
from gateway.audit.verify.report import Report
from gateway.audit.verify.verify import verify_folder
from tests.support.log import SIGNER, START_MS, SUBJECTS, SampleLog


def begun(folder: Path) -> SampleLog:
    """Return a log with a release, an account and an erasure, unpublished."""
    log = SampleLog(folder)
    log.log.write_vkey(SIGNER.vkey())
    log.begin()
    log.release()
    log.account()
    log.erase(SUBJECTS[0])
    return log


def verified(log: SampleLog) -> Report:
    """Publish a log and verify it with its openings."""
    log.publish()
    return verify_folder(log.log.path, SIGNER.vkey(), log.openings_folder.path)


def findings(report: Report) -> list[tuple[str, str]]:
    """Return what was found, and where."""
    return [(finding.where, finding.problem) for step in report.steps for finding in step.findings]


def test_verify_passes_after_an_erasure(tmp_path: Path) -> None:
    """The parts that are left still lead to the commitment, and are as many as they should be."""
    report = verified(begun(tmp_path))
    assert report.ok, report
    assert "2 parts erased" in report.steps[5].detail


def test_verify_finds_an_erasure_that_says_more_than_it_did(tmp_path: Path) -> None:
    """What its list names is still there: somebody's parts were left."""
    log = begun(tmp_path)
    whole = SampleLog(tmp_path / "again")
    whole.begin()
    release = whole.release()
    log.openings[release] = whole.openings[release]
    assert findings(verified(log)) == [("openings/7", "names part `1` of entry `5`, which is not erased")]


def test_verify_bears_that_openings_with_erased_parts_expire(tmp_path: Path) -> None:
    """Once an opening is no longer kept, what was erased in it no longer shows, and that is no finding."""
    log = begun(tmp_path)
    log.publish()
    log.openings_folder.delete([5])
    assert findings(verify_folder(log.log.path, SIGNER.vkey(), log.openings_folder.path)) == []


@pytest.mark.parametrize("kind", [Kind.GENESIS, Kind.POLICY, Kind.ACCOUNT, Kind.ERASURE], ids=lambda kind: kind.word)
def test_verify_finds_a_part_erased_that_is_nobodys(tmp_path: Path, kind: Kind) -> None:
    """The books, the policies and the erasures themselves are not to be erased away."""
    log = begun(tmp_path)
    index = log.kinds.index(kind)
    log.openings[index] = log.openings[index].erase({0})
    problem = f"its part is erased, and nobody's erasure reaches an entry of kind `{kind.word}`"
    assert (f"openings/{index}", problem) in findings(verified(log))


def test_verify_finds_more_records_cut_short_than_parts_erased(tmp_path: Path) -> None:
    """An erased part excuses one record, not two."""
    log = SampleLog(tmp_path)
    log.begin()
    window = (START_MS, START_MS + 3_600_000)
    records = tuple(ReleaseRecord("meter", ("1h", "district", "0.1"), cell, window, 4, "aggregate") for cell in ("a", "b"))
    shares = [(SUBJECTS[0], 0), (SUBJECTS[1], 0), (SUBJECTS[1], 1)]  # and nobody's other half of the second record
    parts = [bytes(32), *(bytes([n]) * 32 for n in range(1, 4))]
    contents = [ReleasePayload("city", records).encode()]
    contents += [Contribution(record, subject, {}, 1, (2,), 2).encode() for subject, record in shares]
    labels = labels_file((), log.random.randbytes)
    log.log.write_labels(log.writer.size, labels)
    index = log.add(
        Kind.RELEASE,
        list(zip(parts, contents, strict=True)),
        bundle_sha256=bytes(32),
        labels_root=labels_root(labels),
    )
    log.erase(SUBJECTS[0])
    assert (f"openings/{index}", "the contributions to record `1` are `2` pairs, not `4`") in findings(verified(log))


@pytest.mark.parametrize(("reason", "steps"), [(RESTORED, 1), (RESTORED_BOOKS, 0)])
def test_verify_lets_books_begin_anew_only_behind_a_gap_that_says_so(tmp_path: Path, reason: str, steps: int) -> None:
    """Books that jump back are a finding, unless the log itself says that they are those of a backup."""
    log = begun(tmp_path)
    before = dict(log.totals), dict(log.accounted)
    log.release()
    log.account()
    log.one(Kind.GAP, GapPayload(reason, "", "real").encode())
    log.totals, log.accounted = before
    log.book({"bundles.formed": 1, "bundles.sent": 1})
    log.account()
    log.release()
    log.account()
    report = verified(log)
    assert len([step for step in report.steps if step.number == 7 and step.findings]) == steps
    assert ("books begun anew `1` times after a gap" in report.steps[6].detail) is (reason == RESTORED_BOOKS)
