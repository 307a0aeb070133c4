"""`sluice check` of a policies folder, in a process of its own, before anything of it comes into force.

The running gateway goes on meanwhile, and whatever a policy text may do to its reader, it does to that process: it has bounds of
memory and time, and loads the libraries that only a check needs. What it found is compared with what the gateway then reads
itself, so that nothing else comes into force than what was checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Final

import msgspec

from consent.core.policies.fingerprint import fingerprint
from consent.errors import PolicyError
from consent.messages import CaseFailed, ExampleFailed
from consent.printable import one_line
from gateway.edge.policies import PoliciesFound, read_policies
from gateway.errors import OperatorError, PoliciesFaultyError
from gateway.files import reason_of

MOST_S: Final = 60.0
MOST_MEMORY_BYTES: Final = 320 << 20
"""Of address space: a check takes 60 MiB, and more with the library of units; the service may have 512 MiB in all."""
MOST_FAULTS: Final = 100
_LONGEST_REPORT_BYTES: Final = 8 << 20
_LONGEST_COMPLAINT_BYTES: Final = 1 << 20
_PIECE_BYTES: Final = 1 << 16


class ReportedCase(msgspec.Struct, frozen=True):
    """A case as a report has it."""

    file: str
    case: str
    passed: bool
    expected: str = ""
    got: str = ""


class ReportedDifference(msgspec.Struct, frozen=True):
    """Where an example comes out otherwise."""

    key: str
    message: str


class ReportedExample(msgspec.Struct, frozen=True):
    """An example as a report has it."""

    file: str
    differences: tuple[ReportedDifference, ...] = ()


class ReportedFault(msgspec.Struct, frozen=True):
    """A fault as a report has it."""

    file: str
    key: str
    message: str


class CheckReport(msgspec.Struct, frozen=True):
    """What the gateway needs of what `sluice check --json` prints.

    Attributes:
        policies: SHA-256 of the set; None where it cannot be read.
        keys: The fingerprint of each recipient's key.
    """

    policies: str | None
    keys: dict[str, str]
    errors: tuple[ReportedFault, ...]
    cases: tuple[ReportedCase, ...] = ()
    examples: tuple[ReportedExample, ...] = ()


PolicyCheck = Callable[[Path, Collection[str]], Awaitable[CheckReport]]
"""(policies folder, names of the configured sinks) → what was found; raises ``OperatorError`` where it could not be checked."""


class CheckProcess:
    """Runs `sluice check`, one at a time.

    Args:
        most_s: How long it may take.
        most_bytes: How much address space it may have.
    """

    def __init__(self, most_s: float = MOST_S, most_bytes: int = MOST_MEMORY_BYTES) -> None:
        self._most_s = most_s
        self._most_bytes = most_bytes
        self._one = asyncio.Lock()

    async def __call__(self, folder: Path, sinks: Collection[str]) -> CheckReport:
        """Check a folder.

        Raises: OperatorError: the check could not be run, took too much, or broke.
        """
        async with self._one:
            try:
                return await self._run(folder, sinks)
            except TimeoutError as error:
                raise OperatorError(
                    f"the policies were not checked within {self._most_s:g} s, and are not put in force"
                ) from error
            except OSError as error:
                reason = reason_of(error)
                raise OperatorError(f"the policies cannot be checked, and are not put in force: {reason}") from error

    async def _run(self, folder: Path, sinks: Collection[str]) -> CheckReport:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "gateway.cli", "check", "--json"),
            *(f"--policies={folder}", f"--sinks={','.join(sinks)}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},  # the same program as this one
        )
        try:
            with contextlib.suppress(ProcessLookupError):
                self._bound(process.pid)
            async with asyncio.timeout(self._most_s):
                told, complaint = await asyncio.gather(
                    _read(process.stdout, _LONGEST_REPORT_BYTES), _read(process.stderr, _LONGEST_COMPLAINT_BYTES)
                )
                status = await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.communicate()  # to the end of its pipes, which are closed with that
        try:
            return msgspec.json.decode(told, type=CheckReport)
        except msgspec.DecodeError as error:
            raise OperatorError(
                f"the check of the policies broke, and they are not put in force: {_how(status, complaint)}"
            ) from error

    def _bound(self, pid: int) -> None:
        """Bound a process from outside, before it has read anything, and offer it first where the machine's memory ends."""
        with contextlib.suppress(OSError):  # no Linux; whatever else forbids it, the bounds below hold
            Path(f"/proc/{pid}/oom_score_adj").write_text("1000")
        resource.prlimit(pid, resource.RLIMIT_AS, (self._most_bytes, self._most_bytes))
        most_cpu_s = int(self._most_s) + 1  # also where this process is killed and cannot end it
        resource.prlimit(pid, resource.RLIMIT_CPU, (most_cpu_s, most_cpu_s))


async def _read(stream: asyncio.StreamReader | None, most_bytes: int) -> bytes:
    """Return what a stream brings up to its end; what is beyond the bound is read and dropped."""
    assert stream is not None
    found = bytearray()
    while piece := await stream.read(_PIECE_BYTES):
        found += piece[: most_bytes - len(found)]
    return bytes(found)


def _how(status: int, complaint: bytes) -> str:
    """Return how a process ended that gave no report: with what status, and the last that it said."""
    ended = f"ended by signal {-status}" if status < 0 else f"exit status {status}"
    last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
    return f"{ended}, `{one_line(last)}`" if last else ended


async def find_policies(check: PolicyCheck, folder: Path, sinks: Collection[str]) -> PoliciesFound:
    """Check a policies folder, then read it; return it only if it is what was checked.

    Raises:
        PoliciesFaultyError: The check has found faults.
        OperatorError: It could not be made, or the folder was changed in the meantime.
    """
    report = await check(folder, sinks)
    if report.errors:
        raise PoliciesFaultyError(_lines(report.errors))
    found = await asyncio.to_thread(read_policies, folder, sinks)
    keys = {recipient: fingerprint(key) for recipient, key in found.public_keys.items()}
    if (found.policies.sha256.hex(), keys) != (report.policies, report.keys):
        raise OperatorError(f"`{folder}`: was changed while it was checked, and is not put in force: try again")
    failed = [
        CaseFailed(file=one.file, case=one.case, expected=one.expected, got=one.got) for one in report.cases if not one.passed
    ]
    examples = [
        ExampleFailed(file=one.file, key=each.key, message=each.message) for one in report.examples for each in one.differences
    ]
    return PoliciesFound(found.policies, found.public_keys, tuple(failed), tuple(examples))


def _lines(faults: tuple[ReportedFault, ...]) -> list[str]:
    lines = [str(PolicyError(fault.file, fault.key, fault.message)) for fault in faults[:MOST_FAULTS]]
    more = len(faults) - len(lines)
    return [*lines, f"and {more} more: `sluice check` tells all of them"] if more else lines
