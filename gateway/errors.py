"""The few kinds of failure that some caller tells apart, and the exit status that each one means.

    SluiceError
    ├── OperatorError      our setup is wrong: refuse to start, or keep the old; exit 2
    │   ├── PoliciesFaultyError  a check has found faults, each a line
    │   └── DiskFullError  there is no room to go on, and no time to wait for it
    ├── PoliciesRefusedError  they need the operator's word, and do not have it: the old stay in force; exit 1
    ├── CorruptionError    our own records disagree: stop; exit 3
    └── UnavailableError   something outside is away: back off, release nothing

What a sensor sends wrong is never an exception: it is a ``Reject`` with a counted reason.
"""

from __future__ import annotations

from collections.abc import Sequence


class SluiceError(Exception):
    """Any failure that Sluice reports in one line."""

    exit_status = 1
    lines: tuple[str, ...] = ()
    """Where one line does not tell all: the lines that do."""
    reason: str = ""
    """In one word, where a program that asked may do something about it."""


class OperatorError(SluiceError):
    """A file, key or setting that the operator has to mend."""

    exit_status = 2


class PoliciesFaultyError(OperatorError):
    """Policies that a check has found faults in, each a line that names file and key."""

    def __init__(self, faults: Sequence[str]) -> None:
        """Take the faults, of which there is at least one; the text is the first."""
        more = len(faults) - 1
        super().__init__(faults[0] + (f"; and {more} more {'fault' if more == 1 else 'faults'}" if more else ""))
        self.lines = tuple(faults)


class PoliciesRefusedError(SluiceError):
    """Policies that may be put in force only if somebody says that their effect is meant.

    Attributes:
        proposal: Names what they would do, for whoever says so.
    """

    def __init__(self, message: str, proposal: str) -> None:
        """Take the line, and what would be accepted."""
        super().__init__(message)
        self.proposal = proposal


class DiskFullError(OperatorError):
    """The process is to end while it waits for room on the disk."""


class KeyFileError(OperatorError):
    """A file of the gateway's own keys is absent, readable by others, damaged, or exists already."""


class CorruptionError(SluiceError):
    """The gateway's own records contradict each other."""

    exit_status = 3


class UnavailableError(SluiceError):
    """A broker, a sink or a running gateway cannot be reached."""
