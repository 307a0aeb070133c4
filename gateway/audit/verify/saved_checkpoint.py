"""The checkpoint that an auditor keeps from one verification to the next.

It is the log's own signed checkpoint behind one line of ours, which says that every entry below it has been checked: the
next verification reads only what is new. A bare checkpoint, from a newspaper or another auditor, will do as well; then only
that the log has grown from it is taken for granted of what came before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.audit.log.checkpoint import Checkpoint, CheckpointError
from gateway.audit.log.notes import NoteError, Verifier, open_note

_CHECKED: Final = b"sluice: every entry of this checkpoint has been checked\n"


class KeptError(ValueError):
    """The bytes are no checkpoint of this log to go on from."""


@dataclass(frozen=True, slots=True)
class SavedCheckpoint:
    """An earlier checkpoint, and whether all entries below it have been checked already."""

    checkpoint: Checkpoint
    checked: bool

    @classmethod
    def parse(cls, data: bytes, verifier: Verifier) -> SavedCheckpoint:
        """Return the kept checkpoint that a file holds, once the log's key has been seen to have signed it.

        Raises:
            KeptError: when it is malformed, another log's, or not signed by that key.
        """
        checked = data.startswith(_CHECKED)
        try:
            note = open_note(data.removeprefix(_CHECKED), [verifier])
            checkpoint = Checkpoint.parse(note.text)
        except (NoteError, CheckpointError) as error:
            raise KeptError(str(error)) from error
        if checkpoint.origin != verifier.name:
            raise KeptError(f"a checkpoint of log `{checkpoint.origin}`, not `{verifier.name}`")
        return cls(checkpoint, checked)


def kept_file(note: bytes) -> bytes:
    """Return the bytes to keep once a log has been verified up to this signed checkpoint."""
    return _CHECKED + note
