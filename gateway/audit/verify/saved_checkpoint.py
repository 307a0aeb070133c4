"""The checkpoint that an auditor keeps from one verification to the next.

The file holds one line of ours, which records that every entry of the checkpoint was checked, and then the log's own signed
checkpoint. The next verification reads only what is new. A checkpoint without that line, from a newspaper or another auditor,
works too: the log is then read from its start, and checked to have grown from that checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.audit.log.checkpoint import Checkpoint, CheckpointError
from gateway.audit.log.handover import LogKeys
from gateway.audit.log.notes import NoteError

_CHECKED: Final = b"sluice: every entry of this checkpoint has been checked\n"


class KeptError(ValueError):
    """The bytes are not a checkpoint of this log from which a verification can continue."""


@dataclass(frozen=True, slots=True)
class SavedCheckpoint:
    """An earlier checkpoint, and whether all of its entries have been checked."""

    checkpoint: Checkpoint
    checked: bool

    @classmethod
    def parse(cls, data: bytes, keys: LogKeys) -> SavedCheckpoint:
        """Return the saved checkpoint in a file, after checking the log's signature.

        Args:
            data: The file's bytes.
            keys: The log's keys from the trusted one on.

        Raises:
            KeptError: when it is malformed, another log's, or not signed by the key that was the log's then.
        """
        checked = data.startswith(_CHECKED)
        try:
            checkpoint = keys.checkpoint(data.removeprefix(_CHECKED))
        except (NoteError, CheckpointError) as error:
            raise KeptError(str(error)) from error
        if checkpoint.origin != keys.first.name:
            raise KeptError(f"a checkpoint of log `{checkpoint.origin}`, not `{keys.first.name}`")
        return cls(checkpoint, checked)


def kept_file(note: bytes) -> bytes:
    """Return the bytes of the file to keep after a log was verified up to this signed checkpoint."""
    return _CHECKED + note
