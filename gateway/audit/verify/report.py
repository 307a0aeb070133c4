"""The auditor's report: numbered steps, the findings of each, and the trust that the verdict rests on.

A finding names the file, entry or line at fault, so that the reader knows where to look.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from consent.printable import as_lines, printable
from gateway.audit.verify.trust import Trust

_MAX_FINDINGS: Final = 100
_LATEST_MS: Final = 253_402_300_799_999  # the calendar's end


def shown_time(time_ms: int) -> str:
    """Return a time in UTC; one that is in no year of the calendar in milliseconds."""
    if not 0 <= time_ms <= _LATEST_MS:
        return f"{time_ms} ms"
    return f"{datetime.fromtimestamp(time_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


class StepStatus(StrEnum):
    """How a step ended."""

    PASSED = "passed"
    FAILED = "failed"
    UNCHECKED = "not checkable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where, and what."""

    where: str
    problem: str


@dataclass(frozen=True, slots=True)
class ReportStep:
    """One numbered step of the verification.

    Attributes:
        number: Its number.
        title: What it checks.
        status: How it ended.
        detail: What was checked, or why it could not be.
        findings: What is wrong.
        unlisted: How many findings there are beyond those listed.
        unknown: Files that no entry names, which is no finding.
    """

    number: int
    title: str
    status: StepStatus
    detail: str
    findings: tuple[Finding, ...]
    unlisted: int
    unknown: tuple[str, ...] = ()


@dataclass(slots=True)
class StepRecord:
    """A step that is being worked on."""

    number: int
    title: str
    detail: str = ""
    unchecked: bool = False
    findings: list[Finding] = field(default_factory=list)
    unlisted: int = 0
    unknown: list[str] = field(default_factory=list)

    def add(self, where: str, problem: str) -> None:
        """Record a finding. It may quote untrusted text, so it is made safe to print."""
        if len(self.findings) < _MAX_FINDINGS:
            self.findings.append(Finding(printable(where), printable(problem)))
        else:
            self.unlisted += 1

    def name(self, path: str) -> None:
        """Record a file that no entry names."""
        self.unknown.append(printable(path))

    def leave_out(self, why: str) -> None:
        """Record that the step cannot be checked, and why; this is not a finding."""
        self.unchecked, self.detail = True, why

    def finish(self) -> ReportStep:
        """Return the finished step."""
        status = StepStatus.FAILED if self.findings else StepStatus.UNCHECKED if self.unchecked else StepStatus.PASSED
        unknown = tuple(sorted(self.unknown))
        return ReportStep(self.number, self.title, status, self.detail, tuple(self.findings), self.unlisted, unknown)


@dataclass(frozen=True, slots=True)
class Report:
    """The result of verifying a log.

    Attributes:
        trust: The keys and witnesses that the verdict rests on.
        origin: The log's name; None when there is no trustworthy checkpoint.
        size: Its number of entries.
        root: Its root.
        steps: The steps, in order.
        ledger: The ledger's state in a few words: balanced, unbalanced, or why it cannot be checked.
        unreachable: Why the log could not be read to its end, having been wrong before; None where it was.
    """

    trust: Trust
    origin: str | None
    size: int | None
    root: bytes | None
    steps: tuple[ReportStep, ...]
    ledger: str
    unreachable: str | None = None

    @property
    def ok(self) -> bool:
        """Whether no step failed."""
        return all(step.status is not StepStatus.FAILED for step in self.steps)

    @property
    def exit_status(self) -> int:
        """The exit status of a command that prints this: 0 when all is well, 1 for a finding."""
        return 0 if self.ok else 1

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All listed findings, in the order of the steps."""
        return tuple(finding for step in self.steps for finding in step.findings)

    def to_text(self) -> str:
        """Return the report for a terminal."""
        lines = [
            f"log: {'unknown' if self.origin is None else self.origin}" + ("" if self.size is None else f", {self.size} entries"),
            *self.trust.lines(),
        ]
        for step in self.steps:
            lines.append(f"{step.number} {step.title}: {step.status}" + (f" ({step.detail})" if step.detail else ""))
            lines += [f"  {finding.where}: {finding.problem}" for finding in step.findings]
            if step.unlisted:
                lines.append(f"  and {step.unlisted} more")
            lines += [f"  `{path}` is named by no entry" for path in step.unknown[:_MAX_FINDINGS]]
            if len(step.unknown) > _MAX_FINDINGS:
                lines.append(f"  and {len(step.unknown) - _MAX_FINDINGS} more files")
        if self.unreachable is not None:
            lines.append(printable(self.unreachable))
        lines += [f"ledger: {self.ledger}", f"audit: {'ok' if self.ok else 'failed'}"]
        return as_lines(lines)

    def to_json(self) -> str:
        """Return the report for a program, as one JSON object."""
        report = {
            "audit": "ok" if self.ok else "failed",
            "ledger": self.ledger,
            "origin": self.origin,
            "size": self.size,
            "root": None if self.root is None else base64.b64encode(self.root).decode(),
            "unreachable": self.unreachable,
            "trust": self.trust.as_json(),
            "steps": [
                {
                    "number": step.number,
                    "title": step.title,
                    "status": str(step.status),
                    "detail": step.detail,
                    "findings": [{"where": finding.where, "problem": finding.problem} for finding in step.findings],
                    "unlisted": step.unlisted,
                    "unknown": list(step.unknown),
                }
                for step in self.steps
            ],
        }
        return json.dumps(report, ensure_ascii=False, indent=2) + "\n"
