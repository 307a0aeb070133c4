"""The few kinds of failure that some caller tells apart, and the exit status that each one means.

    SluiceError
    ├── OperatorError      our setup is wrong: refuse to start, or keep the old; exit 2
    │   └── DiskFullError  there is no room to go on, and no time to wait for it
    ├── PoliciesRefusedError  they need the operator's word, and do not have it: the old stay in force; exit 1
    ├── CorruptionError    our own records disagree: stop; exit 3
    └── UnavailableError   something outside is away: back off, release nothing

What a sensor sends wrong is never an exception: it is a ``Reject`` with a counted reason.
"""

from __future__ import annotations


class SluiceError(Exception):
    """Any failure that Sluice reports in one line."""

    exit_status = 1


class OperatorError(SluiceError):
    """A file, key or setting that the operator has to mend."""

    exit_status = 2


class PoliciesRefusedError(SluiceError):
    """Policies that may be put in force only if somebody says that their effect is meant."""


class DiskFullError(OperatorError):
    """The process is to end while it waits for room on the disk."""


class CorruptionError(SluiceError):
    """The gateway's own records contradict each other."""

    exit_status = 3


class UnavailableError(SluiceError):
    """A broker, a sink or a running gateway cannot be reached."""
