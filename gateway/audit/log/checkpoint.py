"""The checkpoint: one log's name, size and root as the text of a signed note.

Source: C2SP tlog-checkpoint.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.audit.log.cosignature import signature_lines
from gateway.audit.log.merkle import HASH_BYTES, tree_root
from gateway.audit.log.notes import Signer, Verifier, open_note, sign_note, split_note

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x1f]")


class CheckpointError(ValueError):
    """The text is not a checkpoint."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's commitment to its first `size` entries; `extensions` are further lines, which we never write."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.origin or _CONTROL.search(self.origin):
            raise CheckpointError(f"line 1: `{self.origin}` is not an origin")
        if not 0 <= self.size < 1 << 63:
            raise CheckpointError(f"line 2: `{self.size}` is not a size")
        if len(self.root) != HASH_BYTES:
            raise CheckpointError(f"line 3: a root of `{len(self.root)}` bytes where {HASH_BYTES} are due")
        if any(not line or _CONTROL.search(line) for line in self.extensions):
            raise CheckpointError("an extension line is empty or holds control characters")

    def text(self) -> str:
        """Return the text that a log signs."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Return the checkpoint that a note's text holds.

        Raises:
            CheckpointError: when the text is malformed; it names the line.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop():
            raise CheckpointError("a checkpoint has at least three lines, each ended by a newline")
        origin, size, root, *extensions = lines
        if not _SIZE.fullmatch(size):
            raise CheckpointError(f"line 2: `{size}` is not a size")
        try:
            decoded = base64.b64decode(root, validate=True)
        except (binascii.Error, ValueError) as error:
            raise CheckpointError("line 3: malformed base64") from error
        if base64.b64encode(decoded).decode() != root:
            raise CheckpointError("line 3: base64 that is not canonical")
        return cls(origin, int(size), decoded, tuple(extensions))


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A checkpoint that its log has signed; `note` bears the signatures of its keys alone, whoever else has cosigned it."""

    checkpoint: Checkpoint
    note: bytes

    @classmethod
    def open(cls, note: bytes, keys: Sequence[Verifier]) -> SignedHead:
        """Return the checkpoint in a note that one of the log's own keys has signed.

        Raises:
            ValueError: when it is not a checkpoint, or none of these keys has signed it.
        """
        opened = open_note(note, keys)
        return cls(Checkpoint.parse(opened.text), opened.text.encode() + b"\n" + signature_lines(opened.verified))


def size_of(note: bytes) -> int:
    """Return the size of a signed checkpoint."""
    return Checkpoint.parse(split_note(note)[0]).size


def empty_head(signer: Signer) -> bytes:
    """Return the checkpoint of a log without entries, which contradicts nothing: for a gateway that has signed none yet."""
    return sign_note(Checkpoint(signer.name, 0, tree_root([])).text(), signer)
