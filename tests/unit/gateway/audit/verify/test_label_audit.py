"""Label files are checked in a process of their own where a log is long: with the same findings, in the same order."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.log.openings import LABEL_BYTES, labels_root
from gateway.audit.log.reader import LogReader
from gateway.audit.verify import label_audit
from gateway.audit.verify.label_audit import LabelAudit
from gateway.audit.verify.report import Finding, StepRecord

RELEASES = 3000
"""More than two batches."""
WRONG = {7: "exchanged", 1500: "absent", 1501: "cut", 2999: "unsorted"}


@pytest.fixture
def roots(tmp_path: Path) -> list[bytes]:
    """A log's label files, some of them spoiled, and the roots that its entries name."""
    (tmp_path / "labels").mkdir()
    roots = []
    for index in range(RELEASES):
        data = b"".join(sorted((index * 4 + n).to_bytes(LABEL_BYTES, "big") for n in range(4)))
        roots.append(labels_root(data))
        wrong = WRONG.get(index)
        if wrong == "exchanged":
            data = bytes(LABEL_BYTES)
        elif wrong == "cut":
            data = data[:-1]
        elif wrong == "unsorted":
            data = data[LABEL_BYTES:] + data[:LABEL_BYTES]
        if wrong != "absent":
            (tmp_path / "labels" / str(index)).write_bytes(data)
    return roots


def findings(folder: Path, roots: list[bytes], size: int) -> tuple[list[Finding], str]:
    """Return what the audit of all releases finds, and what it says of itself."""
    step = StepRecord(5, "labels")
    audit = LabelAudit(LogReader(folder), size, step)
    for index, root in enumerate(roots):
        audit.take(index, root)
    audit.close()
    return list(step.findings), step.detail


def test_labels_of_a_long_log_found_wrong_as_those_of_a_short_one(tmp_path: Path, roots: list[bytes]) -> None:
    """A second process changes how long it takes, and nothing else."""
    short = findings(tmp_path, roots, RELEASES)
    assert [finding.where for finding in short[0]] == [f"labels/{index}" for index in WRONG]
    assert short[1] == f"{RELEASES} releases"
    assert findings(tmp_path, roots, label_audit.LONG_LOG) == short


def test_labels_without_a_second_process_checked_all_the_same(
    tmp_path: Path, roots: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none can be made, everything is done in this one."""
    monkeypatch.setattr("sys.platform", "elsewhere")
    assert findings(tmp_path, roots, label_audit.LONG_LOG) == findings(tmp_path, roots, RELEASES)
