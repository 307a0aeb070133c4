"""The errors of policies, consents and their records; callers turn them into messages for people.

    ValueError
    ├── PolicyError     a policy file is wrong: it names the file and the key
    ├── ConsentError    what a resident or operator asks for cannot be done: a plain reason
    │   └── PasskeyError    what a passkey or a browser said cannot be taken
    ├── RecordError     bytes that claim to be a consent are not one
    └── RequestError    a request over a control interface does not fit it

Whether something may be released is never an exception: it is a ``Decision`` with a reason.
"""

from __future__ import annotations

import re
from typing import Final

from consent.printable import one_line

_LONGEST_MESSAGE: Final = 1000
_QUOTED: Final = re.compile("`([^`]*)`")


def message_line(message: str) -> str:
    """Return a message with each text that it quotes, and with itself, made to fit a line."""
    return one_line(_QUOTED.sub(lambda found: f"`{one_line(found[1])}`", message), _LONGEST_MESSAGE)


class PolicyError(ValueError):
    """A policy file that cannot be put in force.

    Attributes:
        file: Path relative to the policies folder.
        key: Dotted path of the key at fault, such as `flow.noise-hourly.ask.time`; empty when the whole file is.
        message: What is wrong with it, in one line.
    """

    def __init__(self, file: str, key: str, message: str) -> None:
        """Record file, key and fault; what the message quotes from the file is made to fit a line."""
        self.file = one_line(file)
        self.key = one_line(key)
        self.message = message_line(message)
        where = f"`{self.file}`: `{self.key}`" if key else f"`{self.file}`"
        super().__init__(f"{where}: {self.message}")


class ConsentError(ValueError):
    """A grant, refusal, pause or withdrawal that cannot be made; the text says why, in one line."""


class PasskeyError(ConsentError):
    """What a passkey, or a browser for one, said cannot be taken; the text says why, in one line."""


class RecordError(ValueError):
    """Bytes that are not the canonical form of a consent record."""


class ControlRequestError(ValueError):
    """A request that is not of the form that its method takes; the text says why, in one line."""
