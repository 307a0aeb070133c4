"""The public log as the portal reads it: the latest checkpoint, who has cosigned it, its entries, and every policy set in force.

Read from the folder alone, as it grows; nothing in it is believed that does not lead to a checkpoint signed by the log's key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from consent.core.policies.policy import PolicySet
from gateway.audit.log.entries import Entry


@dataclass(frozen=True, slots=True)
class SeenBy:
    """A witness that is asked to cosign.

    Attributes:
        cosigned_ms: When it cosigned the latest checkpoint, by its own clock; 0 if it has not.
        vkey: Its key, as the log's description names it.
    """

    name: str
    cosigned_ms: int
    vkey: str = ""


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
    witnesses: tuple[SeenBy, ...]

    @property
    def key_end(self) -> str:
        """The last eight characters of the log's key: signs and pages show them, to be compared by eye."""
        return self.vkey[-8:]


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


@dataclass(frozen=True, slots=True)
class RecordFault:
    """What does not hold about the log's folder. Pages show it plainly, and go on with what held before.

    Attributes:
        kind: `key`: the folder's own key is absent, malformed, or another than before. `signature`: the checkpoint is not one
            that the log's key has signed. `absent`: there is no checkpoint any more. `rollback`: it is behind one that was seen
            before. `fork`: it contradicts one that was seen before. `damaged`: a file is absent, or does not lead to the
            checkpoint. `cosignature`: a witness's signature in the checkpoint is wrong.
        where: The file; of a cosignature the witness.
        at_ms: When it was found, by the machine's clock.
        size: How many entries the checkpoint in question claims; 0 where that is not known.
        before: How many the one before it had, that held; 0 if there was none.
    """

    kind: Literal["key", "signature", "absent", "rollback", "fork", "damaged", "cosignature"]
    where: str
    at_ms: int
    size: int = 0
    before: int = 0


class PublicRecord(Protocol):
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

    @property
    def fault(self) -> RecordFault | None:
        """The gravest of what does not hold; None where all does."""

    def count(self, kind: str) -> int:
        """Return how many entries of a kind there are, as `release`."""

    def entry(self, index: int) -> Entry | None:
        """Return an entry that leads to the latest checkpoint; None where there is none."""

    def proof(self, index: int) -> bytes | None:
        """Return the proof of an entry for somebody who has the log's key alone (`tlog-proof`); None where there is none."""
