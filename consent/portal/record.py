"""The public log as the portal reads it: the latest checkpoint, who has cosigned it, its entries, and every policy set in force.

Read from the folder alone, as it grows; nothing in it is believed that does not lead to a checkpoint signed by the log's key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from consent.core.policies.policy import PolicySet
from gateway.audit.log.entries import Entry


@dataclass(frozen=True, slots=True)
class Seen:
    """A witness that is asked to cosign.

    Attributes:
        cosigned_ms: When it cosigned the latest checkpoint, by its own clock; 0 if it has not.
    """

    name: str
    cosigned_ms: int


@dataclass(frozen=True, slots=True)
class Head:
    """The latest checkpoint.

    Attributes:
        latest_ms: The time of its last entry, by the gateway's clock.
        read_ms: When it was last found changed, by the machine's clock.
    """

    origin: str
    vkey: str
    size: int
    root: bytes
    latest_ms: int
    read_ms: int
    witnesses: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class RulesChange:
    """An entry that put a policy set in force.

    Attributes:
        policies: The set; None where its file is absent or unreadable.
    """

    index: int
    at_ms: int
    sha256: bytes
    policies: PolicySet | None


class Record(Protocol):
    """The log."""

    @property
    def head(self) -> Head | None:
        """The latest checkpoint; None before there is one that holds."""

    @property
    def policies(self) -> PolicySet | None:
        """The set in force; None before there is one."""

    @property
    def changes(self) -> Sequence[RulesChange]:
        """Every change of the rules, oldest first, as far as the log has been read."""

    @property
    def is_read(self) -> bool:
        """Whether all entries of the latest checkpoint have been read."""

    def count(self, kind: str) -> int:
        """Return how many entries of a kind there are, as `release`."""

    def entry(self, index: int) -> Entry | None:
        """Return an entry; None where there is none."""
