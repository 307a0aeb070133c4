"""What a replay prints of what it found, for people and for programs."""

from __future__ import annotations

import json

from gateway.audit.replay.formed_again import FormedAgain
from gateway.audit.replay.report import ReplayReport, ReplayVerdict
from gateway.audit.verify.age import AgedBy, AuditTime
from gateway.audit.verify.erasures import ErasureSummary
from gateway.audit.verify.report import Finding


def test_report_names_what_rests_on_the_operators_word_and_by_whose_time_it_was_aged() -> None:
    """Both forms hold the same: entries, times, and whose word they are."""
    report = ReplayReport(
        time=AuditTime(1_790_000_000_000, AgedBy.WITNESSES),
        erasures=[ErasureSummary(9, 5, 2, 1, 3, 6, 4)],
        earlier_erasures=[(7, 5), (8, 6)],
        earlier_voids=[(3, 1)],
        formed_again=[FormedAgain(12, 11, 14, "hourly", "north", (0, 9), 4, 3, 1)],
    )
    report.verdicts[ReplayVerdict.ERASED] = 1
    text = report.to_text()
    assert "aged by: the witnesses' times, 2026-09-21T14:13:20Z" in text
    assert "erasures with a list: 1, 2 consents and 1 withdrawals or refusals of theirs can no longer be read" in text
    assert "erasures on the operator's word: 2, entries 7, 8" in text
    assert "voids that recipients cannot find: 1, entries 3" in text
    assert (
        "entry 12 voids release 11, formed again in 14: `hourly` of 4 subjects, then of 3; 1 left out still permitted it" in text
    )
    told = json.loads(report.to_json())
    assert told["aged_by"] == {"clock": "witnesses", "now_ms": 1_790_000_000_000}
    (erasure,) = told["erasures"]
    assert erasure == {
        "entry": 9,
        "time_ms": 5,
        "consents": 2,
        "withdrawals": 1,
        "releases": 3,
        "parts": 6,
        "first_consent": 4,
    }
    assert told["erasures_on_the_operators_word"] == [{"entry": 7, "time_ms": 5}, {"entry": 8, "time_ms": 6}]
    assert told["formed_again"][0]["left_out_though_permitting"] == 1
    assert report.exit_status == 0


def test_report_with_a_finding_or_a_missing_opening_is_a_finding() -> None:
    """What cannot be checked though it should be is no better than what is wrong."""
    missing = ReplayReport()
    missing.verdicts[ReplayVerdict.MISSING] = 1
    assert (missing.exit_status, ReplayReport(findings=[Finding("entry 1", "wrong")]).exit_status) == (1, 1)
