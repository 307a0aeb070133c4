"""The report of `sluice check`: in lines for people, as JSON, and as JUnit XML, which most build services show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from xml.etree import ElementTree as ET

from consent.core.cases.cases import CaseResult
from consent.core.policies.policy import PolicySet
from consent.core.review.warnings import Note
from consent.printable import as_lines, one_line
from gateway.check.fault import Fault
from gateway.check.spread import ExpectedError, QuantityUse, error_lines, use_line
from gateway.core.examples.compare import ExampleResult

_LONGEST_TEXT: Final = 2000
FINDING, BROKEN = 1, 2


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of a policies folder, and of the gateway that it belongs to, found.

    Attributes:
        files: Every file of policies and cases that was found, relative to the folder, and the configuration.
        policies: None where they cannot be put in force.
        keys: The fingerprint of each public key that is there, by recipient.
        faults: What cannot be read or used, each naming file and key.
        outcomes: What became of each case that could be read.
        notes: What is odd, and no fault.
        examples: What became of each example of a device profile that could be read.
        uses: How much of a day's μ each quantity uses.
        errors: How far figures about households will lie from the truth.
    """

    files: tuple[str, ...]
    policies: PolicySet | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    outcomes: tuple[CaseResult, ...] = ()
    notes: tuple[Note, ...] = ()
    examples: tuple[ExampleResult, ...] = ()
    uses: tuple[QuantityUse, ...] = ()
    errors: tuple[ExpectedError, ...] = ()

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The cases that came out otherwise than expected."""
        return tuple(outcome for outcome in self.outcomes if not outcome.passed)

    @property
    def failed_examples(self) -> tuple[ExampleResult, ...]:
        """The examples of which the gateway makes something else than they say."""
        return tuple(outcome for outcome in self.examples if not outcome.passed)

    @property
    def exit_status(self) -> int:
        """0 where all is well, 1 where a case or example failed, 2 where something is broken."""
        if self.faults:
            return BROKEN
        return FINDING if self.failed or self.failed_examples else 0


def as_text(checked: Checked) -> str:
    """Return the lines for people: what failed, the sum of it, and what is odd; faults are for standard error."""
    lines = [str(outcome) for outcome in checked.failed]
    lines += [line for outcome in checked.failed_examples for line in _difference_lines(outcome)]
    if checked.policies is not None and not checked.faults:
        lines.append(_sum(checked, checked.policies))
        lines += [f"key of `{recipient}`: {shown}" for recipient, shown in checked.keys.items()]
        lines += [*map(use_line, checked.uses), *error_lines(checked.errors)]
        lines += [str(note) for note in checked.notes]
    return as_lines(lines)


def _sum(checked: Checked, policies: PolicySet) -> str:
    cases, examples, named = len(checked.outcomes), len(checked.examples), f"policies {policies.sha256.hex()}"
    if checked.exit_status == FINDING:
        failed = f"{len(checked.failed)} of {cases} cases, {len(checked.failed_examples)} of {examples} examples"
        return f"failed: {failed}, {named}"
    return f"well: {len(policies.flows)} flows, {cases} cases, {examples} examples, {named}"


def _difference_lines(outcome: ExampleResult) -> list[str]:
    return [f"`{outcome.example.file}`: `{each.key}`: {each.message}" for each in outcome.differences]


def as_json(checked: Checked) -> str:
    """Return one line of JSON."""
    policies = checked.policies
    found: dict[str, Any] = {
        "policies": None if policies is None else policies.sha256.hex(),
        "flows": 0 if policies is None else len(policies.flows),
        "keys": dict(checked.keys),
        "failed": len(checked.failed) + len(checked.failed_examples),
        "cases": [_case(outcome) for outcome in checked.outcomes],
        "examples": [_example(outcome) for outcome in checked.examples],
        "errors": [{"file": fault.file, "key": fault.key, "message": fault.message} for fault in checked.faults],
        "uses": [use.as_data() for use in checked.uses],
        "expected_errors": [error.as_data() for error in checked.errors],
        "notes": [{"weight": note.weight, "file": note.file, "key": note.key, "message": note.message} for note in checked.notes],
    }
    return json.dumps(found) + "\n"


def _case(outcome: CaseResult) -> dict[str, Any]:
    said = {"file": outcome.case.file, "case": outcome.case.id, "passed": outcome.passed}
    return said if outcome.passed else {**said, "expected": outcome.expected, "got": outcome.got}


def _example(outcome: ExampleResult) -> Mapping[str, Any]:
    said = {"file": outcome.example.file, "example": outcome.example.key, "passed": outcome.passed}
    differences = [{"key": each.key, "message": each.message} for each in outcome.differences]
    return said if outcome.passed else {**said, "differences": differences}


def as_junit(checked: Checked) -> bytes:
    """Return a JUnit document: a suite for each file, with one test that it can be used and one for each case or example in it.

    An error is a file that is broken, a failure a case or example that came out otherwise; a file that was not judged, because
    another one of the policies is broken, is skipped. Notes and warnings are the output of their file's test.
    """
    root = ET.Element("testsuites", name="sluice check")
    named = [*(fault.file for fault in checked.faults), *(note.file for note in checked.notes)]
    for file in dict.fromkeys([*checked.files, *named]):
        suite = ET.SubElement(root, "testsuite", name=file)
        suite.extend([_file_test(checked, file), *_case_tests(checked, file), *_example_tests(checked, file)])
        _count(suite, [suite])
    _count(root, root.findall("testsuite"))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _file_test(checked: Checked, file: str) -> ET.Element:
    test = ET.Element("testcase", classname=file, name="can be used")
    faults = [str(fault) for fault in checked.faults if fault.file == file]
    notes = [str(note) for note in checked.notes if note.file == file]
    if faults:
        ET.SubElement(test, "error", message=faults[0]).text = "\n".join(faults)
    elif checked.policies is None:
        ET.SubElement(test, "skipped", message="another file is broken")
    if notes:
        ET.SubElement(test, "system-out").text = "\n".join(notes)
    return test


def _case_tests(checked: Checked, file: str) -> Iterator[ET.Element]:
    for outcome in checked.outcomes:
        if outcome.case.file == file:
            test = ET.Element("testcase", classname=file, name=outcome.case.id)
            if not outcome.passed:
                message = f"expected {outcome.expected}, got {outcome.got}"
                ET.SubElement(test, "failure", message=message).text = one_line(outcome.case.says or message, _LONGEST_TEXT)
            yield test


def _example_tests(checked: Checked, file: str) -> Iterator[ET.Element]:
    for outcome in checked.examples:
        if outcome.example.file == file:
            test = ET.Element("testcase", classname=file, name=outcome.example.key)
            if not outcome.passed:
                lines = _difference_lines(outcome)
                said = [one_line(outcome.example.says, _LONGEST_TEXT)] if outcome.example.says else []
                ET.SubElement(test, "failure", message=lines[0]).text = "\n".join([*said, *lines])
            yield test


def _count(element: ET.Element, suites: list[ET.Element]) -> None:
    """Write how many tests there are, and how many of each outcome."""
    for name, path in (("tests", "testcase"), ("failures", ".//failure"), ("errors", ".//error"), ("skipped", ".//skipped")):
        element.set(name, str(sum(len(suite.findall(path)) for suite in suites)))
