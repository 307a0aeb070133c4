"""What can be wrong with policies, consents and their records; callers put it into words for people.

    ValueError
    ├── PolicyError     a policy file is wrong: it names the file and the key
    ├── ConsentError    what a resident or operator asks for cannot be done: a plain reason
    └── RecordError     bytes that claim to be a consent are none

Whether something may be released is never an exception: it is a ``Decision`` with a reason.
"""

from __future__ import annotations


class PolicyError(ValueError):
    """A policy file that cannot be put in force.

    Attributes:
        file: Path relative to the policies folder.
        key: Dotted path of the key at fault, such as `flow.noise-hourly.ask.time`; empty when the whole file is.
        message: What is wrong with it, in one line.
    """

    def __init__(self, file: str, key: str, message: str) -> None:
        """Name the file, the key and the fault."""
        self.file = file
        self.key = key
        self.message = message
        where = f"`{file}`: `{key}`" if key else f"`{file}`"
        super().__init__(f"{where}: {message}")


class ConsentError(ValueError):
    """A grant, refusal, pause or withdrawal that cannot be made; the text says why, in one line."""


class RecordError(ValueError):
    """Bytes that are not the canonical form of a consent record."""
